#include "snnp/word_reader.h"

#include <algorithm>
#include <locale>
#include <sstream>

#include "snnp/error.h"

namespace snnp {

namespace {

// The words of a line take about 20 times its memory.
constexpr std::size_t longest_line = 10000000;

// Words of a file as they may stand in a message: short, and text even if the file is none.
std::string printable(std::string words)
{
  for (char &c : words)
    if (c < ' ' || c > '~') c = '?';
  return words.size() > 40 ? words.substr(0, 40) + "…" : words;
}

// Whether a word is a number of this type and nothing else, in any locale.
template <class Number> bool convert(const std::string &word, Number &x)
{
  std::istringstream stream(word);
  stream.imbue(std::locale::classic());
  return stream >> x && stream.peek() == std::istringstream::traits_type::eof();
}

}  // namespace

void WordReader::fail(const std::string &problem) const
{
  throw Error(name_ + ":" + std::to_string(line_) + ": " + problem);
}

void WordReader::fail(const std::string &found, const std::string &expected) const
{
  fail("found " + printable(found) + ", expected " + expected);
}

std::string WordReader::quote(std::size_t word) const
{
  return word < words_.size() ? "'" + words_[word] + "'" : "end of line";
}

bool WordReader::raw_line(std::string &line)
{
  if (next_ >= text_.size()) return false;
  start_ = next_;
  const std::size_t end = std::min(text_.find('\n', next_), text_.size());
  line = text_.substr(next_, end - next_);
  next_ = end + 1;
  ++line_;
  if (line.size() > longest_line)
    fail("a line of " + std::to_string(line.size()) + " characters", "at most " + std::to_string(longest_line));
  return true;
}

void WordReader::next_line(const std::string &expected)
{
  std::string line;
  words_.clear();
  while (words_.empty()) {
    if (!raw_line(line)) {
      ++line_;
      fail("end of file (is the file truncated?)", expected);
    }
    std::istringstream stream(line.substr(0, line.find('#')));
    for (std::string word; stream >> word;) words_.push_back(word);
  }
}

void WordReader::expect_words(std::size_t count, const std::string &usage) const
{
  if (words_.size() != count) fail(std::to_string(words_.size()) + " words", usage);
}

double WordReader::number(std::size_t word) const
{
  double x = 0;
  if (word < words_.size() && convert(words_[word], x)) return x;
  fail(quote(word), "a finite number");
}

int WordReader::integer(std::size_t word, int least, int most) const
{
  int i = 0;
  if (word < words_.size() && convert(words_[word], i) && least <= i && i <= most) return i;
  fail(quote(word), "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

std::vector<double> WordReader::numbers(std::size_t count, const std::string &what)
{
  std::vector<double> v;
  while (v.size() < count) {
    next_line(std::to_string(count - v.size()) + " more numbers (" + what + ")");
    if (v.size() + words_.size() > count)
      fail(std::to_string(v.size() + words_.size()) + " numbers", std::to_string(count) + " (" + what + ")");
    for (std::size_t w = 0; w < words_.size(); ++w) v.push_back(number(w));
  }
  return v;
}

}  // namespace snnp

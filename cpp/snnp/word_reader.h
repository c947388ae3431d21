// A text as lines of words and numbers; every complaint names file and line.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace snnp {

/// The base of a parser: it holds the words of the current line. '#' begins a comment, line 1 is the first.
class WordReader {
 protected:
  /// The text has to outlive the reader; `name` is used in messages only.
  WordReader(const std::string &text, const std::string &name) : text_(text), name_(name) {}

  const std::string &text_;
  const std::string name_;
  std::size_t next_ = 0, start_ = 0;  // byte offsets of the next and of the current line
  int line_ = 0;
  std::vector<std::string> words_;  // of the current line

  /// Throw Error "name:line: problem", "name:line: found …, expected …".
  [[noreturn]] void fail(const std::string &problem) const;
  [[noreturn]] void fail(const std::string &found, const std::string &expected) const;

  /// A word of the current line as it stands in messages.
  std::string quote(std::size_t word) const;

  /// The next line as it is, false at the end of the text.
  bool raw_line(std::string &line);
  /// Goes on to the next line that holds something besides a comment.
  void next_line(const std::string &expected);
  void expect_words(std::size_t count, const std::string &usage) const;

  /// Words of the current line as numbers.
  double number(std::size_t word) const;
  int integer(std::size_t word, int least, int most) const;
  /// `count` numbers over any number of lines.
  std::vector<double> numbers(std::size_t count, const std::string &what);
};

}  // namespace snnp

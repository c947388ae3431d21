// The exceptions of the engine: their text is a sentence for the user.
#pragma once

#include <stdexcept>
#include <string>

namespace snnp {

/// Input that cannot be used.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A part of a potential that breaks a rule; `item` names the part as it is named in a potential file.
struct ItemError : Error {
  /// "item: problem"
  ItemError(const std::string &item, const std::string &problem) : Error(item + ": " + problem), item(item) {}
  std::string item;
};

/// An atom that is nowhere, or two atoms at the same place, by their indices; `second` is −1 if there is only one.
struct PositionError : Error {
  /// The sentence names these atoms.
  PositionError(int first, int second) : Error(sentence(first, second)), first(first), second(second) {}
  int first, second;  ///< indices as in the caller's arrays

 private:
  static std::string sentence(int first, int second)
  {
    if (second < 0) return "the position of atom " + std::to_string(first) + " is infinite or not a number";
    return "atoms " + std::to_string(first) + " and " + std::to_string(second) + " are at the same place";
  }
};

}  // namespace snnp

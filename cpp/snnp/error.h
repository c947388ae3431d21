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

}  // namespace snnp

// The text form of a potential (docs/potential_file.md): reading (potential_reader.cc), writing (potential_writer.cc).
#pragma once

#include <string>

#include "snnp/potential.h"

namespace snnp {

/// Parses the text of a potential file. Throws Error "name:line: found …, expected …" on anything that is not
/// exactly as documented; `name` is only used in such messages.
Potential parse_potential(const std::string &text, const std::string &name);

/// The text of a potential file; every number reads back as the same double. Throws Error if the potential breaks a
/// rule.
std::string format_potential(const Potential &potential);

/// Reads a potential file; throws Error as parse_potential does, or if the file cannot be read, is larger than any
/// potential, or no regular file.
Potential read_potential(const std::string &path);

/// Writes beside `path` and renames, so that a file is never half-written. Throws Error if that fails.
void write_potential(const Potential &potential, const std::string &path);

}  // namespace snnp

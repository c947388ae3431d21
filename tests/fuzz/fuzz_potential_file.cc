// What any text may do to the reader of potential files: be refused with one readable sentence, or become a potential
// that can be written, read again and evaluated. See README.md in this folder.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "snnp/engine.h"
#include "snnp/error.h"
#include "snnp/potential_file.h"

namespace {

const std::string name = "fuzz.snnp";

[[noreturn]] void fail(const std::string &problem, const std::string &text)
{
  std::cerr << problem << ":\n" << text << '\n';
  std::abort();
}

// LAMMPS prints it on a terminal and in logs: one line, no control characters, not the whole file.
void check_message(const std::string &message)
{
  if (message.compare(0, name.size() + 1, name + ":") != 0) fail("the message does not begin with the file", message);
  if (message.size() > 400) fail("the message is too long", message);
  for (const unsigned char c : message)
    if (c < ' ' || c == 127) fail("the message is not one line of text", message);
}

// Atoms from close together to far apart, three of them in line with the first (cosines 1 and −1), elements in turn.
void evaluate(const snnp::Potential &potential)
{
  constexpr std::array<std::array<double, 3>, 5> positions{
      {{0, 0, 0}, {2, 0, 0}, {-2.5, 0, 0}, {0.1, 3.1, 0.4}, {0, 0.2, -0.1}}};
  constexpr int n = positions.size();
  std::vector<std::ptrdiff_t> offsets{0};
  std::vector<int> indices, elements;
  std::vector<double> vectors, forces(3 * n), energies(n), virials(9 * n), outside(n);
  for (int i = 0; i < n; ++i) {
    elements.push_back(i % potential.size());
    for (int j = 0; j < n; ++j) {
      if (j == i) continue;
      indices.push_back(j);
      for (int d = 0; d < 3; ++d) vectors.push_back(positions[j][d] - positions[i][d]);
    }
    offsets.push_back(static_cast<std::ptrdiff_t>(indices.size()));
  }
  snnp::Results results;
  results.forces = forces.data();
  results.energies = energies.data();
  results.virials = virials.data();
  results.outside = outside.data();
  const snnp::VectorNeighbors near{n, offsets.data(), indices.data(), vectors.data(), elements.data()};
  snnp::Engine(potential).evaluate(near, n, n, 1, results);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
  try {
    const snnp::Potential potential = snnp::parse_potential(std::string(data, data + size), name);
    evaluate(potential);
    // Equal texts are equal potentials: every number is written with all its digits.
    const std::string text = snnp::format_potential(potential);
    const std::string again = snnp::format_potential(snnp::parse_potential(text, name));
    if (again != text) fail("what is written does not read back", text + "\nand\n" + again);
  } catch (const snnp::Error &error) {
    check_message(error.what());
  }
  return 0;
}

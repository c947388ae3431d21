// What the reader and the writer of potential files (docs/potential_file.md) have to agree on.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace snnp {

// 6 added fourbody; 5 squareplus; 4 curves and '*'; 3 floor and energies; 2 density, U, V, open ends and repeated knots.
constexpr int format_version = 6;

/// The checksum of zip and PNG (CRC-32, reflected polynomial EDB88320), over the text without carriage returns.
inline std::string crc32(const std::string &text)
{
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const unsigned char byte : text) {
    if (byte == '\r') continue;
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08x", static_cast<unsigned>(~crc));
  return hex;
}

/// Knot i of n evenly spaced ones, by the same operations as numpy.linspace.
inline double uniform_knot(int i, int n, double first, double last)
{
  const double step = (last - first) / (n - 1);
  return i == n - 1 ? last : first + i * step;
}

}  // namespace snnp

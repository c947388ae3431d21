// Splines of a potential file: their knots and coefficients, and curves that several of them are made of.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "snnp/spline.h"
#include "snnp/word_reader.h"

namespace snnp {

/// Reads what stands behind the name of a spline; the curves that it may be made of stand above it.
class SplineReader : protected WordReader {
 protected:
  using WordReader::WordReader;

  /// The version of the format that the file says it has.
  int version_ = 1;
  /// All curves so far; curve k is element k − 1.
  std::vector<std::shared_ptr<const Spline>> curves_;

  /// Fails if the version of the file did not have this yet.
  void require_version(int least, const std::string &what) const;
  /// The curve of the current line, 'curve k …'.
  void read_curve();
  /// The spline that the current line describes from a word on; `usage` is what the line should have been.
  Spline read_spline_from(std::size_t at, const std::string &usage);
  /// Knots from a word of the current line on: 'uniform n first last', or 'knots n' and then n numbers.
  std::vector<double> read_knots(std::size_t at, const std::string &usage);

 private:
  Spline read_sum(std::size_t at);
};

}  // namespace snnp

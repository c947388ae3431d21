// How NumPy arrays are checked, made and handed over, in one place.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <string>
#include <vector>

#include "snnp/error.h"

namespace snnp::bindings {

namespace py = pybind11;

/// C-contiguous numbers. Other numbers are converted where nothing is lost; all else is a TypeError.
using Numbers = py::array_t<double, py::array::c_style>;
using Shape = std::vector<py::ssize_t>;

inline void require(bool condition, const std::string &sentence)
{
  if (!condition) throw Error(sentence);
}

/// Raises Error "name: expected shape (…), found (…)"; an array without numbers may have any shape.
template <class T> const T *checked(const py::array_t<T, py::array::c_style> &a, const Shape &shape, const char *name)
{
  const auto text = [](const py::ssize_t *sizes, std::size_t count) {
    std::string s = "(";
    for (std::size_t n = 0; n < count; ++n) s += (n ? ", " : "") + std::to_string(sizes[n]);
    return s + (count == 1 ? ",)" : ")");
  };
  const bool same =
      static_cast<std::size_t>(a.ndim()) == shape.size() && std::equal(shape.begin(), shape.end(), a.shape());
  const bool empty = a.size() == 0 && std::find(shape.begin(), shape.end(), 0) != shape.end();
  require(same || empty, std::string(name) + ": expected shape " + text(shape.data(), shape.size()) + ", found " +
                             text(a.shape(), a.ndim()));
  return a.data();
}

/// Whole numbers in one dimension as a copy; raises Error for anything else.
inline std::vector<py::ssize_t> whole_numbers(const py::object &numbers, const std::string &name)
{
  using Integers = py::array_t<py::ssize_t, py::array::c_style | py::array::forcecast>;
  const auto any = py::array::ensure(numbers);
  require(any && any.ndim() == 1, name + ": expected whole numbers in one dimension");
  const char kind = any.dtype().kind();
  require(kind == 'i' || kind == 'u' || any.size() == 0, name + ": expected whole numbers");
  const Integers integers(any);
  return {integers.data(), integers.data() + integers.size()};
}

inline Numbers zeros(const Shape &shape)
{
  Numbers a(shape);
  std::fill_n(a.mutable_data(), a.size(), 0.0);
  return a;
}

/// A read-only array over memory that the Python object `owner` keeps.
template <class T> py::array view(const std::vector<T> &memory, const Shape &shape, const py::object &owner)
{
  py::array a(py::dtype::of<T>(), shape, memory.data(), owner);
  a.attr("flags").attr("writeable") = false;
  return a;
}

}  // namespace snnp::bindings

// Text of C++ for Python.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace snnp::bindings {

/// Text in UTF-8; bytes that are none, as in names of files and comments from elsewhere, become U+FFFD.
inline pybind11::str text(const std::string &bytes)
{
  PyObject *decoded = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
  if (!decoded) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::str>(decoded);
}

}  // namespace snnp::bindings

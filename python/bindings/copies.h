// Copies of objects, and what is sent to other processes.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "arrays.h"

namespace snnp::bindings {

/// copy.copy and copy.deepcopy make a new object.
template <class T, class... Options> void copied(py::class_<T, Options...> &c)
{
  c.def(
       "__copy__", [](const T &object) { return T(object); }, "A copy.")
      .def("__deepcopy__", [](const T &object, const py::dict &) { return T(object); }, py::arg("memo"), "A copy.");
}

/// For what cannot be changed: copies are the object itself.
template <class T, class... Options> void immutable(py::class_<T, Options...> &c)
{
  c.def(
       "__copy__", [](const py::object &self) { return self; }, "The object itself, which cannot be changed.")
      .def(
          "__deepcopy__", [](const py::object &self, const py::dict &) { return self; }, py::arg("memo"),
          "The object itself, which cannot be changed.");
}

constexpr const char *other_version = "pickle: made by another version of snnp";

/// Pickled as these members.
template <class T, class... Options, class... Member> void pickled(py::class_<T, Options...> &c, Member T::*...members)
{
  c.def(py::pickle([=](const T &object) { return py::make_tuple(object.*members...); },
                   [=](const py::tuple &state) {
                     require(state.size() == sizeof...(members), other_version);
                     T object{};
                     std::size_t n = 0;
                     ((object.*members = state[n++].cast<Member>()), ...);
                     return object;
                   }));
}

}  // namespace snnp::bindings

// The parts of the module snnp._core, one function and one file per concept.
#pragma once

#include <pybind11/pybind11.h>

namespace snnp::bindings {

void bind_splines(pybind11::module_ &m);     // Spline, Tensor
void bind_potential(pybind11::module_ &m);   // Layer, Network, Element, Pair, Potential, reading and writing
void bind_structures(pybind11::module_ &m);  // Structures
void bind_packed(pybind11::module_ &m);      // Packed
void bind_engine(pybind11::module_ &m);      // Precision, Engine
void bind_training(pybind11::module_ &m);    // Trainer
void bind_embedding(pybind11::module_ &m);   // Embedding
void bind_design(pybind11::module_ &m);      // Design
void bind_four_body(pybind11::module_ &m);   // FourBody, FourBodyTrainer and what belongs to them
void bind_density(pybind11::module_ &m);     // Density

}  // namespace snnp::bindings

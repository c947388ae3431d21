#include "bindings.h"
#include "long_call.h"
#include "snnp/error.h"

namespace py = pybind11;
using namespace snnp::bindings;

PYBIND11_MODULE(_core, m)
{
  m.doc() =
      "The C++ engine of snnp as Python objects. Units: eV, Å. Arrays that go in are checked and copied, or only read "
      "during the call; arrays that come out belong to the caller. All calls that may take long release the GIL.";
  notice_forks();
  py::register_exception<snnp::Error>(m, "Error", PyExc_ValueError).doc() =
      "Input that the engine cannot use; the text is one sentence for the user.";
  bind_splines(m);
  bind_potential(m);
  bind_structures(m);
  bind_engine(m);
  bind_training(m);
  bind_design(m);
  bind_density(m);
}

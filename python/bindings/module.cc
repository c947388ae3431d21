#include "bindings.h"
#include "long_call.h"
#include "snnp/error.h"
#include "text.h"

namespace py = pybind11;
using namespace snnp::bindings;

namespace {

void bind_error(py::module_ &m)
{
  static py::handle error;  // lives as long as the module, which is never unloaded
  error = py::exception<snnp::Error>(m, "Error", PyExc_ValueError).release();
  error.doc() = "Input that the engine cannot use; the text is one sentence for the user.";
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const snnp::Error &e) {
      PyErr_SetObject(error.ptr(), text(e.what()).ptr());
    }
  });
}

}  // namespace

PYBIND11_MODULE(_core, m)
{
  m.doc() =
      "The C++ engine of snnp as Python objects. Units: eV, Å. Arrays that go in are checked and copied, or only read "
      "during the call; arrays that come out belong to the caller. All calls that may take long release the GIL.";
  notice_forks();
  bind_error(m);
  bind_splines(m);
  bind_structures(m);
  bind_four_body(m);
  bind_potential(m);
  bind_packed(m);
  bind_engine(m);
  bind_training(m);
  bind_embedding(m);
  bind_design(m);
  bind_density(m);
}

"""The typed stub of the C++ module says what the module has, and everything in the module says what it is."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from snnp import _core

STUB = ast.parse(Path(find_spec("snnp").origin).with_name("_core.pyi").read_text())
CONSTANTS = {n.target.id for n in STUB.body if isinstance(n, ast.AnnAssign)}
CLASSES = {c.name: c for c in STUB.body if isinstance(c, ast.ClassDef) and not c.name.startswith("_")}


def public(names):
    return {n for n in names if not n.startswith("_")} | ({"__call__", "__len__"} & set(names))


def real_members(name):
    """The public members of a class of the module that the module itself gives it."""
    brought_along = {"Precision": {"name", "value"}, "Error": {"__weakref__"}}  # by pybind11
    return public(vars(getattr(_core, name))) - brought_along.get(name, set())


def members(cls):
    """The names that the stub gives to a class."""
    names = {n.name for n in cls.body if isinstance(n, ast.FunctionDef)}
    names |= {n.target.id for n in cls.body if isinstance(n, ast.AnnAssign)}
    return names | {t.id for n in cls.body if isinstance(n, ast.Assign) for t in n.targets}


def functions():
    """All functions of the stub: by their full name, the definition and the docstring of the real one."""
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, getattr(_core, node.name).__doc__
    for name, cls in CLASSES.items():
        for node in cls.body:
            if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                yield f"{name}.{node.name}", node, getattr(getattr(_core, name), node.name).__doc__


def documented():
    """Everything public in the module: by its full name, its docstring without the signature that pybind11 adds."""
    for name in public(dir(_core)) - CONSTANTS:
        thing = getattr(_core, name)
        yield name, thing.__doc__
        for member in real_members(name) if isinstance(thing, type) else ():
            if not isinstance(vars(thing)[member], thing):  # a value of an enumeration
                yield f"{name}.{member}", vars(thing)[member].__doc__


FUNCTIONS = {name: (node, doc) for name, node, doc in functions()}


def test_stub_and_module_have_the_same_names():
    top = {n.name for n in STUB.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    assert public(top) | CONSTANTS == public(dir(_core))


@pytest.mark.parametrize("name", CLASSES)
def test_classes_of_the_stub_have_the_members_of_the_real_ones(name):
    assert public(members(CLASSES[name])) == real_members(name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_the_stub_take_the_arguments_of_the_real_ones(name):
    node, doc = FUNCTIONS[name]
    # pybind11 writes `name(self: Class, x: type, y: type = default) -> type`; types may hold brackets and commas.
    signature = doc.splitlines()[0]
    found = re.findall(r"[(,] ?(\w+): ", re.sub(r"\[[^()]*?\](?=[,)= ])", "", signature))
    assert found == [a.arg if a.arg != "self" else "self" for a in node.args.args]
    assert signature.count(" = ") == len(node.args.defaults)


def test_properties_that_can_be_set_are_the_same():
    for name, cls in CLASSES.items():
        settable = {n.target.id for n in cls.body if isinstance(n, ast.AnnAssign)}
        real = vars(getattr(_core, name))
        assert settable == {n for n, p in real.items() if isinstance(p, property) and p.fset is not None}, name


def test_everything_says_what_it_is():
    things = dict(documented())
    assert len(things) > 60
    for name, doc in things.items():
        said = re.sub(r"^\w+\(.*\) -> .*\n", "", doc or "").strip()
        assert said[:1].isalpha() and len(said.split()) > 1, name

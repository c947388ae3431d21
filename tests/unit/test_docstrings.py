"""What is public says what it is: every function and class, and shapes and units wherever there are arrays."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "python" / "snnp"
FILES = sorted(PACKAGE.rglob("*.py"))
ARRAYS = ("ndarray", "Tensor")
# A shape: words, numbers and signs in brackets, like (n,), (atoms, 3), (functions, …).
SHAPE = re.compile(r"\([\w…·×+\- ²]+,[\w…·×+\-, ²]*\)|shape|scalar")
UNIT = re.compile(r"eV|Å|GPa|cos|unit|number|index|indices|coefficient|order|in parts|coordinates")


def public(node, prefix="", of_class=""):
    """Functions and classes without a leading underscore: name, node, docstring of the class around it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            yield prefix + child.name, child, of_class
            if isinstance(child, ast.ClassDef):
                yield from public(child, f"{prefix}{child.name}.", ast.get_docstring(child) or "")


# Classes that document their methods once for all that have the same ones.
BASES = [("kinds/base.py", "Kind", "kinds"), ("validation/model.py", "Model", "validation")]


def inherited_members(folder):
    """Names of the methods that a base class documents for modules of this folder."""
    found = set()
    for file, name, where in BASES:
        tree = ast.parse((PACKAGE / file).read_text())
        (base,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
        if where == folder:
            found |= {node.name for node in base.body if isinstance(node, ast.FunctionDef) and ast.get_docstring(node)}
    return found


def annotations(function):
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return [ast.unparse(node) for node in [*(a.annotation for a in arguments), function.returns] if node]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_public_is_documented_with_shapes_and_units(path):
    tree = ast.parse(path.read_text())
    module = ast.get_docstring(tree) or ""
    assert module or not tree.body, "the module has no docstring"
    lacking = []
    for name, node, of_class in public(tree):
        text = ast.get_docstring(node) or ""
        if not text:
            if "." not in name or name.rpartition(".")[2] not in inherited_members(path.parent.name):
                lacking.append(f"{name}: no docstring")
        elif isinstance(node, ast.FunctionDef) and any(a in words for words in annotations(node) for a in ARRAYS):
            if not SHAPE.search(text + of_class):
                lacking.append(f"{name}: no shape")
            if not UNIT.search(text + of_class + module):
                lacking.append(f"{name}: no unit")
    assert not lacking


def test_there_is_something_to_document():
    assert sum(len(list(public(ast.parse(path.read_text())))) for path in FILES) > 300

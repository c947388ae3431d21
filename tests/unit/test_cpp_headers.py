"""What C++ headers declare says what it is: every class and function, and in the public header every member."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

CPP = Path(__file__).parents[2] / "cpp" / "snnp"
HEADERS = sorted(CPP.rglob("*.h"))
PUBLIC = CPP / "snnp.h"
SHAPE = re.compile(r"n_atoms|n_centers|n_types|neighbours ×|for each neighbour")
UNIT = re.compile(r"Å|eV|unit of energy|\b0 inside\b")
SCOPE = re.compile(r"(?:template\s*<.*?>\s*)?(namespace|class|struct|enum)\b")
# Declarations that say nothing new: special members, specialisations of what is documented, parts of a definition.
SPECIAL = re.compile(
    r"= default|= delete|^~|\boperator=|^using |^typedef |^extern |^template <>|^template <.*> struct \w+<"
)


@dataclass
class Declaration:
    """What is declared, the kind of scope that it stands in, and its comment (for functions that of their group)."""

    text: str
    scope: str
    comment: str

    @property
    def is_type(self):
        return bool(SCOPE.match(self.text))

    @property
    def is_function(self):
        return not self.is_type and "(" in self.text.split("=")[0] and self.scope != "enum"


def declarations(source):
    """Public declarations of a header: of namespaces, classes and enumerations, without the bodies of functions."""
    source = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", source, flags=re.MULTILINE)  # the preprocessor's lines
    scopes, hidden, text, comment, group, at = ["namespace"], [False], "", "", "", 0
    while at < len(source):
        blank = re.match(r"\n[ \t]*(?=\n)", source[at:])
        note = re.match(r"///?<?(.*)", source[at:])
        if blank:
            group = comment = ""
        if note:
            comment += note[1]
            at += note.end()
            continue
        character = source[at]
        at += 1
        access = re.fullmatch(r"\s*(public|private|protected)\s*", text) if character == ":" else None
        if access:
            hidden[-1], text, comment, group = access[1] != "public", "", "", ""
        elif character == "{" and (scope := SCOPE.match(text.strip())) and "(" not in text:
            if scope[1] != "namespace" and not any(hidden) and not SPECIAL.search(" ".join(text.split())):
                yield Declaration(text.strip(), scopes[-1], comment)
            scopes.append(scope[1])
            hidden.append(any(hidden) or (scope[1] == "namespace" and bool(re.fullmatch(r"\s*namespace\s*", text))))
            hidden[-1] = hidden[-1] or scope[1] == "class"
            text = comment = group = ""
        elif character == "{":
            depth = 1
            while depth:
                depth += {"{": 1, "}": -1}.get(source[at], 0)
                at += 1
            if text.count("(") > text.count(")") or "=" in text.split("(")[0] or re.match(r"\s*[;,{]", source[at:]):
                text += "{}"
                continue  # an initial value
            character = ";"
        elif character == "}":
            scopes.pop()
            hidden.pop()
            if not re.match(r"\s*;", source[at:]):
                continue
            at += re.match(r"\s*;", source[at:]).end()
            text = comment = group = ""
            continue
        else:
            text += character
        ends = character == ";" or (
            scopes[-1] == "enum" and re.match(r"\s*(,|\}|//)", source[at:]) and text.strip(" ,\n")
        )
        if not ends:
            continue
        after = re.match(r"[ \t,]*///?<?(.*(?:\n[ \t]*///<.*)*)", source[at:])
        group = comment or (after[1] if after else "") or group
        words = " ".join(text.strip(" ;,\n").split())
        if words and not any(hidden) and not SPECIAL.search(words):
            found = Declaration(words, scopes[-1], group)
            if not found.is_function:
                found.comment = comment or (after[1] if after else "")
            yield found
        if after:
            at += after.end()
        text = comment = ""


@pytest.mark.parametrize("path", HEADERS, ids=lambda path: str(path.relative_to(CPP)))
def test_every_class_and_function_is_documented(path):
    """Members of classes, too, but for the kernels, where the comment of the class speaks for them."""
    source = path.read_text(encoding="utf-8")
    assert source.startswith("// "), "the header does not say what it is for"
    found = [d for d in declarations(source) if d.is_type or d.is_function]
    if path.parent.name == "kernels":
        found = [d for d in found if d.scope == "namespace"]
    assert [d.text for d in found if not d.comment] == []


def test_there_is_something_to_document():
    assert sum(len(list(declarations(path.read_text(encoding="utf-8")))) for path in HEADERS) > 400


def test_the_public_header_is_a_manual():
    """Everything in it is documented, arrays with their shape, physical numbers with their unit."""
    found = list(declarations(PUBLIC.read_text(encoding="utf-8")))
    assert len(found) > 45
    assert {"class Model", "struct Results", "struct IndexedNeighbors", "struct VectorNeighbors"} < {
        d.text for d in found
    }
    members = [d for d in found if d.scope == "struct" and not d.is_function]
    assert [d.text for d in found if not d.comment] == []
    assert [d.text for d in members if "*" in d.text and not SHAPE.search(d.comment)] == []
    assert [d.text for d in members if "double" in d.text and not UNIT.search(d.comment)] == []


def test_a_missing_comment_is_found():
    source = """// A header.
namespace snnp {
/// A class.
class Thing {
 public:
  Thing() = default;
  /// One.
  int one() const { return 1; }
  int two() const { return 2; }

  int three() const;
 private:
  int four();
};
/// One of two.
enum class Choice {
  yes,  ///< this
  no
};
void five(double x = 1, int n = {});
}
"""
    assert [d.text for d in declarations(source) if not d.comment] == [
        "int three() const",
        "no",
        "void five(double x = 1, int n = {})",
    ]

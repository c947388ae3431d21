"""YAML of configurations: plain data only. What is ambiguous, or stands for more than one can see, is refused."""

import re
import reprlib

import yaml

_DEEPEST = 20  # levels
_NUMBER = list("-+.0123456789")


class _Loader(yaml.SafeLoader):
    """Without aliases (a few lines of them can stand for gigabytes); keys are words, each there once."""

    # As in YAML 1.2: 1e-5 is a number, while yes, no, on, off, dates and 1:30 are words.
    yaml_implicit_resolvers = {}
    depth = 0

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise _error("aliases (*name) are not accepted", event)
        if getattr(event, "tag", None) is not None:
            raise _error(f"tags ({event.tag}) are not accepted", event)
        if self.depth == _DEEPEST:
            raise _error(f"more than {_DEEPEST} levels", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node, deep=False):
        result = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error("a key is a list or section, expected a word", key)
            if key.value in result:
                raise _error(f"the key {reprlib.repr(key.value)} is there twice", key)
            result[key.value] = self.construct_object(value, deep=True)
        return result


for _tag, _pattern, _begin in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", _NUMBER),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", _NUMBER),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _begin)


def parse(text: str):
    """The content of a YAML text; raises yaml.YAMLError, with `problem` and often `problem_mark`, if there is none."""
    try:
        return yaml.load(text, _Loader)
    except ValueError as error:
        raise yaml.MarkedYAMLError(problem=f"a number cannot be read: {error}") from error


def _error(problem: str, where) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=where.start_mark)

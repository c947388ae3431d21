"""What pydantic finds wrong with a configuration, as one sentence that names the key."""

import difflib
import re
import reprlib
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError

from snnp.kinds import KINDS

# In place of pydantic's words.
_EXPECTED = {
    "path_type": "expected the name of a file",
    "model_type": "expected keys with values",
    "dict_type": "expected keys with values",
    "list_type": "expected a list",
}


def sentence(error: ValidationError, root: type[BaseModel]) -> str:
    """What is wrong, where, and what was expected; root: the class of the whole configuration."""
    first = error.errors()[0]
    location, kind = _location(first["loc"], root)
    key = ".".join(location)
    if first["type"] == "no_sense":
        return first["msg"]
    if first["type"] == "union_tag_invalid":
        return f"model.kind: expected one of {', '.join(KINDS)}, found {reprlib.repr(first['ctx']['tag'])}"
    if first["type"] == "extra_forbidden":
        known = _keys(location[:-1], kind, root)
        if kind and len(location) == 2 and any(location[1] in other.config.model_fields for other in KINDS.values()):
            return f"{key} makes no sense for model.kind {kind}: expected one of {', '.join(known)}"
        close = _in_a_section(key, root) or difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
        return f"unknown key {key}: {hint}"
    if first["type"] == "missing":
        return f"key {key} is missing"
    expected = _EXPECTED.get(first["type"], first["msg"][0].lower() + first["msg"][1:])
    return f"{key}: {expected}, found {reprlib.repr(first['input'])}"


def _in_a_section(key: str, root: type[BaseModel]) -> list[str]:
    """The key with the section where it belongs, if it was found without one."""
    sections = [(name, _section(root, name)) for name in root.model_fields]
    return [f"{name}.{key}" for name, section in sections if section and key in section.model_fields][:1]


def _location(parts: tuple[str | int, ...], root: type[BaseModel]) -> tuple[list[str], str | None]:
    """The key that an error belongs to, without what pydantic adds for alternatives of types; the kind of model."""
    names = [str(part) for part in parts]
    kind = names.pop(1) if names[:1] == ["model"] and names[1:2] and names[1] in KINDS else None
    location, section = [], root
    for name in names:
        inside_a_value = section is None
        if inside_a_value and (name in ("str", "int", "float", "bool") or name.endswith("]")):
            break
        location.append(name if re.fullmatch(r"\w+", name) else repr(name))
        section = KINDS[kind].config if name == "model" and kind else _section(section, name)
    return location, kind


def _section(of: type[BaseModel] | None, key: str) -> type[BaseModel] | None:
    annotation = of.model_fields[key].annotation if of and key in of.model_fields else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _no_alternative(annotation) -> type[BaseModel]:
    """The section of one that may be left out."""
    parts = get_args(annotation)
    return parts[0] if type(None) in parts else annotation


def _keys(sections: list[str], kind: str | None, root: type[BaseModel]) -> list[str]:
    model = root
    for section in sections:
        if section == "model" and kind:
            model = KINDS[kind].config
        elif get_origin(model) is dict:  # any name, then what stands under it
            value = get_args(model)[1]
            model = value if isinstance(value, type) else get_args(value)[0]
        else:
            model = _no_alternative(model.model_fields[section].annotation)
    return [field.alias or name for name, field in model.model_fields.items()]

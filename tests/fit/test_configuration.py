"""Whatever is wrong in a configuration is answered by one line that names the key, whichever key it is."""

import os
import types
from typing import Annotated, Literal, Union, get_args, get_origin

import numpy as np
import pytest
import yaml
from pydantic import BaseModel
from typer.testing import CliRunner

from snnp.calculator import available_cores
from snnp.cli import fit_app
from snnp.config import FitConfig, parse_assignment, read
from snnp.kinds import KINDS

NAN, INF = float("nan"), float("inf")
SECTION = {"a": {"b": 1}}
# What is wrong for a key of a type; numbers of a configuration have bounds on both sides.
WRONG = {
    int: [True, "word", [1], SECTION, 1.5, NAN, INF, -1, -(10**30), 10**30],
    float: [True, "word", [1.0], SECTION, NAN, INF, -INF, -1e30, 1e30],
    bool: [1, "word", [True], SECTION],
    str: [True, 3, [1], SECTION],
    Literal: [True, 3, "word", [1], SECTION],
    list: [True, 3, "word", SECTION, [[1]], [None], [SECTION]],
    dict: [True, 3, "word", [1], {"a": [1]}, {"a": SECTION}],
}

ALL_IF_TRUE = ("model.positive",)  # lists, all of whose words true stands for


def types_of(annotation):
    """The types of a key: those of WRONG, and NoneType where the key may be left open."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return types_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return set().union(*map(types_of, get_args(annotation)))
    if origin is not None:
        return {origin}
    return {next((known for known in (*WRONG, type(None)) if annotation is known), str)}  # names of files are words


def keys(section, prefix=""):
    """Dotted keys of a section and those below it, with their types."""
    for name, field in section.model_fields.items():
        name = field.alias or name
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from keys(annotation, f"{prefix}{name}.")
        elif prefix + name not in ("model", "model.kind"):
            yield prefix + name, types_of(annotation)


def cases():
    """By key: a kind of model that has it, and wrong values."""
    found = {}
    for kind in ["snnp", *KINDS]:
        for key, known in [*keys(FitConfig), *keys(KINDS[kind].config, "model.")]:
            if key.startswith("training.") and key.partition(".")[2] not in KINDS[kind].training_keys:
                continue
            known_wrong = known & WRONG.keys()
            # Of alternatives, like one word or several by name, a list is none.
            wrong = WRONG[known_wrong.pop()] if len(known_wrong) == 1 else [True, 3, [1]]
            wrong = [value for value in wrong if not (key in ALL_IF_TRUE and value is True)]
            found.setdefault(key, (kind, [*wrong, *([] if type(None) in known else [None])]))
    return found


CASES = cases()


def complaint(*words):
    """The one line on stderr of a fit that is refused."""
    done = CliRunner().invoke(fit_app, [str(word) for word in words])
    assert done.exit_code == 1, (done.output, done.exception)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert len(line) < 1000
    return line


def refused(content, folder):
    """The same for a configuration, as dictionary or text, without the name of its file."""
    path = folder / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else yaml.safe_dump(content).encode())
    line = complaint(path).removeprefix(f"error: {path}")
    assert list(folder.iterdir()) == [path]
    return line


def test_all_keys_are_tried():
    assert len(CASES) > 30
    assert sum(len(values) for _, values in CASES.values()) > 250


@pytest.mark.parametrize("key", CASES)
def test_wrong_value_is_one_line_that_names_the_key(key, tmp_path):
    kind, values = CASES[key]
    for value in values:
        content = {"data": {"train": ["no.xyz"]}, "output": "x.snnp", "model": {"kind": kind}}
        *sections, last = key.split(".")
        part = content
        for section in sections:
            part = part.setdefault(section, {})
        part[last] = value
        line = refused(content, tmp_path)
        assert line.startswith((f": {key}", f": unknown key {key}.", f": key {key}.")), (value, line)


@pytest.mark.parametrize("section", ["data", "model", "loss", "training", "model.zbl"])
@pytest.mark.parametrize("value", [3, "word", [1], True], ids=repr)
def test_section_that_is_none(section, value, tmp_path):
    content = {"data": {"train": ["no.xyz"]}, "output": "x.snnp"}
    first, _, last = section.partition(".")
    content[first] = {last: value} if last else value
    assert refused(content, tmp_path).startswith(f": {section}: expected keys with values, found ")


def test_section_whose_keys_are_commented_out_is_empty(tmp_path):
    text = b"data: {train: [no.xyz]}\noutput: x.snnp\nmodel:\n  # kind: uf3\ntraining:\nloss:\n"
    path = tmp_path / "config.yaml"
    path.write_bytes(text)
    assert complaint(path).endswith("no.xyz: no such file")


BOMB = "a: &a [x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": expected keys like data, output, model; found nothing"),
        ("- a\n- b\n", ": expected keys like data, output, model; found list"),
        (BOMB, ":2: not valid YAML (aliases (*name) are not accepted)"),
        ("[" * 10000, ":1: not valid YAML (more than 20 levels)"),
        ("output: x\noutput: y\n", ":2: not valid YAML (the key 'output' is there twice)"),
        ("data: {train: [a], train: [b]}\n", ":1: not valid YAML (the key 'train' is there twice)"),
        ("[1, 2]: x\n", ":1: not valid YAML (a key is a list or section, expected a word)"),
        ("output: !!python/object/apply:os.system [ls]\n", ":1: not valid YAML (tags"),
        ("output: !!int x\n", ":1: not valid YAML (tags"),
        ("output: x\ntraining: {seed: " + "9" * 5000 + "}\n", ": not valid YAML (a number cannot be read"),
        ("output: 'x\n", ":2: not valid YAML"),
        ("output: x\0y\n", ": not valid YAML (special characters are not allowed)"),
        (b"output: \xff\n", ": cannot be read (byte 8 is no UTF-8 text)"),
        (b"#" * 2_000_000, ": cannot be read (more than 1000000 bytes)"),
        ("3: x\n", ": unknown key 3: expected one of data, output"),
        ('"a\\nb": x\n', ": unknown key 'a\\nb'"),
    ],
    ids=lambda value: str(value)[:25],
)
def test_rude_yaml(text, sentence, tmp_path):
    assert sentence in refused(text if isinstance(text, bytes) else text.encode(), tmp_path)


def test_configuration_that_is_no_file(tmp_path):
    """Reading a pipe would wait, and reading /dev/zero would fill the memory."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name, what in (("pipe", "a pipe"), ("folder", "a folder"), ("zero", "a device")):
        assert complaint(tmp_path / f"{name}.yaml").endswith(f"cannot be read ({what}, expected a file)")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a"], "--set 'a': expected key=value, e.g. training.steps=2000"),
        (["=3"], "--set '=3': expected key=value"),
        (["model.=1"], "--set 'model.=1': expected key=value"),
        ([".steps=1"], "--set '.steps=1': expected key=value"),
        (["training.steps=[1"], "--set training.steps:1: not valid YAML"),
        (["model.e0={Si: 1, Si: 2}"], "--set model.e0:1: not valid YAML (the key 'Si' is there twice)"),
        (["model=3"], "command line: model: expected keys with values, found 3"),
        (["model.kind=[]"], "command line: model.kind: expected one of pair, eam, uf3, smeam, snnp, found '[]'"),
        (["model.kind.x=1"], "command line: model.kind: expected one of"),
        (["model.kind=pair", "model.kind.x=1"], "command line: model.kind.x: kind is no section"),
        (["steps=1"], "command line: unknown key steps: did you mean training.steps?"),
        (["training.steps=1e3"], "command line: training.steps: input should be a valid integer, found 1000.0"),
        (["training.threads=100000"], f"on this machine with {available_cores()} core"),
        (["model.zbl.inner=0.9", "model.zbl.outer=0.8"], "command line: model.zbl: expected inner below outer"),
        (
            ["data.shear_order=yz yz xy"],
            "command line: data.shear_order: expected yz, xz and xy in some order, or all six components, "
            "found 'yz yz xy'",
        ),
        (["data.train=['']"], "command line: data.train.0: expected the name of a file, found ''"),
    ],
    ids=str,
)
def test_malformed_assignment(words, sentence, tmp_path):
    settings = [word for assignment in words for word in ("--set", assignment)]
    assert sentence in complaint("no.xyz", "-o", tmp_path / "x.snnp", *settings)
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_read_as_numbers(tmp_path):
    """1e-5 is a word in YAML 1.1; NumPy's numbers and tuples come from scripts."""
    assert parse_assignment("training.learning_rate=1e-5") == ("training.learning_rate", 1e-5)
    config = read(
        {"model": {"hidden": (np.int64(3),), "e0": {"Si": np.float32(-1)}}, "training": {"seed": np.int32(5)}}
    )
    assert config.model.hidden == [3]
    assert config.model.e0 == {"Si": -1.0}
    assert config.training.seed == 5


def test_group_that_is_not_in_the_data(data, tmp_path):
    words = ["--set", "data.shear_order={bulk: yz xz xy}", "--set", "model.kind=pair"]
    line = complaint(data / "train.xyz", "-o", tmp_path / "x.snnp", *words)
    assert line.endswith(
        "data.shear_order: there is no group bulk in the data, only liquid, strained, surface, thermal, vacancy"
    )


def test_freeze_asks_for_filters(tmp_path):
    assert "--freeze: expected --filters" in complaint("no.xyz", "-o", tmp_path / "x.snnp", "--freeze")

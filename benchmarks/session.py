"""Where data are and where fits go; what is asked of programs about a potential."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import ase.io
from potentials import program, run

from records import ENERGY, FORCE, ROOT, circumstances, rounded, store

INDIUM_PHOSPHIDE = ROOT / "benchmarks" / "InP.snnp"
# Of fits of potentials/, what is not the default: the curves of Mo bend where its data end, else.
OPTIONS = {"Mo": ["training.weight_decay=0.2"]}
FULL = ("Mo", "Si")  # elements for which every kind is fitted, and three seeds
FILTERS = (2, 4, 8)  # three-body filters of s-NNP beside the default, which is the potential in potentials/
ERRORS = (ENERGY, FORCE)


class Session:
    """Where data are and where fits go."""

    def __init__(self, data: Path, folder: Path):
        self.data, self.folder = data, folder

    def files(self, element: str) -> tuple[Path, Path]:
        """Training and test data of an element."""
        return tuple(self.data / "mlearn" / f"{element}_{part}.xyz.gz" for part in ("train", "test"))

    def frames(self, element: str) -> tuple[list, list]:
        return tuple(ase.io.read(path, ":") for path in self.files(element))

    @property
    def indium_phosphide(self) -> Path:
        return self.data / "fitsnap" / "InP.xyz.gz"

    def fit(self, name: str, element: str, settings: list[str]) -> dict:
        """A fit on one thread, unless the folder holds it: its potential, its command, and what it took."""
        train, test = self.files(element)
        return self.fit_to(self.folder / element / f"{name}.snnp", train, settings, ["--test", test])

    def fit_to(self, file: Path, train: Path, settings: list[str], more: list = ()) -> dict:
        """As `fit`, of any data."""
        record = file.with_suffix(".fit.json")
        if not record.exists():
            print(f"fit of {file.stem} to {train.name}", flush=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            options = [word for s in [*settings, "training.threads=1"] for word in ("--set", s)]
            begun, used = time.monotonic(), _processor_time()
            run(program("snnp-fit"), train, *more, "-o", file, "--restart", *options, threads=1)
            took = {"cpu_seconds": _processor_time() - used, "wall_seconds": time.monotonic() - begun}
            command = ["snnp-fit", train.name, *options]
            content = {"command": " ".join(command), **circumstances(), **rounded(took)}
            record.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return {"file": file, "fit": json.loads(record.read_text())}


def write(name: str, results: dict, **more) -> None:
    store(name, f"python benchmarks/results.py measure DATA --only {name}", rounded(results), **more)


def errors_of(potential: Path, data: Path) -> dict:
    """What `snnp eval` finds, overall and by group."""
    found = json.loads(run(program("snnp"), "eval", potential, data, "--json", "--threads", 1))
    return {"data": data.name, "all": found["all"], "groups": found["groups"]}


def brief(potential: Path, data: Path) -> dict[str, float]:
    """Mean absolute errors of energies and forces."""
    found = errors_of(potential, data)["all"]
    return {name: found[name] for name in ERRORS}


def validated(session: Session, potential: Path, data: Path, prefix: str, options: list) -> dict:
    """The lines of a validation by subject and quantity, its verdict, and a sentence for all that does not pass."""
    output = session.folder / prefix
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [program("snnp"), "validate", potential, "--data", data, "-o", output, *options]
    print(f"validation of {potential.name}", flush=True)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(done.stdout + done.stderr)
    content = json.loads(output.with_name(f"{output.name}.validation.json").read_text())
    lines: dict[str, dict] = {}
    for item in content["items"]:
        for line in item["lines"]:
            kept = {key: line[key] for key in ("value", "unit", "reference", "source", "verdict") if line[key]}
            lines.setdefault(item["subject"], {})[line["quantity"]] = kept
    sentences = [
        f"{line['verdict']}: {item['subject']}: {line['sentence']}"
        for item in content["items"]
        for line in item["lines"]
        if line["sentence"]
    ]
    return {"verdict": content["verdict"], "sentences": sentences, "lines": lines}


def _processor_time() -> float:
    """Seconds of processor time of all programs that ended, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

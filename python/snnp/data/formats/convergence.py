"""Steps of a calculation whose electrons did not converge, told from its output while ASE reads it, which does not ask.

VASP ends the electronic steps of a structure when both changes of the energy are below EDIFF, or after NELM steps.
Version 6 says which it was; before, "EDIFF is reached" stood there in either case.
"""

import re
from collections.abc import Iterator
from typing import TextIO

UNCONVERGED = "electrons did not converge"
FORCE_FIELD = "labels of a force field in place of those of DFT"
STARS = "stars stand where a number has more digits than its column"

_ITERATION = re.compile(r"- Iteration\s*[\d*]+\(\s*(\d+)\)")
_SETTING = re.compile(r"^\s*(NELM|EDIFF)\s*=\s*([-+.\dEeDd]+)")
_CHANGES = re.compile(r"total energy-change[^:]*:\s*(\S+)\s*\(\s*(\S+?)\s*\)")
_XML = re.compile(r'<(calculation|scstep)>|</(scstep)>|name="(NELM|EDIFF|e_fr_energy)"[^>]*>([^<]*)<')
# By how much settings and energies are rounded in the files: EDIFF has one digit in OUTCAR, energies have eight
# decimals in vasprun.xml.
_DIGIT, _DECIMALS = 1.5, 2e-8


class Steps:
    """What the lines of an output say about its steps, in their order."""

    def __init__(self):
        self.converged: list[bool] = []
        self.of_force_field = 0

    def see(self, line: str) -> str:
        """Takes note of the next line; returns what ASE should read in its place."""
        return line

    def left_out(self, n: int) -> bool:
        """Whether the electrons of structure n did not converge."""
        return n < len(self.converged) and not self.converged[n]


class Outcar(Steps):
    """OUTCAR of VASP. Results of a force field (ML_LMLFF) are hidden from ASE, which takes them for those of DFT."""

    def __init__(self):
        super().__init__()
        self._settings: dict[str, float] = {}
        self._iteration, self._change, self._said = 0, float("nan"), None
        self._started = self._inside_force_field = False

    def see(self, line: str) -> str:
        """Takes note of the next line; in place of one about a force field there is an empty one."""
        if self._hidden(line):
            return "\n"
        if match := _ITERATION.search(line):
            self._iteration, self._started = int(match[1]), True
        elif match := _CHANGES.search(line):
            self._change = max(abs(_number(text)) for text in match.groups())
        elif "aborting loop" in line:
            self._said = "EDIFF is reached" in line
        elif "FREE ENERGIE OF THE ION-ELECTRON SYSTEM" in line:
            self.converged.append(self._has_converged())
            self.of_force_field = max(self.of_force_field - 1, 0)  # DFT follows a force field in the same step
            self._iteration, self._change, self._said = 0, float("nan"), None
        elif not self._started and (match := _SETTING.search(line)):
            self._settings[match[1]] = _number(match[2])
        return line

    def _hidden(self, line: str) -> bool:
        if line.lstrip().startswith("ML FORCE on cell"):
            self._inside_force_field = True
        elif "ML FREE ENERGIE" in line:
            self._inside_force_field = False
            self.of_force_field += 1
            return True
        elif self._inside_force_field and _ITERATION.search(line):  # of DFT
            self._inside_force_field = False
        return self._inside_force_field or "(eV/Angst) (ML)" in line

    def _has_converged(self) -> bool:
        if self._said is False:
            return False
        most = self._settings.get("NELM", 0)
        if most <= 1 or self._iteration < most:
            return True
        known = self._change == self._change and "EDIFF" in self._settings
        return self._change <= _DIGIT * self._settings["EDIFF"] if known else self._said is True


class Vasprun(Steps):
    """vasprun.xml of VASP, which has the energies of electronic steps only."""

    def __init__(self):
        super().__init__()
        self._settings: dict[str, float] = {}
        self._energies: list[float] = []
        self._inside = False

    def see(self, line: str) -> str:
        """Takes note of the next line, and changes nothing."""
        for begin, end, name, value in _XML.findall(line):
            if begin == "calculation":
                self.converged.append(True)
                self._energies = []
            elif begin == "scstep" or end:
                self._inside = bool(begin)
                if end and self.converged:
                    self.converged[-1] = self._has_converged()
            elif name == "e_fr_energy" and self._inside:
                self._energies.append(_number(value))
            elif name != "e_fr_energy" and not self.converged:
                self._settings[name] = _number(value)
        return line

    def _has_converged(self) -> bool:
        most = self._settings.get("NELM", 0)
        if most <= 1 or len(self._energies) < most:
            return True
        last, before = self._energies[-1], self._energies[-2]
        return abs(last - before) <= max(_DIGIT * self._settings.get("EDIFF", 0.0), _DECIMALS)


class Pwscf(Steps):
    """Output of pw.x of Quantum ESPRESSO, of which ASE makes a structure wherever one is followed by a result."""

    _STRUCTURE = ("Program PWSCF", "ATOMIC_POSITIONS")
    _RESULT = (
        "!    total energy",
        "Forces acting on atoms",
        "total   stress",
        "Magnetic moment per site",
        "End of self-consistent calculation",
        "End of band structure calculation",
    )

    def __init__(self):
        super().__init__()
        self._has_result, self._failed = True, False

    def see(self, line: str) -> str:
        """Takes note of the next line, and changes nothing."""
        if any(text in line for text in self._STRUCTURE):
            self._has_result = self._failed = False
        elif "convergence NOT achieved" in line:
            self._failed = True
        elif not self._has_result and any(text in line for text in self._RESULT):
            self._has_result = True
            self.converged.append(True)
        if self._failed and self._has_result and self.converged:
            self.converged[-1] = False
        return line


OUTPUTS: dict[str, type[Steps]] = {"vasp-out": Outcar, "vasp-xml": Vasprun, "espresso-out": Pwscf}


class Watched:
    """A text file that shows every line to someone before it is read."""

    def __init__(self, file: TextIO, steps: Steps):
        self.name, self._file, self._steps = file.name, file, steps

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return self._steps.see(next(self._file))

    def readline(self) -> str:
        """The next line; "" at the end."""
        return next(self, "")

    def readlines(self) -> list[str]:
        """All lines that are left."""
        return list(self)

    def read(self, size: int = -1) -> str:
        """The next lines, of about `size` characters together; all, if it is negative."""
        return "".join(map(self._steps.see, self._file.readlines(size)))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _number(text: str) -> float:
    """A number as Fortran writes it, also "0.27-111"; infinite if it is none ("*****")."""
    try:
        return float(re.sub(r"(?<=[\d.])[DdEe]?([-+]\d+)$", r"e\1", text.strip()))
    except ValueError:
        return float("inf")

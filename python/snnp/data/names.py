"""Names under which programs keep energies, forces, stresses and virials, and which of them belong together.

A name is made of words: what it is (energy, forces, stress, virial), for energies which one of several (free, total,
extrapolated, …), and the rest, which is its family: labels of one level of theory. REF_energy and REF_forces are of the
family ref, energy and forces of the one without a name.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

KINDS = ("energy", "forces", "stress", "virial")


def _words(text: str) -> set[str]:
    return set(text.split())


# Families, those that are meant to be fitted first: "ref", then "dft", then no name, then codes and functionals, which
# also stand beside labels as a baseline.
_REFERENCE = {"ref", "reference", "true", "target", "truth", "label", "labels"}
_AB_INITIO = {"dft", "qm"}
_CODES = _words(
    "vasp castep qe espresso pwscf cp2k aims fhiaims gpaw siesta abinit openmx orca gaussian psi4 nwchem "
    "turbomole molpro pyscf dftb xtb "
    "lda gga pbe pbesol revpbe rpbe pbe0 scan rscan r2scan blyp b3lyp bp86 hse hse06 wb97x wb97m rpa hf mp2 ccsd ccsdt "
    "d2 d3 d4 dz tz qz svp"
)
_KNOWN = _REFERENCE | _AB_INITIO | _CODES
# Words in names of what a model predicts.
_PREDICTED = _words(
    "pred preds predicted prediction predictions model ml mlp mlip mliap nn nnp potential mace nequip allegro gap soap "
    "ace pace grace snap mtp nep dp deepmd deepmodel schnet painet gemnet chgnet m3gnet matgl megnet orb sevennet 7net "
    "mattersim uma fairchem esen tensornet aimnet ani torchani uf3 snnp eam meam tersoff lammps"
)
# Words for the energies of one calculation. Forces belong to the free energy; the one extrapolated to zero smearing
# differs from it for metals. In molecular dynamics they belong to the potential energy, not to the total one.
_VARIANTS = {
    "free": {"free"},
    "potential": {"potential", "pot"},
    "energy": {"total", "tot", "uncorrected", "raw"},
    "extrapolated": {"extrapolated", "extrap", "sigma0"},
    "corrected": {"corrected"},
}
_WHOLE = {"toten": "free", "e_fr_energy": "free", "etot": "energy", "e_0_energy": "extrapolated"}
_KIND = re.compile(r"(.*?)(energy|forces?|stress(?:es)?|virials?)(.*)")
_WORDS = re.compile(r"[^0-9A-Za-z]+|(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Name:
    """What a name says: kind, family ("" if it has none), and for energies which of several."""

    key: str
    kind: str
    family: str
    variant: str

    @property
    def is_label(self) -> bool:
        """Whether the family is one that labels have."""
        return all(word in _KNOWN for word in self.family.split("_") if word)

    @property
    def is_prediction(self) -> bool:
        """Whether the family is one that results of models have."""
        return any(word in _PREDICTED for word in self.family.split("_"))


@lru_cache(maxsize=10000)
def parse(key: str) -> Name | None:
    """What the name of an entry says; None: it is no energy, forces, stress or virial."""
    if key.lower() in _WHOLE:
        return Name(key, "energy", "", _WHOLE[key.lower()])
    words, kinds = [], []
    for word in _WORDS.split(key):
        match = _KIND.fullmatch(word.lower())
        kinds += [match[2]] if match else []
        words += [match[1], match[3]] if match else [word.lower()]
    words = [word for word in words if word]
    if len(kinds) != 1:
        return None
    kind = next(kind for kind in KINDS if kinds[0].startswith(kind[:5]))
    if kind != "energy":
        return Name(key, kind, "_".join(word for word in words if word != "tensor"), "")
    variants = [variant for variant, names in _VARIANTS.items() if names & set(words)]
    rest = [word for word in words if not any(word in names for names in _VARIANTS.values())]
    return Name(key, kind, "_".join(rest), variants[0] if variants else "energy")


def variant_rank(variant: str) -> int:
    """Which of several energies is taken first."""
    return list(_VARIANTS).index(variant)


def family_rank(family: str) -> tuple[int, str]:
    """Which of several families is taken first."""
    words = family.split("_")
    for rank, names in enumerate((_REFERENCE, _AB_INITIO, {""})):
        if any(word in names for word in words):
            return rank, family
    return 3, family

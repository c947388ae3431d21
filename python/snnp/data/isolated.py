"""Atoms without neighbours, whose energy is that of their element."""

from collections.abc import Sequence

from snnp.data.frames import Frame
from snnp.data.neighbors import full_list


def isolated_energies(frames: Sequence[Frame], cutoff: float) -> tuple[dict[str, float], list[Frame]]:
    """Energies of single atoms without neighbours within `cutoff` (Å) by element, eV; and the other frames."""
    energies, rest = {}, []
    for frame in frames:
        if len(frame.atoms) == 1 and len(full_list(frame.atoms, cutoff)[0]) == 0:
            energies[frame.atoms.get_chemical_symbols()[0]] = frame.energy
        else:
            rest.append(frame)
    return energies, rest

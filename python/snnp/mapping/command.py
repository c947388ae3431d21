"""What `snnp eval --atomic` does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from snnp import _core
from snnp.console import Log, atomic_table
from snnp.data import Reading, read
from snnp.data.writing import check_new
from snnp.mapping.atomic import AtomicEnergies, atomic_energies, write_atomic
from snnp.mapping.rigidity import Rigidity


def atomic_command(
    potential: Path,
    inputs: Sequence[Path],
    train: Sequence[Path],
    output: Path,
    reading: Reading,
    threads: int,
    log: Log,
) -> None:
    """Writes the atoms of `inputs` with their energies, and with uncertainties if `train` names the data of the fit.

    Raises DataError, ElementError or snnp.Error with one sentence.
    """
    check_new(output, [*inputs, *train])
    data, frames = _core.read_potential(potential), read(inputs, reading).frames
    rigidity = None
    if train:
        known = read(train, reading).frames
        with log.progress("what the data determine", len(known), "frames") as tick:
            rigidity = Rigidity(data, known, threads, tick)
    with log.progress("atomic energies", len(frames), "frames") as tick:
        found = atomic_energies(data, frames, rigidity, threads, tick)
    write_atomic(output, found)
    log.print(atomic_table(_by_group(found)))
    log.print(f"written: {output}")


def _by_group(found: Sequence[AtomicEnergies]) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray | None]]:
    """Energies and uncertainties of atoms (n,), eV, by group of frames and element."""
    groups = np.concatenate([[one.frame.group] * len(one.energies) for one in found])
    symbols = np.concatenate([one.frame.atoms.get_chemical_symbols() for one in found])
    energies = np.concatenate([one.energies for one in found])
    known = found[0].uncertainties is not None
    uncertainties = np.concatenate([one.uncertainties for one in found]) if known else None
    result = {}
    for group, symbol in sorted(set(zip(groups.tolist(), symbols.tolist(), strict=True))):
        here = (groups == group) & (symbols == symbol)
        result[group, symbol] = energies[here], uncertainties[here] if known else None
    return result

"""Data sets as `snnp data` shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snnp.data.formats import Reading, read
from snnp.data.frames import DataError, Dataset
from snnp.data.overview import UNITS, Overview, overview
from snnp.data.review import review
from snnp.data.sources import tell_files_apart


@dataclass
class Inspection:
    """What is in data sets, by their names ("train", "test", "validation")."""

    summaries: dict[str, str]
    overviews: dict[str, Overview]
    notes: list[str]
    """What was assumed and what stands out, a sentence each."""

    def as_dict(self) -> dict:
        """For JSON."""
        sets = {name: part.as_dict() for name, part in self.overviews.items()}
        return {"units": UNITS, "sets": sets, "notes": self.notes}


def read_sets(inputs: Sequence[Path], test: Sequence[Path], reading: Reading) -> dict[str, Dataset]:
    """Training and test data; or all data of a configuration, if `inputs` is one."""
    if [path.suffix for path in inputs] in ([".yaml"], [".yml"]):
        if test or reading != Reading():
            raise DataError("with a configuration file all data are named there; expected no other options")
        from snnp.config import load

        config = load(inputs[0]).data
        files, reading = {"train": config.train, "validation": config.validation, "test": config.test}, config.reading()
    else:
        files = {"train": inputs, "test": test}
    sets = {name: read(paths, reading) for name, paths in files.items() if paths}
    tell_files_apart(frame for data in sets.values() for frame in data.frames)
    return sets


def inspect(sets: Mapping[str, Dataset]) -> Inspection:
    """Numbers of each data set, and what stands out."""
    notes = [f"{name}: {note}" for name, data in sets.items() for note in data.notes]
    return Inspection(
        {name: data.summary() for name, data in sets.items()},
        {name: overview(data) for name, data in sets.items()},
        [*notes, *review({name: data.frames for name, data in sets.items()})],
    )

"""What decides the result of a fit, by which a checkpoint is known again and a potential knows its data."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from snnp.config import ConfigError, FitConfig
from snnp.data import Frame
from snnp.data.fingerprint import fingerprint
from snnp.models.filter_sets import filters_path

# What does not decide it: names of files, test data, and how the work is done. How files are read shows in the content.
_NOT_COMPARED = {
    "output": True,
    "checks": True,
    "data": {"train", "validation", "test", "format", "units", "elements"},
    "training": {"threads", "checkpoint_seconds", "lists_gb"},
    "invariant_points": {"structures"},
}


@dataclass
class Origin:
    """Settings and data of a fit. settings: the configuration with nothing left open, apart from names of files.
    data: by "train" and "validation" the number of frames and a hash of what is in them."""

    settings: dict
    data: dict[str, dict]

    @staticmethod
    def of(config: FitConfig, sets: dict[str, list[Frame]]) -> "Origin":
        """Of a configuration and frames by purpose."""
        data = {name: {"frames": len(f), "sha256": fingerprint(f)} for name, f in sets.items() if name != "test"}
        settings = config.model_dump(mode="json", exclude=_NOT_COMPARED)
        model = settings["model"]
        filters = model.get("filters") or {}
        if filters:
            filters["file"] = filters_path(Path(filters["file"]))
        for place, key in ((model, "baseline"), (filters, "file"), (model["pinned"], "phi")):
            given = place.get(key)
            if isinstance(given, dict):
                place[key] = {name: _hash(file) for name, file in given.items()}
            elif given:
                place[key] = _hash(given)
        return Origin(settings, data)

    @property
    def data_id(self) -> str:
        """A short name of the training and validation data, which changes with them."""
        return hashlib.sha256(json.dumps(self.data).encode()).hexdigest()[:12]

    @property
    def data_line(self) -> str:
        """The data for the log."""
        parts = (f"{name} {there['sha256'][:16]}" for name, there in self.data.items())
        return f"data {self.data_id} (SHA-256 of structures and labels: {', '.join(parts)})"

    def require(self, saved: dict, path: Path) -> None:
        """Raises ConfigError, which names a difference, if a checkpoint belongs to another fit."""
        then = _flat({"content": saved["data"], **saved["config"]})
        now = _flat({"content": self.data, **self.settings})
        for key in sorted(then.keys() | now.keys(), key=lambda key: (key != "model.kind", key)):
            if then.get(key) != now.get(key):
                raise ConfigError(
                    f"{path} belongs to a fit with other data or settings ({key} was {then.get(key)}, now it is "
                    f"{now.get(key)}): rerun with the original ones, or use --restart"
                )


def _hash(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _flat(content: dict, prefix: str = "") -> dict:
    """By dotted key."""
    result = {}
    for key, value in content.items():
        result |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result

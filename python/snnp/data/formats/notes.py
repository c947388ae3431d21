"""What readers assume, to be told to the user once."""

from pathlib import Path


class Notes:
    """Sentences, and the files each is about."""

    def __init__(self):
        self._paths: dict[str, dict[str, None]] = {}

    def add(self, path: Path, sentence: str) -> None:
        """Notes something about a file; the same again changes nothing."""
        self._paths.setdefault(sentence, {})[str(path)] = None

    def sentences(self) -> list[str]:
        """One sentence for each thing noted, with the first file and how many more."""
        found = []
        for sentence, paths in self._paths.items():
            first, more = next(iter(paths)), len(paths) - 1
            others = f" and {more} more file{'s' if more > 1 else ''}" if more else ""
            found.append(f"{first}{others}: {sentence}")
        return found

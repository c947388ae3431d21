"""Labelled structures: reading them, checking them, and what a fit makes of them. Needs no PyTorch."""

from snnp.data.families import LabelKeys
from snnp.data.formats import Reading, check_files, from_atoms, read
from snnp.data.frames import DataError, Dataset, Frame, split

__all__ = ["DataError", "Dataset", "Frame", "LabelKeys", "Reading", "check_files", "from_atoms", "read", "split"]

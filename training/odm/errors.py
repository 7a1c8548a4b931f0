"""Typed errors of the lab: what a person can meet, and where it came from.

Programming mistakes stay ordinary Python exceptions; everything here is about files, settings and checkpoints, and is
printed by the command line as one sentence without a traceback.
"""

from __future__ import annotations

from pathlib import Path


class OdmError(Exception):
    """Base of every expected failure of the lab."""


class DataError(OdmError):
    """A data set that cannot be used: a missing file, an unreadable image, an undeclared label.

    ``file`` is the offending file; ``row`` the line number in a ``labels.csv`` (the header is line 1), if there is one.
    """

    def __init__(self, message: str, file: str | Path | None = None, row: int | None = None) -> None:
        self.file = None if file is None else Path(file)
        self.row = row
        where = "" if file is None else f"{file}, row {row}: " if row is not None else f"{file}: "
        super().__init__(where + message)


class ConfigError(OdmError):
    """A configuration file with an unknown key, a wrong type or a value out of range."""


class CheckpointError(OdmError):
    """A checkpoint that is missing, truncated, corrupt, or belongs to another configuration."""


class ExportError(OdmError):
    """An export that failed one of its checks; nothing was written."""


class AblationError(OdmError):
    """An ablation whose cells failed, were stopped, or belong to another plan."""

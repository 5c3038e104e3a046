"""Where files are written."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from rnncc.errors import InputError


def target_file(path: str | PathLike[str]) -> Path:
    """The file to write, in a folder that exists.

    Files are written under another name first; without this check the error would name that one.

    Raises:
        InputError: there is no such folder.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"{target}: there is no folder '{target.parent}' to write it in")
    return target

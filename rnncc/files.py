"""Where files are written, and how: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from rnncc.errors import InputError


def target_file(path: str | PathLike[str]) -> Path:
    """The file to write, in a folder that exists.

    Files are written under another name first; without this check the error would name that one.

    Raises:
        InputError: no name, a folder, or there is no such folder.
    """
    target = Path(path)
    if not os.fspath(path):
        raise InputError("the name of a file to write is empty")
    if target.is_dir():
        raise InputError(f"{target}: is a folder, not a file to write")
    if not target.parent.is_dir():
        raise InputError(f"{target}: there is no folder '{target.parent}' to write it in")
    return target


@contextmanager
def atomic_file(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """``with atomic_file(path) as stream``: the file appears whole when the block ends well, or not at all.

    A device or a pipe, which nothing may be put in the place of, is written as it is.

    Raises:
        InputError: the file cannot be written; names it and the reason.
    """
    target = target_file(path)
    try:
        if target.exists() and not target.is_file():
            with open(target, "wb") as stream:
                yield stream
            return
        if target.is_symlink():
            target = target.resolve()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

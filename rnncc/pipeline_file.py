"""Pipelines in text files: ``-p @video.pipeline``.

A line holds passes and named pipelines as ``-p`` takes them, separated by commas; the end of a line separates too.
What follows ``#`` is a comment, so that the reason for an order can stand beside it::

    front, decompose-cells   # one structured recurrence for everything
    unroll-timesteps{factor=4}
    lower-lengths, back
"""

from __future__ import annotations

import re
from pathlib import Path

from rnncc.errors import PassError

SIZE_LIMIT = 1 << 20
"""Bytes; a pipeline is a page of text, and what is larger is another file."""


def expand(text: str) -> str:
    """A pipeline text; ``@FILE`` stands for what is in the file.

    Raises:
        PassError: the file cannot be read, is empty, or a line of it is wrong; names the line.
    """
    if not text.startswith("@"):
        return text
    path = text[1:]
    parts = []
    for number, line in enumerate(_read(path).splitlines(), 1):
        part = re.sub(r"\s*,\s*", ",", line.partition("#")[0].strip()).strip(",")
        if part:
            _check(f"{path}:{number}", part)
            parts.append(part)
    if not parts:
        raise PassError(f"{path}: the pipeline file names no pass")
    return ",".join(parts)


def _read(path: str) -> str:
    file = Path(path)
    try:
        if file.is_file() and file.stat().st_size > SIZE_LIMIT:
            raise PassError(f"{path}: too large for a pipeline file")
        return file.read_text()
    except OSError as error:
        raise PassError(
            f"pipeline file '{path}': {error.strerror or error}",
            "-p @FILE reads passes from a file",
        ) from None
    except (UnicodeDecodeError, ValueError):
        raise PassError(f"{path}: is not a text file") from None


def _check(where: str, part: str) -> None:
    from rnncc.pipeline import parse

    if part.startswith("@"):
        raise PassError(f"{where}: a pipeline file reads no other file", "write its passes here")
    try:
        parse(part)
    except PassError as error:
        raise PassError(f"{where}: {error.message}", error.hint) from None

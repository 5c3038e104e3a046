"""Options and readers shared by the subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rnncc.errors import InputError, RnnccError, ShapeError
from rnncc.files import atomic_file

if TYPE_CHECKING:
    import numpy as np


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """``["x=25,1,256"]`` to ``{"x": (25, 1, 256)}``; a scalar is ``x=``.

    Raises:
        ShapeError: no ``=``, a dimension that is not a whole number above zero, or a name given twice.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, numbers = text.rpartition("=")
        if not equals or not name:
            raise ShapeError(
                f"--shape {text}: expected NAME=N,N,...", "for example --shape x=25,1,256"
            )
        try:
            dims = tuple(int(n) for n in numbers.replace("x", ",").split(",") if n.strip())
        except ValueError:
            raise ShapeError(
                f"--shape {text}: '{numbers}' is not a list of whole numbers"
            ) from None
        if any(d < 1 for d in dims):
            raise ShapeError(f"--shape {text}: every dimension must be at least 1")
        if name in shapes:
            raise ShapeError(f"--shape gives '{name}' twice")
        shapes[name] = dims
    return shapes


def parse_lengths(texts: Iterable[str]) -> dict[str, int]:
    """``["T=12"]`` to ``{"T": 12}``: actual lengths of symbols.

    Raises:
        ShapeError: not NAME=N with N a whole number of at least 0.
    """
    lengths: dict[str, int] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if not name or not number.isdigit():
            raise ShapeError(f"--length {text}: expected NAME=N", "for example --length T=12")
        lengths[name] = int(number)
    return lengths


def write_arrays(path: str, arrays: dict[str, np.ndarray]) -> None:
    """Write an ``.npz`` in one step: a reader never sees half a file."""
    import numpy as np

    with atomic_file(path) as stream:
        np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]


def add_compile_options(parser: argparse.ArgumentParser) -> None:
    """The options of everything that may compile."""
    group = parser.add_argument_group("compilation")
    group.add_argument(
        "--target",
        "-t",
        default=None,
        metavar="MACHINE",
        help="a machine's name (see `rnncc targets`) or a .toml file; default edge",
    )
    group.add_argument(
        "--pipeline",
        "-p",
        default=None,
        metavar="TEXT",
        help="passes and named pipelines, as a,b{x=1}, or @FILE with them; default 'default'",
    )
    group.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=N,N,..",
        help="shape of an input; a dimension of time is a maximum",
    )
    group.add_argument(
        "--bind",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="fix an input to a constant, such as a trip count: a number, true or false, or a list",
    )
    group.add_argument(
        "--static-time", action="store_true", help="one program for one length: no run-time lengths"
    )
    group.add_argument(
        "--numerics",
        choices=["exact", "machine"],
        default=None,
        help="exact (default): values in the model's own type; machine: as the machine rounds",
    )
    group.add_argument(
        "--print-after",
        action="append",
        default=[],
        metavar="PASS",
        help="print the IR after this pass (or 'all') on standard error",
    )
    group.add_argument(
        "--verify-each",
        action="store_true",
        help="after each pass check structure, dominance and the interpreter's values",
    )
    group.add_argument(
        "--time-passes", action="store_true", help="time of each pass on standard error"
    )


def parse_bindings(texts: Iterable[str]) -> dict[str, list | int | float | bool]:
    """``["n=5", "go=true"]`` to values for ``values=`` of :func:`rnncc.compile`.

    Raises:
        InputError: not NAME=VALUE with a JSON value.
    """
    import json

    values = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            values[name] = json.loads(value)
        except ValueError:
            raise InputError(
                f"--bind {text}: expected NAME=VALUE, VALUE as in 5, true or [1,2]"
            ) from None
    return values


def require_file(path: str) -> str:
    """``path``, which must be an existing file.

    Raises:
        RnnccError: it is missing or a folder.
    """
    if not Path(path).exists():
        raise RnnccError(f"{path}: no such file")
    if Path(path).is_dir():
        raise RnnccError(f"{path}: is a folder, not a file")
    return path

"""BLAS threads of a run.

A matrix-vector product with a matrix that lies in the cache gains nothing from a second thread and waits for it; when
the computer is busy it waits long. Programs whose weights are all that small run on one BLAS thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from rnncc.isa.instruction import Instruction
from rnncc.isa.types import ITEM_SIZES

CACHED = 4 << 20
"""Bytes of weights up to which one thread is as fast as two."""

_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "", "_64")


@cache
def _control() -> tuple[ctypes._NamedFuncPointer, ctypes._NamedFuncPointer] | None:
    """OpenBLAS's functions to get and set its number of threads, or None when NumPy has another BLAS."""
    folder = Path(np.__file__).parents[1] / "numpy.libs"
    for path in sorted(folder.glob("*openblas*")):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                put = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                if get is not None and put is not None:
                    return get, put
    return None


def fits_cache(instructions: Sequence[Instruction], constants: int) -> bool:
    """Whether a program's weights stay in a core's cache from step to step.

    Args:
        instructions: the program.
        constants: bytes of its constants.
    """
    total = 0
    for item in instructions:
        if item.op in ("mm", "mma"):
            _, n, k = item.extents
            if n.reg or k.reg:
                return False
            total += n.value * k.value * ITEM_SIZES[item.types[2]]
    return max(total, constants) <= CACHED


@contextmanager
def one_thread(wanted: bool) -> Iterator[None]:
    """BLAS on one thread meanwhile, if wanted and possible; the number of threads before is restored."""
    control = _control() if wanted else None
    if control is None:
        yield
        return
    get, put = control
    before = get()
    put(1)
    try:
        yield
    finally:
        put(before)

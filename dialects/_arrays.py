"""Arrays that can be compared and hashed as attributes must be, at the least possible cost."""

from __future__ import annotations

import hashlib
from weakref import ref

import numpy as np

#: Elements looked at by a hash; equality reads everything, but only when hashes agree.
SAMPLE = 16
#: Elements compared or digested at a time, so that no temporary is large.
CHUNK = 1 << 18

# (address, strides, shape, dtype) -> (the memory's owner, digest): two views of the same part of a
# file share a digest. The weak reference guards against a freed address that is used again.
_digests: dict[tuple, tuple[ref, str]] = {}


def _owner(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _place(array: np.ndarray) -> tuple:
    return array.ctypes.data, array.strides, array.shape, array.dtype.str, array.dtype.name


def _chunks(array: np.ndarray):
    """Contiguous byte blocks of an array in C order, without copying the whole."""
    if array.flags.c_contiguous:
        flat = array.reshape(-1).view(np.uint8)
        step = CHUNK * array.itemsize
        yield from (flat[i : i + step] for i in range(0, flat.size, step))
    elif array.ndim > 1 and array.size > CHUNK:
        for row in array:
            yield from _chunks(row)
    else:
        yield np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _digest(array: np.ndarray) -> str:
    state = hashlib.blake2b(digest_size=16)
    state.update(f"{array.dtype.name}{array.shape}".encode())
    for chunk in _chunks(array):
        state.update(chunk.data)
    return "b2:" + state.hexdigest()


def _same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays of one type and shape have the same bytes (so NaN is NaN)."""
    if a.size > CHUNK and a.ndim > 1:
        return all(_same_bytes(x, y) for x, y in zip(a, b, strict=True))
    if a.size > CHUNK and a.ndim == 1:
        blocks = range(0, a.size, CHUNK)
        return all(_same_bytes(a[i : i + CHUNK], b[i : i + CHUNK]) for i in blocks)
    bits = np.dtype(f"u{a.itemsize}")
    return bool(np.array_equal(a.view(bits), b.view(bits)))


class ReadOnlyArray:
    """An ndarray that nothing may write to, compared by type, shape and bytes.

    The array may be a strided view of a memory-mapped file; it is kept as it is. Equality is
    decided by identity where it can be, then by a sparse sample, and only then by the contents.
    """

    __slots__ = ("__weakref__", "_hash", "array")

    def __init__(self, array: np.ndarray):
        array = np.asarray(array)
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if array.flags.writeable:
            array = array.view()
            array.flags.writeable = False
        self.array = array
        self._hash: int | None = None

    def digest(self) -> str:
        """``b2:`` and the blake2b digest of element type, shape and contents; computed once."""
        place = _place(self.array)
        known = _digests.get(place)
        if known is not None and known[0]() is not None:
            return known[1]
        digest = _digest(self.array)
        _digests[place] = (ref(_owner(self.array), lambda _: _digests.pop(place, None)), digest)
        return digest

    @property
    def place(self) -> tuple:
        """Where it is and how it is laid out: arrays that live together in one place are equal."""
        return _place(self.array)

    def __hash__(self) -> int:
        if self._hash is None:
            array = self.array
            if array.size <= SAMPLE:
                sample = array.tobytes()
            else:
                places = np.linspace(0, array.size - 1, SAMPLE).astype(np.int64)
                sample = array[np.unravel_index(places, array.shape)].tobytes()
            self._hash = hash((array.dtype.name, array.shape, sample))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ReadOnlyArray):
            return NotImplemented
        a, b = self.array, other.array
        if a is b or _place(a) == _place(b):
            return True
        return hash(self) == hash(other) and a.dtype == b.dtype and _same_bytes(a, b)

    def __repr__(self) -> str:
        return f"ReadOnlyArray({self.array.dtype.name}{list(self.array.shape)})"

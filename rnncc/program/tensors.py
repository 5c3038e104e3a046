"""safetensors files: written without a copy and atomically, read as checked views of a memory map.

Layout: 8 bytes of header length (little endian), a JSON header ``{"name": {"dtype", "shape", "data_offsets"}, ...,
"__metadata__": {str: str}}``, then the arrays' bytes without holes. Source: the safetensors format document.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

import numpy as np

from rnncc.errors import ProgramError
from rnncc.files import atomic_file
from rnncc.isa.types import NUMPY_TYPES

_MAX_HEADER = 64 << 20
_DTYPES = {
    "F64": "f64", "F32": "f32", "F16": "f16", "BF16": "bf16", "BOOL": "i1",
    "I64": "i64", "I32": "i32", "I16": "i16", "I8": "i8", "U8": "ui8",
}  # fmt: skip
_NAMES = {NUMPY_TYPES[element]: name for name, element in _DTYPES.items()}


def write_tensors(
    path: str | os.PathLike[str], arrays: dict[str, np.ndarray], metadata: dict[str, str]
) -> None:
    """Write arrays and metadata; the file appears whole or not at all.

    Args:
        path: file to make or replace.
        arrays: C-contiguous arrays by name.
        metadata: strings for the header.

    Raises:
        InputError: the file cannot be written.
    """
    # Wide elements first, so that each array starts at a multiple of its element size.
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": metadata}
    offset = 0
    for name in order:
        end = offset + arrays[name].nbytes
        header[name] = {
            "dtype": _NAMES[arrays[name].dtype],
            "shape": list(arrays[name].shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with atomic_file(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            if arrays[name].size:
                file.write(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and metadata of a file. The arrays are read-only views of a memory map.

    Raises:
        ProgramError: the file cannot be read, is cut off, or its header lies.
    """
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= min(size - 8, _MAX_HEADER):
                raise ProgramError(
                    f"{path}: not a program file: {size} bytes with a header of {length} bytes"
                )
            header = file.read(length)
    except OSError as error:
        raise ProgramError(f"cannot read program '{path}': {error.strerror}") from None
    entries = parse_json(header, f"{path}: header")
    if not isinstance(entries, dict):
        raise ProgramError(f"{path}: header: not an object")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in metadata.values()
    ):
        raise ProgramError(f"{path}: header: __metadata__ must map names to strings")
    start = 8 + length
    spans = _check_entries(entries, size - start, f"{path}: header")
    # An empty file part cannot be mapped.
    raw = (
        np.asarray(np.memmap(path, np.uint8, "r"))[start:]
        if size > start
        else np.zeros(0, np.uint8)
    )
    return {name: _view(raw, *span) for name, span in spans.items()}, metadata


def parse_json(text: bytes | str, where: str) -> Any:
    """JSON from a stranger: no duplicate keys, no NaN, no absurd depth or numbers.

    Raises:
        ProgramError: starting with ``where``.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ProgramError(f"{where}: '{twice[:80]}' appears twice")
        return table

    def constant(name: str) -> Any:
        raise ProgramError(f"{where}: {name} is not allowed")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except RecursionError:
        raise ProgramError(f"{where}: nested too deeply") from None
    except ValueError as error:
        raise ProgramError(f"{where}: not valid JSON: {error}") from None


def _check_entries(
    entries: dict[str, Any], size: int, where: str
) -> dict[str, tuple[np.dtype, tuple[int, ...], int]]:
    """Dtype, shape and start of each array, after checking that they tile the data without hole or overlap."""
    spans, found = [], {}
    for name, entry in entries.items():
        here = f"{where}: tensor '{name[:80]}'"
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise ProgramError(f"{here}: must have dtype, shape and data_offsets")
        shape, offsets = entry["shape"], entry["data_offsets"]
        if not isinstance(entry["dtype"], str) or entry["dtype"] not in _DTYPES:
            raise ProgramError(f"{here}: unknown dtype {entry['dtype']!r:.40}")
        if not is_shape(shape) or not is_shape(offsets) or len(offsets) != 2 or len(shape) > 32:
            raise ProgramError(
                f"{here}: shape and data_offsets must be lists of non-negative integers"
            )
        dtype = NUMPY_TYPES[_DTYPES[entry["dtype"]]]
        begin, end = offsets
        if end - begin != math.prod(shape) * dtype.itemsize:
            raise ProgramError(f"{here}: shape {shape} does not take {end - begin} bytes")
        if end > size:
            raise ProgramError(f"{here}: ends at byte {end} of {size}: the file is cut off")
        spans.append((begin, end, name))
        found[name] = (dtype, tuple(shape), begin)
    reached = 0
    for begin, end, name in sorted(spans):
        if begin != reached:
            problem = "overlaps another" if begin < reached else "leaves a hole before it"
            raise ProgramError(f"{where}: tensor '{name[:80]}': {problem}")
        reached = end
    if reached != size:
        raise ProgramError(f"{where}: {size - reached} bytes after the last tensor")
    return found


def is_shape(value: Any) -> bool:
    """True for a list of integers from 0 to 2**62."""
    return isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= 1 << 62
        for item in value
    )


def _view(raw: np.ndarray, dtype: np.dtype, shape: tuple[int, ...], begin: int) -> np.ndarray:
    """An array of the file. bytes of bool are checked: any but 0 and 1 would be undefined in NumPy."""
    span = raw[begin : begin + math.prod(shape) * dtype.itemsize]
    if dtype == np.bool_ and span.size and span.max() > 1:
        raise ProgramError("a BOOL tensor holds bytes other than 0 and 1")
    if span.ctypes.data % dtype.alignment:
        span = span.copy()
    view = span.view(dtype).reshape(shape)
    view.flags.writeable = False
    return view

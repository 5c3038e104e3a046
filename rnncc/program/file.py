"""The ``.rnx`` file: a safetensors file of instruction words, constants and JSON metadata."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping

import numpy as np

from rnncc.errors import ProgramError
from rnncc.isa.fields import WORD_BYTES
from rnncc.program.container import Program
from rnncc.program.metadata import from_text, to_text
from rnncc.program.tensors import read_tensors, write_tensors
from rnncc.program.validate import validate

_WORDS = "words"
_CONST = "const/"
_METADATA = "rnncc"
_CHECKSUM = "crc32"


def save(program: Program, path: str | os.PathLike[str]) -> None:
    """Write a program; the file appears whole or not at all.

    Args:
        program: any program; it is not checked here.
        path: file to make or replace.

    Raises:
        InputError: the file cannot be written.
    """
    arrays = {_WORDS: program.words}
    for segment in program.segments:
        if segment.array is not None:
            arrays[_CONST + segment.name] = segment.array
    text = to_text(program)
    write_tensors(path, arrays, {_METADATA: text, _CHECKSUM: _checksum(text, arrays)})


def _checksum(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """CRC-32 of the metadata and of every array's bytes, by name: a flipped bit in a weight is valid otherwise."""
    crc = zlib.crc32(text.encode())
    for name in sorted(arrays):
        if arrays[name].size:
            flat = np.ascontiguousarray(arrays[name]).reshape(-1)
            crc = zlib.crc32(flat.view(np.uint8).data, crc)
    return f"{crc:08x}"


def load(path: str | os.PathLike[str]) -> Program:
    """Read a program and check the whole of it, so that it is safe to run whoever wrote it.

    Constants are views of the memory-mapped file: they stay there, in pages that the system may drop. The checksum
    guards against damage, not against malice; a file without one (written by another tool) is taken as it is.

    Args:
        path: an ``.rnx`` file.

    Raises:
        ProgramError: the file is cut off, corrupt, hostile or of another ISA version; says what is wrong and where.
    """
    arrays, metadata = read_tensors(path)
    if _METADATA not in metadata:
        raise ProgramError(
            f"{path}: a safetensors file, but not a program: no '{_METADATA}' metadata"
        )
    words = arrays.pop(_WORDS, None)
    if words is None or words.dtype != np.uint8 or words.ndim != 2 or words.shape[1] != WORD_BYTES:
        raise ProgramError(
            f"{path}: tensor '{_WORDS}' is missing or not bytes of shape (n, {WORD_BYTES})"
        )
    constants = {}
    whole = {_WORDS: words, **arrays}
    for name, array in arrays.items():
        if not name.startswith(_CONST):
            raise ProgramError(f"{path}: unexpected tensor '{name[:80]}'")
        constants[name.removeprefix(_CONST)] = array
    try:
        program = from_text(metadata[_METADATA], words, constants)
        consts = {segment.name for segment in program.segments if segment.kind == "const"}
        for name in constants.keys() - consts:
            raise ProgramError(f"tensor '{_CONST}{name[:80]}' belongs to no const segment")
        validate(program)
    except ProgramError as error:
        raise ProgramError(f"{path}: {error.message}", error.hint) from None
    # Last, because what fails above can be named better.
    if metadata.get(_CHECKSUM, found := _checksum(metadata[_METADATA], whole)) != found:
        raise ProgramError(
            f"{path}: the contents do not match the checksum: the file is damaged",
            "copy or compile it again",
        )
    return program

"""Tensors whose bytes are in a file beside the model: inside the model's folder, or refused."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from onnx import TensorProto

from rnncc.errors import ModelError
from rnncc.frontend.arrays import byte_size, dtype_of
from rnncc.frontend.wire import Payload


def resolve(folder: Path, location: str, owner: str) -> Path:
    """The file an external tensor names.

    Args:
        folder: the folder of the model.
        location: the relative path as the model has it.
        owner: what to call the tensor in messages.

    Raises:
        ModelError: the path is absolute, climbs with ``..``, leaves the folder through a symbolic
            link, or is not a regular file.
    """
    plain = PurePosixPath(location.replace("\\", "/"))
    windows = PureWindowsPath(location)
    outside = not location or "\0" in location or plain.is_absolute() or windows.anchor
    if outside or ".." in plain.parts:
        raise ModelError(f"{owner}: external data '{location}' is outside the model's folder")
    path = folder / plain
    real, root = os.path.realpath(path), os.path.realpath(folder)
    if os.path.commonpath([real, root]) != root:
        raise ModelError(f"{owner}: external data '{location}' is outside the model's folder")
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        raise ModelError(f"{owner}: external data '{location}': {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise ModelError(f"{owner}: external data '{location}' is not a file")
    return Path(real)


def locate(tensor: TensorProto, owner: str) -> tuple[str, Payload]:
    """File name and place of an external tensor's bytes.

    Raises:
        ModelError: no location, an offset or a length that is no number, or one that does not fit
            the shape.
        UnsupportedError: the element type is refused.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    if "location" not in entries:
        raise ModelError(f"{owner}: external data without a location")
    dims = tuple(tensor.dims)
    needed = byte_size(dims, dtype_of(tensor.data_type, owner), owner)
    numbers = {}
    for key, default in (("offset", 0), ("length", needed)):
        text = entries.get(key, str(default)).strip()
        if not (text.isascii() and text.isdigit()):
            raise ModelError(f"{owner}: external data with the {key} '{text}'")
        numbers[key] = int(text)
    if numbers["length"] != needed:
        raise ModelError(
            f"{owner}: {numbers['length']} bytes of external data, its shape {list(dims)} needs"
            f" {needed}"
        )
    return entries["location"], Payload(numbers["offset"], needed, dims, tensor.data_type)


def map_file(path: Path) -> Any:
    """A read-only memory map of a file, or empty bytes for an empty one."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

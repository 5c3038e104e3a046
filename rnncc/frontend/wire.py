"""Takes the weights out of an ONNX file before protobuf sees it.

protobuf copies every byte it reads. This walker goes over the wire format of a model (a memory map
or bytes), follows only the fields on the way to tensors, and gives back a small model in which each
big tensor is empty and carries a token; the token leads to where the bytes are in the file.
Source: https://protobuf.dev/programming-guides/encoding/ and onnx.proto.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from rnncc.errors import ModelError

#: Payloads of at least this many bytes stay in the file.
BIG = 1024

# message -> field -> message of that field, for the fields on the way to a TensorProto
_PATHS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
}
# ModelProto: field -> wire type; anything else at the top means that this is no model.
_MODEL = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_FLOAT, _DOUBLE = 1, 11


@dataclass(frozen=True)
class Payload:
    """Where a tensor's bytes are: `size` bytes at `offset` of the buffer that was walked."""

    offset: int
    size: int
    dims: tuple[int, ...]
    data_type: int


@dataclass
class Stripped:
    """A model without its big payloads.

    `model` is what protobuf is to parse; a tensor with a token as its ``doc_string`` has its bytes
    at ``payloads[token]``. Tokens hold a random part, so that no file can forge one.
    """

    model: bytes = b""
    payloads: dict[str, Any] = field(default_factory=dict)
    secret: str = field(default_factory=lambda: secrets.token_hex(8))

    def add(self, payload: Any) -> str:
        """Remember a payload; returns its token."""
        token = f"rnncc:{self.secret}:{len(self.payloads)}"
        self.payloads[token] = payload
        return token


class _Malformed(Exception):
    """The bytes are not protobuf, or end early (`early`)."""

    def __init__(self, early: bool):
        self.early = early


def strip(buffer: Any, source: str) -> Stripped:
    """Walk a serialized ModelProto and take its big payloads out.

    Args:
        buffer: bytes, or anything that is indexed and sliced like bytes (a memory map).
        source: what to call the model in messages.

    Raises:
        ModelError: the buffer is empty, truncated, or no ONNX model.
    """
    result = Stripped()
    size = len(buffer)
    if size == 0:
        raise ModelError(f"{source} is empty: not an ONNX model")
    try:
        _check_top(buffer, size)
        stripped = _message(buffer, 0, size, "model", result)
    except _Malformed as error:
        if error.early:
            raise ModelError(f"{source} is truncated: it ends inside a field") from None
        raise ModelError(f"{source} is not an ONNX model") from None
    result.model = bytes(buffer[:size]) if stripped is None else stripped
    return result


def _check_top(buffer: Any, end: int) -> None:
    """Tell a model that ends early from something that is no model at all."""
    position = 0
    while position < end:
        key, position = _varint(buffer, position, end)
        if _MODEL.get(key >> 3) != key & 7:
            raise _Malformed(early=False)
        position = _skip(buffer, position, end, key & 7)[1]


def _varint(buffer: Any, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise _Malformed(early=False)
    raise _Malformed(early=True)


def _skip(buffer: Any, position: int, end: int, wire: int) -> tuple[int, int]:
    """Start and end of the content of a field whose key has just been read."""
    if wire == 0:
        return position, _varint(buffer, position, end)[1]
    if wire == 2:
        size, position = _varint(buffer, position, end)
    elif wire in (1, 5):
        size = 8 if wire == 1 else 4
    else:
        raise _Malformed(early=False)
    if position + size > end:
        raise _Malformed(early=True)
    return position, position + size


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _message(buffer: Any, start: int, end: int, kind: str, out: Stripped) -> bytes | None:
    """The message without its big payloads, or None when it has none."""
    if kind == "tensor":
        return _tensor(buffer, start, end, out)
    paths = _PATHS[kind]
    pieces: list[bytes] = []
    copied = position = start
    while position < end:
        at = position
        key, position = _varint(buffer, position, end)
        first, position = _skip(buffer, position, end, key & 7)
        child = paths.get(key >> 3)
        if child is None or position - first < BIG or key & 7 != 2:
            continue
        inner = _message(buffer, first, position, child, out)
        if inner is not None:
            pieces += [bytes(buffer[copied:at]), _encoded(key), _encoded(len(inner)), inner]
            copied = position
    if copied == start:
        return None
    pieces.append(bytes(buffer[copied:end]))
    return b"".join(pieces)


def _tensor(buffer: Any, start: int, end: int, out: Stripped) -> bytes | None:
    """A tensor emptied of its payload, or None when it has none that can stay in the file."""
    dims: list[int] = []
    data: list[tuple[int, int, int]] = []
    data_type = 0
    kept: list[bytes] = []
    position = start
    while position < end:
        at = position
        key, position = _varint(buffer, position, end)
        number, wire = key >> 3, key & 7
        first, position = _skip(buffer, position, end, wire)
        if number == 1:
            inside = first
            while inside < position:
                value, inside = _varint(buffer, inside, position)
                dims.append(value - (1 << 64) if value >> 63 else value)
            continue
        if number in (4, 9, 10) and wire == 2:
            data.append((number, first, position))
            continue
        if number == 2 and wire == 0:
            data_type = _varint(buffer, first, position)[0]
        if number != 12:  # its doc_string makes room for the token
            kept.append(bytes(buffer[at:position]))
    if len(data) != 1:
        return None
    number, first, last = data[0]
    packed = {4: _FLOAT, 10: _DOUBLE}.get(number, data_type)
    if last - first < BIG or packed != data_type:
        return None
    token = out.add(Payload(first, last - first, tuple(dims), data_type)).encode()
    kept += [b"\x08\x00", b"\x62", _encoded(len(token)), token]  # dims = [0], doc_string = token
    return b"".join(kept)

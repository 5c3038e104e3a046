"""A model from a path, bytes or a ModelProto: small protobuf, weights as views of their memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from rnncc.errors import ModelError
from rnncc.frontend.arrays import view
from rnncc.frontend.external import locate, map_file, resolve
from rnncc.frontend.text import check_text
from rnncc.frontend.wire import Payload, Stripped, strip


@dataclass
class Loaded:
    """A model as the importer wants it.

    Attributes:
        proto: the model; big tensors are empty and carry a token (`rnncc.frontend.wire`).
        stripped: token -> ndarray, a read-only view of the file or of the bytes given.
        source: what to call the model in messages.
    """

    proto: ModelProto
    stripped: Stripped
    source: str


def load(model: str | os.PathLike[str] | bytes | ModelProto) -> Loaded:
    """Read a model without copying its weights.

    Args:
        model: the path of an .onnx file, its bytes, or a ModelProto.

    Raises:
        ModelError: no such file, a folder, an empty or truncated file, not a model, external data
            that is outside the folder or does not fit.
        UnsupportedError: a big tensor has an element type that is refused.
    """
    folder: Path | None = None
    if isinstance(model, ModelProto):
        source = f"model '{model.graph.name}'"
        try:
            buffer: Any = model.SerializeToString()
        except (ValueError, DecodeError) as error:
            hint = "save it with external data and pass the path"
            raise ModelError(f"{source} cannot be serialized: {error}", hint) from None
    elif isinstance(model, bytes | bytearray | memoryview):
        source, buffer = "the model", bytes(model)
    else:
        path = Path(model)
        source, folder = str(path), path.parent
        buffer = _map(path)
    stripped = strip(buffer, source)
    try:
        proto = ModelProto.FromString(stripped.model)
    except DecodeError:
        raise ModelError(f"{source} is not an ONNX model") from None
    if not proto.HasField("graph"):
        raise ModelError(f"{source} is not an ONNX model: it has no graph")
    check_text(proto, source)
    _bind(proto, stripped, buffer, folder)
    return Loaded(proto, stripped, source)


def _map(path: Path) -> Any:
    if path.is_dir():
        raise ModelError(f"{path} is a folder, not an ONNX model")
    try:
        return map_file(path)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None


def _bind(proto: ModelProto, stripped: Stripped, buffer: Any, folder: Path | None) -> None:
    """Turn payloads into arrays, and external tensors into tokens with arrays."""
    maps: dict[str, Any] = {}
    for tensor, owner in tensors(proto):
        payload = stripped.payloads.get(tensor.doc_string)
        if isinstance(payload, Payload):
            stripped.payloads[tensor.doc_string] = view(buffer, payload, owner)
        elif tensor.data_location == TensorProto.EXTERNAL:
            if folder is None:
                raise ModelError(
                    f"{owner} is in another file, and the model was not given as a path",
                    "pass the path of the .onnx file",
                )
            location, payload = locate(tensor, owner)
            if location not in maps:
                maps[location] = map_file(resolve(folder, location, owner))
            if payload.offset + payload.size > len(maps[location]):
                raise ModelError(
                    f"{owner}: external data '{location}' ends at byte {len(maps[location])},"
                    f" before byte {payload.offset + payload.size}"
                )
            tensor.doc_string = stripped.add(view(maps[location], payload, owner))
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
            tensor.ClearField("dims")
            tensor.dims.append(0)


def tensors(proto: ModelProto) -> Iterator[tuple[TensorProto, str]]:
    """Every tensor of a model, sub-graphs and local functions too, with a name for messages."""
    yield from _graph_tensors(proto.graph)
    for function in proto.functions:
        yield from _node_tensors(function.node)


def _graph_tensors(graph: GraphProto) -> Iterator[tuple[TensorProto, str]]:
    for tensor in graph.initializer:
        yield tensor, f"initializer '{tensor.name}'"
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Any) -> Iterator[tuple[TensorProto, str]]:
    for node in nodes:
        for attribute in node.attribute:
            owner = f"{describe(node)}, attribute '{attribute.name}'"
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t, owner
            for tensor in attribute.tensors:
                yield tensor, owner
            if attribute.type == AttributeProto.GRAPH:
                yield from _graph_tensors(attribute.g)
            for graph in attribute.graphs:
                yield from _graph_tensors(graph)


def describe(node: NodeProto) -> str:
    """A node for messages: ``node 'lstm_1' (LSTM)``; its output's name when it has no own."""
    name = node.name or next((o for o in node.output if o), "")
    return f"node '{name}' ({node.op_type})"


def default_opset(proto: ModelProto) -> int | None:
    """The version of the default domain that the model asks for, None when it asks for none."""
    versions = [o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")]
    return max(versions, default=None)


def newest_opset() -> int:
    """The newest default-domain opset of the installed onnx package."""
    return onnx.defs.onnx_opset_version()

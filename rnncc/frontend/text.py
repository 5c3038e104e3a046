"""Every name in a model is text: protobuf lets other bytes through, nothing after it expects them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onnx import GraphProto, ModelProto

from rnncc.errors import ModelError


def check_text(proto: ModelProto, source: str) -> None:
    """Raise ModelError when a name of the model is not UTF-8."""
    for text in _texts(proto):
        # The Python protobuf hands out what is no UTF-8 as bytes.
        if not isinstance(text, str):
            raise ModelError(f"{source} is not a valid model: the name {text!r} is not UTF-8")


def _texts(proto: ModelProto) -> Iterator[Any]:
    yield from (o.domain for o in proto.opset_import)
    yield from _graph(proto.graph)
    for function in proto.functions:
        yield from (function.name, function.domain, *function.input, *function.output)
        yield from function.attribute
        yield from (o.domain for o in function.opset_import)
        yield from _nodes(function.node)


def _graph(graph: GraphProto) -> Iterator[Any]:
    yield graph.name
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (d.dim_param for d in value.type.tensor_type.shape.dim)
    for tensor in graph.initializer:
        yield tensor.name
        yield tensor.doc_string
    yield from _nodes(graph.node)


def _nodes(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
            if attribute.HasField("t"):
                yield attribute.t.doc_string
            if attribute.HasField("g"):
                yield from _graph(attribute.g)
            for graph in attribute.graphs:
                yield from _graph(graph)

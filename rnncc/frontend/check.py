"""Is the model one that the ONNX specification and rnncc allow? Everything said by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx
import onnx.inliner
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto

from rnncc.dialects._onnx_schema import OLDEST_OPSET
from rnncc.errors import ModelError, UnsupportedError, nearest
from rnncc.frontend.load import Loaded, default_opset, describe, newest_opset

_DEFAULT = ("", "ai.onnx")


def check(loaded: Loaded) -> None:
    """Check a loaded model and inline its local functions (in place).

    Raises:
        ModelError: not a well-formed model (the checker's reason, or ours with the node).
        UnsupportedError: an opset, a domain or an operator that rnncc does not have.
    """
    proto = loaded.proto
    _check_opset(proto)
    if proto.functions:
        _check_recursion(proto)
        try:
            proto = onnx.inliner.inline_local_functions(proto)
        except Exception as error:  # the inliner raises plain RuntimeError and protobuf errors
            raise ModelError(f"local functions cannot be inlined: {reason_of(error)}") from None
        loaded.proto = proto
    for node, known in _nodes(proto.graph, set()):
        _check_node(node, default_opset(proto) or 0, known)
    _check_order(proto.graph, set())
    try:
        onnx.checker.check_model(_for_checker(proto))
    except (onnx.checker.ValidationError, UnicodeDecodeError) as error:
        # The checker quotes names in its messages, also those that are not UTF-8.
        raise ModelError(f"{loaded.source} is not a valid model: {reason_of(error)}") from None


def _check_opset(proto: ModelProto) -> None:
    version = default_opset(proto)
    if version is None:
        raise ModelError("the model does not import the ONNX default domain (opset_import)")
    if not OLDEST_OPSET <= version <= newest_opset():
        raise UnsupportedError(
            f"the model has opset {version}; opsets {OLDEST_OPSET} to {newest_opset()} are supported",
            "convert it with onnx.version_converter"
            if version < OLDEST_OPSET
            else "install a newer onnx package",
        )


def _check_recursion(proto: ModelProto) -> None:
    """Refuse local functions that call themselves: they have no inlined form."""
    bodies = {(f.domain, f.name): f for f in proto.functions}
    done: set[tuple[str, str]] = set()

    def visit(key: tuple[str, str], path: tuple[tuple[str, str], ...]) -> None:
        if key in path:
            raise ModelError(f"local function '{key[1]}' calls itself")
        if key in done:
            return
        for node in _flat(bodies[key].node):
            if (called := (node.domain, node.op_type)) in bodies:
                visit(called, (*path, key))
        done.add(key)

    for key in bodies:
        visit(key, ())


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs that a node has as attributes."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            yield from attribute.graphs


def _flat(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    for node in nodes:
        yield node
        for graph in subgraphs(node):
            yield from _flat(graph.node)


def _nodes(graph: GraphProto, outer: set[str]) -> Iterator[tuple[NodeProto, set[str]]]:
    """Every node, with the names that are visible somewhere in its graph."""
    names = outer | {v.name for v in graph.input} | {t.name for t in graph.initializer}
    names |= {t.values.name for t in graph.sparse_initializer}
    names |= {name for node in graph.node for name in node.output}
    for node in graph.node:
        yield node, names
        for inner in subgraphs(node):
            yield from _nodes(inner, names)


def _check_node(node: NodeProto, opset: int, known: set[str]) -> None:
    where = describe(node)
    if node.domain not in _DEFAULT:
        raise UnsupportedError(
            f"{where}: operators of the domain '{node.domain}' are not supported",
            "only operators of the ONNX default domain and local functions are",
        )
    if not onnx.defs.has(node.op_type, opset, ""):
        from rnncc.dialects._onnx_schema import operator_names

        hint = nearest(node.op_type, operator_names())
        if node.op_type in operator_names():
            hint = "the opset of the model is too old for it"
        raise UnsupportedError(f"{where}: unknown operator '{node.op_type}' in opset {opset}", hint)
    for name in node.input:
        if name and name not in known:
            raise ModelError(f"{where}: its input '{name}' is not defined anywhere")


def _check_order(graph: GraphProto, outer: set[str]) -> None:
    """Refuse names defined twice, cycles, and nodes that come before what they use."""
    defined: set[str] = set()

    def define(name: str, what: str) -> None:
        if name in defined:
            raise ModelError(f"{what}: the name '{name}' is defined twice")
        defined.add(name)

    for value in graph.input:
        define(value.name, f"input '{value.name}'")
    initializers: set[str] = set()
    for tensor in graph.initializer:
        if tensor.name in initializers:
            raise ModelError(f"initializer '{tensor.name}' is defined twice")
        initializers.add(tensor.name)
    defined |= initializers | {t.values.name for t in graph.sparse_initializer}
    for node in graph.node:
        for name in _used(node):
            if name and name not in defined and name not in outer:
                maker = next((n for n in graph.node if name in n.output), None)
                if maker is not None:
                    raise ModelError(
                        f"{describe(node)} uses '{name}' of {describe(maker)}, which comes later:"
                        " the nodes form a cycle or are not in topological order"
                    )
        for inner in subgraphs(node):
            _check_order(inner, outer | defined)
        for name in node.output:
            if name:
                define(name, describe(node))


def _used(node: NodeProto) -> Iterator[str]:
    """The names a node reads, those that its sub-graphs capture included."""
    yield from node.input
    for graph in subgraphs(node):
        inner = {v.name for v in graph.input} | {t.name for t in graph.initializer}
        for child in graph.node:
            yield from (name for name in _used(child) if name not in inner)
            inner.update(child.output)
        yield from (v.name for v in graph.output if v.name not in inner)


def _for_checker(proto: ModelProto) -> ModelProto:
    """The model with shapes where the checker insists on one that rnncc infers anyway."""
    missing = [v for v in (*proto.graph.input, *proto.graph.output) if _shapeless(v)]
    if not missing:
        return proto
    copy = ModelProto()
    copy.CopyFrom(proto)
    for value in (*copy.graph.input, *copy.graph.output):
        if _shapeless(value):
            value.type.tensor_type.shape.SetInParent()
    return copy


def _shapeless(value: ValueInfoProto) -> bool:
    kind = value.type
    return kind.HasField("tensor_type") and not kind.tensor_type.HasField("shape")


def reason_of(error: Exception) -> str:
    """The reason in a message of onnx, without its context dump."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:1]).removeprefix("[ShapeInferenceError] ").rstrip(":") or repr(error)

"""One walk over a model for one choice of input sizes: constants folded, types inferred.

Every node is met once, in order. If all its inputs are constants it is evaluated, otherwise
`onnx.shape_inference` gives its types with those constants known; hence shapes that a model computes
(Shape, Gather, Concat, Reshape, ...) are exact at once. Results are remembered by node, so that
another walk with other sizes neither folds a weight nor reads one again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto

from rnncc.dialects._onnx_attributes import from_attribute, proto_value
from rnncc.dialects._onnx_schema import form_name, form_of
from rnncc.errors import ModelError, UnsupportedError
from rnncc.frontend.arrays import array_of_tensor, freeze, type_name
from rnncc.frontend.evaluate import Evaluator, Memo
from rnncc.frontend.graph import Node, Region, Scope, Shape, Value
from rnncc.frontend.legacy import modernise
from rnncc.frontend.load import Loaded, default_opset, describe
from rnncc.frontend.ranges import slice_shape


class Tracer:
    """Walks a checked model; make a new one for each choice of sizes, with the same `memo`."""

    def __init__(self, loaded: Loaded, memo: Memo):
        self.loaded = loaded
        self.memo = memo
        self.opset = default_opset(loaded.proto) or 0
        #: key of a value -> it is at least 0 and less than this (iteration numbers)
        self.limits: dict[tuple, int] = {}
        self.evaluator = Evaluator(loaded.proto, memo)

    def run(
        self, types: Mapping[str, tuple[int, tuple[int, ...]]], values: Mapping[str, np.ndarray]
    ) -> Region:
        """The graph under the given input types.

        Args:
            types: input name -> ONNX element type and shape.
            values: input (or overridable initializer) -> array that it is fixed to.

        Raises:
            ModelError: shapes that contradict, constants that do not fit their operator.
            UnsupportedError: sequences, strings, states that change their shape.
        """
        scope, region = Scope(), Region(())
        for name, (element, shape) in types.items():
            value = Value(("input", name), name, element, shape)
            region.arguments.append(value)
            scope.values[name] = value
        for name, array in values.items():
            scope.values[name] = self.constant(("input", name), name, array)
        region.results = self.graph(self.loaded.proto.graph, scope, region, ())
        return region

    def constant(self, key: tuple, name: str, array: np.ndarray) -> Value:
        """A constant value."""
        element = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        return Value(key, name, element, array.shape, array)

    def array(self, key: tuple, tensor: TensorProto, owner: str) -> np.ndarray:
        """The array of a tensor of the model, made once."""
        if key not in self.memo.arrays:
            self.memo.arrays[key] = array_of_tensor(tensor, self.loaded.stripped, owner)
        return self.memo.arrays[key]

    def graph(self, graph: GraphProto, scope: Scope, region: Region, path: tuple) -> list[Value]:
        """Walk a graph whose inputs are in `scope`; adds nodes to `region`, gives the outputs."""
        for tensor in graph.initializer:
            if tensor.name not in scope.values:
                key, owner = (*path, "initializer", tensor.name), f"initializer '{tensor.name}'"
                array = self.array(key, tensor, owner)
                scope.values[tensor.name] = self.constant(key, tensor.name, array)
        for sparse in graph.sparse_initializer:
            raise UnsupportedError(f"initializer '{sparse.values.name}' is sparse: not supported")
        for index, node in enumerate(graph.node):
            self._modern(node, scope, region, (*path, index))
        return [self.value(scope, v.name, f"output '{v.name}'") for v in graph.output]

    def value(self, scope: Scope, name: str, owner: str) -> Value:
        """The value of a name; raises ModelError when nothing defines it."""
        value = scope.lookup(name)
        if value is None:
            raise ModelError(f"{owner}: '{name}' is not defined")
        return value

    def _modern(self, node: NodeProto, scope: Scope, region: Region, key: tuple) -> None:
        """Bring a node into its newest form, then take the nodes it has become."""

        def constant(array: np.ndarray) -> str:
            name = f"{describe(node)}.{len(scope.values)}"
            place = (*key, "constant", len(scope.values))
            scope.values[name] = self.constant(place, "", freeze(array))
            return name

        version = onnx.defs.get_schema(node.op_type, self.opset, "").since_version
        for part, (made, since) in enumerate(modernise(node, version, scope.lookup, constant)):
            self._node(made, since, scope, region, (*key, part))

    def _node(self, proto: NodeProto, version: int, scope: Scope, region: Region, key: tuple):
        where = describe(proto)
        inputs = [self.value(scope, n, where) if n else None for n in proto.input]
        attributes = self._attributes(proto, version, key, where)
        name = proto.name or next((o for o in proto.output if o), "")
        node = Node(key, proto.op_type, version, name, proto, inputs, [], attributes, home=region)
        if not _is_identity(node):
            for value in inputs:
                if value is not None:
                    value.refuse_counted(node)
        if proto.op_type in ("If", "Loop", "Scan"):
            from rnncc.frontend.control import trace_control

            trace_control(self, node, scope, region)
            return
        if proto.op_type == "Constant":
            array = _constant(attributes, where)
            scope.values[proto.output[0]] = self.constant(key, proto.output[0], array)
            return
        if _is_identity(node):
            alias = inputs[0]
            assert alias is not None
            scope.values[proto.output[0]] = alias
            return
        arrays = self.evaluator.fold(node)
        if arrays is None:
            types = self.evaluator.types(node)
            if node.op_type == "Slice" and types[0] is not None:
                types = [(types[0][0], slice_shape(node, types[0][1], self.limits))]
        else:
            types = [(int(onnx.helper.np_dtype_to_tensor_dtype(a.dtype)), a.shape) for a in arrays]
        self.finish(node, types, scope, region, arrays)

    def finish(
        self,
        node: Node,
        types: Sequence[tuple[int, Shape] | None],
        scope: Scope,
        region: Region,
        arrays: list[np.ndarray] | None = None,
    ) -> None:
        """Give a node its outputs, of these types (None for one not asked for), and keep it."""
        for index, (name, kind) in enumerate(zip(node.proto.output, types, strict=False)):
            if not name or kind is None:
                node.outputs.append(None)
                continue
            array = arrays[index] if arrays is not None else None
            value = Value((*node.key, "output", index), name, *kind, array, node)
            node.outputs.append(value)
            scope.values[name] = value
        region.nodes.append(node)

    def _attributes(self, proto: NodeProto, version: int, key: tuple, where: str) -> dict[str, Any]:
        """Attributes as Python values with the version's defaults; graphs are left out."""
        place = (*key, proto.op_type)
        if place not in self.memo.attributes:
            form = form_of(form_name(proto.op_type, version))
            found = {n: from_attribute(a) for n, a in form.defaults(version).items()}
            for attribute in proto.attribute:
                owner = f"{where}, attribute '{attribute.name}'"
                if attribute.type == attribute.TENSOR:
                    array = self.array((*key, attribute.name), attribute.t, owner)
                    found[attribute.name] = array
                elif attribute.type not in (attribute.GRAPH, attribute.GRAPHS):
                    found[attribute.name] = proto_value(attribute, where)
            self.memo.attributes[place] = found
        return self.memo.attributes[place]


def _is_identity(node: Node) -> bool:
    """Identity, and Dropout that neither trains nor gives its mask."""
    if node.op_type == "Identity":
        return True
    if node.op_type != "Dropout" or any(node.proto.output[1:]):
        return False
    training = node.inputs[2] if len(node.inputs) > 2 else None
    return training is None or (training.array is not None and not training.array.any())


def _constant(attributes: dict[str, Any], where: str) -> np.ndarray:
    """The array of a Constant node, in whichever attribute it is."""
    kinds = {"value_int": np.int64, "value_ints": np.int64}
    kinds |= {"value_float": np.float32, "value_floats": np.float32}
    for name, value in attributes.items():
        if name == "value":
            return value
        if name in kinds:
            return freeze(np.array(value, kinds[name]))
    names = ", ".join(attributes) or "no value"
    raise UnsupportedError(f"{where}: a constant with {names} is not supported")


def element_name(value: Value) -> str:
    """ONNX's name for the element type of a value."""
    return type_name(value.element)

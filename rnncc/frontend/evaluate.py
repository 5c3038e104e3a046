"""One node at a time: its constant outputs by NumPy kernels, its types by ONNX's inference."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import ModelProto

from rnncc.dialects._onnx_schema import versions_of
from rnncc.errors import ModelError, UnsupportedError
from rnncc.frontend import kernels
from rnncc.frontend.check import reason_of
from rnncc.frontend.graph import Node, Shape, Value, shape_of_type, type_proto
from rnncc.frontend.kernels.shaping import shape_kernel
from rnncc.frontend.load import default_opset

#: Constants of more elements than this never decide a shape.
_SHAPE_ELEMENTS = 1024
_INFERENCE_ERRORS = (onnx.shape_inference.InferenceError, onnx.checker.ValidationError)
_SEQUENCES = ("sequence_type", "optional_type", "map_type", "sparse_tensor_type", "opaque_type")


class Memo:
    """What walks of one model share: arrays, attributes, folded results, inferred types."""

    def __init__(self):
        self.arrays: dict[tuple, np.ndarray] = {}
        self.attributes: dict[tuple, dict[str, Any]] = {}
        self.folded: dict[tuple, tuple[list[np.ndarray | None], list[np.ndarray]]] = {}
        self.inferred: dict[tuple, list[tuple[int, Shape] | None]] = {}


class Evaluator:
    """Folds and infers; what it found for a node is in the memo.

    Args:
        proto: the checked model, for its opset and the types it declares.
        memo: shared by all walks over the model.
    """

    def __init__(self, proto: ModelProto, memo: Memo):
        self.memo = memo
        self.opset = default_opset(proto) or 0
        self.ir_version = proto.ir_version
        self.declared = {v.name: v for v in (*proto.graph.value_info, *proto.graph.output)}

    def fold(self, node: Node) -> list[np.ndarray] | None:
        """The outputs when they are constant, else None."""
        first = node.inputs[0] if node.inputs else None
        if node.op_type in ("Shape", "Size") and first is not None:
            if (shape := first.known_shape) is None:
                return None
            if node.op_type == "Size":
                return [np.array(int(np.prod(shape, dtype=object)), np.int64)]
            return [shape_kernel(shape, node.attributes)]
        if not kernels.has_kernel(node.op_type) or not node.inputs:
            return None
        arrays = [v.array if v is not None else None for v in node.inputs]
        if any(v is not None and v.array is None for v in node.inputs):
            return None
        known = self.memo.folded.get(node.key)
        if known is not None and all(a is b for a, b in zip(known[0], arrays, strict=True)):
            return known[1]
        try:
            count = len(node.proto.output)
            results = kernels.evaluate(node.op_type, arrays, node.attributes, count)
        except kernels.NotFoldable:
            return None
        except (ValueError, IndexError, TypeError, OverflowError) as error:
            raise ModelError(f"{node.where}: its constants do not fit: {error}") from None
        self.memo.folded[node.key] = (arrays, results)
        return results

    def types(self, node: Node) -> list[tuple[int, Shape] | None]:
        """The types of the outputs by ONNX's own inference."""
        named = list(zip(node.proto.input, node.inputs, strict=True))
        given = {n: v for n, v in named if v is not None}
        small = {
            n: v.array
            for n, v in given.items()
            if v.array is not None and v.array.size <= _SHAPE_ELEMENTS
        }
        types = tuple((v.element, v.shape) for v in given.values())
        place = (node.key, types, tuple(a.tobytes() for a in small.values()))
        if place not in self.memo.inferred:
            self.memo.inferred[place] = self._inference(node, given, small)
        return self.memo.inferred[place]

    def _inference(
        self, node: Node, given: dict[str, Value], small: dict[str, np.ndarray]
    ) -> list[tuple[int, Shape] | None]:
        schemas = versions_of(node.op_type)
        schema = next(s for s in schemas if s.since_version == node.version)
        opset = onnx.helper.make_opsetid("", max(self.opset, node.version))
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema,
                node.proto,
                {n: type_proto(v.element, v.shape) for n, v in given.items()},
                {n: onnx.numpy_helper.from_array(a, n) for n, a in small.items()},
                opset_imports=[opset],
                ir_version=max(self.ir_version, 3),
            )
        except (*_INFERENCE_ERRORS, RuntimeError, ValueError, TypeError) as error:
            shapes = ", ".join(f"'{n}' {list(v.shape or ())}" for n, v in given.items())
            raise ModelError(f"{node.where}: {reason_of(error)} (inputs {shapes})") from None
        return [self._output_type(node, n, found.get(n)) if n else None for n in node.proto.output]

    def _output_type(self, node: Node, name: str, kind: Any) -> tuple[int, Shape]:
        """Element type and shape of an output, completed by what the model declares."""
        if kind is not None and kind.WhichOneof("value") in _SEQUENCES:
            word = kind.WhichOneof("value").removesuffix("_type").replace("_", " ")
            raise UnsupportedError(f"{node.where}: its output '{name}' is {word}: not supported")
        element = kind.tensor_type.elem_type if kind is not None else 0
        shape = shape_of_type(kind) if kind is not None else None
        if name in self.declared and (not element or shape is None or None in shape):
            said = self.declared[name].type
            element = element or said.tensor_type.elem_type
            told = shape_of_type(said)
            if shape is None:
                shape = told
            elif told is not None and len(told) == len(shape):
                shape = tuple(a if a is not None else b for a, b in zip(shape, told, strict=True))
        if not element:
            raise ModelError(f"{node.where}: the type of its output '{name}' cannot be inferred")
        return element, shape

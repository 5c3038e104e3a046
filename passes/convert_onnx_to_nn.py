"""The pass that replaces the operators of the onnx dialect by nn operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects._onnx_base import OnnxOp
from rnncc.dialects._types import shape_of, type_of
from rnncc.errors import DynamicTimeError, ModelError, RnnccError
from rnncc.passes import (
    _onnx_activation,
    _onnx_constant,
    _onnx_elementwise,
    _onnx_gather,
    _onnx_index,
    _onnx_normalize,
    _onnx_pad,
    _onnx_product,
    _onnx_reduce,
    _onnx_shape,
    _onnx_window,
)
from rnncc.passes._onnx_node import Converter, Node

CONVERTERS: dict[str, Converter] = {
    **_onnx_elementwise.TABLE,
    **_onnx_activation.TABLE,
    **_onnx_product.TABLE,
    **_onnx_reduce.TABLE,
    **_onnx_normalize.TABLE,
    **_onnx_shape.TABLE,
    **_onnx_constant.TABLE,
    **_onnx_index.TABLE,
    **_onnx_gather.TABLE,
    **_onnx_pad.TABLE,
    **_onnx_window.TABLE,
}


@dataclass(frozen=True)
class ConvertOnnxToNnPass(ModulePass):
    """Replace every ONNX operator that is left, also inside recurrences, by nn operations. Exact.

    Needs: static maximum shapes on every tensor; LSTM, GRU, RNN, Scan and Loop already converted
    (convert-onnx-to-rnn). Ensures: no operation of the onnx dialect is left; each new operation
    names its ONNX node. Operators are composed as the ONNX specification defines them.

    Raises UnsupportedError, naming operator, node and reason, for what nn cannot express, and
    DynamicTimeError for what would hold at one run-time length only.

    Source: the ONNX operator specification, https://onnx.ai/onnx/operators/.
    """

    name = "convert-onnx-to-nn"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Convert in place, users first, so that what only served a shape is dead when reached."""
        for node in reversed(list(op.walk())):
            if isinstance(node, OnnxOp):
                convert(node)


def convert(op: OnnxOp) -> None:
    """Replace one ONNX operation; one whose results nobody uses is only erased.

    Raises:
        UnsupportedError: there is no exact replacement.
        DynamicTimeError: the replacement would be exact for one run-time length only.
    """
    if all(result.first_use is None for result in op.results):
        _erase(op)
        return
    node = Node(op)
    if (converter := CONVERTERS.get(node.kind)) is None:
        node.refuse("this operator is not supported")
    try:
        made = converter(node)
    except RnnccError as error:
        if error.message.startswith(node.title):
            raise
        raise type(error)(f"{node.title}: {error.message}", error.hint) from error
    values = [made] if isinstance(made, SSAValue) else made
    block = op.parent
    assert block is not None
    block.insert_ops_before(node.emitted, op)
    _replace(node, values)
    _erase(op)


def _replace(node: Node, values: Sequence[SSAValue | None]) -> None:
    for position, old in enumerate(node.op.outputs_by_position()):
        if old is None:
            continue
        new = values[position] if position < len(values) else None
        if new is None:
            if old.first_use is None:
                continue
            node.refuse(f"its output {position} is not supported")
        if isinstance(old.type, TensorType) and old.type != new.type:
            _explain(node, type_of(old), type_of(new))
        if new.name_hint is None:
            new.name_hint = old.name_hint
        old.replace_all_uses_with(new)


def _explain(node: Node, inferred: TensorType, built: TensorType) -> None:
    """Raise the error for a result that is not what shape inference said."""
    if inferred.element_type != built.element_type or shape_of(inferred) != shape_of(built):
        raise ModelError(f"{node.title}: the model says {inferred}, the operator gives {built}")
    raise DynamicTimeError(
        f"{node.title}: run-time lengths cannot be followed, {inferred} becomes {built}"
    )


def _erase(op: Operation) -> None:
    op.detach()
    op.erase()

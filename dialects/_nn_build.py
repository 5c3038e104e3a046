"""nn operations that repeat, join or extend tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr, TensorType, i64
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def, var_operand_def

from rnncc.dialects import _nn_infer_shape as infer
from rnncc.dialects._nn_base import NNOp, integer, ints, number


@irdl_op_definition
class ConcatOp(NNOp):
    """The parts one after the other along axis."""

    name = "nn.concat"
    WORDS: ClassVar = ("axis",)

    axis = prop_def(IntegerAttr)
    parts = var_operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, parts: Sequence[SSAValue], axis: int):
        super().__init__(
            operands=[parts],
            properties={"axis": integer(axis)},
            result_types=[infer.infer_concat(parts, axis)],
        )

    def inferred(self) -> TensorType:
        """See infer_concat."""
        return infer.infer_concat(self.parts, self.axis.value.data)


@irdl_op_definition
class PadOp(NNOp):
    """x with `low` elements `value` before and `high` behind it in each dimension."""

    name = "nn.pad"
    WORDS: ClassVar = ("low", "high", "value")

    low = prop_def(DenseArrayBase.constr(i64))
    high = prop_def(DenseArrayBase.constr(i64))
    value = prop_def(FloatAttr)
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self, x: SSAValue, low: Sequence[int], high: Sequence[int], value: float | FloatAttr = 0.0
    ):
        super().__init__(
            operands=[x],
            properties={"low": ints(low), "high": ints(high), "value": number(value)},
            result_types=[infer.infer_pad(x, low, high)],
        )

    def inferred(self) -> TensorType:
        """See infer_pad."""
        return infer.infer_pad(self.x, self.low.get_values(), self.high.get_values())


@irdl_op_definition
class BroadcastOp(NNOp):
    """x repeated to the result type's shape by NumPy's broadcasting rule."""

    name = "nn.broadcast"

    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, result_type: TensorType):
        super().__init__(operands=[x], result_types=[infer.check_broadcast(x, result_type)])

    def inferred(self) -> TensorType:
        """See check_broadcast."""
        return infer.check_broadcast(self.x, self.result)


@irdl_op_definition
class IotaOp(NNOp):
    """``r[..., i, ...] = i`` for the index i along axis, in the result's element type."""

    name = "nn.iota"
    WORDS: ClassVar = ("axis",)

    axis = prop_def(IntegerAttr)
    result = result_def(TensorType)

    def __init__(self, result_type: TensorType, axis: int):
        super().__init__(
            properties={"axis": integer(axis)},
            result_types=[infer.check_iota(result_type, axis)],
        )

    def inferred(self) -> TensorType:
        """See check_iota."""
        return infer.check_iota(self.result, self.axis.value.data)


@irdl_op_definition
class ReverseSequenceOp(NNOp):
    """``r[t, b] = x[lens[b]-1-t, b]`` for t < lens[b], else ``x[t, b]`` (axes as given)."""

    name = "nn.reverse_sequence"
    WORDS: ClassVar = ("time_axis", "batch_axis")

    time_axis = prop_def(IntegerAttr)
    batch_axis = prop_def(IntegerAttr)
    x = operand_def(TensorType)
    lens = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, lens: SSAValue, time_axis: int = 0, batch_axis: int = 1):
        super().__init__(
            operands=[x, lens],
            properties={"time_axis": integer(time_axis), "batch_axis": integer(batch_axis)},
            result_types=[infer.infer_reverse_sequence(x, lens, time_axis, batch_axis)],
        )

    def inferred(self) -> TensorType:
        """See infer_reverse_sequence."""
        time_axis, batch_axis = self.time_axis.value.data, self.batch_axis.value.data
        return infer.infer_reverse_sequence(self.x, self.lens, time_axis, batch_axis)


OPERATIONS: Sequence[type[NNOp]] = (ConcatOp, PadOp, BroadcastOp, IotaOp, ReverseSequenceOp)

"""nn operations that move or select data without computing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType, i64
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def

from rnncc.dialects import _nn_infer_shape as infer
from rnncc.dialects._nn_base import NNOp, integer, ints


@irdl_op_definition
class ReshapeOp(NNOp):
    """The elements of x in C order under another shape, the result type's."""

    name = "nn.reshape"

    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, result_type: TensorType):
        super().__init__(operands=[x], result_types=[infer.check_reshape(x, result_type)])

    def inferred(self) -> TensorType:
        """See check_reshape."""
        return infer.check_reshape(self.x, self.result)


@irdl_op_definition
class TransposeOp(NNOp):
    """``r.shape[i] = x.shape[perm[i]]``, NumPy's transpose."""

    name = "nn.transpose"
    WORDS: ClassVar = ("perm",)

    perm = prop_def(DenseArrayBase.constr(i64))
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, perm: Sequence[int]):
        super().__init__(
            operands=[x],
            properties={"perm": ints(perm)},
            result_types=[infer.infer_transpose(x, perm)],
        )

    def inferred(self) -> TensorType:
        """See infer_transpose."""
        return infer.infer_transpose(self.x, self.perm.get_values())


@irdl_op_definition
class SliceOp(NNOp):
    """``r[i, ...] = x[starts[0] + i*steps[0], ...]``; one start, size and step a dimension.

    A step may be negative; the start is then the highest index. A run-time dimension can be taken
    whole, whole reversed (from its actual last element), or its first element alone.
    """

    name = "nn.slice"
    WORDS: ClassVar = ("starts", "sizes", "steps")

    starts = prop_def(DenseArrayBase.constr(i64))
    sizes = prop_def(DenseArrayBase.constr(i64))
    steps = prop_def(DenseArrayBase.constr(i64))
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self,
        x: SSAValue,
        starts: Sequence[int],
        sizes: Sequence[int],
        steps: Sequence[int] | None = None,
    ):
        steps = [1] * len(starts) if steps is None else steps
        super().__init__(
            operands=[x],
            properties={"starts": ints(starts), "sizes": ints(sizes), "steps": ints(steps)},
            result_types=[infer.infer_slice(x, starts, sizes, steps)],
        )

    def inferred(self) -> TensorType:
        """See infer_slice."""
        props = (self.starts, self.sizes, self.steps)
        return infer.infer_slice(self.x, *(p.get_values() for p in props))


@irdl_op_definition
class DynamicSliceOp(NNOp):
    """``r = x[start : start+size]`` along axis, where ``0 <= start <= x.shape[axis] - size``."""

    name = "nn.dynamic_slice"
    WORDS: ClassVar = ("axis", "size")

    axis = prop_def(IntegerAttr)
    size = prop_def(IntegerAttr)
    x = operand_def(TensorType)
    start = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, start: SSAValue, axis: int, size: int):
        super().__init__(
            operands=[x, start],
            properties={"axis": integer(axis), "size": integer(size)},
            result_types=[infer.infer_dynamic_slice(x, start, axis, size)],
        )

    def inferred(self) -> TensorType:
        """See infer_dynamic_slice."""
        axis, size = self.axis.value.data, self.size.value.data
        return infer.infer_dynamic_slice(self.x, self.start, axis, size)


@irdl_op_definition
class DynamicUpdateOp(NNOp):
    """``r = x`` but ``r[start : start+size] = part`` along axis, where ``0 <= start <= x.shape[axis] - size``.

    `size` is the part's; elsewhere the part has the sizes of x.
    """

    name = "nn.dynamic_update"
    WORDS: ClassVar = ("axis",)

    axis = prop_def(IntegerAttr)
    x = operand_def(TensorType)
    part = operand_def(TensorType)
    start = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, part: SSAValue, start: SSAValue, axis: int):
        super().__init__(
            operands=[x, part, start],
            properties={"axis": integer(axis)},
            result_types=[infer.infer_dynamic_update(x, part, start, axis)],
        )

    def inferred(self) -> TensorType:
        """See infer_dynamic_update."""
        return infer.infer_dynamic_update(self.x, self.part, self.start, self.axis.value.data)


@irdl_op_definition
class GatherOp(NNOp):
    """``r[p, i, q] = data[p, indices[i], q]`` along axis; ``0 <= index < data.shape[axis]``."""

    name = "nn.gather"
    WORDS: ClassVar = ("axis",)

    axis = prop_def(IntegerAttr)
    data = operand_def(TensorType)
    indices = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, data: SSAValue, indices: SSAValue, axis: int):
        super().__init__(
            operands=[data, indices],
            properties={"axis": integer(axis)},
            result_types=[infer.infer_gather(data, indices, axis)],
        )

    def inferred(self) -> TensorType:
        """See infer_gather."""
        return infer.infer_gather(self.data, self.indices, self.axis.value.data)


OPERATIONS: Sequence[type[NNOp]] = (
    ReshapeOp,
    TransposeOp,
    SliceOp,
    DynamicSliceOp,
    DynamicUpdateOp,
    GatherOp,
)

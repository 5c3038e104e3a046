"""nn operations that slide a window over the last dimensions: convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntegerAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def

from rnncc.dialects._nn_base import NNOp, flag, integer, ints
from rnncc.dialects._nn_infer_window import Sliding, infer_conv, infer_pool, slidings
from rnncc.dialects._types import shape_of


@irdl_op_definition
class ConvOp(NNOp):
    """A convolution (in fact a correlation, as everywhere) of x [n, c, space...].

    ``r[n, m, p...] = sum over c, k... of x[n, g*c' + c, p*stride + k*dilation - low] * w[m, c, k...]``
    where w is [m, c', kernel...], ``c' = c / groups`` and m belongs to group ``g = m // (m' / groups)``;
    x is 0 outside. One to any number of spatial dimensions. f16 and bf16 are accumulated in f32.
    n may follow a run-time length.
    """

    name = "nn.conv"
    WORDS: ClassVar = ("strides", "dilations", "low", "high", "groups")

    strides = prop_def(DenseArrayBase.constr(i64))
    """Elements of x between neighbouring windows, a number a spatial dimension."""
    dilations = prop_def(DenseArrayBase.constr(i64))
    """Elements of x between neighbours in one window."""
    low = prop_def(DenseArrayBase.constr(i64))
    """Zeros before x."""
    high = prop_def(DenseArrayBase.constr(i64))
    """Zeros behind x."""
    groups = prop_def(IntegerAttr)
    """Channels fall into so many groups that do not see one another."""
    x = operand_def(TensorType)
    w = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self,
        x: SSAValue,
        w: SSAValue,
        strides: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        low: Sequence[int] | None = None,
        high: Sequence[int] | None = None,
        groups: int = 1,
    ):
        rank = max(len(shape_of(x)) - 2, 0)
        windows = _defaults(rank, strides, dilations, low, high)
        super().__init__(
            operands=[x, w],
            properties={
                **dict(zip(self.WORDS, map(ints, windows), strict=False)),
                "groups": integer(groups),
            },
            result_types=[infer_conv(x, w, *windows, groups=groups)],
        )

    def _windows(self) -> list[tuple[int, ...]]:
        return [p.get_values() for p in (self.strides, self.dilations, self.low, self.high)]

    def slidings(self) -> list[Sliding]:
        """How the window slides along each spatial dimension."""
        return slidings("conv", shape_of(self.x)[2:], shape_of(self.w)[2:], *self._windows())

    def inferred(self) -> TensorType:
        """See infer_conv."""
        return infer_conv(self.x, self.w, *self._windows(), groups=self.groups.value.data)


@irdl_op_definition
class PoolOp(NNOp):
    """The largest or the mean element of each window of x [n, c, space...].

    Padding never is the largest. A mean counts the elements of x in the window, with `include_pad`
    those of the padding as well (as 0). With `ceil` a last window that reaches beyond the padding counts
    when it starts before the padding behind; what lies beyond is counted nowhere. n may follow a
    run-time length.
    """

    name = "nn.pool"
    WORDS: ClassVar = ("kernel", "strides", "dilations", "low", "high", "ceil", "include_pad")

    kind = prop_def(StringAttr)
    """``max`` or ``average``."""
    kernel = prop_def(DenseArrayBase.constr(i64))
    """Elements of the window, a number a spatial dimension."""
    strides = prop_def(DenseArrayBase.constr(i64))
    """Elements of x between neighbouring windows."""
    dilations = prop_def(DenseArrayBase.constr(i64))
    """Elements of x between neighbours in one window."""
    low = prop_def(DenseArrayBase.constr(i64))
    """Padding before x."""
    high = prop_def(DenseArrayBase.constr(i64))
    """Padding behind x."""
    ceil = opt_prop_def(UnitAttr)
    """Round the number of windows up."""
    include_pad = opt_prop_def(UnitAttr)
    """Means count the padding."""
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self,
        kind: str,
        x: SSAValue,
        kernel: Sequence[int],
        strides: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        low: Sequence[int] | None = None,
        high: Sequence[int] | None = None,
        *,
        ceil: bool = False,
        include_pad: bool = False,
    ):
        windows = _defaults(len(kernel), strides, dilations, low, high)
        super().__init__(
            operands=[x],
            properties={
                "kind": StringAttr(kind),
                **dict(zip(self.WORDS, map(ints, [kernel, *windows]), strict=False)),
                "ceil": flag(ceil),
                "include_pad": flag(include_pad),
            },
            result_types=[
                infer_pool(kind, x, kernel, *windows, ceil=ceil, include_pad=include_pad)
            ],
        )

    def _windows(self) -> list[tuple[int, ...]]:
        lists = (self.kernel, self.strides, self.dilations, self.low, self.high)
        return [p.get_values() for p in lists]

    def slidings(self) -> list[Sliding]:
        """How the window slides along each spatial dimension."""
        return slidings("pool", shape_of(self.x)[2:], *self._windows(), ceil=self.ceil is not None)

    def inferred(self) -> TensorType:
        """See infer_pool."""
        ceil, include = self.ceil is not None, self.include_pad is not None
        return infer_pool(self.kind.data, self.x, *self._windows(), ceil=ceil, include_pad=include)


def _defaults(rank: int, *lists: Sequence[int] | None) -> list[list[int]]:
    ones, zeros = [1] * rank, [0] * rank
    return [
        list(default if given is None else given)
        for given, default in zip(lists, (ones, ones, zeros, zeros), strict=True)
    ]


OPERATIONS: Sequence[type[NNOp]] = (ConvOp, PoolOp)

"""Instructions of the vector engine that make or reduce elements."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, UnitAttr, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def

from rnncc.dialects._npu_instruction import Dims, InstructionOp, require
from rnncc.dialects._npu_kinds import (
    ARG_KINDS,
    REDUCE_KINDS,
    check_kind,
)
from rnncc.dialects._npu_number import number_attribute
from rnncc.dialects._npu_reach import element_of
from rnncc.dialects._npu_types import ViewType

Value = SSAValue | Operation
NO_DIMS: Dims = (None, None, None)


@irdl_op_definition
class FillOp(InstructionOp):
    """``dst = value``: ``npu.fill %d [1, 1, 256] value 0.0 : ...``."""

    name = "npu.fill"
    NUMBERS: ClassVar = ("value",)

    dst = operand_def(ViewType)
    """Result."""
    value = prop_def(Attribute)
    """The number, f64 or i64."""

    def __init__(self, dst: Value, value: float, extents, *, dims=NO_DIMS):
        super().__init__([dst], extents, dims, {"value": number_attribute(value)})


@irdl_op_definition
class IotaOp(InstructionOp):
    """``dst = start + position along e2``: ``npu.iota %d [1, 1, 25] : ...``."""

    name = "npu.iota"
    NUMBERS: ClassVar = ("start",)

    dst = operand_def(ViewType)
    """Result."""
    start = opt_prop_def(Attribute)
    """First value; zero when absent."""

    def __init__(self, dst: Value, extents, start: float = 0, *, dims=NO_DIMS):
        super().__init__(
            [dst], extents, dims, {"start": number_attribute(start) if start else None}
        )


@irdl_op_definition
class ReduceOp(InstructionOp):
    """``dst[e0, e1] = kind over e2 of a``: ``npu.reduce sum %d, %a [1, 4, 256] : ...``."""

    name = "npu.reduce"
    VIEWS: ClassVar = ("dst", "a")
    WORDS: ClassVar = ("kind",)
    AXES: ClassVar = {"dst": (0, 1)}

    dst = operand_def(ViewType)
    """Result; its last stride is not used."""
    a = operand_def(ViewType)
    """Source."""
    kind = prop_def(StringAttr)
    """sum max min prod."""

    def __init__(self, kind: str, dst: Value, a: Value, extents, *, dims=NO_DIMS):
        super().__init__([dst, a], extents, dims, {"kind": StringAttr(kind)})

    def verify_types(self) -> None:
        """A known kind; one element type."""
        check_kind(self, REDUCE_KINDS)
        super().verify_types()


@irdl_op_definition
class ArgReduceOp(InstructionOp):
    """``dst[e0, e1] = position along e2 of the extreme``: ``npu.argreduce argmax %d, %a [...]``.

    The first one, or the last with `select_last`. i64 out.
    """

    name = "npu.argreduce"
    VIEWS: ClassVar = ("dst", "a")
    WORDS: ClassVar = ("kind",)
    FLAGS: ClassVar = ("select_last",)
    AXES: ClassVar = {"dst": (0, 1)}

    dst = operand_def(ViewType)
    """Positions, i64."""
    a = operand_def(ViewType)
    """Source."""
    kind = prop_def(StringAttr)
    """argmax or argmin."""
    select_last = opt_prop_def(UnitAttr)
    """Of equal elements take the last."""

    def __init__(
        self, kind: str, dst: Value, a: Value, extents, *, select_last=False, dims=NO_DIMS
    ):
        properties = {
            "kind": StringAttr(kind),
            "select_last": UnitAttr() if select_last else None,
        }
        super().__init__([dst, a], extents, dims, properties)

    def verify_types(self) -> None:
        """A known kind; i64 out."""
        check_kind(self, ARG_KINDS)
        require(element_of(self.dst) == i64, f"{self.name} writes i64")

"""Element-wise instructions of the vector engine."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, i1
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def

from rnncc.dialects._npu_instruction import Dims, InstructionOp, require
from rnncc.dialects._npu_kinds import (
    BINARY_KINDS,
    COMPARE_KINDS,
    UNARY_KINDS,
    check_kind,
)
from rnncc.dialects._npu_number import number
from rnncc.dialects._npu_reach import element_of
from rnncc.dialects._npu_types import ViewType

Value = SSAValue | Operation
NO_DIMS: Dims = (None, None, None)


@irdl_op_definition
class UnaryOp(InstructionOp):
    """``dst = kind(a)`` for each element: ``npu.unary tanh %d, %a [1, 1, 256] : ...``."""

    name = "npu.unary"
    VIEWS: ClassVar = ("dst", "a")
    WORDS: ClassVar = ("kind",)
    NUMBERS: ClassVar = ("alpha", "beta")

    dst = operand_def(ViewType)
    """Result."""
    a = operand_def(ViewType)
    """Argument."""
    kind = prop_def(StringAttr)
    """The function: the unary kinds of the nn dialect."""
    alpha = opt_prop_def(Attribute)
    """First parameter of the function."""
    beta = opt_prop_def(Attribute)
    """Second parameter of the function."""

    def __init__(
        self,
        kind: str,
        dst: Value,
        a: Value,
        extents,
        *,
        alpha: float | None = None,
        beta: float | None = None,
        dims=NO_DIMS,
    ):
        properties = {"kind": StringAttr(kind), "alpha": number(alpha), "beta": number(beta)}
        super().__init__([dst, a], extents, dims, properties)

    def verify_types(self) -> None:
        """A known kind; one element type."""
        check_kind(self, UNARY_KINDS)
        super().verify_types()


@irdl_op_definition
class BinaryOp(InstructionOp):
    """``dst = a kind b`` for each element: ``npu.binary add %d, %a, %b [1, 1, 256] : ...``."""

    name = "npu.binary"
    VIEWS: ClassVar = ("dst", "a", "b")
    WORDS: ClassVar = ("kind",)

    dst = operand_def(ViewType)
    """Result."""
    a = operand_def(ViewType)
    """Left operand."""
    b = operand_def(ViewType)
    """Right operand."""
    kind = prop_def(StringAttr)
    """add sub mul div min max pow mod fmod and or xor; integer div truncates."""

    def __init__(self, kind: str, dst: Value, a: Value, b: Value, extents, *, dims=NO_DIMS):
        super().__init__([dst, a, b], extents, dims, {"kind": StringAttr(kind)})

    def verify_types(self) -> None:
        """A known kind; one element type."""
        check_kind(self, BINARY_KINDS)
        super().verify_types()


@irdl_op_definition
class CompareOp(InstructionOp):
    """``dst = a kind b`` as i1: ``npu.compare lt %d, %a, %b [1, 1, 256] : ...``."""

    name = "npu.compare"
    VIEWS: ClassVar = ("dst", "a", "b")
    WORDS: ClassVar = ("kind",)

    dst = operand_def(ViewType)
    """Result, i1."""
    a = operand_def(ViewType)
    """Left operand."""
    b = operand_def(ViewType)
    """Right operand."""
    kind = prop_def(StringAttr)
    """eq ne lt le gt ge."""

    def __init__(self, kind: str, dst: Value, a: Value, b: Value, extents, *, dims=NO_DIMS):
        super().__init__([dst, a, b], extents, dims, {"kind": StringAttr(kind)})

    def verify_types(self) -> None:
        """A known kind; operands of one type; i1 out."""
        check_kind(self, COMPARE_KINDS)
        require(element_of(self.dst) == i1, f"{self.name} writes i1")
        require(element_of(self.a) == element_of(self.b), f"{self.name}: element types differ")


@irdl_op_definition
class SelectOp(InstructionOp):
    """``dst = c ? a : b`` for each element: ``npu.select %d, %c, %a, %b [1, 1, 256] : ...``."""

    name = "npu.select"
    VIEWS: ClassVar = ("dst", "c", "a", "b")

    dst = operand_def(ViewType)
    """Result."""
    c = operand_def(ViewType)
    """Condition, i1."""
    a = operand_def(ViewType)
    """Taken where the condition holds."""
    b = operand_def(ViewType)
    """Taken elsewhere."""

    def __init__(self, dst: Value, c: Value, a: Value, b: Value, extents, *, dims=NO_DIMS):
        super().__init__([dst, c, a, b], extents, dims)

    def verify_types(self) -> None:
        """An i1 condition; the rest of one type."""
        require(element_of(self.c) == i1, f"{self.name}: the condition is i1")
        types = {element_of(self.dst), element_of(self.a), element_of(self.b)}
        require(len(types) == 1, f"{self.name}: element types differ")


@irdl_op_definition
class ConvertOp(InstructionOp):
    """``dst = a`` in the destination's element type: ``npu.convert %d, %a [1, 1, 9] : ...``.

    Floats to integers truncate, anything to i1 compares with zero (ONNX Cast).
    """

    name = "npu.convert"
    VIEWS: ClassVar = ("dst", "a")

    dst = operand_def(ViewType)
    """Result."""
    a = operand_def(ViewType)
    """Source."""

    def __init__(self, dst: Value, a: Value, extents, *, dims=NO_DIMS):
        super().__init__([dst, a], extents, dims)

    def verify_types(self) -> None:
        """Any two types."""

"""Instructions of the matrix and the vector engine."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, UnitAttr, i1, i32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def

from rnncc.dialects._npu_instruction import (
    Dims,
    InstructionOp,
    _number_attribute,
    element_of,
    number,
    require,
)
from rnncc.dialects._npu_types import ViewType

Value = SSAValue | Operation
NO_DIMS: Dims = (None, None, None)


def kinds(words: str) -> frozenset[str]:
    """The set of the words of a text."""
    return frozenset(words.split())


UNARY_KINDS = kinds(
    "neg abs exp log sqrt reciprocal floor ceil round sign erf not identity sin cos relu tanh "
    "sigmoid affine leaky_relu thresholded_relu scaled_tanh hard_sigmoid elu softsign "
    "softplus"
)
BINARY_KINDS = kinds("add sub mul div min max pow mod fmod and or xor")
COMPARE_KINDS = kinds("eq ne lt le gt ge")
REDUCE_KINDS = kinds("sum max min prod")
ARG_KINDS = frozenset(("argmax", "argmin"))


def check_kind(op: InstructionOp, kinds: frozenset[str]) -> None:
    """Refuse an unknown `kind`, with the nearest known one."""
    from rnncc.errors import nearest

    kind = op.properties["kind"].data  # type: ignore[attr-defined]
    hint = nearest(kind, sorted(kinds))
    require(kind in kinds, f"{op.name} has no kind '{kind}'" + (f", {hint}" if hint else ""))


@irdl_op_definition
class MmOp(InstructionOp):
    """``dst[m, n] (+)= sum over k of x[m, k] * w[n, k]`` with extents [m, n, k].

    ``npu.mm %d, %x, %w [1, 1024, 256] accumulate : ...``. Strides: dst (s0: m, s1: n),
    x (s0: m, s2: k), w (s1: n, s2: k). In weight memory `w` must be exactly one
    matrix that a dma loaded.
    """

    name = "npu.mm"
    VIEWS: ClassVar = ("dst", "x", "w")
    FLAGS: ClassVar = ("accumulate",)
    AXES: ClassVar = {"dst": (0, 1), "x": (0, 2), "w": (1, 2)}
    MEMORIES: ClassVar = {"w": ("wmem",)}
    ENGINE: ClassVar = "matrix"

    dst = operand_def(ViewType)
    """Product, in vector memory."""
    x = operand_def(ViewType)
    """Left factor, m x k, in vector memory."""
    w = operand_def(ViewType)
    """Right factor, n x k, in weight memory."""
    accumulate = opt_prop_def(UnitAttr)
    """Add to the destination instead of overwriting it."""

    def __init__(self, dst: Value, x: Value, w: Value, extents, *, accumulate=False, dims=NO_DIMS):
        super().__init__(
            [dst, x, w], extents, dims, {"accumulate": UnitAttr() if accumulate else None}
        )

    @property
    def reads(self) -> tuple[SSAValue, ...]:
        """The factors, and the destination when it accumulates."""
        views = (self.x, self.w)
        return (*views, self.dst) if self.accumulate is not None else views


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
        super().__init__([dst], extents, dims, {"value": _number_attribute(value)})


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
            [dst], extents, dims, {"start": _number_attribute(start) if start else None}
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


ANY_MEMORY = ("dram", "wmem", "vmem")


@irdl_op_definition
class DmaOp(InstructionOp):
    """``dst = src`` between any two memories: ``npu.dma %d, %s [1, 4, 256] : ...``.

    Into weight memory one dma loads one matrix of e1 rows and e2 columns (e0 = 1).
    """

    name = "npu.dma"
    VIEWS: ClassVar = ("dst", "src")
    MEMORIES: ClassVar = {"dst": ANY_MEMORY, "src": ANY_MEMORY}
    ENGINE: ClassVar = "dma"

    dst = operand_def(ViewType)
    """Where to."""
    src = operand_def(ViewType)
    """Where from."""

    def __init__(self, dst: Value, src: Value, extents, *, dims=NO_DIMS):
        super().__init__([dst, src], extents, dims)

    def verify_types(self) -> None:
        """One element type; one matrix at a time into weight memory."""
        super().verify_types()
        assert isinstance(self.dst.type, ViewType)
        if self.dst.type.memory.data == "wmem":
            require(
                self.extent_values[0] <= 1 and self.dim0 is None,
                "npu.dma into wmem loads one matrix: its first extent is 1",
            )


@irdl_op_definition
class GatherOp(InstructionOp):
    """``dst[e0, e1, e2] = table[index[e0], e1, e2]``: ``npu.gather %d, %t, %i [25, 1, 64] : ...``.

    The table's s0 is the distance of its rows; the index (i32 or i64) uses its own s0.
    """

    name = "npu.gather"
    VIEWS: ClassVar = ("dst", "table", "index")
    # Which rows of the table are read is only known when it runs.
    AXES: ClassVar = {"table": (1, 2), "index": (0,)}
    MEMORIES: ClassVar = {
        "dst": ("dram", "vmem"),
        "table": ("dram", "vmem"),
        "index": ("dram", "vmem"),
    }
    ENGINE: ClassVar = "dma"

    dst = operand_def(ViewType)
    """Rows, in the order of the index."""
    table = operand_def(ViewType)
    """Where the rows are."""
    index = operand_def(ViewType)
    """Row numbers, i32 or i64."""

    def __init__(self, dst: Value, table: Value, index: Value, extents, *, dims=NO_DIMS):
        super().__init__([dst, table, index], extents, dims)

    def verify_types(self) -> None:
        """Table and destination of one type; integer indices."""
        require(
            element_of(self.dst) == element_of(self.table), f"{self.name}: element types differ"
        )
        require(element_of(self.index) in (i32, i64), f"{self.name}: the index is i32 or i64")

"""Instructions of the matrix and the dma engine."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, UnitAttr, bf16, f16, f32, i32, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def

from rnncc.dialects._npu_instruction import Dims, InstructionOp, require
from rnncc.dialects._npu_number import number_attribute
from rnncc.dialects._npu_reach import element_of
from rnncc.dialects._npu_types import ViewType
from rnncc.dialects._npu_view import ViewOp

Value = SSAValue | Operation
NO_DIMS: Dims = (None, None, None)
ANY_MEMORY = ("dram", "wmem", "vmem")


def require_dense(op: InstructionOp, name: str) -> None:
    """Refuse a window of weight memory whose rows (e1) of e2 elements are not dense."""
    view = op.operands[op.VIEWS.index(name)].owner
    if isinstance(view, ViewOp) and op.dim1 is None and op.dim2 is None:
        _, rows, columns = op.extent_values
        _, s1, s2 = view.stride_values
        dense = (columns <= 1 or s2 == 1) and (rows <= 1 or s1 == columns)
        require(dense, f"{op.name}: {name} must be a dense matrix of {columns} columns in wmem")


@irdl_op_definition
class MmOp(InstructionOp):
    """``dst[m, n] (+)= sum over k of x[m, k] * w[n, k]`` with extents [m, n, k].

    ``npu.mm %d, %x, %w [1, 1024, 256] accumulate : ...``. Strides: dst (s0: m, s1: n),
    x (s0: m, s2: k), w (s1: n, s2: k). Products of f16 or bf16 may go to an f32 destination, so that
    those that accumulate are rounded once. In weight memory `w` must be exactly one
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

    def verify_types(self) -> None:
        """One element type, but sums of short floats may be kept in f32; `w` is a whole dense matrix."""
        dst, x, w = (element_of(v) for v in self.views)
        if dst != f32 or x != w or x not in (f16, bf16):
            super().verify_types()
        require_dense(self, "w")

    @property
    def reads(self) -> tuple[SSAValue, ...]:
        """The factors, and the destination when it accumulates."""
        views = (self.x, self.w)
        return (*views, self.dst) if self.accumulate is not None else views


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
            require_dense(self, "dst")
            require(
                self.extent_values[0] <= 1 and self.dim0 is None,
                "npu.dma into wmem loads one matrix: its first extent is 1",
            )


@irdl_op_definition
class GatherOp(InstructionOp):
    """``dst[e0, e1, e2] = table[index[e0], e1, e2]``: ``npu.gather %d, %t, %i [25, 1, 64] rows 99 : ...``.

    The table's s0 is the distance of its rows; the index (i32 or i64) uses its own s0.
    """

    name = "npu.gather"
    VIEWS: ClassVar = ("dst", "table", "index")
    # Which rows of the table are read is only known when it runs.
    AXES: ClassVar = {"table": (1, 2), "index": (0,)}
    NUMBERS: ClassVar = ("rows",)
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

    rows = prop_def(IntegerAttr.constr(type=i64))
    """Rows of the table; a negative index counts from the end."""

    def __init__(self, dst: Value, table: Value, index: Value, extents, *, rows: int, dims=NO_DIMS):
        super().__init__([dst, table, index], extents, dims, {"rows": number_attribute(rows)})

    def counts(self, name: str) -> list[tuple[int, int, SSAValue | None]]:
        """As for every instruction; the table has `rows` rows."""
        counts = super().counts(name)
        return [(0, self.rows.value.data, None), *counts] if name == "table" else counts

    def verify_types(self) -> None:
        """Table and destination of one type; integer indices."""
        require(
            element_of(self.dst) == element_of(self.table), f"{self.name}: element types differ"
        )
        require(element_of(self.index) in (i32, i64), f"{self.name}: the index is i32 or i64")

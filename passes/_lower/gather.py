"""nn.gather: rows picked by the DMA engine."""

from __future__ import annotations

from rnncc.dialects import nn, npu
from rnncc.dialects._types import numpy_dtype
from rnncc.passes._lower.dims import Dim, collapse
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref


def gather(low: Lowering, op: nn.GatherOp) -> None:
    """Rows picked by the DMA engine; dimensions around the axis are columns of the row."""
    axis = op.axis.value.data
    target, table, index = low.place(op.result), low.get(op.data), low.get(op.indices)
    if numpy_dtype(index.element).name not in ("int32", "int64"):
        index = _wider(low, index)
    rank = len(index.dims)
    picked = (target.dims[axis : axis + rank], [index.strides, target.strides[axis : axis + rank]])
    around = [i for i in range(len(table.dims)) if i != axis]
    after = [i if i < axis else i + rank - 1 for i in around]
    columns = (
        [table.dims[i] for i in around],
        [[table.strides[i] for i in around], [target.strides[i] for i in after]],
    )
    rows, (index_steps, row_steps) = collapse(*picked)
    cols, (table_steps, col_steps) = collapse(*columns)

    def emit(dst: Ref, table: Ref, index: Ref, rows: list, cols: list) -> None:
        if len(rows) > 1:
            dim, near, far = rows[0]
            low.turns(
                dim, lambda i: emit(dst.moved(i, far), table, index.moved(i, near), rows[1:], cols)
            )
            return
        if len(cols) > 2:
            dim, near, far = cols[0]
            low.turns(
                dim, lambda i: emit(dst.moved(i, far), table.moved(i, near), index, rows, cols[1:])
            )
            return
        one = (Dim(1), 0, 0)
        row = rows[0] if rows else one
        first, second = ([one, one, *cols])[-2:]
        low.add(
            npu.GatherOp(
                low.view(dst, [row[2], first[2], second[2]]),
                low.view(table, [table_pitch, first[1], second[1]]),
                low.view(index, [row[1], 0, 0]),
                rows=height,
                **low.shape([row[0], first[0], second[0]]),
            )
        )

    table_pitch, height = table.strides[axis], table.dims[axis].size
    if not target.empty:
        emit(
            target,
            table,
            index,
            list(zip(rows, index_steps, row_steps, strict=True)),
            list(zip(cols, table_steps, col_steps, strict=True)),
        )


def _wider(low: Lowering, index: Ref) -> Ref:
    from xdsl.dialects.builtin import i64

    source = low.load(index)
    wide = low.alloc(source.dims, i64, name="index")
    low.walk([wide, source], npu.ConvertOp)
    return wide


HANDLERS = {nn.GatherOp: gather}

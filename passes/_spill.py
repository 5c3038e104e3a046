"""Spilling: a buffer moves to off-chip memory and each use loads or stores a small staging copy."""

from __future__ import annotations

from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Operation, SSAValue

from rnncc.dialects import npu
from rnncc.dialects._types import copy_node
from rnncc.passes._live_ranges import LiveRange
from rnncc.passes._spill_choice import staging_shape


def spill(item: LiveRange) -> None:
    """Move a buffer off chip: a dma takes part directly, other uses go through staging copies.

    What was copied once from a constant or an input is loaded again from there.
    """
    old = item.alloc
    type_ = old.buffer.type
    assert isinstance(type_, npu.BufferType) and old.parent is not None
    source = _only_source(item)
    operations = list(dict.fromkeys(event.op for event in item.events))
    if source is not None:
        loader = next(event.op for event in item.events if event.write)
        operations.remove(loader)
        loader.detach()
        loader.erase()
        home: SSAValue | npu.ViewOp = source
    else:
        store = npu.AllocOp(type_.dims, type_.element_type, "dram", f"{old.sym.data}.spilled")
        copy_node(old, store)
        old.parent.insert_ops_before([store], old)
        home = store.buffer
    for op in operations:
        _rewrite(op, old.buffer, home)
    for use in list(old.buffer.uses):
        use.operation.detach()
        use.operation.erase()
    old.detach()
    old.erase()


def _only_source(item: LiveRange) -> npu.ViewOp | None:
    """The window of read-only memory that the whole buffer is a copy of, if it is one."""
    writes = [event for event in item.events if event.write]
    if len(writes) != 1 or not isinstance(writes[0].op, npu.DmaOp):
        return None
    load = writes[0].op
    source, target = load.src.owner, load.dst.owner
    assert isinstance(source, npu.ViewOp) and isinstance(target, npu.ViewOp)
    if not isinstance(source.buffer.owner, npu.ConstOp | npu.InputOp) or source.index is not None:
        return None
    for event in item.events:
        if event.write:
            continue
        if (
            not isinstance(event.op, npu.MmOp)
            or event.op.extent_values[1:] != load.extent_values[1:]
        ):
            return None
        view = event.op.w.owner
        assert isinstance(view, npu.ViewOp)
        if view.properties != target.properties or any(event.op.dims[1:]) or any(load.dims):
            return None
    return source


def _rewrite(op: Operation, old: SSAValue, home: SSAValue | npu.ViewOp) -> None:
    """Let one operation work on DRAM or on staging copies instead of `old`.

    `home` is the buffer that replaces it, or the one window that all uses read.
    """
    if isinstance(op, npu.ReadOp):
        view = op.view.owner
        assert isinstance(view, npu.ViewOp)
        op.operands[0] = _insert_before(op, _moved(view, home)).results[0]
        return
    assert isinstance(op, npu.InstructionOp) and op.parent is not None
    staged: dict[SSAValue, npu.ViewOp] = {}
    loads: list[SSAValue] = list(op.reads)
    for position, (name, value) in enumerate(zip(op.VIEWS, op.views, strict=True)):
        view = value.owner
        if not isinstance(view, npu.ViewOp) or view.buffer is not old:
            continue
        far = _insert_before(op, _moved(view, home))
        if isinstance(op, npu.DmaOp):
            op.operands[position] = far.results[0]
            continue
        if value not in staged:
            staged[value] = _stage(op, name, view)
        near = staged[value]
        op.operands[position] = near.result
        if position and value in loads:
            _copy(op, name, near.result, far.results[0], before=True)
        if position == 0:
            if value in loads:
                _copy(op, name, near.result, far.results[0], before=True)
            _copy(op, name, far.results[0], near.result, before=False)


def _insert_before(op: Operation, new: Operation) -> Operation:
    assert op.parent is not None
    op.parent.insert_ops_before([new], op)
    return new


def _moved(view: npu.ViewOp, home: SSAValue | npu.ViewOp) -> npu.ViewOp:
    """The same window at the buffer's new home."""
    if isinstance(home, npu.ViewOp):
        return npu.ViewOp(home.buffer, home.offset.value.data, home.stride_values)
    return npu.ViewOp(
        home, view.offset.value.data, view.stride_values, view.index, view.index_stride.value.data
    )


def _stage(op: npu.InstructionOp, name: str, view: npu.ViewOp) -> npu.ViewOp:
    """A staging buffer for one operand and the view of it that replaces the operand."""
    type_ = view.buffer.type
    assert isinstance(type_, npu.BufferType) and isinstance(view.buffer.owner, npu.AllocOp)
    shape = staging_shape(op, name)
    title = f"{view.buffer.owner.sym.data}.staging"
    alloc = npu.AllocOp(shape, type_.element_type, type_.memory.data, title)
    alloc.attributes["rnncc.staging"] = UnitAttr()
    copy_node(op, alloc)
    _insert_before(op, alloc)
    dense = npu.row_major(shape)
    strides = [d if s else 0 for d, s in zip(dense, view.stride_values, strict=True)]
    near = npu.ViewOp(alloc.buffer, 0, strides)
    _insert_before(op, near)
    return near


def _copy(op: npu.InstructionOp, name: str, dst: SSAValue, src: SSAValue, *, before: bool) -> None:
    """A dma of exactly the window that `op` uses, before or after it."""
    view = dst.owner
    assert isinstance(view, npu.ViewOp) and op.parent is not None
    extents: list[int] = [1, 1, 1]
    dims: list[SSAValue | None] = [None, None, None]
    for axis, count, dim in op.counts(name):
        # A repeated element is copied once.
        if view.stride_values[axis]:
            extents[axis], dims[axis] = count, dim
    move = npu.DmaOp(dst, src, extents, dims=dims)
    copy_node(op, move)
    if before:
        op.parent.insert_ops_before([move], op)
    else:
        op.parent.insert_ops_after([move], op)

"""The masks that lower-lengths gives a scan: which rows still run."""

from __future__ import annotations

from xdsl.dialects.builtin import i64
from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._emit import Emitter
from rnncc.passes._sink import Group, fitted, groups_of


def drop_sure_masks(scan: ScanOp) -> int:
    """Take out the selects by the mask of a single row: it holds in every step that is run.

    Returns:
        How many selects went.
    """
    gone = 0
    for group in groups_of(scan):
        if group.uniform and is_length_mask(scan, group.root):
            gone += len(group.selects)
            drop(group)
    return gone


def drop(group: Group) -> None:
    """Replace selects by what they take where their condition holds."""
    for select in group.selects:
        taken = fitted(Emitter(select), group.arm(select, True), select)
        select.result.replace_all_uses_with(taken)
        select.detach()
        select.erase()


def length_masks(scan: ScanOp) -> list[int]:
    """Numbers of the inputs that are masks of lengths."""
    return [k for k, argument in enumerate(scan.slice_args) if is_length_mask(scan, argument)]


def is_length_mask(scan: ScanOp, root: SSAValue) -> bool:
    """Whether a condition is ``t < lens`` of a scan that runs ``max(lens)`` steps: `lower-lengths`."""
    if root not in scan.slice_args or scan.steps is None:
        return False
    number = scan.slice_args.index(root)
    mask = _plain(scan.inputs[number])
    if scan.input_flags[number] or not isinstance(mask, nn.CompareOp) or mask.kind.data != "lt":
        return False
    times = _plain(mask.a)
    if not isinstance(times, nn.IotaOp) or times.axis.value.data != 0:
        return False
    count = _plain(scan.steps)
    if isinstance(count, nn.CastOp) and count.result.type.element_type == i64:
        return _source(mask.b) is _source(count.x)
    return _source(mask.b) is _source(scan.steps)


def _plain(value: SSAValue) -> SSAValue | Operation:
    """What makes a value, views left aside."""
    while isinstance(value.owner, nn.ReshapeOp):
        value = value.owner.x
    return value.owner if isinstance(value.owner, Operation) else value


def _source(value: SSAValue) -> SSAValue:
    """The lengths behind a mask or a number of steps."""
    while True:
        owner = value.owner
        if isinstance(owner, nn.ReshapeOp) or (
            isinstance(owner, nn.ReduceOp) and owner.kind.data == "max"
        ):
            value = owner.x
        else:
            return value

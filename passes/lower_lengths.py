"""lower-lengths: per-row lengths become a mask, selects and a run-time number of steps.

Needs: nothing. Ensures: no rnn.scan has lens, but for packed ones (`batch-sequences`), which
run forward and whose rows `lower-to-npu` lets go one by one. Exact.

The mask ``t < lens[b]`` is one more input of the scan; states are selected by it in the step,
outputs once, after the scan. What runs backward by rows is turned by nn.reverse_sequence. Lengths
outside 0..T count as 0 or T.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i32, i64
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import copy_node, shape_of, tensor_type, type_of
from rnncc.dialects.rnn import ScanOp, YieldOp
from rnncc.passes._emit import Emitter
from rnncc.passes._packed import forward, inputs_forward, is_packed


@dataclass(frozen=True)
class LowerLengthsPass(ModulePass):
    """rnn.scan with lens to rnn.scan with steps."""

    name = "lower-lengths"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Lower every scan of the module."""
        for scan in [inner for inner in op.walk() if isinstance(inner, ScanOp)]:
            lower_scan_lengths(scan)


def lower_scan_lengths(scan: ScanOp) -> ScanOp:
    """Replace a scan that has lens by one that has steps; others are left alone. Gives the scan."""
    if scan.lens is None:
        return scan
    emit = Emitter(scan)
    lens = _clamped(emit, scan, scan.lens)
    if is_packed(scan):
        return forward(scan, emit, lens)
    inputs = inputs_forward(scan, emit, lens)
    ranks = sorted({len(shape_of(v)) for v in (*scan.inits, *scan.yielded_outputs)})
    masks = {rank: _mask(emit, scan, lens, rank) for rank in ranks}
    steps = emit(nn.CastOp(emit(nn.ReduceOp("max", lens, [0])), i64))

    carried = sorted({len(shape_of(v)) for v in scan.inits})
    old = scan.terminator
    states, outputs = scan.yielded_states, scan.yielded_outputs
    arguments = scan.state_args
    inits, flags = list(scan.inits), scan.output_flags
    region = scan.detach_region(scan.body)
    block = region.block
    active = {}
    for place, rank in enumerate(carried, 1 + len(inputs)):
        kind = type_of(masks[rank])
        argument = block.insert_arg(tensor_type(kind.element_type, kind.get_shape()[1:]), place)
        argument.name_hint = "active"
        active[rank] = argument
    inner = emit.inside(block)
    old.detach()
    kept = [
        inner(nn.SelectOp(active[len(shape_of(new))], new, argument))
        for new, argument in zip(states, arguments, strict=True)
    ]
    end = YieldOp(*kept, *outputs)
    copy_node(old, end)
    block.add_op(end)
    old.erase()
    new = ScanOp.make(
        [*inputs, *(masks[rank] for rank in carried)],
        inits,
        region,
        max_steps=scan.count,
        symbol=scan.symbol.data,
        steps=steps,
    )
    new.attributes |= scan.attributes
    emit.add(new)
    for value, final in zip(scan.states, new.states, strict=True):
        value.replace_all_uses_with(final)
        final.name_hint = value.name_hint
    for value, stacked, reverse in zip(scan.outputs, new.outputs, flags, strict=True):
        zero = emit.scalar(0, type_of(stacked).element_type)
        result = emit(nn.SelectOp(masks[len(shape_of(stacked)) - 1], stacked, zero))
        if reverse:
            result = emit(nn.ReverseSequenceOp(result, lens))
        value.replace_all_uses_with(result)
    scan.detach()
    scan.erase()
    return new


def _clamped(emit: Emitter, scan: ScanOp, lens: SSAValue) -> SSAValue:
    """The lengths within 0 .. actual number of steps."""
    if scan.symbol.data:
        times = emit(nn.IotaOp(tensor_type(i32, [scan.count], [scan.symbol.data]), 0))
        last = emit(nn.ReduceOp("max", times, [0]))
        most = emit.binary("add", last, emit.scalar(1, i32))
    else:
        most = emit.scalar(scan.count, i32)
    return emit.binary("max", emit.binary("min", lens, most), emit.scalar(0, i32))


def _mask(emit: Emitter, scan: ScanOp, lens: SSAValue, rank: int) -> SSAValue:
    """``t < lens[b]`` as i1 [T, B, 1, ...], for slices of `rank` dimensions."""
    ones = [1] * rank
    symbols = [scan.symbol.data] + [""] * rank
    times = emit(nn.IotaOp(tensor_type(i32, [scan.count, *ones], symbols), 0))
    rows = emit.reshape(lens, (shape_of(lens)[0], *ones[1:]), ("",) * rank)
    return emit(nn.CompareOp("lt", times, rows))

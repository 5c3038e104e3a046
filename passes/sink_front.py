"""sink-front: the work in front of a recurrence that is done frame by frame moves into its step.

Needs: decompose-cells before it; gate-frames before it, if frames are to be skipped (what is behind
a gate already is in the step). Place it before hoist-input-projection, which would take products out
again; what a convolution feeds stays in. Ensures: the convolutions, poolings and all else between
the frames and an rnn.scan that keep frames apart and feed nothing else (see `_frame_front`) are done
in the step, one frame after the other, where there is a convolution or pooling among them. Exact,
but for the order of additions.

Why: a CNN over all frames as one batch makes each layer's tensors T times as large, so that they
leave the chip between the layers; of one frame they stay. That is layer fusion by depth-first order.
Against it: a product of one frame uses the matrix engine less well than one of many. With
``measure`` the pass keeps what takes fewer cycles.

Source: Goetschalckx and Verhelst, depth-first CNN inference, 2019; Alwani et al., Fused-layer CNN
accelerators, MICRO 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import INDEX, ScanOp, slice_type
from rnncc.passes._emit import Emitter
from rnncc.passes._frame_front import Front
from rnncc.passes._packed import is_packed
from rnncc.passes._remarks import remark, title
from rnncc.passes._scan_build import inline_step
from rnncc.passes._sink import inventory


@dataclass(frozen=True)
class SinkFrontPass(ModulePass):
    """Frame by frame instead of layer by layer, in front of every rnn.scan."""

    name = "sink-front"

    measure: bool = False
    """Keep the program as it is unless it becomes faster on the machine."""
    target: str = "edge"
    """Machine name or description file that ``measure`` times on."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Sink in front of the scans of every function."""
        if self.measure:
            from rnncc.passes._trial import keep_if_faster

            keep_if_faster(ctx, op, self.target, self.name, [sink_all])
        else:
            sink_all(op)


def sink_all(module: ModuleOp) -> int:
    """Sink what can be in front of all recurrences; gives for how many."""
    done = 0
    for function in module.body.block.ops:
        if isinstance(function, func.FuncOp) and function.body.blocks:
            scans = [s for s in function.body.block.ops if isinstance(s, ScanOp)]
            done += sum(_sink(scan) for scan in scans)
    return done


def _sink(scan: ScanOp) -> bool:
    """Sink in front of one recurrence, the inputs that run the same way together."""
    if scan.count < 2 or is_packed(scan):
        return False
    sunk = False
    for flag in (False, True):
        numbers = [k for k, f in enumerate(scan.input_flags) if f == flag]
        if not numbers:
            continue
        front = Front(scan, numbers)
        if not any(isinstance(op, nn.ConvOp | nn.PoolOp) for op in front.ops):
            continue
        if scan.lens is not None and not front.rows_first(shape_of(scan.lens)[0]):
            text = f"{title(scan)} left: where the rows are in its frames cannot be seen"
            remark(scan, SinkFrontPass.name, text)
            continue
        work = inventory(front.ops)
        scan, sunk = _with_front(scan, front), True
        remark(scan, SinkFrontPass.name, f"{work} in front of {title(scan)} moved into its step")
    return sunk


def _with_front(scan: ScanOp, front: Front) -> ScanOp:
    """The scan with its front in the step."""
    emit = Emitter(scan)
    sequences = front.sequences(emit)
    others = [k for k in range(len(scan.inputs)) if k not in front.numbers]
    inputs = [*sequences, *(scan.inputs[k] for k in others)]
    slices = [slice_type(v.type, scan.count, scan.symbol.data) for v in inputs]
    block = Block(arg_types=[INDEX, *slices, *(v.type for v in scan.inits)])
    inside = emit.inside(block)
    made = front.step(block.args[1 : 1 + len(sequences)], inside)
    given = dict(zip(others, block.args[1 + len(sequences) :], strict=False))
    arguments: list[SSAValue] = [block.args[0]]
    arguments += [given[k] if k in given else made[v] for k, v in enumerate(scan.inputs)]
    arguments += block.args[1 + len(inputs) :]
    block.add_op(type(scan.terminator)(*inline_step(scan, inside, arguments)))
    flag = scan.input_flags[min(front.numbers)]
    new = ScanOp.make(
        inputs,
        list(scan.inits),
        block,
        max_steps=scan.count,
        symbol=scan.symbol.data,
        lens=scan.lens,
        steps=scan.steps,
        input_reverse=[flag] * len(sequences) + [scan.input_flags[k] for k in others],
        output_reverse=scan.output_flags,
    )
    new.attributes |= scan.attributes
    emit.add(new)
    for old, value in zip(scan.results, new.results, strict=True):
        value.name_hint = old.name_hint
        old.replace_all_uses_with(value)
    for op in (scan, *reversed(front.ops)):
        op.detach()
        op.erase()
    return new

"""sink-updates: an update that a select throws away is not computed.

Needs: nothing; lower-lengths before it, if rows have lengths (their masks are looked at too). After
hoist-input-projection what was hoisted stays out of the step; before it, products of the input move
into the branch as well and are no longer hoisted. Ensures: a select of the step of an rnn.scan, by a
condition that one element decides for the whole tensor (a scalar, one row, a broadcast of one
element), is an rnn.if that holds all the work that only feeds the side not taken, where that work is
worth a branch. Where rows decide for themselves the branch asks whether *any* row takes the costly
side, and selects by rows inside. A mask of lower-lengths that holds in every step that runs (one
row) needs no branch: the select goes. Exact: the same operations on the same values, or none.

Why: Skip RNN, gated frames and sequence masks are written with selects (ONNX Where), which compute
both sides. On the machine the side not taken costs a scalar read and a branch, and the state keeps
its buffer. What is not worth that is left: element-wise work that the vector engine does in less
time than the control engine takes to read and branch.

Source: Campos et al., Skip RNN, ICLR 2018 (arXiv:1708.06834), section 3; if-conversion reversed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import ScanOp
from rnncc.machine import MachineDescription, load_machine
from rnncc.passes._blend import blends
from rnncc.passes._length_mask import drop, is_length_mask
from rnncc.passes._packed import is_packed
from rnncc.passes._remarks import remark, title
from rnncc.passes._sink import (
    Group,
    branch,
    elements,
    exclusive,
    groups_of,
    heavy,
    inventory,
    scalar,
    separate,
)
from rnncc.passes._step_slices import Step


@dataclass(frozen=True)
class SinkUpdatesPass(ModulePass):
    """Selects between states, or of anything costly, become branches in every rnn.scan."""

    name = "sink-updates"

    target: str = "edge"
    """Machine name or description file: what a branch costs there."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Sink in every scan of the module, inner ones first."""
        machine = load_machine(self.target)
        for scan in reversed([inner for inner in op.walk() if isinstance(inner, ScanOp)]):
            if is_packed(scan):
                if groups_of(scan):
                    text = f"{title(scan)} is packed: the rows of a step already are those that run"
                    remark(scan, self.name, text)
                continue
            if blends(scan):
                text = (
                    f"{title(scan)}: u * new + (1 - u) * old is computed as it is written: where u is 0 a new value "
                    "that is not finite still shows; write it as a select (Where)"
                )
                remark(scan, self.name, text)
            waiting = groups_of(scan)
            while waiting:
                group, later = separate(Step(scan), waiting.pop(0))
                if later.selects:
                    waiting.insert(0, later)
                remark(scan, self.name, f"{title(scan)}: {_decide(scan, group, machine)}")


def _decide(scan: ScanOp, group: Group, machine: MachineDescription) -> str:
    """Sink one group of selects where that gains something; says what was done, or why not."""
    count = len(group.selects)
    what = f"{count} select{'s' if count > 1 else ''} by one condition"
    if is_length_mask(scan, group.root):
        if not group.uniform:
            return f"{what} left: a row still runs in every step that is run (`lower-lengths`)"
        drop(group)
        return f"{what} gone: the mask of the one row holds in every step that is run"
    step = Step(scan)
    if group.root.owner in Step(scan).varying or group.root in scan.body.block.args:
        ways = exclusive(step, group, True), exclusive(step, group, False)
    else:
        return f"{what} left: the condition is the same in all steps"
    costly = [_worth(way, machine) for way in ways]
    if not any(costly):
        return (
            f"{what} left: a branch takes as long as the {inventory({*ways[0], *ways[1]})} it saves"
        )
    saved = ways[0] if costly[0] else ways[1]
    if group.uniform:
        branch(scan, group, scalar(scan, group), ways)
        return f"{what} became a branch around {inventory({*ways[0], *ways[1]})}"
    if all(costly):
        return f"{what} left: rows decide for themselves, and both sides are costly"
    if costly[0]:
        branch(scan, group, scalar(scan, group), (saved, ()), keep=True)
    else:
        branch(scan, group.flipped(), scalar(scan, group, False), (saved, ()), keep=True)
    rows = prod(shape_of(group.root))
    return (
        f"{what} became a branch around {inventory(saved)}, taken when any of {rows} elements asks"
    )


def _worth(ops: set[Operation], machine: MachineDescription) -> bool:
    """Whether leaving operations out saves more than reading a scalar and branching takes."""
    control, vector = machine.control, machine.vector
    price = control.read_latency + control.branch_cycles
    return bool(heavy(ops)) or elements(ops) / (vector.lanes * vector.units) > price

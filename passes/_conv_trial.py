"""What a form of a convolution really takes: lowered by itself, and ordered as `schedule` would.

The formula in `conv_form` counts products well, but not how data gets to where products want it: that
depends on strides, on granules, and on how many transfers there are. A trial lowers the one
convolution in the given form and lets the scheduler's model of the machine say when it is done.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Block, Region, SSAValue

from rnncc.dialects import nn, npu
from rnncc.dialects._nn_base import ints
from rnncc.dialects._types import shape_of, symbol_maxima, symbols_of, type_of
from rnncc.errors import RnnccError
from rnncc.machine import MachineDescription
from rnncc.passes._block_order import Scheduler
from rnncc.passes._lower.attributes import EPILOGUE_ATTR, FORM_ATTR, TILE_ATTR, memory_of_value
from rnncc.passes._lower.chain import FOLLOWED
from rnncc.passes._lower.conv_plan import Plan, set_piece
from rnncc.passes._lower.convolution import HANDLERS
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref
from rnncc.passes._lower.storage import root_of

REACH = 4
"""Forms that take more than so many times the cycles of the best, by the formula, are not tried."""

MARGIN = 1.1
"""How much better a trial must be than that of the formula's choice: trials do not see that turns of a loop overlap."""


class ConvTrials:
    """Chooses forms for one machine; equal convolutions are tried once."""

    def __init__(self, machine: MachineDescription):
        self.machine = machine
        self._known: dict[tuple[object, ...], Plan] = {}

    def choose(self, op: nn.ConvOp, plans: list[Plan]) -> Plan:
        """The plan with the fewest cycles by trial, of those that the formula does not rule out."""
        ranked = sorted(plans, key=lambda plan: plan[0])
        likely = [plan for plan in ranked if plan[0] <= REACH * ranked[0][0]]
        if len(likely) < 2:
            return ranked[0]
        places = memory_of_value(root_of(op.x)), memory_of_value(op.result), channel_last(op.x)
        key = (op.x.type, op.w.type, tuple(op.properties.items()), *places)
        if key not in self._known:
            try:
                first = trial_cycles(op, ranked[0], self.machine)
                others = [(trial_cycles(op, p, self.machine), p) for p in likely[1:]]
                least, other = min(others, key=lambda pair: pair[0])
                self._known[key] = other if least * MARGIN < first else ranked[0]
            except RnnccError:
                # It cannot be lowered by itself (a length in the middle, say): the formula's choice.
                self._known[key] = ranked[0]
        return self._known[key]


def trial_cycles(op: nn.ConvOp, plan: Plan, machine: MachineDescription) -> int:
    """Cycles of one plan, from its operand where `place-memory` put it to its result."""
    _, form, frames, rows = plan
    maxima = symbol_maxima(op)
    block = Block()
    # Lengths have their maxima from the function around them.
    function = func.FuncOp("trial", ((), ()), Region(block))
    numbers = {name: IntegerAttr(most, i64) for name, most in maxima.items()}
    function.attributes["rnncc.symbols"] = DictionaryAttr(numbers)
    low = Lowering(block, maxima)
    low.handlers.update({**HANDLERS})  # pyright: ignore[reportArgumentType, reportCallIssue]
    own = op.clone()
    own.attributes = {k: v for k, v in op.attributes.items() if k != EPILOGUE_ATTR}
    own.attributes[FORM_ATTR] = StringAttr(form.text)
    own.attributes[TILE_ATTR] = ints([frames, rows])
    set_piece(own, op, form, machine)
    source = Block()
    source.add_op(own)
    low.put(op.x, _held(low, op.x))
    low.put(op.w, _constant(low, op.w))
    low.run(source)
    own.detach()
    own.erase()
    capacity = {m: 1 << 60 for m in ("wmem", "vmem")}
    return Scheduler(machine, function, capacity, tight=False).block(block)


def _held(low: Lowering, x: SSAValue) -> Ref:
    """A stand-in for the operand: off chip, or where another convolution left it, channels innermost."""
    dims, element = low.dims(x), type_of(x).element_type
    if memory_of_value(root_of(x)) == "dram":
        port = npu.InputOp(npu.BufferType.of(shape_of(x), element, "dram"), "x", 0, symbols_of(x))
        low.add(port)
        return Ref(port.buffer, dims, npu.row_major(shape_of(x)))
    order = list(range(len(dims)))
    if channel_last(x):
        order = [0, *range(2, len(dims)), 1]
    new = low.alloc([dims[i] for i in order], element, "vmem", "x")
    return new.transpose([order.index(i) for i in range(len(order))])


def channel_last(x: SSAValue) -> bool:
    """Whether a tensor on chip was made by a convolution, perhaps through what works in its place."""
    value = root_of(x)
    while isinstance(value.owner, (*FOLLOWED, nn.PoolOp)):
        if isinstance(value.owner, nn.ConvOp):
            return True
        value = value.owner.operands[0]
    return False


def _constant(low: Lowering, w: SSAValue) -> Ref:
    if isinstance(w.owner, nn.ConstantOp):
        return low.constant(w.owner.value, "w")
    return _held(low, w)

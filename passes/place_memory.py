"""The pass ``place-memory``: which tensors and weights live on chip."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn, rnn
from rnncc.errors import PassError, nearest
from rnncc.passes._lower.attributes import ACCUMULATE_ATTR, EPILOGUE_ATTR, MEMORY_ATTR, STREAM_ATTR
from rnncc.passes._lower.budget import Budget, budget_of
from rnncc.passes._lower.chain import mark_chain
from rnncc.passes._lower.liveness import Life, loaded_by, usage
from rnncc.passes._lower.place_weights import place_weights
from rnncc.passes._lower.products import can_follow
from rnncc.passes._lower.storage import only_returned, readers, root_of

INPUTS = ("whole", "stream")
ONCE = ("whole", "pieces")


@dataclass(frozen=True)
class PlaceMemoryPass(ModulePass):
    """Decide what stays on chip; the decisions are attributes that later passes obey.

    Needs: one function of nn operations, rnn.scan, rnn.while and rnn.if.
    Ensures: every operation with tensor results has ``npu.memory``, the memory of each result
    (``vmem`` or ``dram``); the function has it for its arguments (``vmem``: loaded whole where
    computed with). Every nn.matmul has ``npu.weights``: ``resident`` weights are loaded once before
    the loops around the product, in pieces of ``npu.panel`` rows if it has that; ``streamed`` ones
    pass through ``npu.panels`` panels each time, within ``npu.room`` bytes of the weight memory, but
    for their first ``npu.kept`` rows, which stay; an nn.conv has all or none of its kernel there.
    ``npu.epilogue`` marks products whose bias is added block by block, in place, and convolutions
    whose bias and activation are.
    Exact.
    Source: persistent weights (Diamos, ICML 2016): the weights used most often for each byte stay;
    tensors leave the chip largest first while the worst moment does not fit.
    """

    name = "place-memory"

    target: str = "edge"
    """Machine name or description file."""
    inputs: str = "whole"
    """``whole``: sequences that recurrences read come on chip before the first step, where they fit; ``stream``:
    they come step by step."""
    once: str = "whole"
    """``whole``: weights that stay are there before a product begins; ``pieces``: those that one product uses once come
    piece by piece, and the product with them, where that saves cycles."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Annotate every function of the module."""
        if self.inputs not in INPUTS:
            raise PassError(
                f"place-memory has no inputs '{self.inputs}'", hint=nearest(self.inputs, INPUTS)
            )
        if self.once not in ONCE:
            raise PassError(
                f"place-memory has no once '{self.once}'", hint=nearest(self.once, ONCE)
            )
        budget = budget_of(self.target, op)
        for function in op.body.block.ops:
            if isinstance(function, func.FuncOp) and function.body.blocks:
                for inner in function.walk():
                    if isinstance(inner, nn.ConvOp):
                        mark_chain(inner)
                    # Where engines meet at barriers, one vector operation behind all blocks costs one barrier.
                    together = budget.machine.sync.kind != "bulk"
                    if (
                        together
                        and isinstance(inner, nn.MatmulOp)
                        and can_follow(inner)
                        and ACCUMULATE_ATTR not in inner.attributes
                    ):
                        inner.attributes[EPILOGUE_ATTR] = UnitAttr()
                place_tensors(function, budget, stream=self.inputs == "stream")
                place_weights(function, budget, cut=self.once == "pieces")


def place_tensors(function: func.FuncOp, budget: Budget, *, stream: bool = False) -> None:
    """Choose the memory of each tensor; see the pass.

    Args:
        function: the function.
        budget: what the memories hold.
        stream: arguments that only recurrences read, step by step, stay off chip.
    """
    block = function.body.block
    memory: dict[SSAValue, str] = {}
    for op in function.walk():
        if isinstance(op, rnn.ScanOp | rnn.WhileOp):
            choices = [(v, "vmem") for v in _carried(op)]
            choices += [(v, "dram" if only_returned(v) else "vmem") for v in op.outputs]
        else:
            choices = [(v, "dram" if only_returned(v) else "vmem") for v in op.results]
        for value, choice in choices:
            if root_of(value) is value:
                # Several outputs are written from the chip, not one from the other.
                memory[value] = "vmem" if choice == "dram" and _returned_often(value) else choice
    for argument in block.args:
        users = list(readers(argument))
        loaded = any(loaded_by(op, argument) for op in users)
        if all(_streams(op, argument, stream) for op in users):
            loaded = False
        memory[argument] = "vmem" if loaded else "dram"
    for op in function.walk():
        if op is function or isinstance(op, rnn.ScanOp | rnn.WhileOp | rnn.IfOp):
            for region in op.regions:
                _demote(region.block, memory, budget)
    _write(function, memory)


def _streams(op: Operation, argument: SSAValue, every: bool) -> bool:
    """Whether an operation reads an argument step by step, and is to bring it so."""
    if not isinstance(op, rnn.ScanOp) or argument in op.inits:
        return False
    return every or STREAM_ATTR in op.attributes


def _returned_often(value: SSAValue) -> bool:
    """Whether the end of the program reads a value's storage more than once."""
    return sum(isinstance(op, func.ReturnOp) for op in readers(value)) > 1


def _demote(block: Block, memory: dict[SSAValue, str], budget: Budget) -> None:
    """Send the largest tensors of the worst moment off chip until the rest fits."""
    while True:
        peak, lives = usage(block, memory).peak()
        if peak <= budget.placed:
            return
        movable = [life for life in lives if _movable(life)]
        if not movable:
            return
        memory[max(movable, key=lambda life: life.size).root] = "dram"


def _movable(life: Life) -> bool:
    owner = life.root.owner
    if isinstance(owner, rnn.ScanOp | rnn.WhileOp):
        return life.root not in _carried(owner)
    return life.size > 0


def _carried(op: rnn.Recurrence) -> tuple[SSAValue, ...]:
    """Results that every turn updates: they stay in vector memory."""
    return (*op.states, op.done) if isinstance(op, rnn.WhileOp) else tuple(op.states)


def _write(function: func.FuncOp, memory: dict[SSAValue, str]) -> None:
    for op in list(function.body.walk()):
        if op.results:
            names = [memory.get(root_of(v), "vmem") for v in op.results]
            op.attributes[MEMORY_ATTR] = ArrayAttr([StringAttr(n) for n in names])
    names = [memory[a] for a in function.body.block.args]
    function.attributes[MEMORY_ATTR] = ArrayAttr([StringAttr(n) for n in names])

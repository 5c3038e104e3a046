"""hoist-input-projection: products that do not need the carried state leave the scan.

Needs: nothing; more is found after fuse-gates. Ensures: in no rnn.scan is there a product of
something that depends only on the step's inputs with weights that do not change, nor anything that
does not change from step to step; nor is the latter in an rnn.while. Exact, but for the order of
additions: of ``x W``, ``h R`` and a bias those are added first that need no state.

A product ``x_t W`` of T steps becomes one product ``[T*B, D] x [D, N]`` before the scan, together
with what it is computed from and the element-wise operations that follow it (the bias); its rows
are a new input of the scan. What makes no product stays: element-wise work is no cheaper outside.

A hoisted product reads its weights once instead of at each step, but what it makes for all steps must be kept
until the step comes: through DRAM and back where it does not fit on chip. ``policy=always`` hoists whatever can
leave, except from packed scans, whose products shrink with the rows that still run. ``policy=auto``
lowers the module with and without it for the machine, packed scans as well, and takes what needs fewer cycles
(``_hoist_choice``).

Raises:
    PassError: an unknown policy.

Source: cuDNN's and Brainwave's practice of batching input projections over time
(Appleyard et al. 2016, arXiv:1604.01946).
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import copy_node, shape_of
from rnncc.dialects.rnn import ScanOp, WhileOp
from rnncc.errors import PassError, nearest
from rnncc.passes._batch import batch
from rnncc.passes._emit import Emitter
from rnncc.passes._hoist_plan import HoistPlan
from rnncc.passes._packed import is_packed
from rnncc.passes._remarks import remark, title
from rnncc.passes._scan_invariants import hoist_invariants, is_outside

POLICIES = ("always", "auto")


@dataclass(frozen=True)
class HoistInputProjectionPass(ModulePass):
    """Products of inputs with constant weights leave every rnn.scan as one product over time."""

    name = "hoist-input-projection"

    policy: str = "always"
    """``always``, or ``auto``: only where the machine gains from it."""
    target: str = "edge"
    """Machine name or description file that ``auto`` measures on."""
    sums: bool = False
    """Let ``auto`` count on `accumulate-products{policy=auto}` behind it, which makes steps shorter."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Hoist from every scan of the module, inner ones first."""
        if self.policy not in POLICIES:
            raise PassError(
                f"hoist-input-projection: unknown policy '{self.policy}' (policies: {', '.join(POLICIES)})",
                nearest(self.policy, POLICIES),
            )
        loops = [inner for inner in op.walk() if isinstance(inner, ScanOp | WhileOp)]
        for loop in reversed(loops):
            hoist_invariants(loop)
        scans = [loop for loop in reversed(loops) if isinstance(loop, ScanOp)]
        if self.policy == "auto":
            from rnncc.passes._hoist_choice import choose

            scans = choose(ctx, op, scans, self.target, self.sums)
        else:
            # In a packed step a product has the rows that still run, outside it would have all.
            scans = [scan for scan in scans if not is_packed(scan)]
        for scan in scans:
            hoist(scan)


def hoist(scan: ScanOp) -> None:
    """Move the products of one scan that can leave before it."""
    _add_biases_first(scan)
    _hoist_products(scan)


def _add_biases_first(scan: ScanOp) -> None:
    """``(x + h) + b`` or ``x + (h + b)`` becomes ``(x + b) + h``, where h alone needs the state."""
    per_step = HoistPlan(scan).reverse
    for op in list(scan.body.block.ops):
        if not isinstance(op, nn.BinaryOp) or op.kind.data != "add":
            continue
        for inner, other in ((op.a.owner, op.b), (op.b.owner, op.a)):
            if not isinstance(inner, nn.BinaryOp) or inner.kind.data != "add":
                continue
            if inner.parent is not op.parent or not inner.result.has_one_use():
                continue
            terms = [inner.a, inner.b, other]
            moving = [v for v in terms if v in per_step]
            fixed = [v for v in terms if is_outside(v, scan)]
            if len(moving) != 1 or len(fixed) != 1 or {*moving, *fixed} == {inner.a, inner.b}:
                continue
            if shape_of(moving[0]) != shape_of(op.result):
                continue
            (late,) = (v for v in terms if v not in (*moving, *fixed))
            emit = Emitter(op)
            early = emit.binary("add", moving[0], fixed[0])
            per_step[early] = per_step[moving[0]]
            total = emit.binary("add", early, late)
            op.result.replace_all_uses_with(total)
            for old in (op, inner):
                old.detach()
                old.erase()
            break


def _hoist_products(scan: ScanOp) -> None:
    plan = HoistPlan(scan)
    products = [op for op in plan.candidates if op in plan.chosen and isinstance(op, nn.MatmulOp)]
    left = sum(isinstance(op, nn.MatmulOp) for op in scan.body.block.ops) - len(products)
    if not plan.chosen:
        if left:
            text = f"{title(scan)} keeps its {_count(left)}: what is multiplied needs the state"
            remark(scan, HoistInputProjectionPass.name, text)
        return
    text = (
        f"{title(scan)}: {_count(len(products))} of a step done for all {scan.count} steps at once"
    )
    remark(scan, HoistInputProjectionPass.name, f"{text}, {_count(left)} left in the step")
    values: dict[SSAValue, SSAValue] = dict(zip(scan.slice_args, scan.inputs, strict=True))
    order = [op for op in plan.candidates if op in plan.chosen]
    for op in order:
        emit = Emitter(scan)
        made = batch(op, values, _for(op, scan, emit), scan.count, scan.symbol.data)
        made.name_hint = op.results[0].name_hint
        values[op.results[0]] = made
    needed = [
        op.results[0]
        for op in order
        if any(use.operation not in plan.chosen for use in op.results[0].uses)
    ]
    _rewire(scan, [(v, values[v], plan.reverse[v]) for v in needed], order)


def _count(products: int) -> str:
    return f"{products or 'no'} product{'s' if products != 1 else ''}"


def _for(op: Operation, scan: ScanOp, emit: Emitter) -> Emitter:
    """An emitter before the scan that gives operations the node name of `op`."""
    named = Emitter(op, emit.place)
    if not op.attributes:
        copy_node(scan, op)
    return named


def _rewire(
    scan: ScanOp, needed: list[tuple[SSAValue, SSAValue, bool]], gone: list[Operation]
) -> None:
    """Give the scan the hoisted sequences as inputs; drop inputs that no step reads any more."""
    whole = scan.lens is None and scan.steps is None
    for place, value in enumerate(scan.yielded_outputs):
        for inside, sequence, reverse in needed:
            if whole and value is inside and reverse == scan.output_flags[place]:
                # The output is the hoisted sequence itself; the unused result goes later.
                scan.outputs[place].replace_all_uses_with(sequence)
    inputs, flags = list(scan.inputs), list(scan.input_flags)
    old = scan.slice_args
    region = scan.detach_region(scan.body)
    block = region.block
    for inside, sequence, reverse in needed:
        argument = block.insert_arg(inside.type, 1 + len(inputs))
        argument.name_hint = inside.name_hint
        inside.replace_all_uses_with(argument)
        inputs.append(sequence)
        flags.append(reverse)
    for op in reversed(gone):
        op.detach()
        op.erase()
    unused = {k for k, argument in enumerate(old) if argument.first_use is None}
    for k in unused:
        block.erase_arg(old[k])
    kept = [k for k in range(len(inputs)) if k not in unused]
    new = ScanOp.make(
        [inputs[k] for k in kept],
        list(scan.inits),
        region,
        max_steps=scan.count,
        symbol=scan.symbol.data,
        lens=scan.lens,
        steps=scan.steps,
        input_reverse=[flags[k] for k in kept],
        output_reverse=scan.output_flags,
    )
    new.attributes |= scan.attributes
    Emitter(scan).add(new)
    for value, fresh in zip(scan.results, new.results, strict=True):
        value.replace_all_uses_with(fresh)
        fresh.name_hint = value.name_hint
    scan.detach()
    scan.erase()

"""Selects of a step that share a condition, and the work that only one side of them needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import prod

from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.traits import is_side_effect_free

from rnncc.dialects import nn
from rnncc.dialects._types import copy_node, shape_of
from rnncc.dialects.rnn import IfOp, ScanOp, YieldOp
from rnncc.passes._emit import Emitter
from rnncc.passes._step_slices import Step


@dataclass
class Group:
    """Selects by one condition.

    Attributes:
        root: the condition before reshapes, broadcasts and negations.
        selects: in the order of the step, each with whether it takes its operands the other way round.
    """

    root: SSAValue
    selects: dict[nn.SelectOp, bool]

    @property
    def uniform(self) -> bool:
        """Whether one element decides for everything."""
        return prod(shape_of(self.root)) == 1

    def arm(self, select: nn.SelectOp, holds: bool) -> SSAValue:
        """What a select gives where the root is `holds`."""
        return select.a if holds != self.selects[select] else select.b

    def flipped(self) -> Group:
        """The same by the negated root."""
        return Group(self.root, {select: not negated for select, negated in self.selects.items()})


def groups_of(scan: ScanOp) -> list[Group]:
    """The selects of a step by what decides them, in the order of the step."""
    found: dict[SSAValue, Group] = {}
    for op in scan.body.block.ops:
        if isinstance(op, nn.SelectOp):
            root, negated = root_of(op.c)
            found.setdefault(root, Group(root, {})).selects[op] = negated
    return list(found.values())


def root_of(condition: SSAValue) -> tuple[SSAValue, bool]:
    """A condition without reshapes, broadcasts of one element and negations; whether it is negated."""
    negated = False
    while True:
        owner = condition.owner
        if isinstance(owner, nn.ReshapeOp) or (
            isinstance(owner, nn.BroadcastOp) and prod(shape_of(owner.x)) == 1
        ):
            condition = owner.x
        elif isinstance(owner, nn.UnaryOp) and owner.kind.data == "not":
            condition, negated = owner.x, not negated
        else:
            return condition, negated


def separate(step: Step, group: Group) -> tuple[Group, Group]:
    """The selects that can be decided together, and those that what is outside of them leads to.

    A select whose operand is computed, outside of the branch, from another one's result must wait
    for that.
    """
    kept, later = dict(group.selects), {}
    while True:
        now = Group(group.root, kept)
        ways = exclusive(step, now, True), exclusive(step, now, False)
        # Where rows decide for themselves only one way moves, and it is not known yet which.
        options = [ways[0] | ways[1]] if group.uniform else [*ways]
        waits = (s for s in reversed(kept) if any(_waits(step, now, s, moved) for moved in options))
        if (select := next(waits, None)) is None:
            return now, Group(group.root, dict(reversed(later.items())))
        later[select] = kept.pop(select)


def _waits(step: Step, group: Group, select: nn.SelectOp, moved: set[Operation]) -> bool:
    """Whether what is computed outside for a select needs another select of the group."""
    arms = [group.arm(select, True), group.arm(select, False)]
    own = step.feeding(arms) & moved
    needs = {*arms, *(v for op in own for v in step.reads[op])}
    outside = {v for v in needs if v.owner not in moved and v.owner not in group.selects}
    return bool(step.feeding(outside) & {*group.selects})


def exclusive(step: Step, group: Group, holds: bool) -> set[Operation]:
    """The operations that feed nothing but what the selects take when the root is `holds`."""
    arms = {(s, 1 if holds != negated else 2) for s, negated in group.selects.items()}
    body = step.scan.body.block
    found: set[Operation] = set()
    for op in reversed(list(body.ops)):
        if op not in step.varying or op in group.selects or not is_side_effect_free(op):
            continue
        uses = [use for result in op.results for use in result.uses]
        if uses and all(
            (use.operation, use.index) in arms or _inside(body, use.operation) in found
            for use in uses
        ):
            found.add(op)
    return found


def _inside(body: Block, op: Operation) -> Operation | None:
    """The operation of the step that is or contains `op`."""
    current: Operation | None = op
    while current is not None and current.parent is not body:
        current = current.parent_op()
    return current


def branch(
    scan: ScanOp,
    group: Group,
    condition: SSAValue,
    ways: tuple[Collection[Operation], Collection[Operation]],
    *,
    keep: bool = False,
) -> IfOp:
    """Replace selects by an rnn.if.

    Args:
        condition: a scalar of the step; where it does not hold the root holds nowhere.
        ways: the operations of the step that move into the two regions.
        keep: the first region still selects, by rows.
    """
    body = scan.body.block
    order = list(body.ops)
    blocks = []
    for holds, moved in zip((True, False), ways, strict=True):
        block = Block()
        inside = Emitter(scan, InsertPoint.at_end(block))
        mapping: dict[SSAValue, SSAValue] = {}
        for op in order:
            if op in moved or (op in group.selects and keep and holds):
                copy = op.clone(mapping)
                inside.add(copy)
                mapping.update(zip(op.results, copy.results, strict=True))
            elif isinstance(op, nn.SelectOp) and op in group.selects:
                arm = group.arm(op, holds)
                mapping[op.result] = fitted(inside, mapping.get(arm, arm), op)
        block.add_op(YieldOp(*(mapping[s.result] for s in group.selects)))
        blocks.append(block)
    new = IfOp.make(condition, *blocks)
    copy_node(next(iter(group.selects)), new)
    gone: list[Operation] = [op for op in order if op in group.selects]
    for old, result in zip(group.selects, new.results, strict=True):
        result.name_hint = old.result.name_hint
        old.result.replace_all_uses_with(result)
    gone += [op for op in order if op in ways[0] or op in ways[1]]
    for op in gone:
        op.detach()
    body.insert_op_before(new, scan.terminator)
    for op in gone:
        op.erase(safe_erase=False)
    _late(scan, new)
    return new


def fitted(emit: Emitter, value: SSAValue, select: nn.SelectOp) -> SSAValue:
    """What a select that takes `value` gives: it may have to be repeated."""
    kind = select.result.type
    return value if value.type == kind else emit(nn.BroadcastOp(value, kind))


def _late(scan: ScanOp, new: IfOp) -> None:
    """Put an operation behind all that does not need it: then no old state is read after it."""
    body, end = scan.body.block, scan.terminator
    behind: set[Operation] = {new}
    work: list[Operation] = [new]
    while work:
        readers = [use.operation for result in work.pop().results for use in result.uses]
        for op in (_inside(body, reader) for reader in readers):
            if op is not None and op is not end and op not in behind:
                behind.add(op)
                work.append(op)
    # The users of the selects stand before the new operation, which took the place of the last of them.
    for op in [new, *(op for op in body.ops if op in behind and op is not new)]:
        op.detach()
        body.insert_op_before(op, end)


def scalar(scan: ScanOp, group: Group, holds: bool = True) -> SSAValue:
    """``any(root == holds)`` as a scalar, at the end of the step."""
    emit = Emitter(next(iter(group.selects)), InsertPoint.before(scan.terminator))
    value = group.root
    if not holds:
        value = emit(nn.UnaryOp("not", value))
    if not group.uniform:
        value = emit(nn.ReduceOp("max", value, list(range(len(shape_of(value))))))
    return emit.reshape(value, (), ())


def elements(ops: Iterable[Operation]) -> int:
    """Elements that element-wise operations write."""
    return sum(prod(shape_of(r)) for op in ops for r in op.results)


def heavy(ops: Iterable[Operation]) -> list[Operation]:
    """Products, convolutions and recurrences, also inside of other operations."""
    kinds = (nn.MatmulOp, nn.ConvOp, nn.PoolOp, ScanOp)
    return [inner for op in ops for inner in op.walk() if isinstance(inner, kinds)]


def inventory(ops: Iterable[Operation]) -> str:
    """How a remark counts work: ``2 products and 9 more operations``."""
    names = {nn.MatmulOp: "product", nn.ConvOp: "convolution", nn.PoolOp: "pooling"}
    found: dict[str, int] = {}
    for op in ops:
        inside = heavy([op])
        for name in [names.get(type(i), "recurrence") for i in inside] or ["other operation"]:  # pyright: ignore
            found[name] = found.get(name, 0) + 1
    words = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in sorted(found.items(), key=_last)]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "nothing"


def _last(item: tuple[str, int]) -> tuple[bool, str]:
    return item[0] == "other operation", item[0]

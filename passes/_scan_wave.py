"""Finding stacked recurrences: which scans can run on one diagonal, and what joins them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, OpResult, SSAValue

from rnncc.dialects import nn
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._remarks import title
from rnncc.passes._scan_glue import Time, Times, result_time
from rnncc.passes._scan_graph import read_values, same_steps

WAVE_ATTR = "rnn.wavefront"
"""On a scan whose steps are diagonals: the number of its layers (`wavefront-layers`)."""


class Declined(Exception):
    """Why a scan cannot join a wavefront; the text follows the scan's name."""


@dataclass
class Member:
    """A scan of a wavefront.

    Attributes:
        scan: the scan.
        level: how many members its first step waits for, one after the other.
        times: for each operation between it and the scans that feed it, where the time of its
            result and of its operands is.
        sources: the outputs of members that it consumes.
    """

    scan: ScanOp
    level: int = 0
    times: dict[Operation, tuple[Time, Times]] = field(default_factory=dict)
    sources: dict[OpResult, None] = field(default_factory=dict)


class Wave:
    """A growing group of stacked scans of one block.

    Args:
        seed: the lowest scan.
        needs: for each operation of the block the scans that it needs.
    """

    def __init__(self, seed: ScanOp, needs: dict[Operation, frozenset]):
        self.needs = needs
        self.members = {seed: Member(seed)}

    @property
    def seed(self) -> ScanOp:
        """The lowest scan."""
        return next(iter(self.members))

    @property
    def levels(self) -> int:
        """L: the number of scans one on top of the other."""
        return 1 + max(m.level for m in self.members.values())

    @property
    def run_time(self) -> bool:
        """Whether the number of steps is known only at run time."""
        scan = self.seed
        return bool(scan.symbol.data) or scan.steps is not None or scan.lens is not None

    def stands_on(self, scan: ScanOp) -> bool:
        """Whether a scan needs a member."""
        return bool(self.needs[scan] & self.members.keys())

    def join(self, scan: ScanOp) -> None:
        """Add a scan that stands on the group.

        Raises:
            Declined: it cannot run on the same diagonal.
        """
        if not same_steps(self.seed, scan):
            raise Declined("it has its own number of steps")
        self._check_other_operands(scan)
        member = Member(scan)
        for sources, reverse in self._feeds(member):
            for source in sources:
                made = source.op
                assert isinstance(made, ScanOp)
                if made.output_flags[source.index - len(made.inits)] != reverse:
                    raise Declined(
                        f"it reads what {title(made)} makes in the other direction, which must "
                        "be finished first"
                    )
                member.level = max(member.level, 1 + self.members[made].level)
            member.sources |= sources
        if self.run_time:
            _check_addressing(scan)
        self.members[scan] = member

    def _feeds(self, member: Member) -> list[tuple[dict[OpResult, None], bool]]:
        """For each input that depends on members: the outputs it is made of, and its direction."""
        found = []
        for value, reverse in zip(member.scan.inputs, member.scan.input_flags, strict=True):
            if self._dependent(value):
                sources: dict[OpResult, None] = {}
                if self._trace(value, member, sources) != Time(0):
                    raise Declined("what it reads is not one row a step")
                found.append((sources, reverse))
        return found

    def _dependent(self, value: SSAValue) -> bool:
        owner = value.owner
        if not isinstance(owner, Operation) or owner not in self.needs:
            return False
        return owner in self.members or bool(self.needs[owner] & self.members.keys())

    def _check_other_operands(self, scan: ScanOp) -> None:
        others = [*scan.inits, *(v for v in (scan.lens, scan.steps) if v is not None)]
        others += [v for op in scan.body.block.ops for v in read_values(op)]
        if any(self._dependent(v) for v in others):
            raise Declined("it needs more of the scans below than the step it is at")

    def _trace(self, value: SSAValue, member: Member, sources: dict[OpResult, None]) -> Time:
        """Where the time of a value is that is made of members' outputs, step by step."""
        assert isinstance(value, OpResult)
        op = value.op
        if isinstance(op, ScanOp):
            if op not in self.members or value.index < len(op.inits):
                raise Declined(f"it needs {title(op)} to be finished")
            sources[value] = None
            return Time(0)
        known = {
            k: self._trace(v, member, sources)
            for k, v in enumerate(op.operands)
            if self._dependent(v)
        }
        found = None
        if isinstance(op, nn.NNOp) and not op.regions:
            found = result_time(op, known, self.seed.count)
        if found is None:
            raise Declined(
                f"{op.name} between {title(member.scan)} and the scans below mixes steps"
            )
        member.times[op] = found
        return found[0]


def _check_addressing(scan: ScanOp) -> None:
    """Steps past the end are computed and thrown away: they must not compute addresses."""
    for op in scan.body.walk():
        index = None
        if isinstance(op, nn.GatherOp):
            index = op.indices
        elif isinstance(op, nn.DynamicSliceOp):
            index = op.start
        if index is not None and _inside(index, scan):
            raise Declined("its step computes addresses and its length is known at run time only")


def _inside(value: SSAValue, scan: ScanOp) -> bool:
    owner = value.owner
    op = owner.parent_op() if isinstance(owner, Block) else owner
    return op is not None and scan.is_ancestor(op)


def absorbed(members: Collection[ScanOp], glue: Collection[Operation]) -> list[Operation]:
    """The operations of `glue` that nothing but the members reads, users before what they use."""
    gone: dict[Operation, None] = {}

    def only_inside(op: Operation) -> bool:
        return all(
            use.operation in gone
            or (use.operation in members and use.index < _inputs(use.operation))
            for result in op.results
            for use in result.uses
        )

    changed = True
    while changed:
        changed = False
        for op in glue:
            if op not in gone and only_inside(op):
                gone[op] = None
                changed = True
    return list(gone)


def _inputs(op: Operation) -> int:
    assert isinstance(op, ScanOp)
    return len(op.inputs)


def same_state(scan: ScanOp, output: OpResult) -> int | None:
    """The state that an output is a copy of: the row before is then in the state itself."""
    value = scan.yielded_outputs[output.index - len(scan.inits)]
    return next((k for k, v in enumerate(scan.yielded_states) if v is value), None)

"""What a run's time went to: by phase of the program, and by ONNX node down to single instructions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rnncc.cost.matrix import weight_reads
from rnncc.simulator.recording import Event
from rnncc.simulator.shape import ENGINE_NAMES
from rnncc.simulator.simulate import tree
from rnncc.simulator.structure import Loop, walk
from rnncc.timeline.record import Timeline


@dataclass
class Share:
    """A part of a run.

    Attributes:
        name: what it is.
        pcs: its instructions, in program order.
        executed: engine instructions executed.
        busy: cycles by engine name, from an instruction's start until its engine is free.
        waits: cycles by cause.
        macs: multiply-accumulates.
        operations: elements of the vector engine.
        dram: native bytes to and from DRAM.
        wmem: native bytes of weights read on chip.
        start, end: first cycle and last cycle of its instructions.
    """

    name: str
    pcs: list[int] = field(default_factory=list)
    executed: int = 0
    busy: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ENGINE_NAMES, 0))
    waits: dict[str, int] = field(default_factory=dict)
    macs: int = 0
    operations: int = 0
    dram: float = 0.0
    wmem: float = 0.0
    start: int = -1
    end: int = 0

    def add(self, timeline: Timeline, event: Event) -> None:
        """Count one execution."""
        work, engine = event.timed.work, ENGINE_NAMES[event.timed.engine]
        self.executed += 1
        self.busy[engine] += event.ends - event.start
        for cause, cycles in event.waits.items():
            self.waits[cause] = self.waits.get(cause, 0) + cycles
        self.macs += work.macs
        self.operations += work.elements if engine == "vector" else 0
        self.dram += sum(access.nbytes for access in work.accesses if access.memory == "dram")
        if work.macs:
            self.wmem += weight_reads(timeline.program.machine, work)
        self.start = event.start if self.start < 0 else min(self.start, event.start)
        self.end = max(self.end, event.done)

    @property
    def cycles(self) -> int:
        """From the start of its first instruction to the end of its last."""
        return self.end - self.start if self.executed else 0


def by_phase(timeline: Timeline) -> list[Share]:
    """The run cut at the program's outermost loops: each loop is a phase, and so is what lies between two of them."""
    phases: list[Share] = []
    of: dict[int, Share] = {}
    straight: Share | None = None
    for item in tree(timeline.program).items:
        if isinstance(item, Loop):
            straight, count = None, timeline.program.instructions[item.pc]
            limit = f"up to {count.imm[0]}" if count.ra else str(count.imm[0])
            phases.append(Share(f"loop of {limit}", [item.pc, *walk(item.body)]))
            of |= dict.fromkeys(phases[-1].pcs, phases[-1])
            continue
        if straight is None:
            straight = Share("straight code")
            phases.append(straight)
        straight.pcs.append(item)
        of[item] = straight
    for event in timeline.events:
        of[event.timed.pc].add(timeline, event)
    ran = [phase for phase in phases if phase.executed]
    for phase in ran:
        nodes = _most(timeline, phase.pcs)
        phase.name = f"{phase.name}: {nodes}" if nodes else phase.name
    return ran


def _most(timeline: Timeline, pcs: Iterable[int]) -> str:
    """The node that most of the instructions come from."""
    names = [timeline.nodes[pc] for pc in pcs if timeline.nodes[pc]]
    return max(names, key=names.count, default="")


def by_node(timeline: Timeline) -> list[Share]:
    """One share an ONNX node, the largest first."""
    shares: dict[str, Share] = {}
    for pc, name in enumerate(timeline.nodes):
        shares.setdefault(name, Share(name)).pcs.append(pc)
    for event in timeline.events:
        shares[timeline.nodes[event.timed.pc]].add(timeline, event)
    found = [share for share in shares.values() if share.executed]
    return sorted(found, key=lambda share: -sum(share.busy.values()))


def by_instruction(timeline: Timeline) -> list[Share]:
    """One share an instruction of the program, in program order."""
    shares = [Share(text, [pc]) for pc, text in enumerate(timeline.texts)]
    for event in timeline.events:
        shares[event.timed.pc].add(timeline, event)
    return shares

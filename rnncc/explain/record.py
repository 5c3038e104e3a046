"""Looks on while a pipeline runs and notes what each pass said and what the module costs after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec

from rnncc.errors import RnnccError
from rnncc.explain.facts import Facts, facts_of
from rnncc.passes._remarks import REMARKS, remarks_of
from rnncc.passes.batch_sequences import BatchSequencesPass
from rnncc.passes.schedule import SchedulePass

if TYPE_CHECKING:
    from rnncc.machine.description import MachineDescription


@dataclass
class Entry:
    """One pass.

    Attributes:
        spec: the pass as a pipeline text, without the options that were filled in.
        remarks: what it said it did and declined.
        changed: whether the module is another one after it.
        renewed: whether the program does another work from here on (a step model became a generator), so that
            cycles before it are not to be compared with those after it.
        facts: what the module costs after it; None above rnn and nn, and where it cannot be measured.
        why: the reason in the last case.
    """

    spec: str
    remarks: list[str] = field(default_factory=list)
    changed: bool = False
    renewed: bool = False
    facts: Facts | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """The pass without its options."""
        return self.spec.partition("{")[0]

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        result: dict[str, Any] = {
            "pass": self.spec,
            "changed": self.changed,
            "renewed": self.renewed,
            "remarks": self.remarks,
            "after": self.facts.to_dict() if self.facts else None,
        }
        return {**result, "why": self.why} if self.why else result


class Recorder:
    """Notes one entry for each pass above the machine.

    Args:
        machine: what is compiled for.
        numerics: ``exact`` or ``machine``.
        passes: of the pipeline, options filled in.
        machine_passes: names; the first of them ends what is recorded.
        inputs: what programs whose control depends on data are timed on; random ones when None.
    """

    def __init__(
        self,
        machine: MachineDescription,
        numerics: str,
        passes: Sequence[ModulePass],
        machine_passes: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
    ):
        self.machine, self.numerics, self.inputs = machine, numerics, inputs
        names = [p.name for p in passes]
        end = next((i for i, name in enumerate(names) if name in machine_passes), len(names))
        self.back = passes[end:]
        self.machine_names = {p.name for p in self.back}
        self.entries: list[Entry] = []
        self.first: Facts | None = None
        self.before: ModuleOp | None = None
        self.sequences = 1
        self.unscheduled: Facts | None = None
        """What the finished module costs with its instructions in the order in which they were lowered."""

    def clear(self) -> None:
        """Forget everything: the pipeline starts again."""
        self.entries.clear()
        self.first = self.before = self.unscheduled = None
        self.sequences = 1

    def look_before(self, module_pass: ModulePass, module: ModuleOp) -> None:
        """Keep the module as it is before a pass."""
        if module_pass.name not in self.machine_names:
            self.before = module.clone()
        elif module_pass == self.back[0]:
            self._without_schedule(module)

    def look_after(self, module_pass: ModulePass, module: ModuleOp) -> None:
        """Note what a pass said, and measure where it changed something."""
        if module_pass.name in self.machine_names:
            return
        assert self.before is not None
        start = f"{module_pass.name}: "
        new = [note for note in _remarks(module) if note not in _remarks(self.before)]
        entry = Entry(
            _spec(module_pass),
            [note.removeprefix(start) for note in new],
            not _plain(self.before).is_structurally_equivalent(_plain(module.clone())),
        )
        self.entries.append(entry)
        if isinstance(module_pass, BatchSequencesPass):
            self.sequences *= module_pass.size
        else:
            entry.renewed = _inputs(module) != _inputs(self.before)
        if entry.changed:
            self._measure(entry, module)

    def _without_schedule(self, module: ModuleOp) -> None:
        if not any(isinstance(p, SchedulePass) and p.policy != "none" for p in self.back):
            return
        back = [replace(p, policy="none") if isinstance(p, SchedulePass) else p for p in self.back]
        # What does not fit in this order has no figure.
        with suppress(RnnccError):
            self.unscheduled = self._facts(module, back)

    def _measure(self, entry: Entry, module: ModuleOp) -> None:
        if not self.back or any(op.name.startswith("onnx.") for op in module.walk()):
            return
        try:
            entry.facts = self._facts(module, self.back)
        except RnnccError as error:
            entry.why = error.message
        if self.first is None:
            self.first = entry.facts

    def _facts(self, module: ModuleOp, back: Sequence[ModulePass]) -> Facts:
        from rnncc.universe import make_context

        return facts_of(
            make_context(), module, self.machine, back, self.numerics, self.sequences, self.inputs
        )


def _spec(module_pass: ModulePass) -> str:
    """A pass with the options that were given."""
    spec = module_pass.pipeline_pass_spec()
    given = {k.replace("_", "-"): v for k, v in spec.parameters.items() if k != "target"}
    return str(ArgSpec(spec.name, given))


def _inputs(module: ModuleOp) -> list[Attribute]:
    """What the functions of a module take."""
    return [
        kind
        for op in module.body.block.ops
        if isinstance(op, func.FuncOp)
        for kind in op.function_type.inputs
    ]


def _remarks(module: ModuleOp) -> list[str]:
    return [
        note
        for op in module.body.block.ops
        if isinstance(op, func.FuncOp)
        for note in remarks_of(op)
    ]


def _plain(module: ModuleOp) -> ModuleOp:
    """The module without its remarks."""
    for op in module.body.block.ops:
        op.attributes.pop(REMARKS, None)
    return module

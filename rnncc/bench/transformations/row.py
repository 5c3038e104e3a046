"""One row: the same work with and without a transformation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rnncc.bench.measure import Measured
from rnncc.errors import PassError, RnnccError

BINDS = {
    "macs": "MACs",
    "weights": "weights",
    "on_chip": "on-chip reads",
    "critical_path": "critical path",
    "passes": "passes",
    "turns": "turns of the recurrence",
}
"""What binds, in a word of the table; the bound's own name where none is given."""


@dataclass(frozen=True)
class Row:
    """A measured pair.

    Attributes:
        model: what is run, in words.
        target: the machine.
        change: the pass (or the choice) that the second run has and the first has not.
        before, after: the figures without and with it; None when one was refused.
        unit: what one unit of work is.
        floor: least gain that the row must reach; None where none is asked for.
        note: what else was observed (acceptance, steps skipped).
        problem: why there are no figures.
    """

    model: str
    target: str
    change: str
    before: Measured | None
    after: Measured | None
    unit: str = "run"
    floor: float | None = None
    note: str = ""
    problem: str = ""

    @property
    def gain(self) -> float:
        """Cycles a unit of work without, over those with; 0 when there are no figures."""
        if self.before is None or self.after is None:
            return 0.0
        return self.before.per_unit / self.after.per_unit

    @property
    def possible(self) -> float:
        """The largest gain that the lower bound of the transformed program allows."""
        if self.before is None or self.after is None:
            return 0.0
        return self.before.per_unit / max(self.after.bound_per_unit, 1e-9)

    @property
    def verdict(self) -> str:
        """``ok``, ``missed``, ``bound`` (the lower bound forbids the floor), or nothing without a floor."""
        if self.floor is None:
            return ""
        if self.gain >= self.floor:
            return "ok"
        return "bound" if self.before is not None and self.possible < self.floor else "missed"

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        result: dict[str, Any] = {
            "model": self.model,
            "target": self.target,
            "change": self.change,
            "unit": self.unit,
        }
        for name, m in (("without", self.before), ("with", self.after)):
            if m is not None:
                result[name] = {
                    "cycles": m.cycles,
                    "bound": m.bound,
                    "binds": m.binds,
                    "units": m.work,
                    "cycles_a_unit": m.per_unit,
                    "seconds_a_unit": m.per_unit / m.clock_hz,
                }
        if self.gain:
            result["gain"] = self.gain
            result["possible_gain"] = self.possible
        optional = {
            "floor": self.floor,
            "verdict": self.verdict,
            "note": self.note,
            "problem": self.problem,
        }
        return {**result, **{k: v for k, v in optional.items() if v}}

    def cells(self) -> list[str]:
        """The row of the table."""
        start = [self.model, self.target, self.change]
        if self.before is None or self.after is None:
            return [*start, "-", "-", "-", "-", "", ""]
        return [
            *start,
            f"{self.before.per_unit:,.0f}",
            f"{self.after.per_unit:,.0f}",
            f"{self.gain:.2f}x",
            f"{self.after.bound_per_unit:,.0f}",
            BINDS.get(self.after.binds, self.after.binds),
            self._floor(),
        ]

    def _floor(self) -> str:
        if self.floor is None:
            return ""
        why = f": the bound allows {self.possible:.2f}x" if self.verdict == "bound" else ""
        return f">= {self.floor:g}x {'not reached' if why else self.verdict}{why}"


def compared(
    model: str,
    target: str,
    change: str,
    before: Callable[[], Measured],
    after: Callable[[], Measured],
    **options: Any,
) -> Row:
    """Measure a pair; what the compiler refuses becomes the row's ``problem``."""
    try:
        return Row(model, target, change, before(), after(), **options)
    except RnnccError as error:
        return Row(model, target, change, None, None, problem=error.message, **options)


def ready(figures: Measured) -> Callable[[], Measured]:
    """Figures that are there already, where ``compared`` wants something to call."""
    return lambda: figures


def edited(
    base: str = "default", *, drop: str = "", add: str = "", before: str = "", last: bool = False
) -> str:
    """A named pipeline with one pass left out, or one more put before another.

    Args:
        base: a named pipeline.
        drop: the pass to leave out.
        add: text of the passes to put in.
        before: the pass that they come before; its first place, or its last one.
        last: see ``before``.

    Raises:
        PassError: the pipeline has no such pass.
    """
    from rnncc.passes.pipelines import PIPELINES

    texts = list(PIPELINES[base])
    names = [text.partition("{")[0] for text in texts]
    for name in filter(None, (drop, before)):
        if name not in names:
            raise PassError(f"pipeline '{base}' has no pass '{name}'")
    if add:
        place = len(names) - 1 - names[::-1].index(before) if last else names.index(before)
        texts.insert(place, add)
    return ",".join(text for text in texts if text.partition("{")[0] != drop)

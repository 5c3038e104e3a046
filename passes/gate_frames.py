"""gate-frames: a step whose input is nearly that of the last processed step keeps state and output.

Needs: decompose-cells before it; fuse-gates and canonicalize before it help. Place it before
hoist-input-projection (what was hoisted before is moved back behind the gate). It lowers per-row lengths itself, as
`lower-lengths` does. Ensures: in every rnn.scan over frames the step is an rnn.if: one way keeps the
states and repeats the outputs of the last processed step, the other is the step with all the work in
front of it that is done frame by frame and feeds nothing else: the convolutions, poolings,
normalisations and products of a CNN that ran over all frames as one batch. The program counts the
steps that it skips (``report``: see `rnncc.skipped`). Approximate, by ``threshold``: 0 is bit-exact.

- The first step is always processed. The distance is to the input of the last *processed* step, so
  that a slow drift is noticed. `_frame_distance` has the three metrics and their units: ``l2`` and
  ``cosine`` have none, ``linf`` is in the unit of the frames.
- **threshold 0** leaves every recurrence as it is, and says so. A step may be skipped without any
  change only if doing it would change nothing; a recurrent state moves on even when its input stays
  the same, and taking a batch of frames apart changes the order of sums. So nothing is skipped.
- All float inputs of a step (8-bit ones too: pictures) are one frame together. Inputs that are
  words or flags must be equal. A recurrence that reads another gated one, through work done step by
  step, skips the steps that that one skipped: its input is the same as before.
- Batches: where axis 0 of all frames and states is the batch, rows are compared apart. ``rows=together``:
  a step is skipped when every row that still runs is near its own last processed frame (an instruction
  computes all rows of a tensor). ``rows=apart``: the step is a loop over rows, and each is skipped on
  its own. Products lose nothing by that where the matrix engine takes one vector at a time (``mvm``),
  which is what ``rows=auto`` looks at; a read, a branch and a copy of the states come with each row, so
  that it pays for frames with much work. Skipped and all steps are then counted over rows.

Source: the skipping of similar frames in LRCN inference; gating as in Campos et al., Skip RNN
(arXiv:1708.06834), with a distance in place of a learned gate; Deep Feature Flow's key frames.

Raises PassError: a threshold that is negative or not a number, an unknown metric or choice of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects._types import i8, is_float, shape_of, type_of, ui8
from rnncc.dialects.rnn import ScanOp
from rnncc.errors import PassError, nearest
from rnncc.machine import load_machine
from rnncc.passes._approximate import note_approximation
from rnncc.passes._emit import Emitter
from rnncc.passes._frame_count import add_counter
from rnncc.passes._frame_distance import METRICS, Distance
from rnncc.passes._frame_front import Front
from rnncc.passes._frame_gate import Gate, Gated, Sources
from rnncc.passes._length_mask import drop_sure_masks, length_masks
from rnncc.passes._packed import is_packed
from rnncc.passes._remarks import remark, title
from rnncc.passes._scan_wave import WAVE_ATTR
from rnncc.passes._sink import inventory
from rnncc.passes.lower_lengths import lower_scan_lengths

ROWS = ("auto", "together", "apart")


@dataclass(frozen=True)
class GateFramesPass(ModulePass):
    """Put every rnn.scan over frames, and the work in front of it, behind a gate."""

    name = "gate-frames"

    threshold: float | int | str = 0.0
    """Largest distance to the last processed frame at which a step is skipped; 0 skips nothing."""
    metric: str = "l2"
    """``l2`` (part of the last frame's norm), ``linf`` (in the frames' unit) or ``cosine`` (0 to 2)."""
    rows: str = "auto"
    """Rows of a batch are skipped ``together``, ``apart``, or ``auto``: as the machine gains."""
    target: str = "edge"
    """Machine name or description file, for ``rows=auto``."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Gate the recurrences of every function, in order."""
        limit, apart = self._limit(), self._apart()
        for function in op.body.block.ops:
            if not isinstance(function, func.FuncOp) or not function.body.blocks:
                continue
            scans = [s for s in function.body.block.ops if isinstance(s, ScanOp)]
            if limit == 0:
                if scans:
                    text = "threshold 0: no step can be skipped without changing the result"
                    remark(function, self.name, text)
                continue
            gated: dict[Operation, Gated] = {}
            for scan in scans:
                _Candidate(self, scan, limit, apart, gated).gate()
            if gated:
                text = f"{self.name}{{threshold={limit:g} metric={self.metric}}}"
                note_approximation(function, text)

    def _apart(self) -> bool:
        """Whether rows are skipped apart: by choice, or where a product takes its rows one by one anyway."""
        if self.rows not in ROWS:
            raise PassError(
                f"gate-frames{{rows={self.rows}}}: rows are {', '.join(ROWS)}",
                nearest(self.rows, ROWS),
            )
        if self.rows == "auto":
            return load_machine(self.target).matrix.kind == "mvm"
        return self.rows == "apart"

    def _limit(self) -> float:
        if self.metric not in METRICS:
            raise PassError(
                f"gate-frames has no metric '{self.metric}' (metrics: {', '.join(METRICS)})",
                nearest(self.metric, METRICS),
            )
        try:
            limit = float(self.threshold)
        except ValueError:
            limit = float("nan")
        if not isfinite(limit) or limit < 0:
            raise PassError(
                f"gate-frames{{threshold={self.threshold}}}: a threshold is a number from 0 on",
                "0 skips nothing; a part of a frame's norm, such as 0.05, is usual for l2",
            )
        return limit


class _Candidate:
    """One recurrence on its way behind a gate."""

    def __init__(
        self,
        gate: GateFramesPass,
        scan: ScanOp,
        limit: float,
        apart: bool,
        gated: dict[Operation, Gated],
    ):
        self.name, self.metric, self.limit, self.apart = gate.name, gate.metric, limit, apart
        self.scan, self.gated = scan, gated

    def gate(self) -> None:
        """Gate it, or say why not."""
        if is_packed(self.scan):
            return self._declined("its rows are packed, a step has only those that run")
        if self.scan.count < 2:
            return self._declined("it has one step")
        if WAVE_ATTR in self.scan.attributes:
            return self._declined("its steps are of several layers (gate before wavefront-layers)")
        self.scan = lower_scan_lengths(self.scan)
        drop_sure_masks(self.scan)
        masks = length_masks(self.scan)
        numbers = [k for k in range(len(self.scan.inputs)) if k not in masks]
        if not numbers:
            return self._declined("its steps have no input")
        if len({self.scan.input_flags[k] for k in numbers}) > 1:
            return self._declined(
                "it runs in both directions at once (gate before fuse-directions)"
            )
        front = Front(self.scan, numbers)
        sources = self._sources(front, masks)
        if not sources.frames and not sources.near:
            return self._declined("its inputs are words or flags, which are not near one another")
        rows = self._rows(sources)
        # The mask of a single row holds in every step that is run.
        sources.masks = [k for k in masks if np.prod(shape_of(self.scan.slice_args[k])) > 1]
        if rows == 1 and sources.masks:
            return self._declined("its rows have lengths, and where the rows are cannot be seen")
        work = inventory(front.ops)
        distance = Distance(self.metric, self.limit, rows)
        result = Gate(self.scan, sources, distance, apart=self.apart).build()
        self.gated[result.scan] = result
        add_counter(result, rows if result.apart else 1, len(self.gated) - 1)
        said = []
        if sources.frames:
            size = sum(int(np.prod(shape_of(v)[1:])) for v in sources.frames)
            each = f"in each of {rows} rows" if rows > 1 else "together"
            each = f"in a row, of {rows} that are skipped apart" if result.apart else each
            said.append(
                f"skipped when {size} numbers, {each}, are within {self.limit:g} ({self.metric}) "
                "of the last processed step's"
            )
        if sources.near:
            said.append("skipped with the step of the recurrence in front of it")
        moved = f"; {work} in front of it moved behind the gate" if front.ops else ""
        remark(
            result.scan, self.name, f"a step of {title(result.scan)} is {', '.join(said)}{moved}"
        )

    def _declined(self, why: str) -> None:
        remark(self.scan, self.name, f"{title(self.scan)} is not gated: {why}")

    def _sources(self, front: Front, masks: list[int]) -> Sources:
        sequences = front.sequences(Emitter(self.scan))
        frames, exact, near = [], [], dict[SSAValue, None]()
        backward = self.scan.input_flags[min(front.numbers)]
        for root, sequence in zip(front.roots, sequences, strict=True):
            element = type_of(sequence).element_type
            upstream = self.gated.get(root.owner) if isinstance(root.owner, Operation) else None
            if upstream is not None and not backward and self._same_way(upstream, root):
                near[upstream.near] = None
            elif is_float(element) or element in (i8, ui8):
                frames.append(sequence)
            else:
                exact.append(sequence)
        return Sources(front, sequences, frames, exact, list(near), masks)

    def _same_way(self, upstream: Gated, root: SSAValue) -> bool:
        """Whether step t of a gated recurrence gives what step t here reads."""
        scan = upstream.scan
        forward = root in scan.outputs and not scan.output_flags[scan.outputs.index(root)]
        return forward and scan.count == self.scan.count and scan.symbol == self.scan.symbol

    def _rows(self, sources: Sources) -> int:
        """The batch when axis 0 of every frame and state is it, else 1."""
        firsts = {shape_of(v)[1:2] for v in sources.frames}
        firsts |= {shape_of(v)[:1] for v in self.scan.inits}
        batch = firsts.pop() if len(firsts) == 1 else ()
        return batch[0] if batch and sources.front.rows_first(batch[0]) else 1

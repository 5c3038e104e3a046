"""The vector engine: so many elements a cycle through a pipeline whose depth depends on the operation.

A whole instruction takes ceil(elements / pace) cycles (lanes * units side by side, or the lanes of units in
series), or as long as vector memory needs to move its operands, in whole granules where they are strided; results
follow ``depth`` cycles behind. A reduction takes its input at the same pace and ends with the tree over the lanes
(``depth.reduce``). The classes are those of a pipelined floating-point unit: add and compare, multiply, iterative
divide, and piecewise or iterative functions.

In an engine of kind ``chain`` every element passes all units, whatever a chain uses of them: the depth is that of the
whole pass, paid once a chain (the clockwork says which instructions share a pass); what the units cannot do in a
pass (divide, reduce) comes on top (Fowers et al., ISCA 2018: multifunction units in series behind the matrix unit).
"""

from __future__ import annotations

from math import ceil

from rnncc.cost.model import Cost
from rnncc.cost.work import Work
from rnncc.machine.description import MachineDescription

_CLASSES = {
    "multiply": "mul affine leaky_relu hard_sigmoid",
    "divide": "div mod fmod reciprocal sqrt softsign",
    "transcendental": "exp log erf sin cos tanh sigmoid scaled_tanh elu softplus pow",
}
IN_UNITS = ("simple", "multiply", "transcendental")
"""Classes of operation that every unit of a ``chain`` engine has hardware for."""
_CLASS_OF = {kind: name for name, kinds in _CLASSES.items() for kind in kinds.split()}


def operation_class(op: str, kind: str) -> str:
    """The class of operation whose depth counts: a field of ``VectorDepth``."""
    if op in ("reduce", "argmax", "argmin"):
        return "reduce"
    return _CLASS_OF.get(kind, "simple") if op in ("unary", "binary") else "simple"


def vector_memory_cycles(machine: MachineDescription, work: Work) -> float:
    """Cycles that vector memory needs to move the operands."""
    vmem = machine.memories.vmem
    return sum(access.charged(vmem.granule) for access in work.accesses) / vmem.bytes_per_cycle


def vector_cost(machine: MachineDescription, work: Work) -> Cost:
    """Cycles of a vector instruction; see the module's text."""
    engine = machine.vector
    pace = engine.pace
    kind = operation_class(work.op, work.kind)
    depth = getattr(engine.depth, kind)
    busy = max(ceil(work.elements / pace), ceil(vector_memory_cycles(machine, work)), 1)
    first = 1
    if work.op in ("reduce", "argmax", "argmin"):
        first = max(ceil(work.extents[2] / pace), 1)
    if engine.kind == "chain":
        outside = kind in ("divide", "reduce")
        through = engine.pass_cycles + (depth if outside else 0)
        # What joins the chain starts with it; only what is outside the units waits for the pass.
        return Cost("vector", busy, min(first, busy) + (through if outside else 0), busy + through)
    return Cost("vector", busy, min(first, busy) + depth, busy + depth)

"""The matrix engine: dst[m, n] = x[m, k] . w[n, k] in native tiles of ``rows`` (n) x ``columns`` (k).

* ``mvm``: one vector at a time against weights read in place; ``count`` arrays take different tiles, a tile takes
  columns / width cycles (Fowers et al., ISCA 2018: tile engines of native-dimension rows with ``lanes``
  multipliers).
* ``systolic``: the weights of a tile are shifted in, then m vectors stream through, one a cycle; with two buffers
  the next tile's weights are shifted in meanwhile, also those of the next instruction (Jouppi et al., ISCA 2017:
  "a product of B x 256 inputs takes B cycles", shift-in 256 cycles hidden by double buffering).
* ``mma``: ``count`` units take (vector, tile) blocks of the whole product, weights read once (Volta's tensor
  cores, the IPU's AMP units).

A format's rate divides the cycles of streaming, not those of shifting weights in. An instruction is never faster
than its memories deliver.
"""

from __future__ import annotations

from math import ceil

from rnncc.cost.model import Cost
from rnncc.cost.work import Work
from rnncc.isa.types import FLOAT_TYPES, ITEM_SIZES
from rnncc.machine.description import MachineDescription


def rate_of(machine: MachineDescription, element: str) -> float:
    """Share of the full rate for products of an element type; floating point means the machine's own formats."""
    if element in FLOAT_TYPES or not element:
        return machine.matrix_rate or 1.0
    name = f"int{8 * ITEM_SIZES[element]}"
    return machine.matrix.rate(name, name) or machine.matrix_rate or 1.0


def weight_reads(machine: MachineDescription, work: Work) -> float:
    """Native bytes of weights that a product reads from wmem: once a vector on an ``mvm`` engine, else once."""
    passes = work.extents[0] if machine.matrix.kind == "mvm" else 1
    return passes * work.accesses[2].nbytes


def matrix_memory_cycles(machine: MachineDescription, work: Work) -> float:
    """Cycles that the memories need to feed a product: the slowest of wmem and vmem."""
    dst, x, _ = work.accesses
    vmem = machine.memories.vmem
    moved = dst.charged(vmem.granule) * (2 if dst.reads else 1) + x.charged(vmem.granule)
    return max(
        weight_reads(machine, work) / machine.memories.wmem.bytes_per_cycle,
        moved / vmem.bytes_per_cycle,
    )


def matrix_cost(machine: MachineDescription, work: Work) -> Cost:
    """Cycles of ``mm`` and ``mma``; see the module's text."""
    engine = machine.matrix
    m, n, k = (max(extent, 1) for extent in work.extents)
    down, across = ceil(n / engine.rows), ceil(k / engine.columns)
    each = engine.columns / engine.width / rate_of(machine, work.element)
    load = engine.weight_load_cycles
    ahead = stream = 0
    if engine.kind == "systolic":
        tiles, before = ceil(down * across / engine.count), ceil(across / engine.count)
        stream = ceil(m * each)
        active = tiles * stream
        if engine.weight_buffers > 1:
            step = max(load, stream)
            busy, first = (
                load + (tiles - 1) * step + stream,
                load + (before - 1) * step + ceil(each),
            )
            ahead = load
        else:
            busy, first = tiles * (load + stream), before * (load + stream) - stream + ceil(each)
    else:
        if engine.kind == "mvm":
            passes = m * ceil(down * across / engine.count)
        else:
            passes = ceil(m * down * across / engine.count)
        busy, active = ceil(passes * (each + load)), ceil(passes * each)
        first = ceil(ceil(across / engine.count) * (each + load))
    busy = max(busy, ceil(matrix_memory_cycles(machine, work)), 1)
    first, last = min(first, busy) + engine.depth, busy + engine.depth
    return Cost("matrix", busy, first, last, 0, active, ahead, stream if ahead else 0)

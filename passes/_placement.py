"""Addresses for live ranges in one memory: greedy by size, best fit among the gaps.

When everything fits side by side nothing is shared: reuse of an address is a false dependence
that the interlocks would honour. What must be shared is reused as late as the memory allows, so
that the engine that writes it anew does not wait for another one that still reads it.
Source: Pisarchyk and Lee, "Efficient memory management for deep neural net inference" (2020),
greedy by size; best fit of the gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm

from rnncc.dialects import npu
from rnncc.machine import MachineDescription
from rnncc.passes._live_ranges import LiveRange

RESTS = (64, 32, 16, 8, 4, 2)
"""Positions for which freed memory rests before it is used again; the most for which everything fits."""
MANY = 400
"""Ranges beyond which only the tightest placements are tried."""


def place(ranges: Sequence[LiveRange], capacity: int, align: int) -> dict[LiveRangeId, int] | None:
    """Addresses such that ranges alive together do not overlap; None when it found none.

    Args:
        ranges: what to place; sizes in bytes.
        capacity: bytes of the memory.
        align: every address is a multiple of it.
    """
    apart = _side_by_side(ranges, align)
    if apart[1] <= capacity:
        return apart[0]
    orders = (
        lambda r: (-r.size, r.start),
        lambda r: (-r.size * (r.end - r.start + 1), r.start),
        lambda r: (r.start - r.end, -r.size),
        lambda r: (r.start, -r.size),
    )
    if len(ranges) <= MANY:
        for rest in RESTS:
            longer = [replace(r, end=r.end + rest) for r in sorted(ranges, key=orders[0])]
            addresses = _greedy(longer, capacity, align)
            if addresses is not None:
                whose = {(r.buffer, r.start): id(r) for r in ranges}
                return {whose[r.buffer, r.start]: addresses[id(r)] for r in longer}
    for order in orders:
        addresses = _greedy(sorted(ranges, key=order), capacity, align)
        if addresses is not None:
            return addresses
    return None


def limits(machine: MachineDescription, memory: str, element_bytes: int) -> tuple[int, int]:
    """Capacity and alignment of a memory, in container bytes.

    Args:
        machine: the machine.
        memory: ``dram``, ``wmem`` or ``vmem``.
        element_bytes: bytes of the model's widest floating-point element.
    """
    scale = machine.scale(element_bytes)[memory]
    align = lcm(machine.memories[memory].granule * scale, 8)
    return machine.capacity(memory, element_bytes), align


def fits(ranges: Sequence[LiveRange], machine: MachineDescription, element_bytes: int) -> bool:
    """Whether the on-chip memories hold what is alive in them without a spill."""
    return all(
        place(
            [r for r in ranges if npu.memory_of(r.buffer) == memory],
            *limits(machine, memory, element_bytes),
        )
        is not None
        for memory in ("wmem", "vmem")
    )


LiveRangeId = int
"""``id`` of a LiveRange."""


def aligned(size: int, align: int) -> int:
    """`size` rounded up to a multiple of `align`."""
    return -(-size // align) * align


def _side_by_side(ranges: Sequence[LiveRange], align: int) -> tuple[dict[LiveRangeId, int], int]:
    addresses: dict[LiveRangeId, int] = {}
    top = end = 0
    for item in ranges:
        addresses[id(item)] = top
        end = top + item.size
        top = aligned(end, align)
    return addresses, end


def _greedy(
    ranges: Sequence[LiveRange], capacity: int, align: int
) -> dict[LiveRangeId, int] | None:
    placed: list[tuple[int, int, LiveRange]] = []
    addresses: dict[LiveRangeId, int] = {}
    for item in ranges:
        taken = sorted((low, high) for low, high, other in placed if other.meets(item))
        address = _best_gap(taken, item.size, capacity, align)
        if address is None:
            return None
        addresses[id(item)] = address
        placed.append((address, address + item.size, item))
    return addresses


def _best_gap(taken: Sequence[tuple[int, int]], size: int, capacity: int, align: int) -> int | None:
    """The start of the tightest gap that holds `size` bytes."""
    best, best_room, cursor = None, capacity + 1, 0
    for low, high in (*taken, (capacity, capacity)):
        room = low - cursor
        if size <= room < best_room:
            best, best_room = cursor, room
        cursor = max(cursor, aligned(high, align))
    return best


def peak(ranges: Sequence[LiveRange]) -> tuple[int, int]:
    """Position and bytes at which most is alive."""
    changes: dict[int, int] = {}
    for item in ranges:
        changes[item.start] = changes.get(item.start, 0) + item.size
        changes[item.end + 1] = changes.get(item.end + 1, 0) - item.size
    alive = most = where = 0
    for position in sorted(changes):
        alive += changes[position]
        if alive > most:
            most, where = alive, position
    return where, most

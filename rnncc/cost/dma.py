"""The DMA engine: a latency, then bytes at the pace of the slowest memory on the way.

A read (anything but a write to DRAM) holds one channel for latency + bytes / bandwidth cycles. Writes to DRAM are
posted: they hold the channel while they take their source, at once, and are complete the latency later. The
channels share one data path, so that together they never exceed the bandwidth. Strided transfers move whole
granules; weights whole tiles of the array, where the machine moves such (``dma.whole_weight_tiles``). Between two
memories on the chip the latency is that of a read on the chip (``control.read_latency``) and DRAM's bandwidth does
not count. Where inputs and outputs lie with the host, their transfers move at the pace of its link. A gather sends
one address a row, at most one a cycle.
"""

from __future__ import annotations

from math import ceil

from rnncc.cost.model import Cost
from rnncc.cost.work import Work
from rnncc.machine.description import MachineDescription


def transfer_cycles(machine: MachineDescription, work: Work) -> float:
    """Cycles during which the data path is taken."""
    moved: dict[str, float] = {"dram": 0.0, "wmem": 0.0, "vmem": 0.0}
    for access in work.accesses:
        moved[access.memory] += access.charged(machine.memories[access.memory].granule)
    cycles = [moved[name] / machine.memories[name].bytes_per_cycle for name in moved]
    if any(access.host for access in work.accesses):
        # The link to the host, and what is at its end on the chip; DRAM has no part in it.
        cycles = [*cycles[1:], moved["dram"] / machine.dma.host_bytes_per_cycle]
    else:
        cycles.append(moved["dram"] / machine.dma.bytes_per_cycle)
    if work.op == "gather":
        cycles.append(work.extents[0])
    return max(cycles)


def transfer_queue(machine: MachineDescription, work: Work) -> str:
    """Which queue, with channels and a data path of its own, a transfer takes on a machine."""
    outward = work.accesses[0].memory == "dram"
    if any(access.host for access in work.accesses):
        return "to host" if outward else "from host"
    if machine.dma.local and all(access.memory != "dram" for access in work.accesses):
        return "local"
    return "writes" if outward and machine.dma.duplex else "dma"


def dma_cost(machine: MachineDescription, work: Work) -> Cost:
    """Cycles of ``dma`` and ``gather``; see the module's text."""
    outside = any(access.memory == "dram" for access in work.accesses)
    latency = machine.dma.latency if outside else machine.control.read_latency
    if any(access.host for access in work.accesses):
        latency = machine.dma.host_latency
    transfer = max(ceil(transfer_cycles(machine, work)), 1)
    if all(access.memory != "dram" for access in work.accesses[1:]) and outside:
        return Cost("dma", transfer, latency + 1, latency + transfer, transfer)
    return Cost("dma", latency + transfer, latency + 1, latency + transfer, transfer)

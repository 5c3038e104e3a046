"""A machine as a drawing in plain text: memories on the left of engines, the ways between them with their pace."""

from __future__ import annotations

from rnncc.machine.description import MachineDescription
from rnncc.machine.units import counted, size, unit

WIDTHS = (22, 25, 34)
"""Of the boxes in each column: off the chip, memories on it, engines."""
GAP = 15
"""Columns between two boxes, for an arrow and its pace."""

Box = list[str]


def draw(machine: MachineDescription) -> str:
    """Two rows of three boxes; plain ASCII, lines under 115.

    Above: DRAM, the weight memory, the matrix engine. Below: the host (where it has a link of its own), the vector
    memory, the vector engine. Under the boxes: how engines hand over results.
    """
    clock = machine.clock_hz
    memories = machine.memories

    def pace(bytes_per_cycle: float) -> str:
        return unit(bytes_per_cycle * clock, "B/s")

    link = machine.dma.host_bytes_per_cycle
    upper = _row(
        _box("dram", [size(memories.dram.size), *_dma(machine)], WIDTHS[0]),
        (pace(machine.dram_bytes_per_cycle), "-->"),
        _box("wmem", _on_chip(machine, "wmem"), WIDTHS[1]),
        (pace(memories.wmem.bytes_per_cycle), "-->"),
        _box("matrix", _matrix(machine), WIDTHS[2]),
    )
    left: Box = _box("host", ["inputs, outputs"], WIDTHS[0]) if link else []
    # Without a link of its own, activations come from DRAM by the same engine.
    way = (pace(link), "<->") if link else (pace(machine.dram_bytes_per_cycle), "<->")
    lower = _row(
        left or _below(),
        way,
        _box("vmem", _on_chip(machine, "vmem"), WIDTHS[1]),
        (pace(memories.vmem.bytes_per_cycle), "<->"),
        _box("vector", _vector(machine), WIDTHS[2]),
    )
    upper = _joined(upper, bool(left))
    return "\n".join([*upper, *_between(bool(left)), *lower, *_hand_over(machine)])


def _dma(machine: MachineDescription) -> list[str]:
    dma = machine.dma
    apart = [name for name, has in (("writes", dma.duplex), ("local copies", dma.local)) if has]
    lines = [f"dma: {counted(dma.channels, 'channel')},", f"{dma.latency} cycles away"]
    tiles = ["whole weight tiles"] if dma.whole_weight_tiles else []
    return [*lines, *(f"{name} apart" for name in apart), *tiles]


def _on_chip(machine: MachineDescription, name: str) -> list[str]:
    memory = machine.memories[name]
    role = {"wmem": "weights", "vmem": "activations"}[name]
    form = machine.formats.weights if name == "wmem" else machine.formats.activations
    return [f"{size(memory.size)} of {role}", form, *(["a cache"] if memory.cache else [])]


def _matrix(machine: MachineDescription) -> list[str]:
    matrix = machine.matrix
    peak = unit(2 * machine.peak_macs_per_cycle * machine.clock_hz, "OP/s")
    lines = [
        f"{matrix.kind} {matrix.count} x {matrix.rows} x {matrix.columns}",
        f"{peak}, {matrix.depth} cycles deep",
    ]
    if matrix.weight_load_cycles:
        buffers = counted(matrix.weight_buffers, "buffer")
        lines.append(f"tile in {matrix.weight_load_cycles} cycles, {buffers}")
    elif matrix.lanes:
        lines.append(f"{matrix.lanes} inputs a cycle")
    return [*lines, f"sums in {machine.formats.accumulate}"]


def _vector(machine: MachineDescription) -> list[str]:
    vector = machine.vector
    if vector.kind == "chain":
        return [
            f"chain of {vector.units} units, {vector.lanes} lanes",
            f"a pass of {vector.pass_cycles} cycles",
        ]
    return [f"simd {vector.units} x {vector.lanes} lanes", f"{vector.depth.simple} cycles deep"]


def _box(title: str, lines: list[str], width: int) -> Box:
    edge = "+" + "-" * (width - 2) + "+"
    head = f"+-- {title} " + "-" * (width - 6 - len(title)) + "+"
    return [head, *(f"| {line[: width - 4]:<{width - 4}} |" for line in lines), edge]


def _below() -> Box:
    """The way from DRAM down to the vector memory's row."""
    middle = WIDTHS[0] // 2
    return ["|".center(WIDTHS[0]), "+".rjust(middle) + "-" * (WIDTHS[0] - middle)]


def _joined(upper: list[str], host: bool) -> list[str]:
    """The upper row with the ways down drawn on below boxes that are shorter than the others."""
    (way,) = _between(host)
    lines = []
    for line in (text.ljust(len(way)) for text in upper):
        left, right = line[: WIDTHS[0]], line[-WIDTHS[2] :]
        left = left if left.strip() else way[: WIDTHS[0]]
        right = right if right.strip() else way[-WIDTHS[2] :]
        lines.append((left + line[WIDTHS[0] : -WIDTHS[2]] + right).rstrip())
    return lines


def _between(host: bool) -> list[str]:
    """The row between the boxes: what goes down from DRAM, and from the matrix engine to the vector memory."""
    left = (" " if host else "|").center(WIDTHS[0])
    right = "|".center(WIDTHS[2])
    return [left + " " * (GAP + WIDTHS[1] + GAP) + right.ljust(WIDTHS[2])]


def _row(
    left: Box, first: tuple[str, str], middle: Box, second: tuple[str, str], right: Box
) -> list[str]:
    boxes = (left, middle, right)
    height = max(map(len, boxes))
    lines = []
    for number in range(height):
        text = ""
        for place, (box, width) in enumerate(zip(boxes, WIDTHS, strict=True)):
            text += f"{box[number] if number < len(box) else '':<{width}}"
            if place < 2:
                text += _arrow(number, (first, second)[place])
        lines.append(text.rstrip())
    return lines


def _arrow(number: int, way: tuple[str, str]) -> str:
    pace, kind = way
    if number == 0:
        return pace.center(GAP)
    if number != 1:
        return " " * GAP
    body = "-" * (GAP - 4)
    return f" {'<' if kind.startswith('<') else '-'}{body}> "


def _hand_over(machine: MachineDescription) -> list[str]:
    sync = machine.sync
    if sync.kind == "bulk":
        exchange = f", exchange at {unit(sync.bytes_per_cycle * machine.clock_hz, 'B/s')}"
        away = exchange if sync.bytes_per_cycle else ""
        return [f"engines hand over at barriers of {sync.cycles} cycles{away}"]
    if machine.chaining:
        return ["engines hand over element by element (chaining)"]
    return ["engines hand over whole results"]

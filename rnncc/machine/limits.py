"""Numbers that no machine has: far beyond what was ever built, so a slip of the keyboard or a wrong unit.

The bounds are generous, orders of magnitude on either side of real parts; they keep cycles and energies within numbers
that mean something.
"""

from __future__ import annotations

CYCLES = (1, 1 << 32)
COUNT = (1, 1 << 24)
_BY_NAME: dict[str, tuple[float, float]] = {
    "clock_hz": (1e3, 1e12),
    "bytes_per_cycle": (1e-6, 1e9),
    "host_bytes_per_cycle": (1e-6, 1e9),
    "process_nm": (0.5, 10_000),
    "volts": (0.1, 10),
    "dram_pj_per_byte": (0.01, 1e6),
    "logic_factor": (0.01, 1e3),
    "static_watts": (1e-9, 1e5),
}
_COUNTS = frozenset({"rows", "columns", "lanes", "count", "units", "channels", "ports", "weight_buffers"})  # fmt: skip
_RATE = (1e-4, 1024)


def limits(key: str) -> tuple[float, float] | None:
    """Least and greatest value of a number that is not zero; None for sizes and shares, which have their own checks.

    Args:
        key: dotted name, as ``"dma.latency"``.
    """
    table, _, name = key.rpartition(".")
    if name in _BY_NAME:
        return _BY_NAME[name]
    if table == "matrix.rates":
        return _RATE
    if name in _COUNTS or table == "control.queue_depth":
        return COUNT
    return None if table.startswith("memories.") or name == "sparse_rate" else CYCLES

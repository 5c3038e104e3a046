"""Numbers as people write them."""

from __future__ import annotations


def unit(value: float, name: str) -> str:
    """Four digits with a prefix: 34 GB/s."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.4g} {prefix}{name}"
    return f"{value:.4g} {name}"


def size(count: int) -> str:
    """Bytes in powers of two: 256 KiB."""
    for shift, name in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 1 << shift:
            return f"{count / (1 << shift):.4g} {name}"
    return f"{count} B"


def cycles(count: int) -> str:
    """\"cycle\" or \"4 cycles\"."""
    return "cycle" if count == 1 else f"{count} cycles"


def counted(number: int, noun: str) -> str:
    """\"1 port\", \"3 ports\"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

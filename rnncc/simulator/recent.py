"""The latest results in a memory, found by their bytes without looking at all of them.

Results lie in layers in which none contains another: sorted by its first byte, a layer is sorted by its last byte as
well, so that both ends of what touches a range are found by bisection. A result that contains one of a layer, or lies
within one, goes to the next layer; since a newer result replaces those whose bytes it covers, there are few layers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Generic, Protocol, TypeVar

Span = tuple[int, int, int, int]


class Spanned(Protocol):
    """Anything with (low, high, pitch, width) in bytes."""

    @property
    def span(self) -> Span:
        """Its bytes; not empty."""
        ...


Item = TypeVar("Item", bound=Spanned)


class _Layer:
    """Ranges of which none contains another, in order; ``numbers`` says whose they are."""

    __slots__ = ("highs", "lows", "numbers")

    def __init__(self) -> None:
        self.lows: list[int] = []
        self.highs: list[int] = []
        self.numbers: list[int] = []

    def add(self, low: int, high: int, number: int) -> bool:
        """Put a range in its place; False when it contains another or lies within one."""
        lows, highs = self.lows, self.highs
        place = bisect_left(lows, low)
        # Both ends ascend: if any of them contains it, or is contained, one of its two neighbours does.
        if place and highs[place - 1] >= high:
            return False
        if place < len(lows) and (highs[place] <= high or lows[place] == low):
            return False
        lows.insert(place, low)
        highs.insert(place, high)
        self.numbers.insert(place, number)
        return True

    def touching(self, low: int, high: int) -> list[int]:
        """The numbers of those that share a byte with [low, high)."""
        return self.numbers[bisect_right(self.highs, low) : bisect_left(self.lows, high)]

    def drop_within(self, low: int, high: int) -> list[int]:
        """Take out those within [low, high); returns their numbers."""
        first, last = bisect_left(self.lows, low), bisect_right(self.highs, high)
        if first >= last:
            return []
        gone = self.numbers[first:last]
        del self.lows[first:last], self.highs[first:last], self.numbers[first:last]
        return gone


class Recent(Generic[Item]):
    """The latest results in one memory.

    Args:
        limit: how many are remembered; beyond it the oldest is forgotten.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._layers = [_Layer()]
        self._all: dict[int, Item] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._all)

    def touching(self, low: int, high: int) -> list[Item]:
        """Those whose bounds share a byte with [low, high), oldest first."""
        found: list[int] = []
        for layer in self._layers:
            first, last = bisect_right(layer.highs, low), bisect_left(layer.lows, high)
            if first < last:
                found += layer.numbers[first:last]
        if len(found) > 1:
            found.sort()
        return [self._all[number] for number in found]

    def replace(self, item: Item) -> None:
        """A new result: those that it covers whole are gone."""
        low, high, pitch, _ = item.span
        if not pitch:
            for layer in self._layers:
                for number in layer.drop_within(low, high):
                    del self._all[number]
        self.add(item)

    def add(self, item: Item) -> None:
        """A new result beside all others."""
        low, high = item.span[:2]
        number, self._next = self._next, self._next + 1
        self._all[number] = item
        for layer in self._layers:
            if layer.add(low, high, number):
                break
        else:
            self._layers.append(_Layer())
            self._layers[-1].add(low, high, number)
        if len(self._all) > self._limit:
            self._forget(next(iter(self._all)))

    def _forget(self, number: int) -> None:
        low, high = self._all.pop(number).span[:2]
        for layer in self._layers:
            if number in layer.touching(low, high):
                place = bisect_left(layer.lows, low)
                del layer.lows[place], layer.highs[place], layer.numbers[place]
                return

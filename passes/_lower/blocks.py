"""Tensors that live off chip, block by block through vector memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.memory import Mover
from rnncc.passes._lower.ref import Index, Ref


class Blocks(Mover):
    """An emitter that cuts iteration spaces into blocks and stages off-chip operands."""

    def blocks(
        self,
        space: Sequence[Dim],
        refs: Sequence[Ref],
        tile: Sequence[int] | None,
        body: Callable[[list[Ref]], None],
    ) -> None:
        """Run `body` for each block of an iteration space.

        Args:
            space: the extents; every ref has as many dims, of the extent or of 1.
            tile: for each dim the largest block; None for the whole.
        """
        axis = next((i for i, t in enumerate(tile or ()) if t < space[i].size), None)
        if tile is None or axis is None:
            body(list(refs))
            return
        step = tile[axis]
        rest = [
            n if i == axis else t
            for i, (n, t) in enumerate(zip((d.size for d in space), tile, strict=True))
        ]

        def block(start: Index, dim: Dim) -> None:
            inner = [*space[:axis], dim, *space[axis + 1 :]]
            self.blocks(inner, [r.window(axis, start, step, dim) for r in refs], rest, body)

        dim = space[axis]
        if dim.reg is None:
            whole, left = divmod(dim.size, step)
            self.turns(Dim(whole), lambda i: block(i, Dim(step)))
            if left:
                block(whole, Dim(left))
            return
        length = self.extent(dim)
        count = self.scalar("ceildiv", length, step)
        assert not isinstance(count, int)
        with self.loop(Dim(-(-dim.size // step), count)) as i:
            rows = self.scalar("sub", length, self.scalar("mul", i, step))
            rows = self.scalar("min", rows, step)
            assert not isinstance(rows, int)
            block(i, Dim(step, rows))

    def staged(self, dst: Ref, sources: Sequence[Ref], body: Callable[..., None]) -> None:
        """Run ``body(dst, *sources)`` with everything in vector memory."""
        inside = [self.load(s) for s in sources]
        if dst.memory == "vmem":
            body(dst, *inside)
            return
        block = self.staging(dst, name="block")
        body(block, *inside)
        self.copy(dst, block)

"""form-chains: the operations of a step in the order of chains.

Needs: after split-gates, for a machine whose vector engine is of kind ``chain``. Ensures: in the step of every
rnn.scan, a product is followed by the element-wise operations that take its result on, one after another, as far as
what else they read is there. Products that need no state go first, and of the others those from which most products
still follow. Exact: only the order changes.

Source: Fowers et al., ISCA 2018 (chains: at most one product, then point-wise operations).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._remarks import remark, title

POINTWISE = (nn.UnaryOp, nn.BinaryOp, nn.SelectOp, nn.CompareOp)
LINKS = (nn.MatmulOp, *POINTWISE)
"""What chains consist of."""


@dataclass(frozen=True)
class FormChainsPass(ModulePass):
    """Chains of operations follow one another in the steps of recurrences."""

    name = "form-chains"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Order the body of every scan of the module."""
        for scan in [inner for inner in op.walk() if isinstance(inner, ScanOp)]:
            chains = Chains(scan)
            order = chains.order()
            for inner in order:
                inner.detach()
            scan.body.block.insert_ops_before(order, chains.end)
            remark(scan, self.name, f"{title(scan)}: a step is {chains.count} chains")


@dataclass
class Chains:
    """The chains of one step."""

    scan: ScanOp
    count: int = 0
    placed: set[Operation] = field(default_factory=set)
    done: list[Operation] = field(default_factory=list)

    @property
    def block(self) -> Block:
        """The step."""
        return self.scan.body.block

    @property
    def end(self) -> Operation:
        """The step's last operation, which stays where it is."""
        last = self.block.last_op
        assert last is not None
        return last

    def order(self) -> list[Operation]:
        """All operations but the last, chain by chain."""
        number = {op: place for place, op in enumerate(self.block.ops)}
        later, stateful = self._products_after(), self._reads_state()
        heads = sorted(
            (op for op in number if op is not self.end),
            # Constants and views, which take no machine time, as soon as they can.
            key=lambda op: (isinstance(op, LINKS), op in stateful, -later[op], number[op]),
        )
        waiting = heads
        while waiting:
            # What is ready first in the order of preference starts a chain.
            head = next(op for op in waiting if self._ready(op))
            self.count += isinstance(head, LINKS)
            link: Operation | None = head
            while link is not None:
                self.placed.add(link)
                self.done.append(link)
                link = self._next(link, number)
            waiting = [op for op in waiting if op not in self.placed]
        return self.done

    def _next(self, op: Operation, number: dict[Operation, int]) -> Operation | None:
        """The element-wise operation that goes on with a result."""
        if not isinstance(op, LINKS):
            return None
        users = {u.operation for u in op.results[0].uses if isinstance(u.operation, POINTWISE)}
        fits = [
            user
            for user in users
            if user in number
            and user not in self.placed
            and shape_of(user.results[0]) == shape_of(op.results[0])
            and self._ready(user)
        ]
        return min(fits, key=number.__getitem__, default=None)

    def _ready(self, op: Operation) -> bool:
        reads = [value.owner for inner in op.walk() for value in inner.operands]
        return all(
            owner in self.placed
            for owner in reads
            if isinstance(owner, Operation) and owner.parent is self.block
        )

    def _products_after(self) -> dict[Operation, int]:
        """For each operation the most products on a way from it to the step's end."""
        found: dict[Operation, int] = {}
        for op in reversed(list(self.block.ops)):
            after = [
                found[user] + isinstance(user, nn.MatmulOp)
                for result in op.results
                for use in result.uses
                for user in (self._top(use.operation),)
            ]
            found[op] = max(after, default=0)
        return found

    def _reads_state(self) -> set[Operation]:
        """Operations that need a carried value."""
        states = set(self.scan.state_args)
        found: set[Operation] = set()
        for op in self.block.ops:
            for value in (v for inner in op.walk() for v in inner.operands):
                if value in states or value.owner in found:
                    found.add(op)
        return found

    def _top(self, op: Operation) -> Operation:
        while op.parent is not self.block:
            parent = op.parent_op()
            assert parent is not None
            op = parent
        return op

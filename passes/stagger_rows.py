"""stagger-rows: a product of several rows that are reduced becomes a product for each row.

Needs: nothing; run it behind the passes that make one product of many. Ensures, on a machine that multiplies one
vector at a time and keeps all weights: no arg-max or other reduction of the rows of a product of 2 to
``most`` rows waits for the last of them. Exact.

Such a machine (``matrix.kind = "mvm"``) needs as long for the rows one by one as for all of them: nothing is
shared. But a reduction of all rows begins when the product is finished. Row by row, the vector engine reduces one
while the matrix engine makes the next: the logits of a generator's guessed words, each with its arg-max.

What is declined, with a remark: machines whose rows share what is read, weights that are streamed, and vector
engines of kind ``chain``, where each operation more is a pass more.

Source: software pipelining over rows; the vector-matrix overlap of Fowers et al., ISCA 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, symbols_of
from rnncc.errors import PassError
from rnncc.passes._emit import Emitter, constant_of
from rnncc.passes._lower.budget import Budget, budget_of
from rnncc.passes._remarks import remark, title
from rnncc.passes._scan_room import step_weights


@dataclass(frozen=True)
class StaggerRowsPass(ModulePass):
    """Products whose rows are reduced are computed row by row, where that is no slower.

    Raises:
        PassError: ``most`` below 2.
    """

    name = "stagger-rows"

    most: int = 16
    """Most rows that are written out."""
    target: str = "edge"
    """Machine name or description file: its engines decide."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Stagger every reduction of a product of the module."""
        if self.most < 2:
            raise PassError(f"{self.name}{{most={self.most}}}: rows are staggered from 2 on")
        found = [(inner, _product_of(inner)) for inner in op.walk() if _reduces(inner)]
        rows = [(inner, chain) for inner, chain in found if chain and self._few(chain)]
        if not rows:
            return
        if why := _why_not(op, budget_of(self.target, op)):
            remark(rows[0][0], self.name, f"rows stay together: {why}")
            return
        for inner, chain in rows:
            text = f"the {shape_of(chain[-1].results[0])[0]} rows of {title(chain[-1])} are reduced one by one"
            remark(inner, self.name, text)
            _stagger(inner, chain)

    def _few(self, chain: list[Operation]) -> bool:
        return 2 <= shape_of(chain[-1].results[0])[0] <= self.most


def _why_not(module: ModuleOp, budget: Budget) -> str:
    """Why a machine gains nothing, or ""."""
    machine = budget.machine
    if machine.matrix.kind != "mvm":
        return f"on {machine.name} they share what is read of the weights"
    if machine.vector.kind == "chain":
        return f"on {machine.name} each operation is a pass through all vector units"
    if sum(step_weights(module).values()) > budget.wmem:
        return f"{machine.name} cannot keep all weights, and would fetch them for each row"
    return ""


def _reduces(op: Operation) -> bool:
    """Whether an operation reduces each row of a value, axis 0, by itself."""
    if isinstance(op, nn.ArgReduceOp):
        return op.axis.value.data > 0
    return isinstance(op, nn.ReduceOp) and 0 not in op.axes.get_values() and len(op.axes) > 0


def _product_of(op: Operation) -> list[Operation] | None:
    """What lies between a reduction and the product it reduces, and the product, from the last to the first."""
    value: SSAValue = op.operands[0]
    rows, chain = shape_of(value)[:1], []
    while True:
        maker = value.owner
        if not isinstance(maker, Operation) or maker.parent is not op.parent:
            return None
        if not value.has_one_use() or any(symbols_of(value)) or shape_of(value)[:1] != rows:
            return None
        chain.append(maker)
        if isinstance(maker, nn.MatmulOp):
            plain = len(shape_of(maker.a)) == 2 and constant_of(maker.b) is not None
            return chain if plain else None
        if isinstance(maker, nn.BinaryOp):
            if len(shape_of(maker.b)) >= len(shape_of(maker.result)):
                return None
        elif not isinstance(maker, nn.ReshapeOp):
            return None
        value = maker.operands[0]


def _stagger(op: Operation, chain: list[Operation]) -> None:
    product = chain[-1]
    assert isinstance(product, nn.MatmulOp)
    (count,) = shape_of(product.result)[:1]
    emit, parts = Emitter(op), []
    for row in range(count):
        vector = emit.part(product.a, 0, row, 1)
        value = Emitter(product, emit.place)(
            nn.MatmulOp(vector, product.b, product.transpose_b is not None)
        )
        for step in reversed(chain[:-1]):
            if isinstance(step, nn.ReshapeOp):
                value = emit.reshape(
                    value, (1, *shape_of(step.result)[1:]), symbols_of(step.result)
                )
            else:
                assert isinstance(step, nn.BinaryOp)
                value = emit.binary(step.kind.data, value, step.b)
        if isinstance(op, nn.ArgReduceOp):
            keep, last = op.keepdims is not None, op.select_last is not None
            made = nn.ArgReduceOp(op.kind.data, value, op.axis.value.data, keep, last)
        else:
            assert isinstance(op, nn.ReduceOp)
            made = nn.ReduceOp(op.kind.data, value, op.axes.get_values(), op.keepdims is not None)
        parts.append(emit(made))
    op.results[0].replace_all_uses_with(emit(nn.ConcatOp(parts, 0)))
    for old in (op, *chain):
        old.detach()
        old.erase()

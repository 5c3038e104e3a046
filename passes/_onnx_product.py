"""ONNX matrix products as nn operations."""

from __future__ import annotations

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.passes._onnx_node import Converter, Dim, Node, dims_of, is_floating


def product(n: Node, a: SSAValue, b: SSAValue) -> SSAValue:
    """NumPy's matmul, with the operands of one dimension that nn.matmul does not take."""
    da, db = dims_of(a), dims_of(b)
    left, right = len(da) == 1, len(db) == 1
    if left:
        a = n.reshape(a, [(1, ""), *da])
    if right:
        b = n.reshape(b, [*db, (1, "")])
    result = n.emit(nn.MatmulOp(a, b))
    *batch, row, column = dims_of(result)
    return n.reshape(result, [*batch, *([] if left else [row]), *([] if right else [column])])


def _matmul(n: Node) -> SSAValue:
    return product(n, n.need(0), n.need(1))


def _matmul_integer(n: Node) -> SSAValue:
    operands = []
    for index in (0, 1):
        x = n.cast(n.need(index), i32)
        zero = n.input(index + 2)
        if zero is not None:
            zero = n.cast(zero, i32)
            if index == 0 and len(shape_of(zero)) == 1 and shape_of(zero) != (1,):
                zero = n.reshape(zero, [*dims_of(zero), (1, "")])
            x = n.binary("sub", x, zero)
        operands.append(x)
    return product(n, *operands)


def _gemm(n: Node) -> SSAValue:
    a, b, c = n.need(0), n.need(1), n.input(2)
    alpha, beta = n.attrs["alpha"], n.attrs["beta"]
    if not is_floating(a) and (alpha != 1 or beta != 1):
        n.refuse("alpha and beta of whole-number operands")
    if n.attrs["transA"]:
        a = n.transpose(a, [1, 0])
    result: SSAValue = n.emit(nn.MatmulOp(a, b, transpose_b=bool(n.attrs["transB"])))
    if alpha != 1:
        result = n.binary("mul", result, alpha)
    if c is None or beta == 0:
        return result
    return n.binary("add", result, c if beta == 1 else n.binary("mul", c, beta))


def _einsum(n: Node) -> SSAValue:
    """One or two operands, each letter once an operand; everything else is refused."""
    equation = n.attrs["equation"].replace(" ", "")
    left, arrow, output = equation.partition("->")
    terms = left.split(",")
    if "." in equation or len(terms) > 2 or any(len(set(t)) != len(t) for t in [*terms, output]):
        n.refuse(f"the equation '{equation}' is not supported")
    if not arrow:
        joined = "".join(terms)
        output = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    sizes: dict[str, Dim] = {}
    values = []
    for index, term in enumerate(terms):
        x = n.need(index)
        for letter, dim in zip(term, dims_of(x), strict=True):
            if dim != (1, "") or letter not in sizes:
                sizes[letter] = dim
        others = output + "".join(t for i, t in enumerate(terms) if i != index)
        alone = [i for i, letter in enumerate(term) if letter not in others]
        if alone:
            x = n.reduce("sum", x, alone, keepdims=False)
        values.append(x)
        terms[index] = "".join(c for c in term if c in others)
    if len(terms) == 1:
        return n.transpose(values[0], [terms[0].index(c) for c in output])
    return _contract(n, values, terms, output, sizes)


def _contract(
    n: Node, values: list[SSAValue], terms: list[str], output: str, sizes: dict[str, Dim]
) -> SSAValue:
    first, second = terms
    batch = [c for c in output if c in first and c in second]
    inner = [c for c in first if c in second and c not in output]
    rows = [c for c in output if c in first and c not in second]
    columns = [c for c in output if c in second and c not in first]

    def dims(letters: list[str]) -> list[Dim]:
        return [sizes[c] for c in letters]

    def arranged(x: SSAValue, term: str, tail: list[list[str]]) -> SSAValue:
        order = [*batch, *tail[0], *tail[1]]
        x = n.transpose(x, [term.index(c) for c in order])
        if dims_of(x) != dims(order):
            x = n.broadcast(x, dims(order))
        return n.reshape(x, [*dims(batch), n.merge(dims(tail[0])), n.merge(dims(tail[1]))])

    a = arranged(values[0], first, [rows, inner])
    b = arranged(values[1], second, [inner, columns])
    result = n.reshape(n.emit(nn.MatmulOp(a, b)), dims([*batch, *rows, *columns]))
    have = [*batch, *rows, *columns]
    return n.transpose(result, [have.index(c) for c in output])


TABLE: dict[str, Converter] = {
    "MatMul": _matmul,
    "MatMulInteger": _matmul_integer,
    "Gemm": _gemm,
    "Einsum": _einsum,
}

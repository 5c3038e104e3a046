"""split-scans and hoist-output-projection: the same values, and what they decline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import UnitAttr

from rnncc.codegen import generate
from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of, tensor_type
from rnncc.errors import PassError
from rnncc.interpreter import run
from rnncc.machine import load_machine
from rnncc.passes._packed import PACKED_ATTR
from rnncc.simulator import simulate
from tests.unit.lower.build import Graph, check, compare, count, random_inputs

from .stacks import check_same, networks, remarks, scans, transform

EPILOGUES = ("matmul", "bias", "relu", "sigmoid", "softmax", "scale", "argmax")


class Deep:
    """One scan whose step holds several layers and an epilogue.

    Args:
        layers: how many states, each fed by a product of the one below.
        epilogue: operations on the topmost new state, of EPILOGUES.
        length: ``static``, ``symbol``, ``lens`` or ``steps``.
    """

    def __init__(
        self, layers: int, epilogue: tuple[str, ...], length: str, flags: tuple[bool, bool]
    ):
        self.length, self.epilogue = length, epilogue
        self.steps, self.rows, self.width = 5, 2, 3
        rng = np.random.default_rng(7)
        symbol = "T" if length == "symbol" else ""
        g = self.g = Graph({"T": self.steps} if symbol else None)
        x = g.input((self.steps, self.rows, self.width), symbols=[symbol, "", ""])
        extra: dict[str, Any] = {}
        if length == "lens":
            extra["lens"] = g.input([self.rows], np.int32)
        if length == "steps":
            extra["steps"] = g.input([], np.int64)
        weights = [g.const(rng.standard_normal((self.width,) * 2)) for _ in range(2 * layers + 1)]
        inits = [g.const(rng.standard_normal((self.rows, self.width))) for _ in range(layers)]
        bias = g.const(rng.standard_normal(self.width))

        def body(t: Any, xt: Any, *states: Any) -> list[Any]:
            value, new = xt, []
            for k, state in enumerate(states):
                below = g.add(nn.MatmulOp(value, weights[2 * k]))
                own = g.add(nn.MatmulOp(state, weights[2 * k + 1]))
                value = g.add(nn.UnaryOp("tanh", g.add(nn.BinaryOp("add", below, own))))
                new.append(value)
            first = g.add(nn.BinaryOp("mul", new[0], xt))
            for kind in epilogue:
                value = self.after(kind, value, weights[-1], bias)
            return [*new, value, first]

        self.scan = g.scan(
            [x], inits, body, self.steps, symbol,
            input_reverse=[flags[0]], output_reverse=[flags[1], flags[0]], **extra,
        )  # fmt: skip

    def after(self, kind: str, x: Any, weights: Any, bias: Any) -> Any:
        g = self.g
        if kind == "matmul":
            return g.add(nn.MatmulOp(x, weights)) if shape_of(x)[-1] == self.width else x
        if kind == "bias":
            return g.add(nn.BinaryOp("add", x, bias))
        if kind == "scale":
            return g.add(nn.BinaryOp("mul", x, bias))
        if kind == "softmax":
            return g.add(nn.SoftmaxOp(x, 1))
        if kind == "argmax":
            index = g.add(nn.ArgReduceOp("argmax", x, 1, keepdims=True))
            return g.add(nn.CastOp(index, x.type.element_type))
        return g.add(nn.UnaryOp(kind, x))

    def module(self) -> Any:
        return self.g.module(*self.scan.results)

    def inputs(self, module: Any, seed: int) -> tuple[dict[str, np.ndarray], dict | None]:
        rng = np.random.default_rng(seed)
        lengths = {"T": int(rng.integers(1, self.steps + 1))} if self.length == "symbol" else None
        arrays = random_inputs(module, lengths, seed)
        if self.length == "lens":
            arrays["x1"] = rng.integers(0, self.steps + 1, self.rows).astype(np.int32)
        if self.length == "steps":
            arrays["x1"] = np.asarray(rng.integers(0, self.steps + 1), np.int64)
        return arrays, lengths


deep = st.builds(
    Deep,
    st.integers(1, 3),
    st.lists(st.sampled_from(EPILOGUES), max_size=3).map(tuple),
    st.sampled_from(("static", "symbol", "lens", "steps")),
    st.tuples(st.booleans(), st.booleans()),
)
PASSES = ("split-scans", "hoist-output-projection", "hoist-input-projection")


@settings(max_examples=40, deadline=None)
@given(deep, st.permutations(PASSES))
def test_any_step(net, order):
    module = net.module()
    after = transform(module, f"{','.join(order)},canonicalize")
    for seed in range(3):
        arrays, lengths = net.inputs(module, seed)
        compare(run(after, arrays, lengths), run(module, arrays, lengths), 2e-5)


@settings(max_examples=15, deadline=None)
@given(networks(layers=3, directions=("f", "b", "both")), st.permutations(PASSES))
def test_any_network(network, order):
    check_same(network, "decompose-cells", ",".join(order))


@pytest.mark.parametrize("length", ["static", "symbol", "lens", "steps"])
@pytest.mark.parametrize("flag", [False, True])
def test_only_recurrent_products_stay(length, flag):
    net = Deep(3, ("relu", "matmul", "bias", "argmax"), length, (flag, flag))
    module = transform(net.module(), ",".join(PASSES))
    assert [count_in(s) for s in scans(module)] == [1, 1, 1]
    assert any("chain of 3 recurrences" in note for note in remarks(module))
    assert any("(1 products)" in note for note in remarks(module))


def count_in(scan: rnn.ScanOp) -> int:
    """Products in a scan's step."""
    return sum(isinstance(op, nn.MatmulOp) for op in scan.body.walk())


def test_zeros_past_the_end_are_kept_only_where_needed():
    plain = transform(Deep(1, ("matmul",), "lens", (False, False)).module(), PASSES[1])
    assert count(plain, nn.SelectOp) == 0
    biased = transform(Deep(1, ("matmul", "bias"), "lens", (False, False)).module(), PASSES[1])
    assert count(biased, nn.SelectOp) == 1


def test_element_wise_work_alone_stays_when_it_would_stack_more():
    g = Graph()
    x, h = g.input((5, 2, 3)), g.input((2, 3))
    scan = g.scan(
        [x], [h], lambda _, a, s: [
            g.add(nn.BinaryOp("add", a, s)), g.add(nn.ReduceOp("sum", g.add(nn.BinaryOp("mul", a, s)), [1])),
        ], 5,
    )  # fmt: skip
    module = transform(g.module(*scan.outputs), "hoist-output-projection")
    assert any(isinstance(op, nn.ReduceOp) for op in scans(module)[0].body.walk())


def test_declined():
    def check(text: str, passes: str, module: Any) -> None:
        after = transform(module, passes)
        assert any(text in note for note in remarks(after)), remarks(after)
        assert len(scans(after)) == len(scans(module))

    packed = Deep(2, ("matmul",), "lens", (False, False))
    packed.scan.attributes[PACKED_ATTR] = UnitAttr()
    module = packed.module()
    check("stays whole: its rows are packed", "split-scans", module)
    check("keeps its output products: its rows are packed", "hoist-output-projection", module)
    both = Graph()
    x, h, w = both.input((5, 2, 3)), both.input((2, 3)), both.const(np.eye(3))

    def body(_: Any, a: Any, s: Any) -> list[Any]:
        new = both.add(nn.BinaryOp("add", a, s))
        return [new, *[both.add(nn.MatmulOp(new, w))] * 2]

    scan = both.scan([x], [h], body, 5, output_reverse=[False, True])
    check("outputs of both directions", "hoist-output-projection", both.module(*scan.results))


@settings(max_examples=15, deadline=None)
@given(deep, st.integers(0, 2))
def test_straight_code_inside_a_loop(net, seed):
    """The scan in the step of another one, before and after it is written out."""
    g, scan = net.g, net.scan
    scan.detach()
    ops = [op for op in g.block.ops if isinstance(op, nn.ConstantOp)]
    assert all(v.owner in ops or v in g.block.args for v in scan.operands)

    def body(t: Any, *states: Any) -> list[Any]:
        inner = scan.clone()
        for k, state in enumerate(states):
            inner.operands[len(scan.inputs) + k] = state
        g.stack[-1].add_op(inner)
        return [*inner.states, *inner.outputs]

    outer = g.scan([], list(scan.inits), body, 2)
    module = g.module(*outer.results)
    after = transform(module, f"{','.join(PASSES)},straighten-scans,canonicalize")
    if net.length == "static":
        assert len(scans(after)) == 1
    arrays, lengths = net.inputs(module, seed)
    compare(run(after, arrays, lengths), run(module, arrays, lengths), 2e-5)


@pytest.mark.parametrize("target", ["edge", "bw-s10", "tpu-v1"])
@pytest.mark.parametrize("length", ["static", "symbol", "lens"])
def test_simulated(target, length):
    net = Deep(2, ("matmul", "bias", "softmax"), length, (True, False))
    module = net.module()
    back = f"place-memory{{target={target}}},tile-for-machine{{target={target}}},lower-to-npu"
    after = transform(
        module,
        f"{','.join(PASSES)},lower-lengths,canonicalize,cse,dce,{back},"
        f"schedule{{target={target}}},allocate{{target={target}}}",
    )
    program = generate(after, load_machine(target), "exact")
    arrays, lengths = net.inputs(module, 4)
    result = simulate(program, arrays, lengths=lengths)
    compare(
        {k: np.asarray(v) for k, v in result.outputs.items()}, run(module, arrays, lengths), 2e-5
    )


def test_policy():
    module = Deep(2, (), "static", (False, False)).module()
    kept = transform(module, "split-scans{policy=auto}")
    assert len(scans(kept)) == 1
    assert any("edge keeps all weights" in note for note in remarks(kept))
    with pytest.raises(PassError, match="did you mean 'auto'"):
        transform(module, "split-scans{policy=aut}")


def test_stacked_states_come_apart():
    """One state of two layers, as PyTorch exports them, is two states of two scans."""
    g = Graph()
    x, h = g.input((5, 2, 3)), g.input((2, 2, 3))
    w = [g.const(np.random.default_rng(k).standard_normal((3, 3))) for k in range(3)]

    def layer(x: Any, h: Any, u: Any, v: Any) -> Any:
        own = g.add(nn.MatmulOp(h, v))
        return g.add(nn.UnaryOp("tanh", g.add(nn.BinaryOp("add", g.add(nn.MatmulOp(x, u)), own))))

    def body(_: Any, xt: Any, s: Any) -> list[Any]:
        old = [g.add(nn.SliceOp(s, [k, 0, 0], [1, 2, 3])) for k in (0, 1)]
        flat = [g.add(nn.ReshapeOp(v, xt.type)) for v in old]
        first = layer(xt, flat[0], w[0], w[1])
        second = layer(first, flat[1], w[2], w[1])
        parts = [g.add(nn.ReshapeOp(v, old[0].type)) for v in (first, second)]
        return [g.add(nn.ConcatOp(parts, 0)), second]

    scan = g.scan([x], [h], body, 5)
    module = g.module(*scan.results)
    after = transform(module, f"{','.join(PASSES)},canonicalize")
    assert [count_in(s) for s in scans(after)] == [1, 1]
    arrays = random_inputs(module)
    compare(run(after, arrays), run(module, arrays), 2e-5)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 5),
    st.sampled_from(("argmax", "max", "sum")),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_staggered_rows(rows, kind, bias, wide, keep):
    """Products whose rows are reduced, before and after each row is reduced by itself, and simulated."""
    g = Graph()
    x, rng = g.input((rows, 3)), np.random.default_rng(rows)
    value = g.add(nn.MatmulOp(x, g.const(rng.standard_normal((3, 5)))))
    if bias:
        value = g.add(nn.BinaryOp("add", value, g.const(rng.standard_normal(5))))
    if wide:
        value = g.add(nn.ReshapeOp(value, tensor_type(value.type.element_type, (rows, 1, 5))))
    axis = 2 if wide else 1
    if kind == "argmax":
        made = g.add(nn.ArgReduceOp(kind, value, axis, keepdims=keep))
    else:
        made = g.add(nn.ReduceOp(kind, value, [axis], keepdims=keep))
    module = g.module(made)
    after = transform(module, "stagger-rows")
    assert count(after, nn.MatmulOp) == rows
    check(after)
    arrays = random_inputs(module)
    compare(run(after, arrays), run(module, arrays), 2e-5)

"""Networks of recurrences for the tests of transformations, and the comparison before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, i32
from xdsl.ir import SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import shape_of, symbols_of, tensor_type, type_of
from rnncc.interpreter import run
from rnncc.passes._remarks import remarks_of
from rnncc.pipeline import Pipeline
from rnncc.universe import make_context
from rnncc.verifier import verify_module
from tests.unit.lower.build import Graph, compare, random_inputs

CELLS = ("lstm", "gru", "elman", "own", "skip")
BETWEEN = ("nothing", "project", "scale", "residual", "flat", "widen", "norm")
FUNCTIONS = {"lstm": ["sigmoid", "tanh", "tanh"], "gru": ["sigmoid", "tanh"], "elman": ["tanh"]}
KINDS = {"lstm": rnn.LstmOp, "gru": rnn.GruOp, "elman": rnn.ElmanOp}


@dataclass(frozen=True)
class Network:
    """A stack of recurrent layers.

    Attributes:
        cells: one of CELLS for each layer; ``own`` is a scan nobody has named, with its step number; ``skip`` is one
            that keeps a row's state where the input does not ask for a step.
        steps, batch, width: T, B and every layer's size.
        directions: ``f``, ``b`` or ``both`` for each layer.
        between: what comes after each layer but the last, of BETWEEN.
        length: ``static``, ``symbol`` (T is run-time) or ``lens`` (each row has its own length).
        finals: whether final states are outputs as well; every: whether each layer's sequence is.
    """

    cells: tuple[str, ...]
    steps: int = 6
    batch: int = 2
    width: int = 3
    directions: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    length: str = "static"
    finals: bool = True
    every: bool = False

    def module(self) -> ModuleOp:
        """The network before decompose-cells."""
        return _Builder(self).module()


class _Builder:
    def __init__(self, network: Network):
        self.net = network
        self.symbol = "T" if network.length == "symbol" else ""
        self.g = Graph({"T": network.steps} if self.symbol else None)
        self.rng = np.random.default_rng(5)
        kind = ([network.steps, network.batch, network.width], [self.symbol, "", ""])
        self.x = self.g.input(kind[0], symbols=kind[1])
        self.lens = self.g.input([network.batch], np.int32) if network.length == "lens" else None
        self.finals: list[SSAValue] = []

    def weight(self, *shape: int) -> SSAValue:
        return self.g.const(self.rng.standard_normal(shape) * 0.6)

    def module(self) -> ModuleOp:
        net, x = self.net, self.x
        sequences = []
        for k, cell in enumerate(net.cells):
            way = net.directions[k] if net.directions else "f"
            ways = {"f": [False], "b": [True], "both": [False, True]}[way]
            parts = [self.layer(cell, x, reverse) for reverse in ways]
            y = parts[0] if len(parts) == 1 else self.g.add(nn.ConcatOp(parts, 2))
            sequences.append(y)
            if k + 1 < len(net.cells):
                x = self.glue(net.between[k] if net.between else "nothing", y, x)
        outputs = sequences if net.every else sequences[-1:]
        return self.g.module(*outputs, *(self.finals if net.finals else []))

    def layer(self, cell: str, x: SSAValue, reverse: bool) -> SSAValue:
        if cell == "own":
            return self.own(x, reverse)
        if cell == "skip":
            return self.skip(x, reverse)
        kind: Any = KINDS[cell]
        h, gates = self.net.width, kind.GATES
        w, r = self.weight(gates * h, shape_of(x)[2]), self.weight(gates * h, h)
        op = kind.make(
            x,
            w,
            r,
            h,
            [(f, 0.0, 0.0) for f in FUNCTIONS[cell]],
            reverse=reverse,
            bias=self.weight(2 * gates * h),
            lens=self.lens,
            h0=self.weight(self.net.batch, h),
        )
        self.g.add(op)
        self.finals += op.results[1:]
        return op.y

    def own(self, x: SSAValue, reverse: bool) -> SSAValue:
        """A leaky sum that counts its steps; two outputs, one of them not a state."""
        w = self.weight(shape_of(x)[2], self.net.width)
        init = self.weight(self.net.batch, self.net.width)

        def body(t, xt, h):
            g = self.g
            step = g.add(nn.CastOp(t, element_of(h)))
            new = g.add(nn.UnaryOp("tanh", g.add(nn.MatmulOp(xt, w))))
            new = g.add(nn.BinaryOp("add", new, g.add(nn.BinaryOp("mul", h, g.const(0.5)))))
            late = g.add(nn.BinaryOp("add", new, g.add(nn.BinaryOp("mul", step, g.const(0.01)))))
            return new, late

        scan = self.g.scan(
            [x], [init], body, self.net.steps, self.symbol,
            lens=self.lens, input_reverse=[reverse], output_reverse=[reverse],
        )  # fmt: skip
        self.finals.append(scan.states[0])
        return scan.outputs[0]

    def skip(self, x: SSAValue, reverse: bool) -> SSAValue:
        """An Elman cell whose rows are updated only where the first number of their input is positive."""
        g, h = self.g, self.net.width
        w, r = self.weight(shape_of(x)[2], h), self.weight(h, h)
        init = self.weight(self.net.batch, h)
        batch = shape_of(x)[1]

        def body(t, xt, state):
            asked = g.add(nn.SliceOp(xt, [0, 0], [batch, 1], [1, 1]))
            flag = g.add(nn.CompareOp("gt", asked, g.const(0.0)))
            total = g.add(
                nn.BinaryOp("add", g.add(nn.MatmulOp(xt, w)), g.add(nn.MatmulOp(state, r)))
            )
            new = g.add(nn.SelectOp(flag, g.add(nn.UnaryOp("tanh", total)), state))
            return new, new

        scan = g.scan(
            [x], [init], body, self.net.steps, self.symbol,
            lens=self.lens, input_reverse=[reverse], output_reverse=[reverse],
        )  # fmt: skip
        self.finals.append(scan.states[0])
        return scan.outputs[0]

    def glue(self, kind: str, y: SSAValue, x: SSAValue) -> SSAValue:
        g, width = self.g, shape_of(y)[2]
        if kind == "project":
            return g.add(
                nn.BinaryOp("add", g.add(nn.MatmulOp(y, self.weight(width, 4))), self.weight(4))
            )
        if kind == "scale":
            return g.add(nn.UnaryOp("relu", g.add(nn.BinaryOp("mul", self.weight(width), y))))
        if kind == "residual" and shape_of(x) == shape_of(y):
            return g.add(nn.BinaryOp("add", x, y))
        if kind == "flat":
            steps, batch, _ = shape_of(y)
            kind_ = tensor_type(
                element_of(y),
                [steps * batch, width],
                [self.symbol, ""],
            )
            flat = g.add(nn.MatmulOp(g.add(nn.ReshapeOp(y, kind_)), self.weight(width, 5)))
            back = tensor_type(
                element_of(y),
                [steps, batch, 5],
                [self.symbol, "", ""],
            )
            return g.add(nn.ReshapeOp(flat, back))
        if kind == "widen":
            turned = [g.add(nn.TransposeOp(v, [1, 0, 2])) for v in (y, x)]
            return g.add(nn.TransposeOp(g.add(nn.ConcatOp(turned, 2)), [1, 0, 2]))
        if kind == "norm":
            mean = g.add(nn.ReduceOp("mean", y, [2], keepdims=True))
            return g.add(nn.SoftmaxOp(g.add(nn.BinaryOp("sub", y, mean)), 2))
        if kind == "flip":
            shape = list(shape_of(y))
            return g.add(nn.SliceOp(y, [shape[0] - 1, 0, 0], shape, [-1, 1, 1]))
        return y


def element_of(value: SSAValue) -> Any:
    """The element type of a value."""
    return type_of(value).element_type


@st.composite
def networks(draw: Any, *, layers: int = 4, directions: Sequence[str] = ("f",)) -> Network:
    """Networks of up to `layers` layers."""
    count = draw(st.integers(1, layers))
    return Network(
        cells=tuple(draw(st.sampled_from(CELLS)) for _ in range(count)),
        steps=draw(st.integers(2, 7)),
        batch=draw(st.integers(1, 3)),
        directions=tuple(draw(st.sampled_from(list(directions))) for _ in range(count)),
        between=tuple(draw(st.sampled_from(BETWEEN)) for _ in range(count - 1)),
        length=draw(st.sampled_from(("static", "symbol", "lens"))),
        finals=draw(st.booleans()),
        every=draw(st.booleans()),
    )


def inputs_for(network: Network, module: ModuleOp, seed: int = 0) -> tuple[dict, dict | None]:
    """Random inputs, and the run-time length where there is one."""
    rng = np.random.default_rng(seed)
    lengths = None
    if network.length == "symbol":
        lengths = {"T": int(rng.integers(1, network.steps + 1))}
    arrays = random_inputs(module, lengths, seed)
    if network.length == "lens":
        arrays["x1"] = rng.integers(0, network.steps + 1, network.batch).astype(np.int32)
    return arrays, lengths


def transform(module: ModuleOp, pipeline: str) -> ModuleOp:
    """A transformed clone, verified."""
    clone = module.clone()
    Pipeline(pipeline).apply(make_context(), clone)
    verify_module(clone)
    return clone


def check_same(
    network: Network, before: str, after: str, seeds: Sequence[int] = (0, 1)
) -> ModuleOp:
    """Interpret a network after two pipelines, the second on top of the first; gives the latter."""
    first = transform(network.module(), before)
    second = transform(first, after)
    for seed in seeds:
        arrays, lengths = inputs_for(network, first, seed)
        compare(run(second, arrays, lengths), run(first, arrays, lengths), 2e-5)
    return second


def scans(module: ModuleOp) -> list[rnn.ScanOp]:
    """All scans of a module."""
    return [op for op in module.walk() if isinstance(op, rnn.ScanOp)]


def remarks(module: ModuleOp) -> list[str]:
    """What the passes noted."""
    (function,) = (op for op in module.ops if isinstance(op, func.FuncOp))
    return remarks_of(function)


__all__ = [
    "Network",
    "check_same",
    "i32",
    "networks",
    "remarks",
    "scans",
    "symbols_of",
    "transform",
]

"""Small graphs for the tests of the lowering, and the comparison of its two sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Block, Operation, Region, SSAValue

from rnncc.codegen import generate
from rnncc.dialects import nn, npu, rnn
from rnncc.dialects._types import element_type, set_node, shape_of, symbols_of, tensor_type
from rnncc.interpreter import run
from rnncc.interpreter.npu import run_npu
from rnncc.machine import load_machine
from rnncc.passes.allocate import AllocatePass
from rnncc.passes.lower_to_npu import LowerToNpuPass
from rnncc.passes.place_memory import PlaceMemoryPass
from rnncc.passes.tile_for_machine import TileForMachinePass
from rnncc.simulator import simulate

TINY = """
inherits = "edge"
name = "tiny"
title = "Tiny"
description = "So little memory that everything is cut, streamed and staged."
source = "made up for tests"

[matrix]
rows = 4
columns = 4

[memories.wmem]
size = {wmem}
granule = 4

[memories.vmem]
size = {vmem}
granule = 4
"""


def tiny(folder: Path, wmem: int = 512, vmem: int = 2048) -> str:
    """The path of a machine with very little memory (bytes in the machine's own formats)."""
    path = folder / f"tiny-{wmem}-{vmem}.toml"
    path.write_text(TINY.format(wmem=wmem, vmem=vmem))
    return str(path)


class Graph:
    """Builds a function operation by operation."""

    def __init__(self, symbols: dict[str, int] | None = None):
        self.block = Block()
        self.stack = [self.block]
        self.inputs: list[str] = []
        self.symbols = symbols or {}

    def input(
        self, shape: Sequence[int], dtype: Any = np.float32, symbols: Sequence[str] | None = None
    ) -> SSAValue:
        kind = tensor_type(element_type(dtype), shape, symbols)
        self.inputs.append(f"x{len(self.inputs)}")
        return self.block.insert_arg(kind, len(self.block.args))

    def add(self, op: Operation) -> Any:
        set_node(op, f"{op.name.split('.')[1]}_{len(self.stack)}")
        self.stack[-1].add_op(op)
        return op.results[0]

    def const(self, array: Any, dtype: Any = np.float32) -> SSAValue:
        return self.add(nn.ConstantOp(np.asarray(array, dtype), "c"))

    def scan(
        self,
        inputs: Sequence[SSAValue],
        inits: Sequence[SSAValue],
        body: Callable[..., Sequence[SSAValue]],
        turns: int,
        symbol: str = "",
        **options: Any,
    ) -> rnn.ScanOp:
        slices = [rnn.slice_type(v.type, turns, symbol) for v in inputs]
        block = Block(arg_types=[rnn.INDEX, *slices, *(v.type for v in inits)])
        self.stack.append(block)
        block.add_op(rnn.YieldOp(*body(*block.args)))
        self.stack.pop()
        op = rnn.ScanOp.make(inputs, inits, block, max_steps=turns, symbol=symbol, **options)
        self.stack[-1].add_op(op)
        return op

    def while_loop(
        self,
        inits: Sequence[SSAValue],
        again: Callable[..., SSAValue],
        body: Callable[..., Sequence[SSAValue]],
        turns: int,
        steps: SSAValue | None = None,
    ) -> rnn.WhileOp:
        blocks = [Block(arg_types=[rnn.INDEX, *(v.type for v in inits)]) for _ in "cb"]
        for block, make in zip(blocks, (lambda *a: [again(*a)], body), strict=True):
            self.stack.append(block)
            block.add_op(rnn.YieldOp(*make(*block.args)))
            self.stack.pop()
        op = rnn.WhileOp.make(inits, *blocks, max_steps=turns, steps=steps)
        self.stack[-1].add_op(op)
        return op

    def module(self, *outputs: SSAValue) -> ModuleOp:
        self.block.add_op(func.ReturnOp(*outputs))
        function = func.FuncOp(
            "main",
            ([a.type for a in self.block.args], [v.type for v in outputs]),
            Region(self.block),
        )
        names = [StringAttr(n) for n in self.inputs]
        function.attributes["rnncc.inputs"] = ArrayAttr(names)
        results = [StringAttr(f"y{i}") for i in range(len(outputs))]
        function.attributes["rnncc.outputs"] = ArrayAttr(results)
        if self.symbols:
            function.attributes["rnncc.symbols"] = DictionaryAttr(
                {s: IntegerAttr(n, i64) for s, n in self.symbols.items()}
            )
        module = ModuleOp([function])
        module.verify()
        return module


def lower(module: ModuleOp, target: str = "edge", place: bool = True) -> ModuleOp:
    """A lowered clone of a module."""
    clone = module.clone()
    context = Context()
    if place:
        PlaceMemoryPass(target).apply(context, clone)
        TileForMachinePass(target).apply(context, clone)
        clone.verify()
    LowerToNpuPass().apply(context, clone)
    clone.verify()
    return clone


def random_inputs(
    module: ModuleOp, lengths: dict[str, int] | None = None, seed: int = 0, high: int = 3
) -> dict[str, np.ndarray]:
    """Inputs for a module; whole numbers are below `high`."""
    from rnncc.dialects._types import actual_shape, numpy_dtype, symbol_maxima, type_of

    function = next(iter(module.ops))
    assert isinstance(function, func.FuncOp)
    maxima = symbol_maxima(function)
    rng = np.random.default_rng(seed)
    result = {}
    for i, arg in enumerate(function.body.block.args):
        shape = actual_shape(arg, maxima, lengths or {})
        dtype = numpy_dtype(type_of(arg).get_element_type())
        if dtype.kind in "iub":
            result[f"x{i}"] = np.asarray(
                rng.integers(0, 2 if dtype.kind == "b" else high, shape), dtype
            )
        else:
            result[f"x{i}"] = np.asarray(rng.standard_normal(shape), dtype)
    return result


def check(
    module: ModuleOp,
    target: str = "edge",
    lengths: dict[str, int] | None = None,
    *,
    rtol: float = 1e-5,
    high: int = 3,
    lowered: ModuleOp | None = None,
) -> ModuleOp:
    """Lower, run both sides on random inputs, compare; gives the lowered module."""
    inputs = random_inputs(module, lengths, high=high)
    expected = run(module, inputs, lengths)
    lowered = lowered or lower(module, target)
    compare(run_npu(lowered, inputs, lengths), expected, rtol)
    placed = lowered.clone()
    AllocatePass(target).apply(Context(), placed)
    placed.verify()
    compare(run_npu(placed, inputs, lengths), expected, rtol)
    program = generate(placed, load_machine(target), "exact")
    program.validate()
    simulated = simulate(program, inputs, lengths=lengths, timing=False)
    compare(simulated.outputs, expected, rtol)
    return lowered


def compare(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray], rtol: float) -> None:
    """Both sides have the same outputs; floats relative to the largest of an output."""
    assert list(actual) == list(expected)
    for name, want in expected.items():
        got = actual[name]
        assert got.dtype == want.dtype, name
        assert got.shape == want.shape, name
        if want.dtype.kind in "biu":
            np.testing.assert_array_equal(got, want, err_msg=name)
        else:
            scale = float(np.max(np.abs(want.astype(np.float64)), initial=1e-30))
            wide = got.astype(np.float64)
            np.testing.assert_allclose(
                wide, want.astype(np.float64), rtol=rtol, atol=rtol * scale, err_msg=name
            )


def check_rounded_once(
    make: Callable[[Any], ModuleOp],
    place: Callable[[ModuleOp], ModuleOp],
    lengths: dict[str, int] | None = None,
) -> None:
    """The f16 module that `make` gives, lowered by `place`, gives the f64 one's results rounded to f16."""
    module = make(np.float16)
    inputs = random_inputs(module, lengths)
    exact = run(make(np.float64), {k: v.astype(np.float64) for k, v in inputs.items()}, lengths)
    for name, got in run_npu(place(module), inputs, lengths).items():
        assert got.dtype == np.float16
        # Half a unit in the last place, and what sums in f32 may be off.
        error = np.abs(got.astype(np.float64) - exact[name])
        room = 0.51 * np.spacing(np.abs(got)).astype(np.float64)
        np.testing.assert_array_less(error, room, err_msg=name)


def count(module: ModuleOp, kind: type[Operation]) -> int:
    """Operations of a kind, anywhere in a module."""
    return sum(isinstance(op, kind) for op in module.walk())


def steps_of(module: ModuleOp) -> list[str]:
    """Names of the instructions in the (only) loop."""
    loops = [op for op in module.walk() if isinstance(op, npu.LoopOp)]
    assert len(loops) == 1
    return [op.name for op in loops[0].body.block.ops if isinstance(op, npu.InstructionOp)]


def lstm(
    g: Graph,
    x: SSAValue,
    hidden: int,
    h: SSAValue,
    c: SSAValue,
    *,
    symbol: str = "",
    **options: Any,
) -> rnn.ScanOp:
    """An LSTM as the passes before leave it: the input product hoisted, one product a step."""
    steps, _, width = shape_of(x)
    rng = np.random.default_rng(1)
    w = g.const(rng.standard_normal((4 * hidden, width)) / np.sqrt(width))
    r = g.const(rng.standard_normal((4 * hidden, hidden)) / np.sqrt(hidden))
    b = g.const(rng.standard_normal(4 * hidden))
    xw = g.add(nn.BinaryOp("add", g.add(nn.MatmulOp(x, w, transpose_b=True)), b))
    batch = shape_of(h)[0]

    def step(_, z, h, c):
        z = g.add(nn.BinaryOp("add", g.add(nn.MatmulOp(h, r, transpose_b=True)), z))
        part = [batch, hidden]
        s = g.add(nn.UnaryOp("sigmoid", g.add(nn.SliceOp(z, [0, 0], [batch, 3 * hidden]))))
        t = g.add(nn.UnaryOp("tanh", g.add(nn.SliceOp(z, [0, 3 * hidden], part))))
        i, o, f = (g.add(nn.SliceOp(s, [0, n * hidden], part)) for n in range(3))
        kept, new = g.add(nn.BinaryOp("mul", f, c)), g.add(nn.BinaryOp("mul", i, t))
        c = g.add(nn.BinaryOp("add", kept, new))
        h = g.add(nn.BinaryOp("mul", o, g.add(nn.UnaryOp("tanh", c))))
        return h, c, h

    return g.scan([xw], [h, c], step, steps, symbol, **options)


__all__ = ["Graph", "check", "count", "lower", "lstm", "steps_of", "symbols_of", "tiny"]

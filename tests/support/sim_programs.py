"""Hand-written programs for the simulator's tests: short names for instructions, and an LSTM."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnncc.isa.instruction import Extent, Instruction, Operand
from rnncc.isa.table import INSTRUCTIONS
from rnncc.machine import load_machine
from rnncc.program import Port, Program, Segment, Symbol
from rnncc.simulator import TimingResult, simulate

EDGE = load_machine("edge")
DENSE = (0, 0, 4)
FLOATS = ("f32", "f32", "f32", "f32")


def extents(*bounds) -> Any:
    """Extents of numbers, or of (value, register) pairs."""
    return tuple(Extent(b) if isinstance(b, int) else Extent(*b) for b in bounds)


def at(memory, base, strides=DENSE, index=0, step=0):
    """An operand."""
    return Operand(memory, base, index, step if index else 0, tuple(strides))


def vm(base, strides=DENSE, index=0, step=0):
    """An operand in vector memory."""
    return at("vmem", base, strides, index, step)


def tensor(op, kind, bounds, *operands, types=None, imm=()):
    """A tensor instruction of float32 unless types are given."""
    spec = INSTRUCTIONS[op]
    imm = imm or (0.0,) * len(spec.immediates)
    return Instruction(
        op, kind, tuple(types or FLOATS[: len(operands)]), extents(*bounds), operands, tuple(imm)
    )


def binary(kind, dst, a, b, n):
    """A dense binary operation on n floats in vmem; a number is an address."""
    operands = (vm(o) if isinstance(o, int) else o for o in (dst, a, b))
    return tensor("binary", kind, (1, 1, n), *operands)


def unary(kind, dst, a, n):
    """A dense unary operation on n floats in vmem."""
    return tensor("unary", kind, (1, 1, n), *(vm(o) if isinstance(o, int) else o for o in (dst, a)))


def copy(dst, src, bounds):
    """A dma of float32."""
    return tensor("dma", "", bounds, dst, src)


def load(base, src, n, k, *, index=0, step=0):
    """A dma of a dense n x k matrix from DRAM into wmem."""
    rows = (0, 4 * k, 4)
    return copy(at("wmem", base, rows), at("dram", src, rows, index, step), (1, n, k))


def product(op, dst, x, w, bounds):
    """mm or mma on dense matrices; dst, x addresses in vmem, w in wmem."""
    m, n, k = bounds
    return tensor(
        op,
        "",
        (m, n, k),
        vm(dst, (4 * n, 4, 0)),
        vm(x, (4 * k, 0, 4)),
        at("wmem", w, (0, 4 * k, 4)),
    )


def loop(count, index, body, register=0):
    """A loop around instructions whose targets are relative; see ``program``."""
    return ("loop", count, index, register, body)


def flatten(items, start=0):
    """Instructions from nested loops, targets filled in."""
    code = []
    for item in items:
        here = start + len(code)
        if isinstance(item, tuple):
            _, count, index, register, body = item
            inner = flatten(body, here + 1)
            end = here + 1 + len(inner)
            code.append(Instruction("loop", imm=(count,), rd=index, ra=register, target=end))
            code += [*inner, Instruction("endloop")]
        else:
            code.append(item)
    return code


def program(items, segments=(), inputs=(), outputs=(), symbols=None, *, machine=EDGE, **parts):
    """A program of instructions and loops, ended by halt.

    Args:
        segments: (name, kind, shape or array) of float32, laid out one after the other.
        inputs, outputs: names of segments that are ports.
    """
    placed, address = [], 0
    for name, kind, what in segments:
        array = what if isinstance(what, np.ndarray) else None
        shape = array.shape if array is not None else what
        placed.append(Segment(name, kind, address, "f32", tuple(shape), array))
        address += -(-placed[-1].nbytes // 64) * 64
    by_name = {segment.name: segment for segment in placed}

    def ports(names):
        return tuple(
            Port(n, "f32", by_name[n].shape, ("",) * len(by_name[n].shape), n) for n in names
        )

    return Program.build(
        [*flatten(items), Instruction("halt")],
        segments=tuple(placed),
        inputs=parts.pop("input_ports", ports(inputs)),
        outputs=parts.pop("output_ports", ports(outputs)),
        machine=machine,
        symbols=symbols or {},
        memory=parts.pop("memory", {"vmem": 1 << 16}),
        scale=parts.pop("scale", {"dram": 1, "wmem": 2, "vmem": 1}),
        **parts,
    )


def timed(program, **options) -> TimingResult:
    """Timing of a program without values."""
    result = simulate(program, None, values=False, **options)
    assert result.timing is not None
    return result.timing


class Lstm:
    """An LSTM layer (batch 1, zero initial state) as a program that runs any T up to a maximum.

    The input product is hoisted; the recurrent weights stay in wmem, or are streamed through it panel by panel
    (``panel`` rows at a time, in two halves of wmem).
    """

    def __init__(self, hidden, steps, panel=None, machine=EDGE, numerics="exact"):
        h, rng = hidden, np.random.default_rng(0)
        self.hidden, self.steps = h, steps
        self.w, self.r = (
            (rng.standard_normal((4 * h, h)) / h**0.5).astype(np.float32) for _ in range(2)
        )
        self.b = rng.standard_normal(4 * h).astype(np.float32)
        size, rows = 4 * h, panel or 4 * h
        weight = 4 * size * h
        bias, source, target = (
            2 * weight,
            2 * weight + 4 * size,
            2 * weight + 4 * size + 4 * steps * h,
        )
        sizes = {"x": steps * h, "xw": steps * size, "b": size, "g": size, "h": h, "c": h, "t": h}
        places, top = {}, 0
        for name, count in sizes.items():
            places[name] = top
            top += -(-4 * count // 64) * 64
        x, xw, b, g, state, c, t = places.values()
        gates = [g + 4 * h * i for i in range(4)]
        time = (1, 31)
        matrix = (0, 4 * h, 4)
        items: list[Any] = [
            copy(vm(x, matrix), at("dram", source, matrix), (1, time, h)),
            copy(vm(b), at("dram", bias), (1, 1, size)),
        ]
        for first in range(0, size, rows):
            items.append(load(0, 4 * first * h, rows, h))
            items.append(
                tensor(
                    "mm", "", (time, rows, h),
                    vm(xw + 4 * first, (4 * size, 4, 0)), vm(x, (4 * h, 0, 4)), at("wmem", 0, matrix),
                )
            )  # fmt: skip
        rowwise = (4 * size, 0, 4)
        items += [
            tensor("binary", "add", (time, 1, size), vm(xw, rowwise), vm(xw, rowwise), vm(b)),
            tensor("fill", "", (1, 1, h), vm(state), imm=(0.0,)),
            tensor("fill", "", (1, 1, h), vm(c), imm=(0.0,)),
        ]
        step: list[Any] = []
        if panel is None:
            items.append(load(0, weight, size, h))
            step.append(product("mm", g, state, 0, (1, size, h)))
        else:
            for number, first in enumerate(range(0, size, rows)):
                half = number % 2 * 4 * rows * h
                step.append(load(half, weight + 4 * first * h, rows, h))
                step.append(product("mm", g + 4 * first, state, half, (1, rows, h)))
        step += [
            binary("add", g, g, vm(xw, DENSE, 1, 4 * size), size),
            unary("sigmoid", g, g, 3 * h),
            unary("tanh", gates[3], gates[3], h),
            binary("mul", c, c, gates[2], h),
            binary("mul", gates[0], gates[0], gates[3], h),
            binary("add", c, c, gates[0], h),
            unary("tanh", t, c, h),
            binary("mul", state, gates[1], t, h),
            copy(at("dram", target, DENSE, 1, 4 * h), vm(state), (1, 1, h)),
        ]
        items.append(loop(steps, 1, step, 31))
        segments = [
            ("w", "const", self.w), ("r", "const", self.r), ("b", "const", self.b),
            ("x", "input", (steps, h)), ("y", "output", (steps, h)),
        ]  # fmt: skip
        port = {n: (Port(n, "f32", (steps, h), ("T", ""), n),) for n in "xy"}
        self.program = program(
            items, segments, symbols={"T": Symbol(steps, 31)}, machine=machine, numerics=numerics,
            memory={"vmem": top}, input_ports=port["x"], output_ports=port["y"],
            scale={"dram": 1, "wmem": 2, "vmem": 1},
        )  # fmt: skip
        self.program.validate()

    def input(self, steps=None):
        """A random input of so many steps."""
        rng = np.random.default_rng(1)
        return rng.standard_normal((steps or self.steps, self.hidden)).astype(np.float32)

    def reference(self, x):
        """The layer in float64."""
        sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
        h = c = np.zeros(self.hidden)
        y = []
        for row in x.astype(np.float64) @ self.w.T.astype(np.float64) + self.b:
            i, o, f, g = np.split(row + self.r.astype(np.float64) @ h, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            y.append(h)
        return np.array(y)

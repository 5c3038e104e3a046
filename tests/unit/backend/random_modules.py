"""Random npu modules: straight code, loops and branches over a few buffers, all values defined."""

from random import Random
from typing import Any

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, f32, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from rnncc.dialects import npu

ROWS, COLUMNS = 4, 8


class Builder:
    """Emits operations into a block; every buffer is written whole before it is read."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        self.body = Block()
        self.x = self.add(npu.InputOp(npu.BufferType.of((ROWS, COLUMNS), f32, "dram"), "x", 0))
        self.w = self.add(npu.InputOp(npu.BufferType.of((COLUMNS, COLUMNS), f32, "dram"), "w", 1))
        self.y = self.add(npu.OutputOp(npu.BufferType.of((4 * ROWS, COLUMNS), f32, "dram"), "y", 0))
        self.n = self.add(npu.LengthOp("T"))
        self.count = 0

    def add(self, op, block=None) -> Any:
        (block or self.body).add_op(op)
        return op.results[0] if op.results else op

    def buffer(self, memory="vmem", shape=(ROWS, COLUMNS)):
        self.count += 1
        alloc = npu.AllocOp(shape, f32, memory, f"b{self.count}")
        assert self.body.first_op is not None
        self.body.insert_ops_before([alloc], self.body.first_op)
        return alloc.buffer

    def window(self, block, buffer, size, index):
        """A window of rows x columns: somewhere, or following the loop's index."""
        r, (rows, columns) = self.random, size
        if index is not None and rows == 1 and r.random() < 0.7:
            backward = r.random() < 0.3
            offset, step = ((ROWS - 1) * COLUMNS, -COLUMNS) if backward else (0, COLUMNS)
            view = npu.ViewOp(buffer, offset, (0, COLUMNS, 1), index, step)
        else:
            row, column = r.randint(0, ROWS - rows), r.randint(0, COLUMNS - columns)
            strides = [0, COLUMNS, 1]
            if r.random() < 0.2:
                strides[r.choice((1, 2))] = 0
            view = npu.ViewOp(buffer, row * COLUMNS + column, strides)
        return self.add(view, block)

    def fill_block(self, block, pool, index, length, depth):
        for _ in range(length):
            self.step(block, pool, index, depth)

    def step(self, block, pool, index, depth):
        r = self.random
        kind = r.random()
        if kind < 0.12 and depth < 2:
            inner = Block(arg_types=[npu.REG])
            self.fill_block(inner, list(pool), inner.args[0], r.randint(1, 6), depth + 1)
            count = self.n if r.random() < 0.4 else r.randint(1, ROWS)
            self.add(npu.LoopOp(count, Region(inner), max=ROWS), block)
        elif kind < 0.18 and depth < 2 and pool:
            view = self.add(npu.ViewOp(r.choice(pool), r.randint(0, 9)), block)
            condition = self.add(npu.ReadOp(view), block)
            then, other = Block(), Block()
            self.fill_block(then, list(pool), index, r.randint(1, 3), depth + 1)
            self.fill_block(other, list(pool), index, r.randint(0, 2), depth + 1)
            self.add(npu.IfOp(condition, Region(then), Region(other)), block)
        elif kind < 0.21 and block.args and pool:
            self.leave(block, pool, index)
        elif kind < 0.4 or not pool:
            self.create(block, pool, index)
        elif kind < 0.5:
            self.product(block, pool)
        else:
            size = r.choice(((1, COLUMNS), (ROWS, COLUMNS), (ROWS, 3), (2, 4), (1, 1)))
            dst = self.window(block, r.choice(pool), size, index)
            while 0 in dst.owner.stride_values[1:]:
                dst = self.window(block, r.choice(pool), size, index)
            self.compute(block, pool, index, dst, size)

    def leave(self, block, pool, index):
        """A break that a number in memory decides, or the loop's index."""
        if self.random.random() < 0.5:
            view = self.add(npu.ViewOp(self.random.choice(pool), self.random.randint(0, 9)), block)
            a = self.add(npu.ReadOp(view), block)
        else:
            a = index
        b = self.add(npu.ImmediateOp(self.random.randint(0, 3)), block)
        kind = self.random.choice(("lt", "ne", "le"))
        self.add(npu.BreakOp(self.add(npu.ScalarOp(kind, a, b), block)), block)

    def create(self, block, pool, index):
        """A new buffer, written whole."""
        buffer = self.buffer()
        dst = self.add(npu.ViewOp(buffer, 0, (0, COLUMNS, 1)), block)
        if not pool or self.random.random() < 0.3:
            src = self.add(npu.ViewOp(self.x, 0, (0, COLUMNS, 1)), block)
            self.add(npu.DmaOp(dst, src, (1, ROWS, COLUMNS)), block)
        else:
            self.compute(block, pool, index, dst, (ROWS, COLUMNS))
        pool.append(buffer)

    def compute(self, block, pool, index, dst, size):
        r, (rows, columns) = self.random, size
        extents, dims = (1, rows, columns), (None, None, None)
        if rows == ROWS and r.random() < 0.15 and pool:
            extents, dims = (1, 1, columns), (None, self.n, None)
            if dst.owner.buffer not in pool:
                extents, dims = (1, rows, columns), (None, None, None)
        sources = [self.window(block, r.choice(pool), size, index) for _ in "ab"]
        if r.random() < 0.5:
            self.add(npu.UnaryOp("tanh", dst, sources[0], extents, dims=dims), block)
        else:
            kind = r.choice(("add", "sub", "mul"))
            self.add(npu.BinaryOp(kind, dst, sources[0], sources[1], extents, dims=dims), block)

    def product(self, block, pool):
        """Load weights and multiply."""
        r = self.random
        weights = self.buffer("wmem", (COLUMNS, COLUMNS))
        near = self.add(npu.ViewOp(weights, 0, (0, COLUMNS, 1)), block)
        far = self.add(npu.ViewOp(self.w, 0, (0, COLUMNS, 1)), block)
        self.add(npu.DmaOp(near, far, (1, COLUMNS, COLUMNS)), block)
        row, target = r.randint(0, ROWS - 1), r.choice(pool)
        x = self.add(npu.ViewOp(r.choice(pool), row * COLUMNS, (0, 0, 1)), block)
        dst = self.add(npu.ViewOp(target, row * COLUMNS, (0, 1, 0)), block)
        extents = (1, COLUMNS, COLUMNS)
        self.add(npu.MmOp(dst, x, near, extents, accumulate=r.random() < 0.3), block)


def random_module(seed, length=14):
    """A module with inputs x and w, the length T (at most 4) and the output y."""
    builder = Builder(seed)
    pool = []
    builder.create(builder.body, pool, None)
    builder.fill_block(builder.body, pool, None, length, 0)
    for number in range(4):
        source = builder.random.choice(pool)
        dst = builder.add(npu.ViewOp(builder.y, number * ROWS * COLUMNS, (0, COLUMNS, 1)))
        src = builder.add(npu.ViewOp(source, 0, (0, COLUMNS, 1)))
        builder.add(npu.DmaOp(dst, src, (1, ROWS, COLUMNS)))
    builder.add(ReturnOp())
    function = FuncOp("main", ((), ()), Region(builder.body))
    function.attributes["rnncc.symbols"] = DictionaryAttr({"T": IntegerAttr(ROWS, i64)})
    module = ModuleOp([function])
    module.verify()
    return module

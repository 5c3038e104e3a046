"""Loops executed at once leave what they leave iteration by iteration: in memory, in registers, in errors."""

from __future__ import annotations

import numpy as np
import pytest
from sim_programs import Lstm, at, binary, copy, load, loop, product, program, tensor, unary, vm
from wide_programs import (
    INDEX,
    OUT,
    OUTER,
    PARITY,
    SEGMENTS,
    SUM,
    WEIGHTS,
    WORDS,
    W,
    agree,
    build,
    rows,
    scalar,
    state,
)

from rnncc.isa.instruction import Instruction, Operand
from rnncc.isa.types import ITEM_SIZES, NUMPY_TYPES
from rnncc.machine import load_machine
from rnncc.simulator.run import Bound


def panels(count: int, parity: int = PARITY, step: int = 64) -> list:
    """A loop over panels of 4 x 4 weights: load, product, and a sum with something from DRAM."""
    where = Operand("wmem", 0, parity, 64, (0, 16, 4))
    result = vm(1024, (0, 4, 0), INDEX, 16)
    dense = vm(1024, index=INDEX, step=16)
    return [
        scalar("mod", PARITY, INDEX, 2),
        copy(where, rows("dram", W, step), (1, 4, 4)),
        tensor("mm", "", (1, 4, 4), result, vm(0, (0, 0, 4)), where),
        copy(vm(256, index=PARITY, step=16), at("dram", 64, index=INDEX, step=16), (1, 1, 4)),
        tensor("binary", "add", (1, 1, 4), dense, dense, vm(256, index=PARITY, step=16)),
    ]


def test_panels_become_one_product():
    run = agree(build([loop(9, INDEX, panels(9)), loop(2, OUTER, [loop(13, INDEX, panels(13))])]))
    assert len(run.values.stays) == 1  # the outer loop


@pytest.mark.parametrize("target", ["tpu-v1", "tpu-v2", "bw-s10", "v100"])
def test_panels_in_the_formats_of_a_machine(target):
    code = build([loop(9, INDEX, panels(9))], machine=load_machine(target), numerics="machine")
    assert not agree(code).values.stays


def test_blocks_of_rows_become_one_product():
    body = [
        scalar("mod", PARITY, INDEX, 2),
        scalar("mul", 5, OUTER, 4),
        Instruction("s", "add", rd=SUM, ra=5, rb=INDEX),
        copy(vm(0, index=PARITY, step=32), at("dram", 128, index=INDEX, step=32), (1, 1, 8)),
        tensor(
            "mm", "", (2, 4, 4),
            vm(64, (16, 4, 0), PARITY, 32), vm(0, (16, 0, 4), PARITY, 32), at("wmem", 0, (0, 16, 4)),
        ),
        unary("neg", vm(64, index=PARITY, step=32), vm(64, index=PARITY, step=32), 8),
        copy(at("dram", OUT, (0, 16, 4), SUM, 32), vm(64, (0, 16, 4), PARITY, 32), (1, 2, 4)),
    ]  # fmt: skip
    around = loop(3, OUTER, [load(0, W, 4, 4, index=OUTER, step=64), loop(5, INDEX, body)])
    run = agree(build([around]))
    assert len(run.values.stays) == 1


def rearranged() -> list:
    """A copy into a buffer with gaps: the buffer does not read as its source does."""
    return [
        copy(vm(800, (0, 0, 8)), at("dram", 64, index=INDEX, step=16), (1, 1, 4)),
        unary("neg", vm(1024, (0, 0, 4), INDEX, 16), vm(800, (0, 0, 8)), 4),
        tensor("binary", "add", (1, 1, 2), vm(256, (0, 0, 4), INDEX, 16), vm(800, (0, 0, 24)), vm(816, (0, 0, 8))),
    ]  # fmt: skip


def overwritten() -> list:
    """A copy whose source is written before the copy is read."""
    source = vm(256, index=INDEX, step=16)
    return [
        copy(vm(800), source, (1, 1, 4)),
        binary("add", source, source, source, 4),
        unary("neg", vm(1024, index=INDEX, step=16), 800, 4),
    ]


def outside_at_first() -> list:
    """An address whose known part alone lies in another segment."""
    return [
        scalar("sub", 9, 8, 20),
        Instruction("s", "add", rd=10, ra=9, rb=INDEX),
        copy(vm(64, index=INDEX, step=16), at("dram", OUT, index=10, step=16), (1, 1, 4)),
    ]


@pytest.mark.parametrize("body", [rearranged(), overwritten(), outside_at_first()])
def test_buffers_and_addresses(body):
    inner = loop(6, INDEX, body)
    run = agree(build([loop(3, OUTER, [scalar("add", 8, OUTER, 20), inner])]))
    assert len(run.values.stays) == 1 + (body[0].op == "s")


@pytest.mark.parametrize("kind", ["f16", "bf16", "i32", "i8", "f64"])
def test_element_types(kind):
    """Through a buffer of another type, computed in it, and back; the same bits."""
    size = ITEM_SIZES[kind]
    buffer = vm(1600, (0, 0, size), PARITY, 4 * size)
    body = [
        scalar("mod", PARITY, INDEX, 2),
        tensor("convert", "", (1, 1, 4), buffer, vm(0, index=INDEX, step=16), types=(kind, "f32")),
        tensor("binary", "mul", (1, 1, 4), buffer, buffer, buffer, types=(kind,) * 3),
        tensor(
            "convert", "", (1, 1, 4), vm(512, index=INDEX, step=16), buffer, types=("f32", kind)
        ),
    ]
    assert not agree(build([loop(7, INDEX, body)])).values.stays


@pytest.mark.parametrize("kind", ["f16", "i32"])
def test_rows_of_other_types(kind):
    size = ITEM_SIZES[kind]
    matrix = (0, 4 * size, size)
    types = (kind,) * 3
    w = at("wmem", 0, matrix)
    body = [
        tensor(
            "mm", "", (1, 4, 4),
            vm(1024, (0, size, 0), INDEX, 4 * size), vm(512, (0, 0, size), INDEX, 4 * size), w, types=types,
        ),
    ]  # fmt: skip
    start = [
        tensor("convert", "", (1, 1, 40), vm(512, (0, 0, size)), vm(0), types=(kind, "f32")),
        tensor("dma", "", (1, 4, 4), w, at("dram", W, matrix), types=(kind, kind)),
    ]
    weights = np.array([0, 1, 2, 1] * 8, NUMPY_TYPES[kind]).view(np.float32)
    segments = [SEGMENTS[0], ("w", "const", np.resize(weights, WEIGHTS.size)), SEGMENTS[2]]
    first = copy(vm(0), at("dram", 0), (1, 1, WORDS))
    code = program(
        [first, *start, loop(8, INDEX, body)],
        segments,
        outputs=("out",),
        memory={"vmem": 4 * WORDS},
    )
    assert not agree(code).values.stays


@pytest.mark.parametrize("step", [32, 48])
def test_rows_with_gaps_stay(step):
    dst, x = vm(1024, (16, 4, 0), INDEX, 32), vm(0, (16, 0, 4), INDEX, step)
    body = [tensor("mm", "", (2, 4, 4), dst, x, at("wmem", 0, (0, 16, 4)))]
    run = agree(build([load(0, W, 4, 4), loop(6, INDEX, body)]))
    assert len(run.values.stays) == (step != 32)


def pipelined(stages: int, outer: bool = False) -> list:
    """A loop that loads rows for one turn ahead, multiplies and adds, and stores what an earlier turn made."""
    other, out = (PARITY, 6) if stages == 2 else (6, PARITY)
    column, matrix = (0, 4, 0), at("wmem", 0, (0, 16, 4))
    to = at("dram", OUT, index=SUM if outer else INDEX, step=16)
    result = vm(1088, column, other, 16)
    dense = vm(1088, index=other, step=16)
    return [
        scalar("mod", PARITY, INDEX, 2), scalar("add", 7, INDEX, 1), scalar("mod", 6, 7, 2),
        scalar("mul", 5, OUTER, 9), Instruction("s", "add", rd=SUM, ra=5, rb=INDEX),
        copy(vm(1024, index=6, step=16), at("dram", 64, index=INDEX, step=16), (1, 1, 4)),
        *([] if stages == 2 else [copy(to, vm(1088, index=out, step=16), (1, 1, 4))]),
        tensor("mm", "", (1, 4, 4), result, vm(1024, (0, 0, 4), other, 16), matrix),
        tensor("binary", "add", (1, 1, 4), dense, dense, vm(0)),
        *([copy(to, dense, (1, 1, 4))] if stages == 2 else []),
    ]  # fmt: skip


@pytest.mark.parametrize("stages", [2, 3])
@pytest.mark.parametrize("outer", [False, True])
def test_pipelined_turns_are_independent(stages, outer):
    inner = loop(9, INDEX, pipelined(stages, outer))
    run = agree(build([load(0, W, 4, 4), loop(2, OUTER, [inner])]))
    assert len(run.values.stays) == 1  # the outer loop


@pytest.mark.parametrize("target", ["tpu-v1", "bw-s10"])
def test_pipelined_turns_in_the_formats_of_a_machine(target):
    items = [load(0, W, 4, 4), loop(9, INDEX, pipelined(3))]
    assert not agree(build(items, machine=load_machine(target), numerics="machine")).values.stays


def test_a_buffer_read_first_is_a_pipeline():
    body = [
        unary("neg", vm(64, index=INDEX, step=4), 800, 1),
        unary("neg", 800, vm(0, index=INDEX, step=4), 1),
    ]
    assert not agree(build([loop(6, INDEX, body)])).values.stays


NOT_WIDE = {
    "carried": [binary("add", vm(64, index=INDEX, step=4), vm(60, index=INDEX, step=4), 0, 1)],
    "sum": [binary("add", 400, 400, vm(0, index=INDEX, step=4), 1)],
    "overlap": [unary("neg", vm(64, index=INDEX, step=4), vm(400, index=INDEX, step=4), 2)],
    "ahead": [unary("neg", vm(64, index=INDEX, step=16), vm(72, index=INDEX, step=8), 1)],
    "outer": [unary("neg", vm(64, index=INDEX, step=4), vm(32, index=OUTER, step=64), 1)],
    "late and early at once": [
        unary("neg", 800, vm(0, index=INDEX, step=4), 1), binary("add", vm(64, index=INDEX, step=4), 804, 800, 1),
        unary("neg", 804, vm(32, index=INDEX, step=4), 1),
    ],
    "a late part that comes last": [
        unary("neg", vm(64, index=INDEX, step=4), 800, 1), unary("neg", 800, vm(0, index=INDEX, step=4), 1),
        unary("neg", 804, vm(64, index=INDEX, step=4), 1), unary("neg", vm(64, index=INDEX, step=4), 808, 1),
    ],
    "half a buffer": [
        unary("neg", 800, vm(0, index=INDEX, step=4), 1),
        unary("neg", vm(64, index=INDEX, step=8), 800, 2),
    ],
    "register": [scalar("add", 7, 7, 1), unary("neg", vm(64, index=7, step=4), 0, 1)],
    "weights in place": [copy(rows("wmem", 0), rows("dram", W, 32), (1, 4, 4)), product("mm", 64, 0, 0, (1, 4, 4))],
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_WIDE)
def test_dependent_iterations_stay(name):
    inner = loop(6, INDEX, NOT_WIDE[name])
    run = agree(build([loop(3, OUTER, [inner])]))
    assert len(run.values.stays) == 2


HOSTILE = {
    "after": [unary("neg", vm(64, index=INDEX, step=512), 0, 4)],
    "before": [scalar("sub", 5, INDEX, 2), unary("neg", vm(4, index=5, step=16), 0, 4)],
    "outer": [Instruction("s", "add", rd=5, ra=INDEX, rb=6), unary("neg", vm(64, index=5, step=16), 0, 4)],
    "buffer": [scalar("mod", 5, INDEX, 2), unary("neg", vm(4 * WORDS - 16, index=5, step=16), 0, 4)],
    "const": [copy(at("dram", 0, index=INDEX, step=16), vm(0), (1, 1, 4))],
    "no matrix": [product("mm", 64, 0, 256, (1, 4, 4)), unary("neg", vm(640, index=INDEX, step=16), 0, 4)],
    "panels": [copy(rows("wmem", 0), rows("dram", W, 512), (1, 4, 4)), product("mm", 64, 0, 0, (1, 4, 4))],
    "zero": [scalar("div", 5, 0, 0), unary("neg", vm(64, index=INDEX, step=16), 0, 4)],
    "huge": [scalar("mul", 5, INDEX, 1 << 62), unary("neg", vm(64, index=5, step=16), 0, 4)],
    "later": [
        scalar("add", 5, 7, 0), Instruction("s", "add", rd=5, ra=INDEX, rb=7),
        unary("neg", vm(64, index=5, step=16), 0, 4), unary("neg", 1024, vm(0, index=6, step=64), 4),
    ],
    "another shape": [
        copy(rows("wmem", 0), rows("dram", W, 64), (1, 4, 4)),
        tensor("mm", "", (1, 2, 8), vm(1024, (0, 4, 0), INDEX, 8), vm(0, (0, 0, 4)), at("wmem", 0, (0, 32, 4))),
    ],
    "fixed": [unary("neg", vm(64, index=INDEX, step=16), vm(0, index=6, step=64), 4)],
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_errors_name_the_same_instruction(name):
    registers = {6: 1 << 20, 7: 120, INDEX: 3}
    start = [Instruction("s.imm", imm=(value,), rd=rd) for rd, value in registers.items()]
    items = [*start, loop(6, INDEX, HOSTILE[name])]
    code = program(items, SEGMENTS, memory={"vmem": 4 * WORDS})
    got, want = (state(code, wide)[0] for wide in (True, False))
    if name != "huge":
        assert isinstance(want, str), "accepted"
    assert str(got) == str(want)


def test_the_budget_and_progress_count_the_same():
    code = build([loop(9, INDEX, panels(9))])
    for most in (20, 60):
        agree(code, max_instructions=most)
    shares: list[list[float]] = [[], []]
    for wide, into in zip((True, False), shares, strict=True):
        Bound(code, wide=wide).run({}, {}, progress=into.append)
    assert shares[0]
    assert shares[1]


def test_large_buffers_take_turns_in_parts(monkeypatch):
    monkeypatch.setattr("rnncc.simulator.wide.buffers.SCRATCH_BYTES", 64 + 16 * 9)
    body = [
        scalar("mod", PARITY, INDEX, 2),
        binary("max", vm(256, index=PARITY, step=16), vm(1536, index=INDEX, step=16), vm(512), 4),
        binary("add", vm(1024, index=INDEX, step=16), vm(256, index=PARITY, step=16), vm(512), 4),
    ]
    run = agree(build([loop(31, INDEX, body)]))
    assert not run.values.stays


def test_a_streamed_lstm_of_one_loop_of_panels():
    lstm = Lstm(16, 5, panel=16)
    x = lstm.input(4)
    for wide in (True, False):
        outputs, _ = Bound(lstm.program, wide=wide).run({"x": x}, {"T": 4})
        np.testing.assert_allclose(outputs["y"], lstm.reference(x), rtol=1e-5, atol=1e-6)

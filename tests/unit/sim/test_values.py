"""What instructions compute, against NumPy on plain indices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_programs import at, binary, copy, loop, product, program, tensor, unary, vm

from rnncc.isa.instruction import Instruction
from rnncc.isa.types import NUMPY_TYPES
from rnncc.simulator import simulate
from rnncc.simulator.run import bound

WORDS = 2048


def run(items, memory=None, **parts):
    """Run a program; returns vector memory afterwards, as float32.

    ``memory`` (float32, up to 1024) is copied into vector memory first.
    """
    data = np.zeros(1024, np.float32)
    if memory is not None:
        data[: len(memory)] = memory
    items = [copy(vm(0), at("dram", 0), (1, 1, 1024)), *items]
    code = program(
        items,
        [("d", "const", data), *parts.pop("segments", ())],
        memory={"vmem": 4 * WORDS},
        **parts,
    )
    simulate(code, {}, timing=False)
    return bound(code).memory.vmem.data.view(np.float32)


def walk(base, strides, extents):
    """Element numbers of a strided walk, shape = extents (float32)."""
    grid = np.indices(extents).reshape(3, -1)
    return (base + np.array(strides) @ grid).reshape(extents) // 4


BOUNDS = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5))
STEP = st.sampled_from([-8, -4, 0, 4, 8, 20, 24, 80])
STRIDES = st.tuples(STEP, STEP, STEP)
BASES = st.integers(60, 200).map(lambda n: 4 * n)


@settings(max_examples=40, deadline=None)
@given(BOUNDS, st.tuples(BASES, STRIDES), st.tuples(BASES, STRIDES), st.integers(0, 10**6))
def test_strided_walks(bounds, a, b, seed):
    memory = np.random.default_rng(seed).standard_normal(1024).astype(np.float32)
    dense = (4 * bounds[1] * bounds[2], 4 * bounds[2], 4)
    step = tensor("binary", "sub", bounds, vm(4096, dense), vm(a[0], a[1]), vm(b[0], b[1]))
    after = run([step], memory)
    expected = memory[walk(a[0], a[1], bounds)] - memory[walk(b[0], b[1], bounds)]
    np.testing.assert_array_equal(after[walk(4096, dense, bounds)], expected)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["sigmoid", "neg", "leaky_relu"]), st.integers(-8, 8), st.booleans())
def test_an_instruction_reads_before_it_writes(kind, shift, indexed):
    memory = np.linspace(-3, 3, 1024, dtype=np.float32)
    source, target = vm(400), vm(400 + 4 * shift, index=1 if indexed else 0, step=4)
    step = tensor("unary", kind, (1, 1, 50), target, source, imm=(0.5, 0.0))
    after = run([loop(1, 1, [step])], memory)
    apart = run([tensor("unary", kind, (1, 1, 50), vm(4096), source, imm=(0.5, 0.0))], memory)
    np.testing.assert_array_equal(after[100 + shift : 150 + shift], apart[1024:1074])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 5), st.integers(1, 6), st.integers(1, 7), st.booleans(), st.sampled_from([0, 4])
)
def test_products(m, n, k, accumulate, gap):
    rng = np.random.default_rng(m + 10 * n + 100 * k)
    memory = rng.standard_normal(1024).astype(np.float32)
    weights = rng.standard_normal((k, n)).astype(np.float32)
    transposed = copy(at("wmem", 64, (0, 4 * k, 4)), at("dram", 4096, (0, 4, 4 * n)), (1, n, k))
    out = ((4 + gap) * n, 4 + gap, 0)
    step = tensor(
        "mma" if accumulate else "mm", "", (m, n, k),
        vm(800, out), vm(0, (4 * k, 0, 4)), at("wmem", 64, (0, 4 * k, 4)),
    )  # fmt: skip
    after = run([transposed, step], memory, segments=[("w", "const", weights)])
    places = walk(800, out, (m, n, 1))[..., 0]
    x = memory[: m * k].reshape(m, k).astype(np.float64)
    expected = x @ weights + (memory[places] if accumulate else 0)
    np.testing.assert_allclose(after[places], expected, rtol=1e-5, atol=1e-5)


def test_reductions_and_arguments():
    memory = np.array([3, 1, 3, 2, 5, 5], np.float32)
    rows = vm(0, (0, 12, 4))
    items = [
        tensor("reduce", kind, (1, 2, 3), vm(4096 + 64 * place, (0, 4, 0)), rows)
        for place, kind in enumerate(["sum", "max", "min", "prod"])
    ]
    items += [
        tensor(
            "argmax", kind, (1, 2, 3), vm(5120 + 64 * place, (0, 8, 0)), rows, types=("i64", "f32")
        )
        for place, kind in enumerate(["first", "last"])
    ]
    items += [tensor("reduce", "prod", (1, 2, 0), vm(6144, (0, 4, 0)), rows)]
    after = run(items, memory)
    sums, largest, least, products = (after[1024 + 16 * i :][:2].tolist() for i in range(4))
    assert (sums, largest, least, products) == ([7, 12], [3, 5], [1, 2], [9, 50])
    assert after[1280:1284].view(np.int64).tolist() == [0, 1]
    assert after[1296:1300].view(np.int64).tolist() == [2, 2]
    assert after[1536:1538].tolist() == [1, 1]


def test_gather_counts_negative_indices_from_the_end():
    table = np.arange(20, dtype=np.float32).reshape(5, 4)
    index = np.array([1, -1, 3], np.int32)
    items = [
        tensor(
            "gather", "", (3, 1, 4), vm(4096, (16, 0, 4)), at("dram", 4096, (16, 0, 4)), vm(0, (4, 0, 0)),
            types=("f32", "f32", "i32"), imm=(5,),
        )
    ]  # fmt: skip
    after = run(items, index.view(np.float32), segments=[("t", "const", table)])
    np.testing.assert_array_equal(after[1024:1036].reshape(3, 4), table[index])


def test_select_compare_convert_fill_iota():
    memory = np.array([1, 2, 3, 4, 4, 3, 2, 1], np.float32)
    flags = vm(4096, (0, 0, 1))
    items = [
        tensor("cmp", "lt", (1, 1, 4), flags, vm(0), vm(16), types=("i1", "f32", "f32")),
        tensor(
            "select", "", (1, 1, 4), vm(16), flags, vm(0), vm(16), types=("f32", "i1", "f32", "f32")
        ),
        tensor("fill", "", (1, 1, 2), vm(4160), imm=(2.5,)),
        tensor("convert", "", (1, 1, 2), vm(4224), vm(4160), types=("i32", "f32")),
        tensor("iota", "", (2, 1, 3), vm(4288, (12, 0, 4)), imm=(7.0,)),
    ]
    after = run(items, memory)
    assert after[4:8].tolist() == [1, 2, 2, 1]
    assert after[1056:1058].view(np.int32).tolist() == [2, 2]
    assert after[1072:1078].tolist() == [7, 8, 9, 7, 8, 9]


@pytest.mark.parametrize(
    ("name", "tolerance"), [("f16", 2e-3), ("bf16", 2e-2), ("f64", 1e-12), ("i8", 0)]
)
def test_products_of_other_types(name, tolerance):
    dtype = NUMPY_TYPES[name]
    size = dtype.itemsize
    rng = np.random.default_rng(0)
    w, x = (rng.integers(-3, 4, shape) for shape in ((3, 8), (2, 8)))
    if name != "i8":
        w, x = w / 7, x / 7
    w, x = w.astype(dtype), x.astype(dtype)
    packed = np.zeros(1024, np.float32)
    packed.view(dtype)[:24] = w.ravel()
    packed.view(dtype)[64:80] = x.ravel()
    rows = (0, 8 * size, size)
    out, wide = ("i32", np.dtype(np.int32)) if name == "i8" else (name, dtype)
    items = [
        tensor("dma", "", (1, 3, 8), at("wmem", 0, rows), at("dram", 0, rows), types=(name, name)),
        tensor(
            "mm", "", (2, 3, 8), vm(4096, (3 * wide.itemsize, wide.itemsize, 0)),
            vm(64 * size, (8 * size, 0, size)), at("wmem", 0, rows), types=(out, name, name),
        ),
    ]  # fmt: skip
    after = run(items, packed)[1024:].view(wide)[:6].reshape(2, 3)
    expected = x.astype(np.float64) @ w.astype(np.float64).T
    np.testing.assert_allclose(after.astype(np.float64), expected, rtol=tolerance, atol=tolerance)


def test_branches_and_scalars():
    # Sum the even indices below 10 in memory, leave the loop's odd iterations early.
    odd = Instruction("s", "mod", imm=(2,), rd=2, ra=1)
    body = [
        odd,
        Instruction("s", "eq", imm=(0,), rd=3, ra=2),
        Instruction("beqz", ra=3, target=6),
        binary("add", 4096, 4096, vm(0, index=1, step=4), 1),
    ]
    memory = np.arange(10, dtype=np.float32)
    assert run([loop(10, 1, body)], memory)[1024] == 0 + 2 + 4 + 6 + 8


def test_reading_decides_an_extent():
    memory = np.array([3.7, 1, 1, 1, 1], np.float32)
    items = [
        Instruction("s.read", types=("f32",), operands=(vm(0, (0, 0, 0)),), rd=5),
        tensor("unary", "neg", (1, 1, (1, 5)), vm(4096), vm(4)),
    ]
    assert run(items, memory)[1024:1029].tolist() == [-1, -1, -1, 0, 0]


def test_loads_forget_what_they_overwrite():
    weights = np.ones((8, 8), np.float32)
    rows = (0, 32, 4)
    one = copy(at("wmem", 0, rows), at("dram", 4096, rows), (1, 8, 8))
    two = copy(at("wmem", 128, rows), at("dram", 4096, rows), (1, 8, 8))
    use = product("mm", 4096, 0, 0, (1, 8, 8))
    from rnncc.errors import SimulationError

    with pytest.raises(SimulationError, match=r"instruction 3 \(mm\): no 8 x 8 float32 matrix"):
        run([one, two, use], segments=[("w", "const", weights)])
    run([two, one, use, unary("neg", 0, 0, 4)], segments=[("w", "const", weights)])

"""The npu interpreter: hand-written modules against NumPy."""

import numpy as np
import pytest
from xdsl.context import Context

from rnncc.codegen import generate
from rnncc.errors import InputError, SimulationError
from rnncc.interpreter.npu import run_npu
from rnncc.isa.types import NUMPY_TYPES
from rnncc.machine import load_machine
from rnncc.passes.allocate import AllocatePass
from rnncc.simulator import simulate
from tests.unit.backend.support import STEPS, parse


@pytest.mark.parametrize("length", [6, 3, 1])
def test_recurrence_follows_the_length(length):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(length, 4)), rng.normal(size=(4, 4))
    x, w = x.astype(np.float32), w.astype(np.float32)
    outputs = run_npu(parse(STEPS), {"x": x, "w": w})
    h, expected = np.zeros(4, np.float32), []
    for row in x:
        h = np.tanh(row + w @ h)
        expected.append(h)
    np.testing.assert_allclose(outputs["y"], expected, rtol=1e-5)
    assert outputs["best"].tolist() == [7 if h.argmax() else -7]


def test_missing_input():
    with pytest.raises(InputError, match="input 'w' is missing"):
        run_npu(parse(STEPS), {"x": np.zeros((6, 4), np.float32)})


def test_leaving_a_buffer():
    text = """func.func @main() {
      %b = npu.alloc "b" : !npu.buffer<4xf32, vmem>
      %i = npu.immediate 4
      %v = npu.view %b[%i * 1] [0, 0, 1] : !npu.buffer<4xf32, vmem>
      npu.fill %v [1, 1, 1] value 0.0 : !npu.view<f32, vmem>
      func.return
    }"""
    with pytest.raises(SimulationError, match="elements 4 to 4 of buffer 'b'"):
        run_npu(parse(text), {})


def test_gather_reversed_constant_and_vector_kinds():
    text = """func.func @main() {
      %t = npu.const "t" dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32> : !npu.buffer<3x2xf32, dram>
      %n = npu.const "n" dense<[-1, 1]> : tensor<2xi64> : !npu.buffer<2xi64, dram>
      %y = npu.output "y" 0 : !npu.buffer<2x2xf32, dram>
      %b = npu.alloc "b" : !npu.buffer<2x2xf32, vmem>
      %m = npu.alloc "m" : !npu.buffer<2x2xi1, vmem>
      %s = npu.alloc "s" : !npu.buffer<2xf32, vmem>
      %tv = npu.view %t [2, 0, 1] : !npu.buffer<3x2xf32, dram>
      %nv = npu.view %n [1, 0, 0] : !npu.buffer<2xi64, dram>
      %bg = npu.view %b [2, 0, 1] : !npu.buffer<2x2xf32, vmem>
      npu.gather %bg, %tv, %nv [2, 1, 2] rows 3 : !npu.view<f32, vmem>, !npu.view<f32, dram>, !npu.view<i64, dram>
      %bv = npu.view %b [0, 2, 1] : !npu.buffer<2x2xf32, vmem>
      %br = npu.view %b + 1 [0, 2, -1] : !npu.buffer<2x2xf32, vmem>
      %mv = npu.view %m [0, 2, 1] : !npu.buffer<2x2xi1, vmem>
      %sv = npu.view %s [0, 1, 0] : !npu.buffer<2xf32, vmem>
      npu.reduce sum %sv, %bv [1, 2, 2] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
      npu.compare gt %mv, %br, %bv [1, 2, 2] : !npu.view<i1, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
      npu.select %bv, %mv, %sv, %bv [1, 2, 2]
        : !npu.view<f32, vmem>, !npu.view<i1, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
      %yv = npu.view %y [0, 2, 1] : !npu.buffer<2x2xf32, dram>
      npu.dma %yv, %bv [1, 2, 2] : !npu.view<f32, dram>, !npu.view<f32, vmem>
      func.return
    }"""
    assert run_npu(parse(text), {})["y"].tolist() == [[11.0, 6.0], [7.0, 4.0]]


READ = """func.func @main() {{
  %x = npu.input "x" 0 : !npu.buffer<1x{type}, dram>
  %y = npu.output "y" 0 : !npu.buffer<1xf32, dram>
  %b = npu.alloc "b" : !npu.buffer<1xf32, vmem>
  %xv = npu.view %x [0, 0, 1] : !npu.buffer<1x{type}, dram>
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<1xf32, dram>
  %bv = npu.view %b [0, 0, 1] : !npu.buffer<1xf32, vmem>
  %r = npu.read %xv : !npu.view<{type}, dram>
  %e = npu.immediate {expected}
  %same = npu.scalar eq %r, %e
  npu.fill %bv [1, 1, 1] value 0.0 : !npu.view<f32, vmem>
  npu.if %same {{
    npu.fill %bv [1, 1, 1] value 1.0 : !npu.view<f32, vmem>
  }}
  npu.dma %yv, %bv [1, 1, 1] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  func.return
}}"""
LEAST, MOST = -(2**63), 2**63 - 1


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("f32", 2.75, 2),
        ("f32", -2.75, -2),
        ("f32", np.nan, 0),
        ("f32", np.inf, MOST),
        ("f32", -np.inf, LEAST),
        ("f32", 4.963775e28, MOST),
        ("f32", -4.963775e28, LEAST),
        ("f32", 2.0**62, 2**62),
        ("f32", 2.0**63, MOST),
        ("f32", -(2.0**63), LEAST),
        ("f64", 1e300, MOST),
        ("f16", -np.inf, LEAST),
        ("bf16", 3e38, MOST),
        ("bf16", np.nan, 0),
        ("i64", LEAST, LEAST),
        ("i64", MOST, MOST),
        ("i1", True, 1),
    ],
)
def test_a_read_is_the_same_number_in_the_interpreter_and_on_the_machine(type_, value, expected):
    """Numbers beyond a register are its limits in both, so that control takes the same way."""
    text = READ.format(type=type_, expected=expected)
    inputs = {"x": np.array([value]).astype(NUMPY_TYPES[type_])}
    module = parse(text)
    assert run_npu(module, inputs)["y"].tolist() == [1.0]
    AllocatePass(target="edge").apply(Context(), module)
    program = generate(module, load_machine("edge"), "exact")
    assert simulate(program, inputs, timing=False).outputs["y"].tolist() == [1.0]

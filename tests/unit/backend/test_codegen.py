"""Code generation: instructions, registers, segments; checked by the program's own validation."""

import numpy as np
import pytest
from xdsl.context import Context

from rnncc.codegen import generate
from rnncc.errors import CapacityError, PassError, UnsupportedError
from rnncc.machine import load_machine
from rnncc.passes.allocate import AllocatePass
from tests.unit.backend.support import STEPS, parse


def program(text, numerics="exact", target="edge"):
    module = parse(text)
    AllocatePass(target=target).apply(Context(), module)
    module.verify()
    result = generate(module, load_machine(target), numerics)
    result.validate()
    return result


def test_a_loop_over_a_length():
    steps = program(STEPS)
    ops = [i.op for i in steps.instructions]
    assert ops == (
        [
            "dma",
            "dma",
            "fill",
            "loop",
            "mma",
            "unary",
            "dma",
            "endloop",
            "argmax",
            "s.read",
            "beqz",
            "fill",
            "jmp",
            "fill",
            "dma",
            "halt",
        ]
    )
    loop = steps.instructions[3]
    assert (loop.ra, loop.imm, loop.target) == (steps.symbols["T"].register, (6,), 7)
    assert steps.instructions[0].extents[1].reg == steps.symbols["T"].register
    assert [port.name for port in steps.inputs] == ["x", "w"]
    assert steps.inputs[0].symbols == ("T", "")
    assert [i.target for i in steps.instructions[10:13]] == [13, 0, 14]
    assert steps.scale["wmem"] == 2
    assert steps.memory["wmem"] == 64


CONSTANT = """
func.func @main() {{
  %c = npu.const "c" {value} : !npu.buffer<2x3xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<2xf32, dram>
  %w = npu.alloc "w" : !npu.buffer<2x3xf32, wmem>
  %b = npu.alloc "b" {{"onnx.node" = "n1"}} : !npu.buffer<5xf32, vmem>
  %cv = npu.view %c [0, 3, 1] : !npu.buffer<2x3xf32, dram>
  %wv = npu.view %w [0, 3, 1] : !npu.buffer<2x3xf32, wmem>
  npu.dma %wv, %cv [1, 2, 3] : !npu.view<f32, wmem>, !npu.view<f32, dram>
  %x = npu.view %b [0, 0, 1] : !npu.buffer<5xf32, vmem>
  %d = npu.view %b + 3 [0, 1, 0] : !npu.buffer<5xf32, vmem>
  npu.fill %x [1, 1, 3] value 1.0 : !npu.view<f32, vmem>
  npu.mm %d, %x, %wv [1, 2, 3] {{"onnx.node" = "n1"}} : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, wmem>
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<2xf32, dram>
  %s = npu.view %b + 3 [0, 0, 1] : !npu.buffer<5xf32, vmem>
  npu.dma %yv, %s [1, 1, 2] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  func.return
}}
"""
DENSE = "dense<[[1.001, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>"


def test_weights_are_rounded_for_the_machine():
    text = CONSTANT.format(value=DENSE)
    exact, machine = program(text), program(text, "machine")
    assert np.asarray(exact.segment["c"].array)[0, 0] == np.float32(1.001)
    assert np.asarray(machine.segment["c"].array)[0, 0] == 1.0
    assert exact.source_map[2] == "n1 / mm"


def test_other_types_in_other_formats_are_refused():
    text = CONSTANT.format(value=DENSE).replace("f32", "f64")
    with pytest.raises(UnsupportedError, match="simulated for float32 models"):
        program(text, "machine", "tpu-v1")


def test_a_transposed_constant_keeps_its_memory():
    from rnncc.dialects import npu
    from rnncc.dialects._weights import WeightAttr

    module = parse(CONSTANT.format(value=DENSE))
    array = np.arange(6, dtype=np.float32).reshape(3, 2)
    for op in list(module.walk()):
        if isinstance(op, npu.ConstOp):
            op.properties["value"] = WeightAttr("c", array.T)
        elif isinstance(op, npu.ViewOp) and isinstance(op.buffer.owner, npu.ConstOp):
            from rnncc.dialects._npu_types import int_array

            op.properties["strides"] = int_array((0, *npu.strides_of(op.buffer)))
    AllocatePass().apply(Context(), module)
    result = generate(module, load_machine("edge"), "exact")
    result.validate()
    segment = result.segment["c"]
    assert np.shares_memory(segment.array, array)
    load = result.instructions[0]
    assert load.operands[1].strides == (0, 4, 8)


def test_scalars():
    text = """func.func @main() attributes {rnncc.symbols = {T = 5 : i64}} {
      %y = npu.output "y" 0 : !npu.buffer<64xi64, dram>
      %b = npu.alloc "b" : !npu.buffer<64xi64, vmem>
      %n = npu.length "T"
      %two = npu.immediate 2
      %four = npu.scalar mul %two, %two
      %dead = npu.scalar mul %n, %n
      %a = npu.scalar sub %four, %n
      %c = npu.scalar add %two, %a
      %bv = npu.view %b[%four * 1] [0, 0, 1] : !npu.buffer<64xi64, vmem>
      %cv = npu.view %b[%c * 1] [0, 0, 1] : !npu.buffer<64xi64, vmem>
      npu.fill %bv [1, 1, 3 * %four] value 3 : !npu.view<i64, vmem>
      npu.fill %cv [1, 1, 1] value 5 : !npu.view<i64, vmem>
      npu.loop %i = %two max 2 {
        %iv = npu.view %b[%i * 1] [0, 0, 1] : !npu.buffer<64xi64, vmem>
        npu.fill %iv [1, 1, 1] value 1 : !npu.view<i64, vmem>
      }
      npu.if %two {
        npu.fill %bv [1, 1, 0] value 4 : !npu.view<i64, vmem>
        %yv = npu.view %y [0, 0, 1] : !npu.buffer<64xi64, dram>
        %w = npu.view %b [0, 0, 1] : !npu.buffer<64xi64, vmem>
        npu.dma %yv, %w [1, 1, 64] : !npu.view<i64, dram>, !npu.view<i64, vmem>
      }
      func.return
    }"""
    result = program(text)
    ops = [i.mnemonic for i in result.instructions]
    # The known scalars are fields, the dead one is gone, the empty fill and the known branch too.
    assert ops == [
        "s.imm",
        "s.sub",
        "s.add",
        "fill",
        "fill",
        "loop",
        "fill",
        "endloop",
        "dma",
        "halt",
    ]
    assert result.instructions[2].imm == (2,)
    assert result.instructions[3].operands[0].base == 32
    assert result.instructions[3].extents[2].value == 12
    assert result.instructions[5].imm == (2,)


def test_too_many_scalars():
    lines = ["func.func @main() {", '%b = npu.alloc "b" : !npu.buffer<64xi64, vmem>']
    lines += ["%v = npu.view %b [0, 0, 1] : !npu.buffer<64xi64, vmem>"]
    lines += [f"%r{i} = npu.read %v : !npu.view<i64, vmem>" for i in range(40)]
    for i in range(40):
        lines += [f"%v{i} = npu.view %b[%r{i} * 1] [0, 0, 1] : !npu.buffer<64xi64, vmem>"]
        lines += [f"npu.fill %v{i} [1, 1, 1] value 0 : !npu.view<i64, vmem>"]
    with pytest.raises(CapacityError, match="more than 31 scalars"):
        program("\n".join([*lines, "func.return", "}"]))


def test_addresses_are_needed():
    with pytest.raises(PassError, match="has no address"):
        generate(parse(STEPS), load_machine("edge"), "exact")


def test_an_operation_that_is_no_instruction_is_refused():
    text = """func.func @main() {
      %b = npu.alloc "b" : !npu.buffer<64xi64, vmem>
      %c = nn.constant dense<0.0> : tensor<2xf32>
      %d = nn.unary tanh %c : tensor<2xf32> -> tensor<2xf32>
      func.return
    }"""
    with pytest.raises(PassError, match=r"nn\.\w+ is no instruction"):
        program(text)

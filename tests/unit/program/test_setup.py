"""The setup part of a program: loaded once, counted apart, and protected."""

import numpy as np
import pytest

from rnncc.errors import AssemblyError, ProgramError
from rnncc.isa.asm import assemble_program, disassemble
from rnncc.program import load
from rnncc.simulator import simulate


def with_setup(text, count):
    return text.replace(".scale", f".setup {count}\n.scale", 1)


def test_setup_is_timed_apart(text, constants, tmp_path):
    plain = assemble_program(text, constants)
    program = assemble_program(with_setup(text, 1), constants)
    assert program.setup == 1 and ".setup 1\n" in disassemble(program)
    program.save(tmp_path / "p.rnx")
    assert load(tmp_path / "p.rnx").setup == 1
    x = np.ones((25, 4), np.float32)
    a, b = (simulate(p, {"x": x}) for p in (plain, program))
    np.testing.assert_array_equal(a.outputs["y"], b.outputs["y"])
    assert a.timing is not None and b.timing is not None
    assert a.timing.setup == 0 < b.timing.setup
    assert b.timing.cycles < a.timing.cycles
    assert a.timing.bounds.weights > b.timing.bounds.weights == 0
    assert b.timing.counters.read["wmem"] and not b.timing.counters.written["wmem"]


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (-1, "setup: -1 of"),
        (10, "setup: 10 of 10"),
        (2, "setup has only dma with fixed places"),
    ],
)
def test_what_setup_may_not_be(text, constants, count, message):
    with pytest.raises((AssemblyError, ProgramError), match=message):
        assemble_program(with_setup(text, count), constants)


def test_inputs_are_no_setup(text, constants):
    moving = with_setup(text, 2).replace("dma f32 [1, 1, 4*r1] vmem", "dma f32 [1, 1, 4] vmem", 1)
    with pytest.raises((AssemblyError, ProgramError), match="setup moves constants to the chip"):
        assemble_program(moving, constants)


def test_nothing_may_write_what_stays(text, constants):
    again = "  dma f32 [1, 4, 4] wmem[0x0 : 0, 16, 4], dram[w : 0, 16, 4]\n  halt"
    with pytest.raises(AssemblyError, match=r"writes wmem bytes 0x0\.\.0x40, which setup loads"):
        assemble_program(with_setup(text, 1).replace("  halt", again), constants)


@pytest.fixture(scope="module")
def served():
    """A GRU with pinned weights, and without."""
    from rnncc.codegen import generate
    from rnncc.machine import load_machine
    from tests.unit.transforms.stacks import Network, transform

    module = Network(("gru",), width=8, steps=4).module
    back = "place-memory,tile-for-machine,lower-to-npu,{}schedule,allocate"
    return [
        generate(
            transform(module(), f"decompose-cells,{back.format(more)}"),
            load_machine("edge"),
            "exact",
        )
        for more in ("", "persist-weights,")
    ]


def test_persistent_weights_compile(served):
    plain, pinned = served
    # Three matrices (R apart for z and r, and for h), and what else is constant.
    assert plain.setup == 0 and pinned.setup >= 3
    pinned.validate()
    x = {port.name: np.ones(port.shape, np.float32) for port in plain.inputs}
    a, b = simulate(plain, x), simulate(pinned, x)
    for name, value in a.outputs.items():
        np.testing.assert_array_equal(value, b.outputs[name])
    assert b.cycles < a.cycles  # type: ignore[operator]


def test_report_says_so(served):
    from rnncc.report import Report

    program = served[1]
    text = str(Report.of(program, simulate(program, None, values=False), {}))
    assert "loaded once, before the first run, and not counted" in text

"""One program, every length: values, cycles and code size of programs whose time is a run-time length."""

import numpy as np
import pytest

import rnncc
import rnncc.errors
from tests.conformance.rnn_cases import Case, make
from tests.conformance.rnn_stages import names
from tests.reference.rnn import run_node
from tests.support.oracles import assert_outputs, onnx_runtime

LONGEST = 30
KINDS = {
    "forward": {"direction": "forward"},
    "reverse": {"direction": "reverse"},
    "bidirectional": {"direction": "bidirectional"},
    "layout": {"layout": 1},
}


def case_of(op: str, kind: str, steps: int, lens: bool, dynamic: int = LONGEST) -> Case:
    rng = np.random.default_rng(steps)
    return make(
        f"T{steps}",
        op,
        KINDS[kind],
        steps=steps,
        batch=2,
        features=6,
        hidden=7,
        # 0 is a length too: that row ends in zero states.
        lens=[steps, int(rng.integers(0, steps + 1))] if lens else None,
        dynamic=dynamic,
        scale=0.3,
        oracle=kind != "layout",
    )


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize(
    ("kind", "lens"),
    [
        ("forward", False),
        ("forward", True),
        ("reverse", True),
        ("bidirectional", False),
        ("bidirectional", True),
        ("layout", False),
    ],
)
def test_one_program_runs_every_length(op: str, kind: str, lens: bool):
    program = rnncc.compile(
        (first := case_of(op, kind, LONGEST, lens)).model, shapes=first.options["shapes"]
    )
    (symbol,) = program.symbols.values()
    assert symbol.maximum == LONGEST
    cycles = []
    for steps in range(1, LONGEST + 1):
        case = case_of(op, kind, steps, lens)
        # The weights come from the same seed before X, so the program's are not these: take its model.
        case.arrays[1:4] = first.arrays[1:4]
        if len(case.arrays) > 7:
            case.arrays[7] = first.arrays[7]
        result = program.run(case.inputs)
        values = run_node(case.op_type, case.attributes, case.arrays)
        expected = names(case.options["outputs"], values)
        assert_outputs(f"float64 T={steps}", result.outputs, expected, np.dtype(np.float32))
        if case.oracle and steps % 4 == 1:
            theirs = onnx_runtime(first.model, case.inputs)
            assert_outputs(f"ONNX Runtime T={steps}", result.outputs, theirs, tolerance=2e-5)
        assert result.cycles is not None
        cycles.append(result.cycles)
    if not lens:
        assert cycles == sorted(set(cycles)), "more steps cost more cycles"
    else:
        assert cycles[0] < cycles[-1]


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_code_size_does_not_grow_with_time(op: str, dynamic: bool):
    sizes = set()
    for steps in (10, 1000):
        case = make(
            "size",
            op,
            steps=steps,
            batch=1,
            features=16,
            hidden=16,
            dynamic=steps if dynamic else 0,
        )
        program = rnncc.compile(case.model, shapes=case.options.get("shapes"))
        sizes.add(len(program.instructions))
    assert len(sizes) == 1


def test_a_length_beyond_the_maximum_is_refused():
    case = case_of("GRU", "forward", 30, False)
    program = rnncc.compile(case.model, shapes=case.options["shapes"])
    longer = {**case.inputs, "X": np.zeros((31, 2, 6), np.float32)}
    with pytest.raises(rnncc.errors.InputError, match=r"outside 0\.\.30"):
        program.run(longer)


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_no_steps_at_all_give_the_initial_states(op: str):
    case = case_of(op, "forward", 30, False)
    program = rnncc.compile(case.model, shapes=case.options["shapes"])
    nothing = {**case.inputs, "X": np.zeros((0, 2, 6), np.float32)}
    outputs = program.run(nothing).outputs
    assert outputs["Y"].shape == (0, 1, 2, 7)
    np.testing.assert_array_equal(outputs["Y_h"], case.inputs["initial_h"])

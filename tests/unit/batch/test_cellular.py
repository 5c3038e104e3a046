"""policy=cellular: requests that join and leave at any step give what each gives alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import rnncc
from rnncc.compiler import Compilation
from rnncc.errors import InputError, PassError, ProgramError
from rnncc.interpreter import run
from rnncc.program import validate
from rnncc.program.batch import read_batch
from rnncc.program.text import external_constants, read_program, write_program
from rnncc.random_inputs import random_for_program
from rnncc.slot_inputs import slot_run
from rnncc.slots import plan
from tests.unit.batch.models import _model, cell_model, scan_model

TEXT = (
    "front,decompose-cells,fuse-gates,{first}batch-sequences{{size={size} policy=cellular "
    "requests={requests}}},{then}lower-lengths,canonicalize,cse,dce"
)
AUTO = "hoist-input-projection{policy=auto},"
STEPS = 24


def pipeline(size=2, requests=6, *, first="", then=AUTO):
    return TEXT.format(size=size, requests=requests, first=first, then=then)


def compiled(model, text, shape=(STEPS, 1, 3), target="edge", **shapes):
    shapes = {"x": shape, **shapes}
    return rnncc.compile(model, target=target, shapes=shapes, pipeline=f"{text},back")


def check(model, lengths, text, *, shape=(STEPS, 1, 3), axes=None, target="edge", others=None):
    """Every request's rows equal what it gives alone, in the interpreter and on the machine.

    Args:
        axes: output -> axis of its rows.
        others: inputs without time, requests on their batch axis 1.
    """
    axes, others = axes or {"y": 2, "h": 1}, others or {}
    lengths = np.array(lengths, np.int32)
    longest = int(lengths.max())
    rest = shape[2:] if len(shape) > 2 else shape[1:]
    x = np.random.default_rng(0).standard_normal((longest, len(lengths), *rest)).astype(np.float32)
    sizes = {name: (a.shape[0], 1, *a.shape[2:]) for name, a in others.items()}
    program = compiled(model, text, shape, target, **sizes)
    requests = slot_run(program, {"x": x, "lengths": lengths, **others})
    module = Compilation(model, target=target, shapes={"x": shape, **sizes}, pipeline=text).module(
        "rnn"
    )
    result = program.run({"x": x, "lengths": lengths, **others})
    alone = rnncc.compile(model, shapes={"x": (longest, *shape[1:]), **sizes})
    for got in (result.outputs, requests.outputs(run(module, requests.arrays))):
        for request, n in enumerate(lengths):
            row = x[:n, request].reshape(n, *shape[1:])
            own = {k: a[:, request : request + 1] for k, a in others.items()}
            for name, value in alone.run({"x": row, **own}).outputs.items():
                mine = np.take(got[name], request, axis=axes[name])
                if mine.ndim < value.ndim:
                    mine = np.expand_dims(mine, axes[name])
                if name == "y":
                    assert not mine[n:].any(), "outputs behind the end must be zero"
                    mine = mine[:n]
                np.testing.assert_allclose(mine, value, rtol=1e-5, atol=1e-5)
    return program, result


@given(
    kind=st.sampled_from(["LSTM", "GRU", "RNN"]),
    direction=st.sampled_from(["forward", "reverse", "bidirectional"]),
    layers=st.integers(1, 2),
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=7),
    size=st.integers(1, 4),
    spare=st.integers(0, 2),
    hoisted=st.booleans(),
    target=st.sampled_from(["edge", "bw-s10", "tpu-v1"]),
)
@settings(max_examples=8, deadline=None)
def test_requests_equal_sequences_alone(
    kind, direction, layers, lengths, size, spare, hoisted, target
):
    order = {"first": "hoist-input-projection,", "then": ""} if hoisted else {}
    text = pipeline(size, len(lengths) + spare, **order)
    shape = (5 * len(lengths), 1, 3)
    model = cell_model(kind, direction=direction, layers=layers)
    check(model, lengths, text, shape=shape, target=target)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_of_the_users_own_without_a_batch_axis(reverse):
    check(
        scan_model(reverse=reverse),
        [2, 5, 1, 4],
        pipeline(),
        shape=(STEPS, 3),
        axes={"y": 1, "h": 0},
    )


def test_a_fixed_time_is_the_time_of_a_slot():
    check_model = cell_model("LSTM", steps=STEPS)
    program = compiled(check_model, pipeline())
    assert not program.symbols
    x = np.random.default_rng(0).standard_normal((4, 3, 3)).astype(np.float32)
    lengths = np.array([4, 2, 3], np.int32)
    got = program.run({"x": x, "lengths": lengths}).outputs
    dynamic = compiled(cell_model("LSTM"), pipeline()).run({"x": x, "lengths": lengths}).outputs
    for name, value in dynamic.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-6, atol=1e-6)


def classifier(*, join=False):
    """x, an initial state and an offset for each request; the final state goes through one more layer."""
    random = np.random.default_rng(1)
    shapes = {"W": (1, 16, 3), "R": (1, 16, 4), "B": (1, 32), "V": (4, 2)}
    weights = [
        numpy_helper.from_array(random.standard_normal(s).astype(np.float32) / 2, n)
        for n, s in shapes.items()
    ]
    nodes = [
        helper.make_node(
            "LSTM", ["x", "W", "R", "B", "", "h0"], ["s", "hn"], hidden_size=4, name="cell"
        ),
        helper.make_node("MatMul", ["hn", "V"], ["p"], name="head"),
        helper.make_node("Add", ["p", "offset"], ["h"]),
        helper.make_node("Add", ["s", "h0"] if join else ["s", "s"], ["y"], name="join"),
    ]
    inputs = [("x", ["T", 1, 3]), ("h0", [1, 1, 4]), ("offset", [1, 1, 2])]
    return _model(nodes, inputs, [("y", ["T", 1, 1, 4]), ("h", [1, 1, 2])], weights)


def test_values_of_a_whole_request():
    random = np.random.default_rng(2)
    others = {
        "h0": random.standard_normal((1, 5, 4)).astype(np.float32),
        "offset": random.standard_normal((1, 5, 2)).astype(np.float32),
    }
    program, _ = check(classifier(), [3, 1, 5, 2, 2], pipeline(2, 8), others=others)
    assert [p.name for p in program.inputs][-4:] == ["lengths", "first", "request", "finals"]
    assert program.batch is not None and program.batch.roles["request"] == "request"


def test_the_steps_shrink_when_slots_have_nothing_left_to_do():
    model = cell_model("LSTM", features=64, hidden=64)
    program = compiled(model, pipeline(8, 16, then=""), (200, 1, 64))
    x = np.zeros((100, 8, 64), np.float32)

    def macs(lengths):
        inputs = {"x": x[:, : len(lengths)], "lengths": np.array(lengths, np.int32)}
        report = program.run(inputs).report.to_dict()
        return report["counters"]["macs"], report["cycles"]

    assert macs([100] * 8)[0] == 8 * macs([100])[0]
    full, short = macs([100] * 8), macs([100] + [10] * 7)
    assert short[0] < full[0] / 4
    assert short[1] < full[1] * 0.9


def test_the_plan_is_a_queue():
    made = plan(np.array([5, 1, 2, 1, 4]), 2)
    assert made.starts.tolist() == [0, 0, 1, 3, 4]
    assert made.ends.tolist() == [8, 5]
    assert made.slots.tolist() == [1, 0, 0, 0, 0]


def test_file_text_and_report(tmp_path):
    program = compiled(cell_model("GRU"), pipeline())
    program.save(tmp_path / "p.rnx")
    again = rnncc.load(tmp_path / "p.rnx")
    assert again.batch == program.batch
    assert read_program(write_program(program), external_constants(program)).batch == program.batch
    result = again.run(random_for_program(again))
    assert "up to 6 requests in 2 slots" in str(result.report)


def _run(x=(5, 3, 3), lengths=(2, 5, 1), dtype=np.float32, **more):
    program = compiled(cell_model("GRU"), pipeline(2, 4), (8, 1, 3))
    inputs = {"x": np.zeros(x, dtype), "lengths": np.array(lengths, np.int32), **more}
    return program.run({k: v for k, v in inputs.items() if v is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": (2, 6, 1)}, r"length 6 for request 1, outside 1\.\.5"),
        ({"lengths": (0, 2, 1)}, r"length 0 for request 0, outside 1\.\.5"),
        (
            {"lengths": (2, 2)},
            r"shape \[5, 3, 3\], expected 'x' float32\[steps, requests<=4, 3\] for 2",
        ),
        (
            {"lengths": (1,) * 5, "x": (5, 5, 3)},
            r"shape \[5\], expected 'lengths' int32\[requests<=4\]",
        ),
        ({"lengths": (5, 5, 5)}, "take 10 steps of 2 slots, the program was compiled for 8"),
        ({"x": (5, 3, 2)}, r"shape \[5, 3, 2\]"),
        ({"dtype": np.float64}, "is float64, expected float32"),
        ({"first": np.zeros((5, 2), bool)}, "no input 'first'"),
        ({"lengths": (), "x": (5, 0, 3)}, "shape"),
    ],
)
def test_wrong_requests(changes, message):
    with pytest.raises(InputError, match=message):
        _run(**changes)
    program = compiled(cell_model("GRU"), pipeline(2, 4), (8, 1, 3))
    with pytest.raises(InputError, match=r"input missing: 'lengths' int32\[requests<=4\]"):
        program.run({"x": np.zeros((5, 3, 3), np.float32)})


def positional():
    """x + a constant for each step."""
    table = numpy_helper.from_array(np.ones((STEPS, 1, 3), np.float32), "P")
    model = cell_model("RNN", steps=STEPS)
    model.graph.initializer.append(table)
    model.graph.node.insert(0, helper.make_node("Add", ["x", "P"], ["z"], name="position"))
    model.graph.node[1].input[0] = "z"
    return model


def own_lengths():
    model = cell_model("GRU", steps=STEPS)
    model.graph.initializer.append(numpy_helper.from_array(np.array([3], np.int32), "lens"))
    model.graph.node[0].input.append("lens")
    return model


def mean():
    model = cell_model("GRU", steps=STEPS)
    model.graph.node.append(
        helper.make_node("ReduceMean", ["y"], ["m"], axes=[0], keepdims=0, name="pool")
    )
    model.graph.output.append(helper.make_tensor_value_info("m", TensorProto.FLOAT, [1, 1, 4]))
    return model


def no_recurrence():
    nodes = [helper.make_node("Tanh", ["x"], ["y"])]
    return _model(nodes, [("x", [4, 1, 3])], [("y", [4, 1, 3])], [])


@pytest.mark.parametrize(
    ("model", "text", "message"),
    [
        (positional(), pipeline(), "'position'.*reads by position what all requests share"),
        (own_lengths(), pipeline(), "'layer0'.*lengths of its own"),
        (mean(), pipeline(), "'pool'.*looks along the time"),
        (no_recurrence(), pipeline(), "no input steps with a recurrence"),
        (
            cell_model("GRU", direction="bidirectional"),
            pipeline(first="fuse-directions,"),
            "both directions at once",
        ),
    ],
)
def test_models_that_cannot_be_served(model, text, message):
    shape = (4, 1, 3) if "Tanh" in str(model.graph.node[0].op_type) else (STEPS, 1, 3)
    with pytest.raises(PassError, match=message):
        compiled(model, text, shape)


def test_steps_and_whole_requests_do_not_mix():
    with pytest.raises(PassError, match=r"'join'.*joins what a request has at each step"):
        compiled(classifier(join=True), pipeline(), h0=(1, 1, 4), offset=(1, 1, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("size=2 policy=cellular requests=-1", r"requests -1 is outside 0\.\.65536"),
        ("size=2 policy=pack requests=4", "means nothing to policy=pack"),
        ("size=2 policy=cellular order=machine", "means nothing to policy=cellular"),
        ("size=0 policy=cellular", "size 0 is outside"),
        ("policy=celular", "unknown policy 'celular'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(PassError, match=message):
        compiled(cell_model("GRU"), f"front,decompose-cells,batch-sequences{{{options}}}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"requests": 0}, "rows on axis|number of requests"),
        ({"requests": 7}, "has no 7 rows"),
        ({"roles": {"lengths": "x"}}, "slots need lengths"),
        ({"roles": {"lenghts": "lengths"}}, "did you mean 'lengths'"),
        ({"times": {"x": 1, "first": 0}}, "no time on axis 1"),
        ({"output_times": {"h": 0}}, "'y' has no 6 rows"),
    ],
)
def test_a_batch_that_does_not_fit_its_program_is_refused(change, message):
    program = compiled(cell_model("GRU"), pipeline())
    assert program.batch is not None
    with pytest.raises(ProgramError, match=message):
        program.batch = read_batch(program.batch.to_dict() | change, "batch")
        validate(program)

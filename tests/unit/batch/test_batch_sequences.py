"""batch-sequences is exact: rows of a batch are what the sequences give alone."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnncc
from rnncc.__main__ import main
from rnncc.errors import InputError, PassError, ProgramError
from rnncc.program import validate
from rnncc.program.batch import Batch, read_batch
from rnncc.program.text import external_constants, read_program, write_program
from tests.unit.batch.agree import AFTER, BEFORE, check
from tests.unit.batch.models import cell_model, scan_model

POLICIES = ["pad ragged=true", "pack", "pack order=machine"]


@given(
    kind=st.sampled_from(["LSTM", "GRU", "RNN"]),
    direction=st.sampled_from(["forward", "reverse", "bidirectional"]),
    layers=st.integers(1, 2),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=9),
    policy=st.sampled_from(POLICIES),
    order=st.sampled_from([BEFORE, AFTER]),
    target=st.sampled_from(["edge", "bw-s10", "tpu-v1"]),
)
@settings(max_examples=8, deadline=None)
def test_rows_equal_sequences_alone(kind, direction, layers, lengths, policy, order, target):
    lengths = [*lengths[:-1], 6]
    model = cell_model(kind, direction=direction, layers=layers)
    text = f"batch-sequences{{size={len(lengths)} policy={policy}}}"
    check(model, (6, 1, 3), lengths, text, order=order, target=target)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_of_the_users_own_without_a_batch_axis(policy, reverse):
    text = f"batch-sequences{{size=4 policy={policy}}}"
    check(scan_model(reverse=reverse), (5, 3), [2, 5, 1, 4], text, axes={"y": 1, "h": 0})


@pytest.mark.parametrize("size", [1, 3])
def test_equal_lengths_need_no_lengths(size):
    text = f"batch-sequences{{size={size}}}"
    check(cell_model("LSTM"), (4, 1, 3), [4] * size, text)
    check(cell_model("GRU", steps=4), (4, 1, 3), [4] * size, text)
    check(scan_model(), (4, 3), [4] * size, text, axes={"y": 1, "h": 0})


def test_the_signature_grows_on_the_batch_axis():
    program = rnncc.compile(
        cell_model("LSTM"),
        shapes={"x": (6, 1, 3)},
        pipeline=f"{BEFORE.format('batch-sequences{size=5 policy=pack}')},back",
    )
    assert [(p.name, tuple(p.shape)) for p in program.inputs] == [
        ("x", (6, 5, 3)),
        ("lengths", (5,)),
    ]
    assert [tuple(p.shape) for p in program.outputs] == [(6, 1, 5, 4), (1, 5, 4)]
    assert program.inputs[0].symbols == ("T", "", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("size=0", "outside 1..65536"),
        ("size=100000", "outside"),
        ("size=-3", "outside"),
        ("policy=pak", "did you mean 'pack'"),
        ("policy=pack order=hots", "did you mean 'host'"),
        ("order=machine", "means nothing to policy=pad"),
        ("size=many", "batch-sequences"),
        ("sice=3", "did you mean 'size'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(PassError, match=message):
        rnncc.compile(
            cell_model("LSTM"),
            shapes={"x": (3, 1, 3)},
            pipeline=f"front,decompose-cells,batch-sequences{{{options}}},lower-lengths,back",
        )


def test_cells_must_be_decomposed_first():
    with pytest.raises(PassError, match="after decompose-cells"):
        rnncc.compile(cell_model("LSTM"), shapes={"x": (3, 1, 3)}, pipeline="front,batch-sequences")


def _pack(order, size=3):
    text = f"batch-sequences{{size={size} policy=pack order={order}}}"
    return rnncc.compile(
        cell_model("GRU"), shapes={"x": (5, 1, 3)}, pipeline=f"{BEFORE.format(text)},back"
    )


def test_a_promise_of_order_is_checked_at_each_run():
    check(
        cell_model("GRU", direction="bidirectional"),
        (5, 1, 3),
        [5, 4, 1],
        "batch-sequences{size=3 policy=pack order=caller}",
    )
    x = np.zeros((5, 3, 3), np.float32)
    with pytest.raises(InputError, match=r"row 2 is longer \(3\) than the row before it \(2\)"):
        _pack("caller").run({"x": x, "lengths": np.array([5, 2, 3], np.int32)})


@pytest.mark.parametrize("lengths", [[5, 6, 1], [-1, 2, 2]])
@pytest.mark.parametrize("order", ["host", "machine", "caller"])
def test_lengths_out_of_range_are_refused(order, lengths):
    x = np.zeros((5, 3, 3), np.float32)
    with pytest.raises(InputError, match=r"outside 0\.\.5"):
        _pack(order).run({"x": x, "lengths": np.array(lengths, np.int32)})
    with pytest.raises(InputError, match=r"input missing: 'lengths' int32\[3\]"):
        _pack(order).run({"x": x})


def test_the_program_file_and_the_report_say_who_orders_the_rows(tmp_path):
    program = _pack("host")
    program.save(tmp_path / "p.rnx")
    again = rnncc.load(tmp_path / "p.rnx")
    assert (
        again.batch
        == program.batch
        == Batch("lengths", 5, "T", "host", {"x": 1, "lengths": 0}, {"y": 2, "h": 1})
    )
    text = read_program(write_program(program), external_constants(program))
    assert text.batch == program.batch
    x = np.random.default_rng(0).standard_normal((5, 3, 3)).astype(np.float32)
    inputs = {"x": x, "lengths": np.array([2, 5, 3], np.int32)}
    result, other = again.run(inputs), _pack("machine").run(inputs)
    for name in ("y", "h"):
        np.testing.assert_array_equal(result.outputs[name], other.outputs[name])
    assert "the host orders the rows" in str(result.report)
    assert result.report.to_dict()["batch"]["order"] == "host"
    assert (result.cycles or 0) < (other.cycles or 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": "hots"}, "did you mean 'host'"),
        ({"lengths": "x"}, "no input of lengths"),
        ({"symbol": "U"}, "unknown symbol 'U'"),
        ({"inputs": {"x": 7}}, "no 3 rows on axis 7"),
        ({"outputs": {"y": 0}}, "no 3 rows on axis 0"),
        ({"outputs": {"z": 0}}, "'z' has no 3 rows"),
        ({"maximum": "5"}, "wrong type"),
        ({"size": 3}, "must have lengths"),
    ],
)
def test_a_batch_that_does_not_fit_its_program_is_refused(change, message):
    program = _pack("host")
    assert program.batch is not None
    table = program.batch.to_dict() | change
    with pytest.raises(ProgramError, match=message):
        program.batch = read_batch(table, "batch")
        validate(program)


@pytest.mark.parametrize("policy", ["pack", "cellular"])
def test_the_commands_run_and_look_at_a_ragged_batch(policy, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    onnx.save(cell_model("GRU"), "m.onnx")
    x = np.zeros((5, 3, 3), np.float32)
    np.savez("in.npz", x=x, lengths=np.array([2, 5, 3], np.int32))
    build = ["m.onnx", "--shape", "x=9,1,3", "-p", f"throughput{{size=3 policy={policy}}}"]
    assert main(["compile", *build, "-o", "p.rnx"]) == 0
    assert main(["run", "p.rnx", "--input", "in.npz", "--trace", "t.json"]) == 0
    assert main(["report", "p.rnx", "--input", "in.npz", "-o", "r.html"]) == 0
    assert main(["run", "p.rnx", "--timing-only"]) == 0
    assert "random ones" in capsys.readouterr().err
    assert main(["run", *build, "--check"]) == 1
    assert "this program serves many" in capsys.readouterr().err


def test_a_model_of_several_sequences_with_lengths_is_refused():
    tensor = onnx.helper.make_tensor_value_info
    weights = [
        onnx.numpy_helper.from_array(np.ones(shape, np.float32), name)
        for name, shape in (("w", (1, 12, 3)), ("r", (1, 12, 4)))
    ]
    node = onnx.helper.make_node("GRU", ["x", "w", "r", "", "lens"], ["y"], hidden_size=4)
    lens, x = tensor("lens", onnx.TensorProto.INT32, [4]), tensor("x", 1, [5, 4, 3])
    graph = onnx.helper.make_graph([node], "g", [x, lens], [tensor("y", 1, [5, 1, 4, 4])], weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    with pytest.raises(PassError, match="has 4 sequences already; compile the model for one"):
        rnncc.compile(model, pipeline="throughput{size=3}")

"""batch-sequences is exact: rows of a batch are what the sequences give alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnncc
from rnncc.errors import PassError
from tests.unit.batch.agree import AFTER, BEFORE, check
from tests.unit.batch.models import cell_model, scan_model

POLICIES = ["pad ragged=true", "pack"]


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


def test_sorted_lengths_need_no_gather():
    text = "batch-sequences{size=3 policy=pack sorted=true}"
    check(cell_model("GRU", direction="bidirectional"), (5, 1, 3), [5, 4, 1], text)

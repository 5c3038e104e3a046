"""ONNX Loops whose body decides, compiled and simulated, against ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnncc
from rnncc.errors import UnsupportedError

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[3] a0, float lim, int64 n, bool go) => (float[3] a, int64 k{returned})
<int64 nine = {{9}}, int64 huge = {{9223372036854775807}}, int64 one = {{1}}, int64 zero = {{0}}, int64 c = {{{limit}}},
 float half = {{0.5}}, bool yes = {{1}}> {{
    {before}
    a, k, y = Loop <body = step (int64 i, bool ci, float[3] ai, int64 ki)
        => (bool co, float[3] ao, int64 ko, float[3] yo) {{
        ao = Mul(ai, half)
        ko = Add(ki, one)
        yo = Neg(ao)
        s = ReduceMax <keepdims=0> (ao)
        small = Less(lim, s)
        {condition}
    }}> ({trips}, {first}, a0, zero)
    {after}
}}
"""
BOUNDED = [
    "t = Less(ko, c) co = And(t, small)",
    "t = LessOrEqual(ki, c) co = And(small, t)",
    "t = Greater(c, i) co = And(t, small)",
    "u = Sub(i, one) t = GreaterOrEqual(c, u) co = And(t, small)",
]


def model(
    condition: str = "co = Identity(small)",
    trips: str = "nine",
    first: str = "yes",
    limit: int = 4,
    stacked: bool = True,
    after: str = "",
    returned: str | None = None,
) -> onnx.ModelProto:
    text = TEXT.format(
        condition=condition,
        trips=trips,
        first=first,
        limit=limit,
        before="",
        after=after,
        returned=returned or (", float[m,3] y" if stacked else ""),
    )
    made = onnx.parser.parse_model(text)
    if not stacked:
        loop = made.graph.node[-1]
        loop.output.remove("y")
        loop.attribute[0].g.output.pop()
    return made


def check(made: onnx.ModelProto, pipeline: str = "default", **inputs: object) -> rnncc.Result:
    """The program's outputs, shapes included, are ONNX Runtime's."""
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = {port.name: np.asarray(inputs[port.name]) for port in session.get_inputs()}
    names = [port.name for port in session.get_outputs()]
    program = rnncc.compile(made, pipeline=pipeline)
    result = program.run(feeds)
    for name, value in zip(names, session.run(names, feeds), strict=True):
        got, want = result.outputs[name], np.asarray(value)
        assert (got.shape, got.dtype) == (want.shape, want.dtype), name
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6, err_msg=name)
    assert list(result.outputs) == names
    return result


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["co = Identity(small)", *BOUNDED]),
    st.sampled_from(["nine", "n", "huge", ""]),
    st.sampled_from(["yes", "go", ""]),
    st.integers(-1, 6),
    st.sampled_from([0.0, 0.01, 0.1, 2.0]),
    st.integers(-1, 12),
    st.booleans(),
)
def test_loops_are_onnx_runtimes(condition, trips, first, limit, lim, n, go):
    if condition not in BOUNDED:
        trips = "nine"
    check(
        model(condition, trips, first, limit),
        a0=np.array([0.5, 1, -1], np.float32),
        lim=np.float32(lim),
        n=n,
        go=go,
    )


def test_an_early_end_costs_less():
    made = model()
    cycles = [
        check(made, a0=np.ones(3, np.float32), lim=np.float32(lim), n=0, go=True).cycles or 0
        for lim in (0.3, 0.1, 0.0)
    ]
    assert cycles == sorted(set(cycles))


def test_states_alone_need_no_rows():
    check(
        model(BOUNDED[0], "huge", stacked=False),
        a0=np.ones(3, np.float32),
        lim=np.float32(0.2),
        n=0,
        go=True,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"trips": "huge", "stacked": False},
            "neither its condition nor a scan output's shape bounds it",
        ),
        (
            {"after": "z = Exp(y)", "returned": ", float[m,3] z"},
            r"\(Exp\) reads 'y', which has as many rows as",
        ),
        ({"after": "z = Shape(y)", "returned": ", int64[2] z"}, r"\(Shape\) reads 'y'"),
        (
            {"after": "z = ReduceMean <keepdims = 0> (y)", "returned": ", float z"},
            r"\(ReduceMean\) reads 'y', .*known only at run time",
        ),
    ],
)
def test_what_cannot_be_represented_is_refused(options, message):
    with pytest.raises(UnsupportedError, match=message):
        rnncc.compile(model(**options))


def test_renamed_rows_are_still_counted():
    made = model(after="z = Identity(y)", returned=", float[m,3] z")
    check(made, a0=np.ones(3, np.float32), lim=np.float32(0.2), n=0, go=True)


WRITER = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,4] h0, int64[1] first) => (int64[n,1] words, float[1,4] h)
<int64 most = {12}, bool yes = {1}, int64[1] stop = {3}> {
    w, h, words = Loop <body = step (int64 i, bool ci, int64[1] word, float[1,4] hi)
        => (bool co, int64[1] next, float[1,4] ho, int64[1] out) {
        row = Gather (table, word)
        z = MatMul (hi, r)
        s = Add (row, z)
        ho = Tanh (s)
        logits = MatMul (ho, v)
        next = ArgMax <axis = 1, keepdims = 0> (logits)
        out = Identity (next)
        other = Equal (next, stop)
        again = Not (other)
        co = Squeeze (again)
    }> (most, yes, first, h0)
}
"""


def writer() -> onnx.ModelProto:
    """The Loop with random weights."""
    rng = np.random.default_rng(5)
    made = onnx.parser.parse_model(WRITER)
    for name, shape in (("table", (7, 4)), ("r", (4, 4)), ("v", (4, 7))):
        array = rng.standard_normal(shape).astype(np.float32) * 1.5
        made.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return made


@pytest.mark.parametrize("first", range(7))
def test_a_loop_that_feeds_its_arg_max_back(first):
    """A generator that somebody has written as an ONNX Loop: as long as ONNX Runtime's, up to the stop word."""
    made = writer()
    result = check(made, h0=np.zeros((1, 4), np.float32), first=np.array([first]))
    words = result.outputs["words"].reshape(-1).tolist()
    assert words
    assert 3 not in words[:-1]


GUESSING = (
    "front,decompose-cells,canonicalize,fuse-gates,speculate-words{width=3},split-scans,"
    "hoist-input-projection,hoist-output-projection,lower-lengths,straighten-scans,canonicalize,"
    "cse,dce,back"
)


@pytest.mark.parametrize("first", range(7))
def test_such_a_loop_guesses_its_words(first):
    """The same, several words a turn."""
    made = writer()
    result = check(made, GUESSING, h0=np.zeros((1, 4), np.float32), first=np.array([first]))
    (found,) = result.report.speculated
    assert found.words == result.outputs["words"].size
    assert found.turns <= found.words

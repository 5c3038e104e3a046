"""ONNX Scan and counted Loop at the rnn level and after each of its passes, against ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import parser
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from rnncc.errors import UnsupportedError
from rnncc.interpreter import run
from rnncc.universe import ALL_PASSES, make_context
from rnncc.verifier import verify_module
from tests.conformance.rnn_stages import CONVERT, TRANSFORM, assert_close, imported, stages

RNG = np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def _model(text: str, opset: int = 13) -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')


def _check(model: onnx.ModelProto, inputs: dict[str, np.ndarray], shapes=None) -> None:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    values = session.run(None, inputs)
    names = [output.name for output in model.graph.output]
    expected = dict(zip(names, map(np.asarray, values), strict=True))
    for stage, outputs in stages(model, inputs, shapes):
        assert_close(stage, outputs, expected, np.dtype(np.float32))


TWO_OF_EACH = """
g (float[2,3] a0, float[2] b0, float[{t},2,3] x, float[2,{t}] z)
    => (float[2,3] a, float[2] b, y1, float[2,{t}] y2) {{
    a, b, y1, y2 = Scan <num_scan_inputs = 2, scan_input_directions = [{d0}, {d1}],
        scan_output_directions = [{d2}, {d3}], scan_input_axes = [0, -1],
        scan_output_axes = [{axis}, -1],
        body = step (float[2,3] ai, float[2] bi, float[2,3] xi, float[2] zi)
            => (float[2,3] ao, float[2] bo, float[2,3] yo, float[2] wo) {{
            h = Add(ai, xi)
            ao = Tanh(h)
            bz = Mul(bi, zi)
            bo = Sub(bz, zi)
            yo = Identity(ao)
            wo = Identity(bo)
        }}> (a0, b0, x, z)
}}
"""


@pytest.mark.parametrize("directions", [(0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 1, 0), (1, 1, 1, 1)])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scan_states_directions_axes(directions, axis):
    marks = {f"d{k}": v for k, v in enumerate(directions)}
    text = TWO_OF_EACH.format(t=4, axis=axis, **marks).replace("y1,", "float[] y1,", 1)
    model = _model(text)
    model.graph.output[2].type.tensor_type.ClearField("shape")
    inputs = {"a0": _normal(2, 3), "b0": _normal(2), "x": _normal(4, 2, 3), "z": _normal(2, 4)}
    _check(model, inputs)


GATES = """
g (float[T,2,3] x, float[2,4] h0) => (float[2,4] h, float[T,2,4] y)
<float[3,4] wz = {{{wz}}}, float[4,4] rz = {{{rz}}}, float[4] bz = {{{bz}}},
 float[3,4] wn = {{{wn}}}, float[4,4] rn = {{{rn}}}, float[4] bn = {{{bn}}}> {{
    h, y = Scan <num_scan_inputs = 1, scan_input_directions = [{reverse}],
        body = step (float[2,4] hi, float[2,3] xi) => (float[2,4] ho, float[2,4] yo) {{
            xz = MatMul(xi, wz)
            hz = MatMul(hi, rz)
            sz = Add(xz, hz)
            tz = Add(sz, bz)
            z = Sigmoid(tz)
            xn = MatMul(xi, wn)
            hn = MatMul(hi, rn)
            sn = Add(xn, hn)
            tn = Add(sn, bn)
            n = Tanh(tn)
            d = Sub(hi, n)
            m = Mul(z, d)
            ho = Add(n, m)
            yo = Identity(ho)
        }}> (h0, x)
}}
"""


def _gates(reverse: int) -> onnx.ModelProto:
    sizes = {"wz": 12, "rz": 16, "bz": 4, "wn": 12, "rn": 16, "bn": 4}
    values = {k: ", ".join(f"{v:.4f}" for v in _normal(n) * 0.4) for k, n in sizes.items()}
    return _model(GATES.format(reverse=reverse, **values))


@pytest.mark.parametrize("steps", [5, 3])
@pytest.mark.parametrize("reverse", [0, 1])
def test_scan_cell_of_any_length(reverse, steps):
    inputs = {"x": _normal(steps, 2, 3), "h0": _normal(2, 4)}
    _check(_gates(reverse), inputs, {"x": (5, 2, 3)})


def test_gates_of_a_scan_are_fused_and_hoisted():
    ctx, module = imported(_gates(0), {"x": (5, 2, 3)})
    for name in ("fuse-gates", "hoist-input-projection"):
        ALL_PASSES[name]()().apply(ctx, module)
    (scan,) = [op for op in module.walk() if op.name == "rnn.scan"]
    inside = [op.name for op in scan.walk()]
    assert inside.count("nn.matmul") == 1
    assert [op.name for op in module.walk()].count("nn.matmul") == 2


SCAN_8 = """
g ({lens} float[2,3] a0, float[2,4,3] x, float[2,4] z) => (float[2,3] a, float[2,4,3] y) {{
    a, y = Scan <num_scan_inputs = 2, directions = [{direction}, 0],
        body = step (float[3] ai, float[3] xi, float zi) => (float[3] ao, float[3] yo) {{
            h = Mul(ai, zi)
            ao = Add(h, xi)
            yo = Identity(ao)
        }}> ({use}, a0, x, z)
}}
"""


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("lens", [None, [4, 2], [1, 4]])
def test_scan_8_has_a_batch_and_lengths(direction, lens):
    declared, use = ("int64[2] lens,", "lens") if lens else ("", "")
    model = _model(SCAN_8.format(lens=declared, use=use, direction=direction), opset=8)
    inputs = {"a0": _normal(2, 3), "x": _normal(2, 4, 3), "z": _normal(2, 4)}
    if lens:
        inputs["lens"] = np.array(lens, np.int64)
    _check(model, inputs)


LOOP = """
g (float[3] a0, float[5,3] table) => (float[3] a, float[5,3] y)
<int64 five = {{5}}, bool yes = {{1}}> {{
    a, y = Loop <body = step (int64 i, bool ci, float[3] ai) => (bool co, float[3] ao, float[3] yo) {{
        row = Gather <axis = 0> (table, i)
        {condition}
        ao = Add(ai, row)
        n = Cast <to = 1> (i)
        yo = Mul(ao, n)
    }}> (five, {first}, a0)
}}
"""


def _loop(first: str, condition: str) -> onnx.ModelProto:
    return _model(LOOP.format(first=first, condition=condition))


@pytest.mark.parametrize("first", ["yes", ""])
@pytest.mark.parametrize("condition", ["co = Identity(ci)", "co = Constant <value = bool {1}> ()"])
def test_counted_loop(first, condition):
    if not first:
        condition = "co = Constant <value = bool {1}> ()"
    inputs = {"a0": _normal(3), "table": _normal(5, 3)}
    _check(_loop(first, condition), inputs)


# The importer wants to know every shape, so run-time trip counts are written in the onnx dialect.
RUN_TIME_LOOP = """
func.func @main(%m: tensor<i64>, %go: tensor<i1>, %a0: tensor<3xf32>, %table: tensor<5x3xf32>)
    -> ({kinds}) attributes {{
    rnncc.inputs = ["m", "go", "a0", "table"], rnncc.outputs = [{names}]}} {{
  {results} = onnx.Loop(%m, {first}, %a0) v13 {{onnx.node = "count"}}
      : (tensor<i64>, {first_kind}, tensor<3xf32>) -> ({kinds}) body {{
  ^bb0(%i: tensor<i64>, %ci: tensor<i1>, %ai: tensor<3xf32>):
    %row = onnx.Gather(%table, %i) v13 : (tensor<5x3xf32>, tensor<i64>) -> (tensor<3xf32>)
    %ao = onnx.Add(%ai, %row) v14 : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>)
    %less = onnx.Less(%i, %m) v13 : (tensor<i64>, tensor<i64>) -> (tensor<i1>)
    onnx.Yield {yields}
  }}
  func.return {results} : {kinds}
}}
"""


def _run_time_loop(condition: str = "%ci", first: str = "%go", stacked: bool = True) -> ModuleOp:
    kinds = ["tensor<3xf32>"] + ["tensor<5x3xf32>"] * stacked
    rows = ["tensor<3xf32>"] * (1 + stacked)
    text = RUN_TIME_LOOP.format(
        kinds=", ".join(kinds),
        names=", ".join(['"a"', '"y"'][: len(kinds)]),
        results=", ".join(["%a", "%y"][: len(kinds)]),
        first=first,
        first_kind="none" if first == "none" else "tensor<i1>",
        yields=f"{', '.join([condition, '%ao', '%ao'][: 1 + len(kinds)])} : "
        + ", ".join(["tensor<i1>", *rows]),
    )
    module = Parser(make_context(), text).parse_module()
    verify_module(module)
    return module


@pytest.mark.parametrize("go", [True, False])
@pytest.mark.parametrize("trips", [-1, 0, 2, 5])
@pytest.mark.parametrize("condition", ["%ci", "%go"])
def test_loop_with_a_run_time_trip_count_and_condition(trips, go, condition):
    inputs = {
        "m": np.array(trips),
        "go": np.array(go),
        "a0": _normal(3),
        "table": _normal(5, 3),
    }
    table, a = inputs["table"], inputs["a0"]
    y = np.zeros((5, 3), np.float32)
    for k in range(trips if go else 0):
        a = y[k] = a + table[k]
    module = _run_time_loop(condition)
    for name in (*CONVERT, *TRANSFORM):
        ALL_PASSES[name]()().apply(make_context(), module)
        verify_module(module)
    outputs = run(module, inputs)
    assert outputs.pop("rnncc.count.y") == max(trips, 0) * go
    assert_close("all", outputs, {"a": a, "y": y}, np.dtype(np.float32))


@pytest.mark.parametrize("go", [True, False, None])
@pytest.mark.parametrize("trips", [-1, 0, 2, 5])
def test_loop_whose_body_decides(trips, go):
    """Iteration i < m asks for another one, so that there are m + 1 of them but for the trip count m."""
    inputs = {
        "m": np.array(trips),
        "go": np.array(bool(go)),
        "a0": _normal(3),
        "table": _normal(5, 3),
    }
    table, a = inputs["table"], inputs["a0"]
    y = np.zeros((5, 3), np.float32)
    count = 0 if go is False else max(trips, 0)
    for k in range(count):
        a = y[k] = a + table[k]
    module = _run_time_loop("%less", "none" if go is None else "%go")
    for name in (*CONVERT, *TRANSFORM):
        ALL_PASSES[name]()().apply(make_context(), module)
        verify_module(module)
    outputs = run(module, inputs)
    assert outputs.pop("rnncc.count.y") == count
    assert_close("all", outputs, {"a": a, "y": y}, np.dtype(np.float32))


@pytest.mark.parametrize("condition", ["%ci", "%less"])
def test_loop_that_nothing_bounds_is_refused(condition):
    module = _run_time_loop(condition, stacked=False)
    with pytest.raises(
        UnsupportedError, match=r"Loop node 'count': .*nor a scan output's shape bounds it"
    ):
        ALL_PASSES["convert-onnx-to-rnn"]()().apply(make_context(), module)

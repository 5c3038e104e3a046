"""Free time: what follows a length gets its symbol, what cannot keeps the model static."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import INT, attribute, constant, function, lstm, model, names, tensor, types
from onnx import helper

from rnncc.frontend import import_model


def after_lstm(nodes, outputs, constants=(), time="T"):
    """A model whose further nodes read ``y`` of an LSTM, [T, 1, 1, 4]."""
    result = lstm(time=time)
    del result.graph.output[:]
    result.graph.output.extend(tensor(o, None) for o in outputs)
    result.graph.node.extend(nodes)
    result.graph.initializer.extend(constants)
    return result


def imported(given, time: int = 9, **more):
    module = import_model(given, {"x": (time, 1, 3), **more})
    module.verify()
    return module


def ints(name: str, *values: int):
    return constant(name, values, np.int64)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 6), st.booleans())
def test_time_is_free_and_nothing_else(time: int, batch: int, hidden: int, fixed: bool):
    given = lstm(hidden, 3, time if fixed else "T", "B")
    module = import_model(given, {"x": (time, batch, 3)})
    module.verify()
    symbols = "" if fixed or time == 1 else ', ["T", "", "", ""]'
    assert types(module)[0] == f"tensor<{time}x1x{batch}x{hidden}xf32{symbols}>"
    assert types(module)[1] == f"tensor<1x{batch}x{hidden}xf32>"


def test_static_when_asked():
    module = import_model(lstm(), {"x": (9, 1, 3)}, dynamic=False)
    assert types(module)[0] == "tensor<9x1x1x4xf32>"
    assert attribute(module, "rnncc.static_reason") == ""


def test_multiples_and_computed_shapes():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["t"], axis=0),
        helper.make_node("Concat", ["t", "minus"], ["target"], axis=0),
        helper.make_node("Reshape", ["y", "target"], ["flat"]),
        helper.make_node("Concat", ["flat", "flat"], ["z"], axis=0),
    ]
    module = imported(after_lstm(nodes, ["flat", "z"], [ints("zero", 0), ints("minus", -1)]))
    assert types(module) == ['tensor<9x4xf32, ["T", ""]>', 'tensor<18x4xf32, ["T", ""]>']
    assert names(module) == ["LSTM", "Reshape", "Concat"]


def test_position_numbers_are_made_again():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["t"], axis=0),
        helper.make_node("Range", ["zero", "t", "one"], ["places"]),
    ]
    constants = [constant("zero", 0, np.int64), constant("one", 1, np.int64)]
    module = imported(after_lstm(nodes, ["places", "yh"], constants))
    assert names(module) == ["LSTM", "Range"] or names(module) == ["Range", "LSTM"]
    assert types(module)[0] == 'tensor<9xi64, ["T"]>'


@pytest.mark.parametrize(("start", "end"), [(-1, np.iinfo(np.int64).max), (-1, 99)])
def test_last_step_counts_from_the_end(start: int, end: int):
    nodes = [helper.make_node("Slice", ["y", "s", "e", "a"], ["last"])]
    constants = [ints("s", start), ints("e", end), ints("a", 0)]
    module = imported(after_lstm(nodes, ["last", "y"], constants))
    assert types(module)[0] == "tensor<1x1x1x4xf32>"
    assert types(module)[1].endswith('["T", "", "", ""]>')


def test_computed_last_index_counts_from_the_end():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["t"], axis=0),
        helper.make_node("Sub", ["t", "one"], ["last"]),
        helper.make_node("Gather", ["y", "last"], ["z"], axis=0),
    ]
    constants = [constant("zero", 0, np.int64), constant("one", 1, np.int64)]
    module = imported(after_lstm(nodes, ["z", "y"], constants))
    assert types(module)[0] == "tensor<1x1x4xf32>"
    assert '#nn.weight<"", tensor<i64>, "0xFFFFFFFFFFFFFFFF">' in str(module)


def number_of_steps():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["t"], axis=0),
        helper.make_node("Cast", ["t"], ["tf"], to=1),
        helper.make_node("Div", ["yh", "tf"], ["z"], "mean"),
    ]
    return after_lstm(nodes, ["z"], [constant("zero", 0, np.int64)])


def first_five():
    node = helper.make_node("Slice", ["y", "s", "e"], ["z"], "head")
    return after_lstm([node], ["z"], [ints("s", 0), ints("e", 5)])


def all_but_one():
    node = helper.make_node("Slice", ["y", "s", "e"], ["z"], "tail")
    return after_lstm([node], ["z"], [ints("s", 1), ints("e", 99)])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (number_of_steps, "the length is used as a number"),
        (first_five, "'z' of node 'head' (Slice) is no multiple of the length"),
        (all_but_one, "'z' of node 'tail' (Slice) is no multiple of the length"),
    ],
)
def test_what_cannot_follow_makes_it_static(make, reason: str):
    module = imported(make())
    assert not any("T" in t for t in types(module))
    assert str(function(module).attributes["rnncc.symbols"]) == "{}"
    assert reason in attribute(module, "rnncc.static_reason")


def test_two_lengths():
    first, second = lstm(time="source"), lstm(time="target")
    for part, prefix in ((first, "a_"), (second, "b_")):
        onnx.compose.add_prefix(part, prefix, inplace=True)
    for part, name in ((first, "source"), (second, "target")):
        part.graph.input[0].type.tensor_type.shape.dim[0].dim_param = name
    graph = onnx.compose.merge_graphs(first.graph, second.graph, [])
    both = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    module = import_model(both, {"a_x": (7, 1, 3), "b_x": (5, 1, 3)})
    module.verify()
    assert types(module)[0] == 'tensor<7x1x1x4xf32, ["source", "", "", ""]>'
    assert types(module)[2] == 'tensor<5x1x1x4xf32, ["target", "", "", ""]>'


def test_counted_loop_over_the_length():
    body = helper.make_graph(
        [
            helper.make_node("Gather", ["x", "i"], ["xi"], axis=0),
            helper.make_node("Add", ["s", "xi"], ["n"]),
            helper.make_node("Identity", ["n"], ["o"]),
            helper.make_node("Identity", ["c"], ["again"]),
        ],
        "body",
        [tensor("i", [], INT), tensor("c", [], 9), tensor("s", [2])],
        [tensor("again", [], 9), tensor("n", [2]), tensor("o", [2])],
    )
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["t"], axis=0),
        helper.make_node("Loop", ["t", "", "h"], ["f", "y"], "loop", body=body),
    ]
    inputs = [tensor("x", ["T", 2]), tensor("h", [2])]
    given = model(nodes, inputs, ["f", "y"], [constant("zero", 0, np.int64)])
    module = import_model(given, {"x": (6, 2)})
    module.verify()
    assert types(module) == ["tensor<2xf32>", 'tensor<6x2xf32, ["T", ""]>']
    assert 'rnncc.trip_count = 6 : i64, rnncc.trip_symbol = "T"' in str(module)
    assert names(module) == ["Loop", "Gather", "Add"]


def test_full_lengths_are_left_out():
    given = lstm()
    given.graph.node[0].input.extend(["", "lens"])
    ahead = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["t"], axis=0),
        helper.make_node("Cast", ["t"], ["lens"], to=6),
    ]
    for node in reversed(ahead):
        given.graph.node.insert(0, node)
    given.graph.initializer.append(ints("zero", 0))
    module = imported(given)
    assert names(module) == ["LSTM"]
    assert types(module)[0].startswith("tensor<9x1x1x4xf32, [")

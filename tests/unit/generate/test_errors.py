"""What cannot be generated is refused by name, with the way out."""

import pytest

import rnncc
from rnncc.errors import InputError, PassError, ProgramError
from rnncc.generation import Generate

from .models import pairs_of, step_model


@pytest.fixture(scope="module")
def model():
    return step_model(words=7, hidden=2)


PAIRS = "logits:token,h0_out:h0,c0_out:c0"
CASES = [
    ("logit:token", {}, r"no output 'logit' \(outputs: logits, h0_out, c0_out\)"),
    ("logits:tokem", {}, r"no input 'tokem' \(inputs: token, h0, c0\)"),
    ("logits:token,h0_out:h", {}, "no input 'h'"),
    ("logits:token,h0", {}, "'h0' is not OUTPUT:INPUT"),
    ("", {}, "no logits are named"),
    ("h0_out:h0,c0_out:c0", {}, r"a token is a whole number \(i32 or i64\), input 'h0' holds f32"),
    ("logits:token,logits:h0", {}, "names 'logits' twice"),
    ("logits:token,h0_out:token", {}, "names 'token' twice"),
    ("h0_out:token,logits:h0", {}, r"the output is tensor<1x1x7xf32>, the input tensor<1x1x2xf32>"),
    (PAIRS, {"max_tokens": 0}, r"max-tokens 0 is outside 1..1048576"),
    (PAIRS, {"max_tokens": 1 << 21}, "max-tokens 2097152 is outside"),
    (PAIRS, {"max_prompt": 0}, "max-prompt 0 is outside"),
    (PAIRS, {"stop": 7}, r"stop token 7 is outside the vocabulary, 0..6"),
    (PAIRS, {"stop": -1}, "stop token -1 is outside the vocabulary"),
    (PAIRS, {"temperature": 0.0}, "temperature 0 must be above 0"),
    (PAIRS, {"temperature": -2.0}, "temperature -2 must be above 0"),
    (PAIRS, {"temperature": float("nan")}, "temperature nan must be above 0"),
    (PAIRS, {"top_k": 0}, r"top-k 0 is outside 1..7, the vocabulary"),
    (PAIRS, {"top_k": 8}, "top-k 8 is outside"),
]


@pytest.mark.parametrize(("pairs", "options", "message"), CASES)
def test_refused(model, pairs, options, message):
    generate = Generate(Generate.of(pairs).pairs, **options)
    with pytest.raises(PassError, match=message):
        rnncc.compile(model, generate=generate)


def test_the_nearest_name_is_a_hint(model):
    with pytest.raises(PassError) as caught:
        rnncc.compile(model, generate="logits:tokem")
    assert caught.value.hint == "did you mean 'token'?"


def test_only_one_token_of_one_sequence():
    with pytest.raises(PassError, match=r"input 'token' has the shape \[2, 1\]"):
        rnncc.compile(_widened(), generate="logits:token")


def _widened():
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    table = numpy_helper.from_array(np.zeros((5, 5), np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "token"], ["logits"], name="lookup")],
        "two",
        [helper.make_tensor_value_info("token", TensorProto.INT64, [2, 1])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [2, 1, 5])],
        [table],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_names_of_its_own(model):
    renamed = step_model(words=7, hidden=2)
    for node in renamed.graph.node:
        for place, name in enumerate(node.input):
            if name == "h0":
                node.input[place] = "max_tokens"
    next(p for p in renamed.graph.input if p.name == "h0").name = "max_tokens"
    pairs = [p.replace(":h0", ":max_tokens") for p in pairs_of(model)]
    with pytest.raises(PassError, match="the model has an input 'max_tokens'"):
        rnncc.compile(renamed, generate=pairs)


def test_a_pipeline_that_does_not_generate(model):
    with pytest.raises(PassError, match="pipeline 'default' does not generate"):
        rnncc.compile(model, generate=PAIRS, pipeline="default")
    with pytest.raises(PassError, match="no logits are named"):
        rnncc.compile(model, pipeline="generate", dynamic=False)


def test_a_file_that_lies_is_refused(model):
    program = rnncc.compile(model, generate=Generate(pairs_of(model), 3, 2))
    told = program.report["generation"]
    for wrong in (
        {"prompt": "nobody"},
        {"states": ["x"]},
        {"vocabulary": "many"},
        {"longest": 0},
        {"uniform": "h9"},
    ):
        program.report["generation"] = {**told, **wrong}
        with pytest.raises(ProgramError, match="'generation' does not fit its inputs"):
            program.run({"token": [1]})


def test_random_numbers_are_in_range(model):
    import numpy as np

    program = rnncc.compile(model, generate=Generate(pairs_of(model), 3, 2, temperature=1.0))
    with pytest.raises(InputError, match="'uniform' holds numbers outside"):
        program.run({"token": [1], "uniform": np.ones(3, np.float32)})
    with pytest.raises(InputError, match="seed -1"):
        program.run({"token": [1]}, seed=-1)

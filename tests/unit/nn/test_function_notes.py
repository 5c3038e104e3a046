"""What is noted on a function: names of inputs and outputs, rows of a batch, what generates."""

import pytest
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from rnncc.__main__ import main
from rnncc.dialects._batch_signature import BatchSignature, batch_of
from rnncc.dialects._generation_signature import GenerationSignature, generation_of
from rnncc.dialects._main import input_names, main_function, output_names, set_names
from rnncc.errors import ModelError
from rnncc.universe import make_context

TEXT = """
func.func @{name}(%x : tensor<2x3xf32>) -> tensor<2x3xf32> attributes {{{notes}}} {{
  %y = nn.unary tanh %x : tensor<2x3xf32> -> tensor<2x3xf32>
  func.return %y : tensor<2x3xf32>
}}
"""

ROWS = 'inputs = array<i64: 0>, outputs = array<i64: 0>, maximum = 5 : i64, symbol = ""'
SLOTS = f'lengths = 0 : i64, {ROWS}, order = "slots", requests = 4 : i64'


def function(notes="", name="main"):
    return main_function(Parser(make_context(), TEXT.format(notes=notes, name=name)).parse_module())


def test_names_are_given_or_numbered():
    one = function()
    assert (input_names(one), output_names(one)) == (["input0"], ["output0"])
    set_names(one, inputs=["x"], outputs=["y"])
    assert (input_names(one), output_names(one)) == (["x"], ["y"])
    with pytest.raises(ModelError, match=r"rnncc.outputs has 2 names for 1 values"):
        output_names(function('"rnncc.outputs" = ["a", "b"]'))


def test_the_only_function_is_the_main_one():
    assert function(name="step").sym_name.data == "step"
    two = TEXT.format(notes="", name="f") + TEXT.format(notes="", name="g")
    with pytest.raises(ModelError, match="no function @main"):
        main_function(Parser(make_context(), two).parse_module())


def test_ir_without_names_runs_and_explains(tmp_path, capsys):
    path = tmp_path / "a.mlir"
    path.write_text(TEXT.format(notes="", name="main"))
    assert main(["run", str(path)]) == 0
    assert main(["compile", str(path), "--explain", "-o", str(tmp_path / "a.rnx")]) == 0
    path.write_text(TEXT.format(notes="", name="f") + TEXT.format(notes="", name="g"))
    assert main(["run", str(path)]) == 1
    assert "error: the module has no function @main" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ('"rnncc.batch" = 3 : i64', "rnncc.batch: is no dictionary"),
        (f'"rnncc.batch" = {{lengths = 0 : i64, {ROWS}}}', "'order' is missing"),
        (f'"rnncc.batch" = {{lengths = "x", {ROWS}}}', "'lengths' is \"x\", of another type"),
        (f'"rnncc.batch" = {{lengths = 0 : i64, {ROWS}, order = "no"}}', "unknown order 'no'"),
        (f'"rnncc.batch" = {{lengths = 1 : i64, {ROWS}, order = "any"}}', "no argument 1"),
        (
            f'"rnncc.batch" = {{{SLOTS}, times = array<i64: 0>, output_times = array<i64: 0>, roles = [3]}}',
            "'roles' is no list of texts",
        ),
        (
            f'"rnncc.batch" = {{{SLOTS}, times = array<i64: 0>, output_times = array<i64: 0>, roles = []}}',
            "an entry for each of 'inputs'",
        ),
        (
            f'"rnncc.batch" = {{{SLOTS}, times = array<i64: 0>, output_times = array<i64>, roles = [""]}}',
            "an entry for each of 'outputs'",
        ),
        ('"rnncc.generation" = {prompt = 0 : i64}', "rnncc.generation: 'limit' is missing"),
    ],
)
def test_malformed_notes_are_refused(notes, message):
    one = function(notes)
    with pytest.raises(VerifyException) as caught:
        batch_of(one)
        generation_of(one)
    assert message in str(caught.value)


def test_what_is_noted_is_read_back():
    one = function()
    assert batch_of(one) is None
    assert generation_of(one) is None
    batch = BatchSignature(0, 5, "T", "slots", (0,), (1,), 4, (1,), (-1,), ("lengths",))
    one.attributes["rnncc.batch"] = batch.attribute()
    assert batch_of(one) == batch
    generation = GenerationSignature(0, 1, -1, (2, 3), 100, 64, 7)
    one.attributes["rnncc.generation"] = generation.attribute()
    assert generation_of(one) == generation

"""Generation on the command line: words in, words out, and messages for wrong options."""

import json
import re
from pathlib import Path

import pytest

import rnncc
from rnncc.__main__ import main
from rnncc.generation import Generate
from rnncc.random_inputs import random_for_program

FOLDER = Path(__file__).resolve().parents[3] / "samples" / "language_model"
MODEL, WORDS = str(FOLDER / "model.onnx"), ["--vocabulary", str(FOLDER / "vocabulary.txt")]
GENERATE = ["--generate", "logits:tokens,hn:h0,cn:c0"]


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> str:
    path = str(tmp_path_factory.mktemp("rnx") / "writer.rnx")
    assert (
        main(["compile", MODEL, *GENERATE, "--max-tokens", "12", "--max-prompt", "4", "-o", path])
        == 0
    )
    return path


def test_the_readme_is_right(capsys):
    """The run line of the sample and the words that it says come out."""
    text = (FOLDER / "README.md").read_text()
    assert "begins with `to be <unk> .`" in text
    line = [
        "run",
        MODEL,
        *GENERATE,
        *WORDS,
        "--prompt",
        "it was not",
        "--max-tokens",
        "20",
        "--stop",
        ".",
    ]
    status, out, _ = run(capsys, *line, "--check")
    assert status == 0
    assert out.startswith("to be <unk> .\n\n")
    assert len(re.findall(r"check \w+ against ONNX Runtime: .*  ok", out)) == 4
    drawn = re.search(r"--seed 4` in the\s+place of `--check` goes on `([^`]+)`", text)
    assert drawn
    status, out, _ = run(capsys, *line, "--top-k", "20", "--temperature", "0.7", "--seed", "4")
    assert status == 0
    assert out.startswith(f"{drawn[1]}\n")


def test_a_program_writes_without_its_model(capsys, program):
    status, out, err = run(
        capsys, "run", program, *WORDS, "--prompt", "i am", "--max-tokens", "5", "--json"
    )
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert len(report["generated"]["tokens"]) == 5
    assert len(report["generated"]["text"].split()) == 5
    prompt = "11 32"
    numbers = run(capsys, "run", program, "--prompt", prompt, "--max-tokens", "5")[1].partition(
        "\n"
    )[0]
    assert all(part.isdigit() for part in numbers.split())
    assert len(numbers.split()) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to begin with: no --prompt, and no input 'tokens'"),
        (["--timing-only"], "nothing to begin with"),
        (["--prompt", "she was"], "'she' is not the number of a token"),
        ([*WORDS, "--prompt", "she wsa"], "'wsa' is not in the vocabulary"),
        (["--prompt", "5", "--max-tokens", "13"], "'max_tokens' is 13, outside 1..12"),
        (["--prompt", "4000"], "holds the token 4000, outside the vocabulary, 0..3999"),
        (["--prompt", "1 2 3 4 5"], "length prompt=5 is outside 0..4"),
        (["--prompt", ""], "'tokens' is empty"),
        (["--prompt", "5", "--stop", "1"], "--stop has no effect on"),
        (["--prompt", "5", "--generate", "a:b"], "--generate has no effect on"),
        (["--prompt", "5", "--vocabulary", "nowhere.txt"], "nowhere.txt: no such file"),
    ],
)
def test_runs_that_cannot_be(capsys, program, options, message):
    status, _, err = run(capsys, "run", program, *options)
    assert status == 1
    assert message in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stop", "1"], "--stop needs --generate"),
        (["--temperature", "1"], "--temperature needs --generate"),
        (["--max-tokens", "9"], "--max-tokens needs --generate"),
        ([*GENERATE, "--prompt", "5", "--stop", "end"], "'end' is not the number of a token"),
        (
            [*GENERATE, *WORDS, "--prompt", "she", "--stop", "the end"],
            "one token ends generation, not 2",
        ),
        (
            [*GENERATE, "--prompt", "5", "--stop", "4000"],
            "stop token 4000 is outside the vocabulary",
        ),
        ([*GENERATE, "--prompt", "5", "-p", "default"], "pipeline 'default' does not generate"),
        (["--generate", "logit:tokens", "--prompt", "5"], "did you mean 'logits'?"),
    ],
)
def test_compilations_that_cannot_be(capsys, options, message):
    status, _, err = run(capsys, "run", MODEL, *options)
    assert status == 1
    assert message in err


def test_a_prompt_for_a_program_that_does_not_generate(capsys):
    digits = str(FOLDER.parent / "digits" / "model.onnx")
    status, _, err = run(capsys, "run", digits, "--shape", "x=4,8,8", "--prompt", "5")
    assert status == 1
    assert "does not generate" in err


@pytest.mark.parametrize(
    ("text", "message"), [("", "no words"), ("a\nb\na\n", "'a' is there twice")]
)
def test_vocabularies_that_are_none(capsys, program, tmp_path, text, message):
    path = tmp_path / "words.txt"
    path.write_text(text)
    status, _, err = run(capsys, "run", program, "--prompt", "a", "--vocabulary", str(path))
    assert status == 1
    assert message in err


@pytest.mark.parametrize(("target", "column"), [("edge", 1), ("bw-s10", 2), ("tpu-v1", 3)])
def test_the_readme_states_the_cycles(target, column):
    how = Generate(("logits:tokens", "hn:h0", "cn:c0"), max_tokens=40)
    program = rnncc.compile(MODEL, target=target, generate=how)
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert [int(words) for words, _ in rows] == [1, 20, 40]
    for words, cells in rows:
        stated = int(cells.split("|")[column - 1].replace(",", ""))
        assert program.run({"tokens": [5], "max_tokens": int(words)}, values=False).cycles == stated


def test_other_commands_take_generators(capsys, program, tmp_path):
    page = str(tmp_path / "page.html")
    status, out, _ = run(
        capsys, "report", program, "--prompt", "5 6", "--max-tokens", "3", "-o", page
    )
    assert (status, out) == (0, f"{page}: open it in a browser\n")
    trace = tmp_path / "trace.json"
    line = ["run", program, "--prompt", "5", "--max-tokens", "2", "--trace", str(trace)]
    assert run(capsys, *line)[0] == 0
    assert json.loads(trace.read_text())["traceEvents"]


def test_random_inputs_generate(program):
    written = rnncc.load(program)
    tokens = random_for_program(written, 3)["tokens"]
    assert tokens.max() > 1
    assert written.run(random_for_program(written, 3)).outputs["count"] == 12

"""The page: whole, self-contained, and safe whatever a model's nodes are called."""

import io
import json
import re

import onnx
import pytest

from rnncc.compiler import Compilation
from rnncc.page import watch, write_page
from rnncc.page.stages import difference
from rnncc.timeline import record
from tests.benchmarks.models import recurrent_model

HOSTILE = "</script><script>alert(1)</script>\u2028{{SCRIPT}}"


@pytest.fixture(scope="module")
def page():
    model = recurrent_model("LSTM", 32, 5)
    model.graph.node[0].name = HOSTILE
    compilation = Compilation(onnx.ModelProto.FromString(model.SerializeToString()))
    stages = watch(compilation)
    explanation = compilation.explain()
    program = explanation.program
    report = program.run(None, values=False).report
    report.model = HOSTILE
    stream = io.BytesIO()
    write_page(stream, report, record(program), stages, explanation)
    return stream.getvalue().decode(), stages, report


def data_of(text):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


def test_the_page_holds_the_run(page):
    text, stages, report = page
    data = data_of(text)
    assert data["report"]["cycles"] == report.to_dict()["cycles"]
    assert [stage["name"].partition("{")[0] for stage in data["stages"]][:2] == [
        "import",
        "fold-constants",
    ]
    assert len(data["stages"]) == len(stages)
    assert data["nodes"][0]["name"] == HOSTILE
    assert len(data["events"]["pc"]) == data["events"]["total"]


def test_the_page_asks_the_network_for_nothing(page):
    text, _, _ = page
    code = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.S)
    assert "default-src 'none'" in code
    # The name of SVG's namespace is not an address that anything fetches.
    assert set(re.findall(r"https?://[^\"' )]+", code)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|img|iframe)|@import|url\(|fetch\(|XMLHttpRequest", code)


def test_no_name_can_end_the_data(page):
    text, _, _ = page
    assert text.count("<script") == text.count("</script>") == 2
    assert (
        "{{DATA}}" not in text and "&lt;script&gt;alert" in text
    )  # the title shows the name as it is


def test_stages_rebuild_the_ir(page):
    text, stages, _ = page
    for shown, stage in zip(data_of(text)["stages"], stages, strict=True):
        after = [line for tag, lines in shown["blocks"] if tag != "-" for line in lines]
        assert after == stage.lines
        assert (
            shown["added"] == sum(len(b[1]) for b in shown["blocks"] if b[0] == "+")
            or shown["name"] == "import"
        )


def test_a_new_number_is_no_difference():
    before = ["%0 = a", "%1 = b %0"]
    after = ["%0 = new", "%1 = a", "%2 = b %1"]
    assert [code[0] for code in difference(before, after)] == ["insert", "equal"]


def test_a_second_start_of_a_compilation_starts_the_stages_again():
    """A model whose time cannot stay free is compiled twice; the page shows the second time."""
    from pathlib import Path

    sample = Path(__file__).parents[3] / "samples" / "digits" / "model.onnx"
    compilation = Compilation(str(sample), shapes={"x": (2, 8, 8)})
    stages = watch(compilation)
    compilation.program()
    names = [stage.name.partition("{")[0] for stage in stages]
    assert names.count("import") == 1 and names.count("allocate") == 1

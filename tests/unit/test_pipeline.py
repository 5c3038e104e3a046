"""Pipelines: text, names, options, hooks."""

import pytest
from xdsl.dialects.builtin import ModuleOp

from rnncc.errors import PassError
from rnncc.pipeline import Pipeline, parse
from rnncc.universe import make_context


def names(text: str) -> list[str]:
    return [p.name for p in parse(text)]


def test_text_is_a_list_of_passes():
    assert names("canonicalize,cse") == ["canonicalize", "cse"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("canonicalise", "did you mean 'canonicalize'?"),
        ("cse,canonicalize{max=3}", "has no option 'max'"),
        ("cse{", "pipeline 'cse{'"),
        ("cse;dce", "pipeline 'cse;dce'"),
        ("default{size=3}", "pipeline 'default' takes no options"),
        ("throughput{sice=3}", "did you mean 'size'?"),
    ],
)
def test_wrong_text_is_named(text: str, message: str):
    with pytest.raises(PassError) as error:
        parse(text)
    assert message in str(error.value)


def test_a_named_pipeline_gives_its_options_to_one_of_its_passes():
    def batch(text: str) -> str:
        (found,) = (p for p in parse(text) if p.name == "batch-sequences")
        return str(found.pipeline_pass_spec())

    assert batch("throughput") == 'batch-sequences{size=16 policy="pack"}'
    assert batch("throughput{size=64}") == 'batch-sequences{size=64 policy="pack"}'
    assert batch("throughput{size=4 policy=pad}") == "batch-sequences{size=4}"


def test_hooks_see_the_module_in_order():
    seen = []
    pipeline = Pipeline("canonicalize,cse")
    pipeline.before("cse", lambda p, m: seen.append(("before", p.name)))
    pipeline.after(None, lambda p, m: seen.append(("after", p.name)))
    times = pipeline.apply(make_context(), ModuleOp([]))
    assert seen == [("after", "canonicalize"), ("before", "cse"), ("after", "cse")]
    assert [t.name for t in times] == ["canonicalize", "cse"]


def test_a_hook_on_a_pass_that_is_not_there_is_an_error():
    with pytest.raises(PassError, match="not in this pipeline"):
        Pipeline("cse").after("dce", lambda p, m: None)


def test_stop_before_ends_the_run():
    times = Pipeline("canonicalize,cse,dce").apply(
        make_context(), ModuleOp([]), stop_before=["cse"]
    )
    assert [t.name for t in times] == ["canonicalize"]


def test_a_file_of_passes(tmp_path):
    path = tmp_path / "own.pipeline"
    path.write_text("# why\ncanonicalize, cse  # the reason\n\n  schedule{policy=none},\nback\n")
    assert names(f"@{path}")[:3] == ["canonicalize", "cse", "schedule"]
    pipeline = Pipeline(f"@{path}")
    assert str(pipeline) == "canonicalize,cse,schedule{policy=none},back"
    path.write_text("cse")
    assert [p.name for p in pipeline.passes()][-1] == "allocate"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cse\n\ncanonicalise # typo\n", "own.pipeline:3: unknown pass 'canonicalise'"),
        (b"cse{\n", "own.pipeline:1: pipeline 'cse{'"),
        (b"dce\ncse cse\n", "own.pipeline:2:"),
        (b"dce\n@other\n", "own.pipeline:2: a pipeline file reads no other file"),
        (b"# nothing\n", "names no pass"),
        (b"\xff\xfe\x00", "is not a text file"),
        (b" " * (1 << 21), "too large"),
    ],
)
def test_a_wrong_file_names_its_line(tmp_path, content, message):
    path = tmp_path / "own.pipeline"
    path.write_bytes(content)
    with pytest.raises(PassError) as error:
        parse(f"@{path}")
    assert message in str(error.value)


@pytest.mark.parametrize("path", ["", "/no/such/file", "/"])
def test_no_such_file(path):
    with pytest.raises(PassError, match="pipeline file"):
        Pipeline(f"@{path}")


@pytest.mark.parametrize(
    ("text", "late"),
    [
        ("latency,latency", "fold-constants"),
        ("back,front", "fold-constants"),
        ("default,quantize", "quantize"),
    ],
)
def test_what_comes_after_the_machine_is_refused(text, late):
    with pytest.raises(PassError) as error:
        Pipeline(text)
    assert f"pass '{late}' comes after lower-to-npu" in str(error.value)
    assert "before place-memory" in str(error.value)


def test_cleaning_and_scheduling_may_come_after_the_machine():
    assert Pipeline("default,canonicalize,cse,dce,schedule,allocate").passes()

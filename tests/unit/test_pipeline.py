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
    ],
)
def test_wrong_text_is_named(text: str, message: str):
    with pytest.raises(PassError) as error:
        parse(text)
    assert message in str(error.value)


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

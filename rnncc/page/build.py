"""Puts the page together: the assets of this folder, and the figures of one run as JSON."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import Any, BinaryIO

from rnncc.explain.explanation import Explanation
from rnncc.page.figures import figures
from rnncc.page.stages import Stage
from rnncc.report import Report
from rnncc.timeline import Timeline

SCRIPTS = tuple(
    f"{name}.js"
    for name in ("tools", "timeline", "overview", "roofline", "memory", "sources", "stages", "main")
)
"""In the order in which they run."""


def write_page(
    stream: BinaryIO,
    report: Report,
    timeline: Timeline,
    stages: list[Stage],
    explanation: Explanation | None = None,
) -> None:
    """Write the page: one file, that asks the network for nothing.

    Args:
        stream: open for writing bytes.
        report: of the run.
        timeline: of the same run.
        stages: the IR after each pass; empty for a program that was compiled earlier.
        explanation: what each pass made of the cycles, if that was measured.
    """
    title = f"{report.model or 'program'} on {report.program.machine.name}"
    parts = {
        "STYLE": _asset("style.css"),
        "SCRIPT": "\n".join(_asset(name) for name in SCRIPTS),
        # What comes from the model last: a name in it is never looked at again.
        "TITLE": html.escape(title),
        "DATA": _json(figures(report, timeline, stages, explanation)),
    }
    text = _asset("page.html")
    for name, value in parts.items():
        text = text.replace("{{" + name + "}}", value)
    stream.write(text.encode())


def _asset(name: str) -> str:
    return (files("rnncc.page") / "assets" / name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """JSON that may stand inside a script element: no name of a model can end it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")

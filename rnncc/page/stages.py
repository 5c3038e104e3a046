"""What each pass did to the IR: its text after the pass, beside the text before, as lines of difference."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

    from rnncc.compiler import Compilation

_NUMBERED = re.compile(r"%\d+")

LONGEST = 400
"""Characters of a line that are kept: a small constant is printed as one long line of digits."""


@dataclass(frozen=True)
class Stage:
    """One pass, or the model as it was imported.

    Attributes:
        name: of the pass, with its options; ``import`` for the first stage.
        lines: the IR after it.
        operations: how many operations of each dialect it has.
        remarks: what the pass said of this model.
    """

    name: str
    lines: list[str]
    operations: dict[str, int]
    remarks: list[str]


def watch(compilation: Compilation) -> list[Stage]:
    """Collect the stages of a compilation; the list fills while it runs.

    A compilation that starts again (time fixed because it cannot stay free) starts the list again.
    """
    stages: list[Stage] = []
    seen: ModuleOp | None = None

    def before(module_pass: ModulePass, module: ModuleOp) -> None:
        nonlocal seen
        if module is not seen:
            seen = module
            stages[:] = [_stage("import", module, set())]

    def after(module_pass: ModulePass, module: ModuleOp) -> None:
        known = {remark for stage in stages for remark in stage.remarks}
        stages.append(_stage(str(module_pass.pipeline_pass_spec()), module, known))

    compilation.pipeline.before(None, before).after(None, after)
    return stages


def _stage(name: str, module: ModuleOp, known: set[str]) -> Stage:
    from rnncc.passes._remarks import remarks_of

    kinds = Counter(op.name.partition(".")[0] for op in module.walk() if op is not module)
    remarks = [text for op in module.body.block.ops for text in remarks_of(op)]
    lines = [
        line if len(line) <= LONGEST else line[:LONGEST] + " ..."
        for line in str(module).split("\n")
    ]
    return Stage(name, lines, dict(kinds), [r for r in remarks if r not in known])


def difference(before: list[str], after: list[str]) -> list[tuple[str, int, int, int, int]]:
    """The blocks in which two texts differ, and those in which they do not.

    Numbered values (``%12``) count as equal whatever their number: one new operation would change every line below.

    Returns: (tag, i1, i2, j1, j2) as ``difflib`` gives them: tag is ``equal``, ``replace``, ``delete`` or ``insert``.
    """
    return list(SequenceMatcher(None, _keys(before), _keys(after), autojunk=False).get_opcodes())


def _keys(lines: list[str]) -> list[str]:
    return [_NUMBERED.sub("%", line) for line in lines]

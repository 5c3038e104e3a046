"""The whole ONNX node suite: every test passes or is refused loudly; none is wrong.

``supported.txt`` lists the tests that pass, so that one that begins to be refused is a failure. After adding an
operator, write it again with ``python -m tests.conformance.test_onnx_suite``.
"""

from pathlib import Path

import pytest
from onnx.backend.test.case.test_case import TestCase

from rnncc.errors import RnnccError
from rnncc.onnx_backend import RnnccBackend
from tests.conformance.onnx_cases import arrays, check, node_cases

SUPPORTED = Path(__file__).with_name("supported.txt")
PARTS = 16
"""The suite is cut into this many tests: making its cases takes seconds, once a process."""


def run_case(case: TestCase) -> None:
    assert case.model is not None and case.data_sets is not None
    for inputs, outputs in case.data_sets:
        given, expected = arrays(inputs), arrays(outputs)
        check(expected, RnnccBackend.prepare(case.model).run(given), case.rtol)


def outcome(case: TestCase) -> str | None:
    """None when the case passes, ``refused: ...`` or ``WRONG: ...``."""
    try:
        run_case(case)
        return None
    except (RnnccError, TypeError) as refusal:
        if isinstance(refusal, TypeError) and "not all tensors" not in str(refusal):
            return f"WRONG: {refusal}"
        return f"refused: {refusal}"
    except Exception as error:
        return f"WRONG: {type(error).__name__}: {str(error)[:300]}"


@pytest.mark.onnx_suite
@pytest.mark.parametrize("part", range(PARTS))
def test_part(part: int):
    supported = set(SUPPORTED.read_text().split())
    names = sorted(node_cases())[part::PARTS]
    outcomes = {name: outcome(node_cases()[name]) for name in names}
    bad = [
        f"{name}: {text}"
        for name, text in outcomes.items()
        if text and (text.startswith("WRONG") or name in supported)
    ]
    assert not bad, "\n".join(bad)


def write_supported() -> None:
    """Run the suite and write the names of the tests that pass; wrong answers are printed."""
    outcomes = {name: outcome(case) for name, case in node_cases().items()}
    for name, text in outcomes.items():
        if text:
            print(f"{name}: {text.splitlines()[0][:160]}")
    names = sorted(name for name, text in outcomes.items() if text is None)
    SUPPORTED.write_text("\n".join(names) + "\n")
    print(f"{len(names)} of {len(outcomes)} pass")


if __name__ == "__main__":
    write_supported()

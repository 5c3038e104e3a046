"""``Recent`` against a plain list that is looked through whole."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from rnncc.simulator.recent import Recent

LIMIT = 6


@dataclass(frozen=True)
class Result:
    """Bytes and a number that tells two alike apart."""

    span: tuple[int, int, int, int]
    number: int


@st.composite
def spans(draw):
    """A few bytes, dense or in blocks."""
    low = draw(st.integers(0, 20))
    high = low + draw(st.integers(1, 12))
    return (low, high, *draw(st.sampled_from(((0, 0), (0, 0), (4, 2)))))


@given(st.lists(st.tuples(spans(), st.booleans()), max_size=30), st.integers(0, 30))
def test_as_a_list(given_spans, low):
    recent, plain = Recent(LIMIT), []
    for number, (span, add) in enumerate(given_spans):
        new = Result(span, number)
        if not add and not span[2]:
            plain = [o for o in plain if o.span[0] < span[0] or o.span[1] > span[1]]
        plain = [*plain, new][-LIMIT:]
        (recent.add if add else recent.replace)(new)
        assert len(recent) == len(plain)
        for high in (low + 1, low + 5, 40):
            expected = [o for o in plain if o.span[0] < high and low < o.span[1]]
            assert recent.touching(low, high) == expected

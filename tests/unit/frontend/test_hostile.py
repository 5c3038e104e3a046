"""Damaged models: refused in the family of rnncc's own errors, whatever the damage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import lstm

from rnncc.errors import ModelError, RnnccError
from rnncc.frontend import import_model, model_inputs

WHOLE = lstm(32, 16).SerializeToString()
# The structure is at both ends; the middle is weights.
PLACES = st.one_of(st.integers(0, 200), st.integers(len(WHOLE) - 200, len(WHOLE) - 1))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(PLACES, st.integers(0, 255), st.booleans()), min_size=1, max_size=4))
def test_damage(changes: list[tuple[int, int, bool]]):
    damaged = bytearray(WHOLE)
    for place, byte, replace in changes:
        damaged[place : place + replace] = bytes([byte])
    try:
        inputs = model_inputs(bytes(damaged))
        sizes = {i.name: [d if isinstance(d, int) else 7 for d in i.dims or ()] for i in inputs}
        import_model(bytes(damaged), sizes).verify()
    except RnnccError as error:
        assert error.message


def test_names_that_are_not_text():
    damaged = WHOLE.replace(b"\x04LSTM", b"\x04LS\xffM")
    assert damaged != WHOLE
    with pytest.raises(ModelError, match="is not UTF-8"):
        import_model(damaged)

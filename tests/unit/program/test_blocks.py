"""The block under a view holds every element where the strides say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncc.program import block_of


def read(block, offset, strides, shape):
    """The view that an operand with these strides would see."""
    raw = np.ascontiguousarray(block).reshape(-1).view(np.uint8)
    return np.ndarray(shape, block.dtype, raw, offset, strides)


BASE = np.arange(6 * 5 * 4, dtype=np.float32).reshape(6, 5, 4)


@pytest.mark.parametrize(
    "view",
    [BASE, BASE.T, BASE.transpose(1, 2, 0), BASE[1:4], BASE[:, 1:4], BASE[:, :, ::-1], BASE[::-1, 1:],
        BASE[3:, ::-1].T],
)  # fmt: skip
def test_no_copy_of_dense_views(view):
    block, offset, strides = block_of(view)
    assert block.flags.c_contiguous and np.shares_memory(block, BASE)
    np.testing.assert_array_equal(read(block, offset, strides, view.shape), view)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_view(data):
    view = BASE
    for axis in range(3):
        step = data.draw(st.sampled_from([-3, -2, -1, 1, 2, 3]))
        cut = [slice(None)] * 3
        cut[axis] = slice(data.draw(st.integers(-6, 6)), data.draw(st.integers(-6, 6)), step)
        view = view[tuple(cut)]
    view = view.transpose(data.draw(st.permutations(range(3))))
    if data.draw(st.booleans()):
        view = np.broadcast_to(view[..., None], (*view.shape, 3))
    block, offset, strides = block_of(view)
    assert block.flags.c_contiguous and block.nbytes <= 3 * max(view.nbytes, 4)
    if view.size:
        np.testing.assert_array_equal(read(block, offset, strides, view.shape), view)


def test_sparse_views_are_copied():
    block, offset, strides = block_of(BASE[:, :, 0])
    assert not np.shares_memory(block, BASE) and offset == 0 and strides == (20, 4)

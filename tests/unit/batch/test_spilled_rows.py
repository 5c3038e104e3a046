"""Packed rows that do not fit on chip: staging copies are as large as the most rows that may run."""

from rnncc.dialects import npu
from rnncc.passes._register_limits import register_limit
from tests.unit.batch.agree import BEFORE, check
from tests.unit.batch.models import cell_model
from tests.unit.lower.build import tiny


def test_rows_left_are_at_most_all():
    size = npu.ImmediateOp(64)
    loop = npu.LoopOp(64, [])
    left = npu.ScalarOp("sub", size.result, loop.index)
    assert register_limit(left.result) == 64
    assert register_limit(npu.ScalarOp("sub", size.result, left.result).result) is None


def test_packed_rows_on_a_machine_with_little_memory(tmp_path):
    text = "batch-sequences{size=8 policy=pack}"
    target = tiny(tmp_path, wmem=4096, vmem=1536)
    check(
        cell_model("LSTM"), (6, 1, 3), [3, 6, 1, 2, 6, 5, 4, 1], text, order=BEFORE, target=target
    )

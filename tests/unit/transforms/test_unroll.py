"""unroll-timesteps: the same values from the lowered program, whatever the factor and the length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import UnitAttr

from rnncc.errors import PassError
from rnncc.interpreter import run
from rnncc.passes._packed import PACKED_ATTR
from tests.unit.lower.build import compare

from .stacks import Network, inputs_for, networks, remarks, scans, transform

HOISTED = "decompose-cells,hoist-input-projection,lower-lengths"
BACK = "place-memory,tile-for-machine,lower-to-npu"


def check(network, factor, before=HOISTED, back=BACK, seeds=(0, 1)):
    """Lower an unrolled network; compare with the interpreted one."""
    first = transform(network.module(), before)
    lowered = transform(first, f"unroll-timesteps{{factor={factor}}},{back}")
    for seed in seeds:
        arrays, lengths = inputs_for(network, first, seed)
        compare(run(lowered, arrays, lengths), run(first, arrays, lengths), 2e-5)
    return lowered


@settings(max_examples=20, deadline=None)
@given(networks(layers=2, directions=("f", "b", "both")), st.integers(1, 9))
def test_any_network(network, factor):
    check(network, factor)


@pytest.mark.parametrize("length", ["static", "symbol", "lens"])
@pytest.mark.parametrize("cell", ["lstm", "own"])
@pytest.mark.parametrize("factor", [2, 3, 7])
def test_every_remainder(cell, length, factor):
    for steps in (2, 4, 7):
        check(Network((cell,), steps=steps, directions=("both",), length=length), factor)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_packed_rows(factor):
    net = Network(("lstm",), steps=7, batch=4, length="lens")
    module = transform(net.module(), "decompose-cells,hoist-input-projection")
    for scan in scans(module):
        scan.attributes[PACKED_ATTR] = UnitAttr()
    lowered = transform(module, f"unroll-timesteps{{factor={factor}}},lower-lengths,{BACK}")
    arrays, _ = inputs_for(net, module)
    for lens in ([7, 5, 5, 2], [6, 4, 0, 0], [0, 0, 0, 0]):
        arrays["x1"] = np.array(lens, np.int32)
        compare(run(lowered, arrays), run(module, arrays), 2e-5)


def test_mark_survives_lower_lengths():
    net = Network(("lstm",), length="lens")
    module = transform(net.module(), "decompose-cells,unroll-timesteps{factor=3},lower-lengths")
    assert "rnn.unroll = 3" in str(module)
    assert any("3 steps a turn" in note for note in remarks(module))


@pytest.mark.parametrize("factor", ["0", "-2", "1.5", "many"])
def test_refused(factor):
    with pytest.raises(PassError, match="whole number from 1 on"):
        transform(
            Network(("lstm",)).module(), f"decompose-cells,unroll-timesteps{{factor={factor}}}"
        )

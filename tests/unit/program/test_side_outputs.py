"""Counters are taken out of a run's outputs; what only looks like one stays."""

import numpy as np

from rnncc.skipped import Skipped, counter_name, take_counters
from rnncc.speculated import Speculated, take_turns, turns_name

PAIR = np.array([3, 8])


def test_counters_are_taken_out():
    outputs = {"y": PAIR, counter_name(0, "a.b"): PAIR, turns_name(1, 4, "loop"): PAIR}
    rest, skipped = take_counters(outputs)
    own, turns = take_turns(rest)
    assert own.keys() == {"y"}
    assert skipped == [Skipped("a.b", 3, 8)]
    assert turns == [Speculated("loop", 4, 3, 8)]


def test_what_a_file_calls_a_counter_but_is_none_stays_an_output():
    odd = {
        "rnncc.speculated.x": PAIR,
        "rnncc.speculated.0.wide.loop": PAIR,
        "rnncc.skipped.0.lstm": np.zeros(()),
        "rnncc.skipped.1.lstm": np.zeros(3, np.int64),
        "rnncc.skipped": PAIR,
    }
    assert take_counters(odd) == (odd, [])
    assert take_turns(odd) == (odd, [])

import numpy as np
import pytest

import rnncc
from tests.benchmarks.models import recurrent_model


@pytest.fixture(scope="session")
def program():
    """A GRU that streams nothing, with loops and all engines at work."""
    return rnncc.compile(recurrent_model("GRU", 96, 12), target="edge")


@pytest.fixture(scope="session")
def streamed():
    """An LSTM whose weights do not fit tpu-v1's FIFO: panels pass through."""
    return rnncc.compile(recurrent_model("LSTM", 300, 4), target="tpu-v1")


@pytest.fixture(scope="session")
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def chained():
    """A GRU on a machine with chains, a duplex network and pinned weights."""
    model = recurrent_model("GRU", 96, 3)
    return rnncc.compile(model, target="bw-s10", pipeline="brainwave")

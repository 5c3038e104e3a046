"""How outputs are compared: element by element, and for coarse formats by the root mean square."""

import numpy as np
import pytest

from rnncc.reference import COARSE_TOLERANCE, compare, judged_by_mean, mean_error, tolerance_of


def test_one_element_that_flips_is_no_failure_of_a_coarse_format():
    expected = np.ones(100, np.float32)
    got = expected.copy()
    got[3] = -1
    limit = tolerance_of("machine", weights="bfp-1s5e2m")
    assert judged_by_mean(limit, "bfp-1s5e2m") and limit == COARSE_TOLERANCE["bfp-1s5e2m"]
    (row,) = compare({"y": expected}, {"y": got}, limit, by_mean=True)
    assert row.problem is None and row.error == pytest.approx(0.2)
    (row,) = compare({"y": expected}, {"y": -got}, limit, by_mean=True)
    assert row.problem == "relative error 1.99 (allowed 0.75)"
    (row,) = compare({"y": expected}, {"y": got}, limit)
    assert row.problem is not None and row.error == 2


def test_formats_of_eight_bits_are_judged_element_by_element():
    limit = tolerance_of("machine", weights="int8")
    assert limit == 0.05 and not judged_by_mean(limit, "int8")
    assert tolerance_of("exact", weights="bfp-1s5e2m") is None
    assert tolerance_of("machine", 0.3, "bfp-1s5e2m") == 0.3


def test_what_is_not_finite_or_missing_stays_wrong():
    a, b = np.array([1.0, np.nan]), np.array([1.0, 2.0])
    assert mean_error(a, b) == np.inf and mean_error(a, a) == 0
    (row,) = compare({"y": b}, {}, 0.75, by_mean=True)
    assert row.problem == "it is gone"
    (row,) = compare({"y": b}, {"y": np.array([1.0, np.inf])}, 0.75, by_mean=True)
    assert row.problem is not None
    (row,) = compare({"n": np.array([1])}, {"n": np.array([2])}, 0.75, by_mean=True)
    assert row.problem is not None

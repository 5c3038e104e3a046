"""Floors of the simulator's speed that hold on a busy computer too (the rest is in tests/benchmarks)."""

from time import perf_counter

from sim_programs import Lstm, timed

from rnncc.simulator import simulate


def best(run, times):
    seconds = []
    for _ in range(times):
        start = perf_counter()
        run()
        seconds.append(perf_counter() - start)
    return min(seconds)


def test_timing_of_1500_steps():
    lstm = Lstm(32, 1500, 32)

    def fresh():
        lstm.program.cache.clear()
        timed(lstm.program)

    assert best(fresh, 3) < 0.1


def test_small_lstm():
    lstm = Lstm(256, 25)
    x = {"x": lstm.input()}
    simulate(lstm.program, x)
    # 2 ms on an idle computer; the suite must not fail on a busy one.
    assert best(lambda: simulate(lstm.program, x), 30) < 0.004


def test_binding_is_cached():
    lstm = Lstm(64, 5)
    x = {"x": lstm.input()}
    simulate(lstm.program, x)
    before = dict(lstm.program.cache)
    simulate(lstm.program, x)
    assert all(lstm.program.cache[key] is value for key, value in before.items())

"""Windows of recurrences: hand-made turns whose cycles are known, and random ones that no bound overstates."""

import random
from dataclasses import replace

import pytest
from sim_programs import (
    EDGE,
    at,
    binary,
    copy,
    load,
    loop,
    product,
    program,
    tensor,
    timed,
    unary,
    vm,
)

from rnncc.isa.instruction import Instruction
from rnncc.machine import load_machine
from rnncc.machine.description import Sync
from rnncc.report import Report
from rnncc.simulator import simulate

BW = load_machine("bw-s10")
H, G, A, B, C, BIAS, OTHER = (2048 * place for place in range(7))
PASS = 86


def run(items, machine=BW, vmem=1 << 16):
    return timed(
        program(items, [("d", "work", (1 << 18,))], machine=machine, memory={"vmem": vmem})
    )


def recurrence(steps, extra=()):
    """h -> product -> three additions in a row, of which a pass takes two -> h."""
    turn = [
        product("mm", G, H, 0, (1, 400, 400)),
        *extra,
        binary("add", A, G, BIAS, 400),
        binary("add", B, A, BIAS, 400),
        binary("add", H, B, BIAS, 400),
    ]
    return [load(0, 0, 400, 400), loop(steps, 1, turn)]


def per_turn(items):
    """Cycles and bound that a turn adds."""
    few, many = (run(items(steps)) for steps in (100, 300))
    return (many.cycles - few.cycles) / 200, (many.bounds.turns - few.bounds.turns) / 200


def test_passes_behind_a_product():
    # 10 cycles of the array and 40 deep; each pass takes a cycle more than its depth.
    turn = 50 + 2 * (1 + PASS)
    assert per_turn(recurrence) == (turn, turn)
    result = run(recurrence(300))
    assert result.bounds.critical_path < 0.7 * result.cycles
    assert 0.99 * result.cycles <= result.bounds.turns <= result.cycles


def test_an_iteration_of_two_steps_has_two_windows():
    step = recurrence(1)[1][4]
    there = [product("mm", G, C, 0, (1, 400, 400)), *step[1:]]
    back = [*step[:-1], binary("add", C, B, BIAS, 400)]
    cycles, bound = per_turn(lambda steps: [load(0, 0, 400, 400), loop(steps, 1, [*back, *there])])
    assert bound == cycles == 2 * (50 + 2 * (1 + PASS))


def test_a_pass_of_another_turn_may_come_between():
    # What the turn adds that does not depend on h fits beside the product: it is no part of the recurrence.
    other = [binary("add", OTHER, BIAS, BIAS, 64)]
    cycles, bound = per_turn(lambda steps: recurrence(steps, other))
    assert bound == 50 + 2 * (1 + PASS) <= cycles


def test_a_pass_begun_before_the_product_ends():
    # The pass of the first addition goes on with the product's result: no two passes lie behind the product.
    turn = [
        binary("add", A, BIAS, BIAS, 400),
        product("mm", G, H, 0, (1, 400, 400)),
        binary("add", H, G, A, 400),
    ]
    cycles, bound = per_turn(lambda steps: [load(0, 0, 400, 400), loop(steps, 1, turn)])
    assert bound <= cycles < 50 + 1 + PASS


def test_what_joins_a_pass_late_holds_it_up():
    # The second addition waits for the product while its pass is under way: all but one cycle of the pass follow.
    items = [
        product("mm", G, H, 0, (1, 400, 400)),
        binary("add", A, BIAS, BIAS, 400),
        binary("add", B, G, A, 400),
    ]
    result = run(items)
    sent = BW.control.dispatch_cycles
    assert result.cycles == sent + 50 + PASS
    assert result.bounds.critical_path == 50 + PASS


def test_a_pass_joined_late_and_what_has_no_place_in_it():
    # The first addition waits for the second product, which the array makes behind the first; the pass goes on for all
    # of its depth but a cycle, and has no place for a third addition.
    def turns(steps):
        turn = [
            product("mm", G, H, 0, (1, 400, 400)),
            product("mm", OTHER, H, 0, (1, 400, 400)),
            unary("tanh", A, G, 400),
            binary("add", B, OTHER, A, 400),
            binary("add", C, B, BIAS, 400),
            binary("add", H, C, BIAS, 400),
        ]
        return [load(0, 0, 400, 400), loop(steps, 1, turn)]

    assert per_turn(turns) == (60 + PASS + 1 + PASS,) * 2


def test_nothing_goes_on_from_what_another_engine_overwrote():
    # The second addition reads what the product wrote over the first one's result: a pass of its own.
    items = [
        binary("add", G, BIAS, BIAS, 400),
        product("mm", G, H, 0, (1, 400, 400)),
        binary("add", H, G, BIAS, 400),
    ]
    assert run(items).cycles >= 2 * (1 + PASS) + 50


def test_loops_in_loops_keep_the_pace():
    inner = recurrence(10)[1]
    outer = [load(0, 0, 400, 400), loop(12, 2, [copy(vm(BIAS), at("dram", 0), (1, 1, 400)), inner])]
    turns = run(outer).bounds.turns
    # The first window of each inner loop may share its passes with what was before.
    assert turns >= 12 * 9 * (50 + 2 * (1 + PASS))


def test_an_engine_that_must_do_all_of_a_turn():
    # Four products of h, side by side by their dependences, one after the other on the array.
    machine = replace(EDGE, matrix=replace(EDGE.matrix, rows=16, columns=16, count=1, depth=5))
    products = [product("mm", G + 256 * n, H, 1024 * n, (1, 16, 256)) for n in range(4)]
    adds = [binary("add", A, G, G + 256, 16), binary("add", B, G + 512, G + 768, 16)]
    turn = [*products, *adds, binary("add", vm(H), vm(A), vm(B), 16)]
    few, many = (run([loop(n, 1, turn)], machine) for n in (100, 300))
    cycles = (many.cycles - few.cycles) / 200
    bound = (many.bounds.turns - few.bounds.turns) / 200
    plain = (many.bounds.critical_path - few.bounds.critical_path) / 200
    assert plain < bound <= cycles
    assert bound >= 4 * many.counters.engines["matrix"].busy / (4 * 300)


def test_a_product_that_starts_before_its_operands_are_there():
    # Its weights are shifted in while the division ends: between the two there are fewer than no cycles.
    tile = {"rows": 16, "columns": 16, "count": 1, "depth": 12, "weight_load_cycles": 20}
    matrix = replace(EDGE.matrix, kind="systolic", weight_buffers=2, **tile)
    machine = replace(EDGE, chaining=True, matrix=matrix, vector=replace(EDGE.vector, lanes=2))
    turn = [binary("div", A, B, G, 16), product("mm", G, A, 0, (1, 64, 16))]
    few, many = (run([loop(n, 1, turn)], machine) for n in (20, 60))
    assert many.bounds.cycles <= many.cycles
    assert (many.bounds.turns - few.bounds.turns) / 40 <= (many.cycles - few.cycles) / 40


def test_transfers_one_after_the_other_before_what_needs_them():
    # Two loads, a product each, and one function of both: the second product waits for both loads.
    items = [load(0, 0, 64, 64), load(16384, 16384, 64, 64)]
    items += [product("mm", G + 256 * n, H, 16384 * n, (1, 64, 64)) for n in range(2)]
    result = run([*items, binary("add", A, G, G + 256, 64)], EDGE)
    assert result.bounds.critical_path < 0.75 * result.cycles
    assert 0.98 * result.cycles <= result.bounds.arrival <= result.cycles


def test_the_report_says_what_is_loaded_again():
    # One matrix, loaded in each of ten turns though it could stay.
    turn = [
        load(0, 0, 400, 400),
        product("mm", G, H, 0, (1, 400, 400)),
        binary("add", H, G, A, 400),
    ]
    code = program([loop(10, 1, turn)], [("d", "work", (1 << 18,))], machine=BW)
    result = simulate(code, None, values=False)
    assert result.bounds is not None and result.bounds.reloads == pytest.approx(10)
    assert "weights 10.00 times what must be moved" in str(Report.of(code, result, {}))
    assert run([turn[0], loop(10, 1, turn[1:])]).bounds.reloads == 1


def test_the_dispatcher_takes_its_cycles():
    # Small work on large engines: a loop of additions that wait for nothing but to be sent.
    slow = replace(EDGE, control=replace(EDGE.control, dispatch_cycles=20))
    adds = [binary("add", 1024 * n, 512, 768, 8) for n in range(8)]
    result = run([loop(50, 1, adds)], slow)
    sent = 50 * (8 * 20 + slow.control.loop_cycles) + 20 + 20
    assert result.bounds.dispatch == sent
    assert result.bounds.binds == "dispatch"
    assert sent <= result.cycles <= sent + 10


SLOTS = [256 * place for place in range(6)]


def random_machine(rng):
    kind = rng.choice(["plain", "chain", "chain", "chain", "bulk", "systolic"])
    vector = replace(EDGE.vector, lanes=rng.choice([2, 16, 64]))
    chaining, parts = rng.random() < 0.5, {}
    if kind == "chain":
        chaining = True
        cycles = rng.choice([3, 30, 100])
        vector = replace(vector, kind="chain", units=rng.choice([1, 2, 3]), chain_cycles=cycles)
    elif kind == "bulk":
        parts["sync"] = Sync("bulk", rng.choice([10, 200]), rng.choice([0.0, 4.0, 64.0]))
    tile = {"rows": 16, "columns": 16}
    if kind == "systolic":
        shift, buffers = rng.choice([4, 20]), rng.choice([1, 2])
        tile |= {"kind": "systolic", "weight_load_cycles": shift, "weight_buffers": buffers}
    parts["matrix"] = replace(EDGE.matrix, count=rng.choice([1, 2]), **tile)
    depth = rng.choice([1, 2, 8, 32])
    queues = replace(EDGE.control.queue_depth, dma=depth, matrix=depth, vector=depth)
    control = replace(EDGE.control, queue_depth=queues, dispatch_cycles=rng.choice([1, 1, 4]))
    dma = replace(EDGE.dma, channels=rng.choice([1, 2, 4]), latency=rng.choice([3, 40, 200]))
    return replace(EDGE, chaining=chaining, control=control, dma=dma, vector=vector, **parts)


def random_step(rng, index):
    """One instruction on few places, so that turns depend on one another."""
    slot = lambda: rng.choice(SLOTS)  # noqa: E731
    place = lambda: vm(slot(), index=index * (rng.random() < 0.1), step=64)  # noqa: E731
    count = rng.choice([16, 16, 16, 32, 64])
    kind = rng.choice(
        [*["binary"] * 5, *["unary"] * 3, *["mm"] * 4, "div", "reduce", "out", "in", "load"]
    )
    if kind == "binary":
        return binary(rng.choice(["add", "mul", "sub"]), place(), place(), place(), count)
    if kind == "div":
        return binary("div", slot(), slot(), slot(), count)
    if kind == "unary":
        return unary(rng.choice(["tanh", "sigmoid"]), place(), place(), count)
    if kind == "mm":
        n, k = rng.choice([(16, 16), (32, 16), (64, 16), (16, 64), (64, 64)])
        return product("mm", slot(), slot(), rng.choice([0, 0, 4096]), (1, n, k))
    if kind == "reduce":
        return tensor("reduce", "sum", (1, 4, 8), vm(slot(), (0, 4, 0)), vm(slot(), (0, 32, 4)))
    if kind == "out":
        return copy(at("dram", 4096, index=index, step=64), place(), (1, 1, count))
    if kind == "in":
        return copy(place(), at("dram", 0, index=index, step=64), (1, 1, count))
    return load(rng.choice([0, 4096]), 0, 16, 16)


def random_program(rng):
    steps = lambda low, high, index: [  # noqa: E731
        random_step(rng, index) for _ in range(rng.randint(low, high))
    ]
    body = steps(2, 9, 1)
    if rng.random() < 0.3:
        moving = vm(256 * 15, index=2, step=256)
        parity = Instruction("s", "mod", imm=(2,), rd=2, ra=1)
        body = [parity, *body, binary("add", moving, vm(rng.choice(SLOTS)), moving, 16)]
    turns = loop(rng.choice([5, 12, 30, 60]), 1, body)
    if rng.random() < 0.35:
        turns = loop(rng.choice([3, 5, 20]), 3, [*steps(0, 2, 3), turns, *steps(0, 2, 3)])
    return [*steps(0, 3, 0), turns, *steps(0, 2, 1)], random_machine(rng)


@pytest.mark.parametrize("part", range(4))
def test_random_recurrences_are_no_faster_than_their_bounds(part):
    longer = 0
    for seed in range(40 * part, 40 * part + 40):
        result = run(*random_program(random.Random(seed)), 1 << 15)
        assert result.bounds.cycles <= result.cycles, seed
        longer += result.bounds.turns > result.bounds.critical_path
    assert longer

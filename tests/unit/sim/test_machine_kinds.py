"""Chains, bulk-synchronous hand-over, two weight buffers, duplex DMA: cycles worked out by hand."""

from dataclasses import replace

from sim_programs import EDGE, at, binary, copy, load, product, program, tensor, timed, unary

from rnncc.machine.description import Sync

PASS = 2 * (4 + 5 + 14) + 10
CHAIN = replace(EDGE, vector=replace(EDGE.vector, kind="chain", units=2, chain_cycles=10))
BULK = replace(EDGE, sync=Sync("bulk", 100, 16.0))


def cycles(machine, *items):
    segments = [("d", "work", (1 << 14,))]
    return timed(program(list(items), segments, machine=machine, memory={"vmem": 1 << 15}))


def test_a_chain_is_one_pass():
    one = cycles(CHAIN, binary("add", 1024, 0, 512, 64)).cycles
    assert one == 1 + 1 + PASS
    # Add, function, multiply and once more each: as many units as there are.
    links = [("add", 1024, 0), ("mul", 1280, 1024), ("add", 1536, 1280), ("mul", 1792, 1536)]
    chain = [binary(kind, to, start, 4096, 64) for kind, to, start in links]
    assert cycles(CHAIN, *chain).cycles == one
    assert cycles(CHAIN, *chain).bounds.passes == 1 + PASS
    # A third multiplication finds no unit: it starts when the pass is over.
    assert cycles(CHAIN, *chain, binary("mul", 2048, 1792, 4096, 64)).cycles == one + 1 + PASS


def test_what_does_not_follow_starts_a_chain():
    first = binary("add", 1024, 0, 512, 64)
    one = cycles(CHAIN, first).cycles
    for other in (
        binary("add", 2048, 4096, 512, 64),  # reads nothing of it
        binary("add", 2048, 1024, 512, 32),  # another length
        tensor("reduce", "sum", (1, 1, 64), at("vmem", 2048, (0, 4, 0)), at("vmem", 1024)),
    ):
        assert cycles(CHAIN, first, other).cycles > one + PASS


def test_a_chain_that_has_left_takes_nothing_more():
    add, spread = binary("add", 0, 0, 0, 1), product("mm", 0, 0, 0, (1, 16, 16))
    # The product waits for the first sum and writes over it: what the second one reads left the chain long ago.
    result = cycles(CHAIN, add, spread, add)
    assert result.cycles > 2 * PASS
    assert result.bounds.cycles <= result.cycles


def test_what_has_no_element_takes_no_pass():
    empty = tensor("unary", "exp", (1, 1, (2, 4)), at("vmem", 0), at("vmem", 0))
    result = cycles(CHAIN, *5 * [empty], binary("add", 1024, 0, 512, 64))
    assert result.bounds.passes == 1 + PASS
    assert result.bounds.cycles <= result.cycles


def test_bulk_hand_over_costs_barrier_and_exchange():
    weights = load(0, 0, 64, 64)
    items = [weights, product("mm", 1024, 0, 0, (1, 64, 64))]
    plain = cycles(BULK, *items).cycles
    # 64 fp32 cross at 16 bytes a cycle; the function's own 1 + 14 cycles follow.
    more = unary("tanh", 2048, 1024, 64)
    assert cycles(BULK, *items, more).cycles == plain + 100 + 64 * 4 // 16 + 1 + 14
    # Within an engine nothing crosses.
    again = unary("tanh", 3072, 2048, 64)
    result = cycles(BULK, *items, more, again)
    assert result.cycles == plain + 100 + 16 + 2 * (1 + 14)
    assert result.bounds.cycles <= result.cycles


def test_no_load_is_under_way_at_a_barrier():
    first = [load(0, 0, 64, 64), product("mm", 1024, 0, 0, (1, 64, 64))]
    second, more = load(16384, 16384, 64, 64), unary("tanh", 2048, 1024, 64)
    last = product("mm", 3072, 2048, 16384, (1, 64, 64))
    # The second load, issued before the function, is done before the barrier; the function waits for it.
    early, late = cycles(BULK, *first, second, more, last), cycles(BULK, *first, more, second, last)
    for result in (early, late):
        bound = result.bounds.supersteps
        # Two loads of 64 x 64 in two bytes, two barriers.
        assert bound == 2 * 100 + 2 * 320 + EDGE.dma.latency <= result.cycles
    assert early.bounds.supersteps > 0.9 * early.cycles
    one = cycles(BULK, *first, more).cycles
    assert cycles(BULK, *first, second, more).cycles > one + 300


def systolic(buffers):
    matrix = replace(
        EDGE.matrix, kind="systolic", weight_load_cycles=50, weight_buffers=buffers, depth=20
    )
    # One lane, so that the vectors come after all weights.
    return replace(EDGE, matrix=matrix, vector=replace(EDGE.vector, lanes=1))


def test_a_second_buffer_takes_the_next_weights():
    # Two products of 16 vectors each with a tile of their own, weights there before.
    loads = [load(0, 0, 64, 64), load(16384, 0, 64, 64)]
    wait = unary("tanh", 0, 0, 1024)
    pair = [product("mm", 8192 + place, 0, place, (16, 64, 64)) for place in (0, 16384)]
    both = {n: cycles(systolic(n), *loads, wait, *pair) for n in (1, 2)}
    array = both[2].counters.array
    assert array["weight_stall"] > 0
    # bf16 x fp32 at full rate: a vector a cycle.
    assert array["active"] == 2 * 16
    # The second shift begins when the first tile streams, so that 16 of its 50 cycles are hidden.
    assert array["weight_shift"] == 50 + 50 - 16
    assert both[1].counters.array["weight_shift"] == 100
    # With one buffer the first shift waits for the vectors as well.
    assert both[1].cycles == both[2].cycles + 50 + 16
    assert sum(array.values()) == both[2].cycles


def test_duplex_writes_hold_up_no_reads():
    slow = unary("tanh", 8192, 8192, 4096)
    out = copy(at("dram", 0), at("vmem", 8192), (1, 1, 64))
    back = copy(at("vmem", 0), at("dram", 4096), (1, 1, 64))
    one = replace(EDGE, dma=replace(EDGE.dma, channels=1))
    two = replace(EDGE, dma=replace(EDGE.dma, channels=1, duplex=True))
    use = binary("add", 512, 0, 0, 64)
    assert cycles(two, slow, out, back, use).cycles < cycles(one, slow, out, back, use).cycles


def test_weights_come_in_the_superstep_of_their_product():
    first, second = load(0, 0, 64, 64), load(16384, 0, 64, 64)
    one, two = product("mm", 1024, 0, 0, (1, 64, 64)), product("mm", 4096, 2048, 16384, (1, 64, 64))
    function = unary("tanh", 2048, 1024, 64)
    early = cycles(BULK, first, second, one, function, two)
    late = cycles(BULK, first, one, function, second, two)
    # Loaded after the function: behind the barrier, with a latency of its own that no other load hides.
    assert late.cycles >= early.cycles + EDGE.dma.latency - 4
    assert late.counters.stalls["barrier"] > 0
    assert late.bounds.cycles <= late.cycles


def test_the_report_says_what_a_systolic_array_did():
    from rnncc.report import Report
    from rnncc.simulator import simulate

    items = [load(0, 0, 64, 64), product("mm", 8192, 0, 0, (16, 64, 64))]
    segments = [("d", "work", (1 << 14,))]
    for machine, said in ((systolic(2), True), (EDGE, False)):
        code = program(list(items), segments, machine=machine, memory={"vmem": 1 << 15})
        text = str(Report.of(code, simulate(code, None, values=False), {}))
        assert ("the array: multiplies " in text) == said

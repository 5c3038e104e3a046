"""Schedules against the optimum: within 5 % wherever the solver proves what the optimum is."""

import random
from dataclasses import replace

import pytest
from xdsl.context import Context

from rnncc.compiler import Compilation
from rnncc.dialects import npu
from rnncc.machine import load_machine
from rnncc.passes import _block_order, _pipeline_loops
from rnncc.passes._dependence import Node
from rnncc.passes._issue_clock import edge
from rnncc.passes._list_order import list_order
from rnncc.passes._loop_clock import Kernel
from rnncc.passes._loop_graph import Edge
from rnncc.passes._op_cost import OpCost
from rnncc.passes._pipeline_plan import FURTHEST, plan_pipeline, renamed
from rnncc.passes._pressure import Pressure
from rnncc.passes._windows import AccessTable
from rnncc.passes.schedule import SchedulePass
from tests.benchmarks.models import recurrent_model

pytest.importorskip("ortools")
from tests.unit.backend.optimum import shortest_block, shortest_interval

DEEP = """
inherits = "{base}"
name = "deep-{base}"
title = "Queues that no body fills"
[control.queue_depth]
dma = 64
matrix = 64
vector = 64
[sources]
"control.queue_depth" = "chosen: the solver's model leaves queues out"
"""
NARROW = """
inherits = "{base}"
name = "narrow"
title = "One channel, no chaining"
chaining = false
[dma]
channels = 1
[sources]
"dma.channels" = "chosen"
chaining = "chosen"
"""
PIPELINES = ("front,decompose-cells,hoist-input-projection,lower-lengths,canonicalize,cse,dce,"
             "place-memory,tile-for-machine,lower-to-npu",
             "front,decompose-cells,lower-lengths,canonicalize,cse,dce,"
             "place-memory,tile-for-machine,lower-to-npu")  # fmt: skip
CLOSE = 1.05


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    folder, paths = tmp_path_factory.mktemp("machines"), []
    for base in ("edge", "tpu-v1"):
        paths.append(folder / f"{base}.toml")
        paths[-1].write_text(DEEP.format(base=base))
    paths.append(folder / "narrow.toml")
    paths[-1].write_text(NARROW.format(base=paths[0]))
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def bodies(machines):
    """Blocks as they were ordered and loops as they were planned, of real cells on several machines."""
    blocks, loops = [], []
    order, plan = _block_order.list_order, _pipeline_loops.plan_pipeline

    def ordered(graph, costs, pressure, machine):
        found = order(graph, costs, pressure, machine)
        blocks.append((graph, costs, machine, found.cycles))
        return found

    def planned(graph, kernel, private, plain, table):
        found = plan(graph, kernel, private, plain, table)
        loops.append((kernel, private, found.interval))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_block_order, "list_order", ordered)
        patch.setattr(_pipeline_loops, "plan_pipeline", planned)
        for kind in ("LSTM", "GRU", "RNN"):
            for hidden, batch in ((16, 1), (96, 1), (256, 4)):
                model = recurrent_model(kind, hidden, 40, batch).SerializeToString()
                for target in machines:
                    for pipeline in PIPELINES[: 1 if hidden == 96 else 2]:
                        module = Compilation(model, target=target, pipeline=pipeline).module()
                        SchedulePass(target=target).apply(Context(), module)
    return blocks, loops


def simple(costs):
    return len(costs) > 2 and all(c.engine != "control" for c in costs)


def test_pipelined_loops_are_close_to_the_optimum(bodies, machines):
    """The interval from turn to turn against the least of any modulo schedule, copies allowed."""
    loops = [(k, p, found) for k, p, found in bodies[1] if simple(k.costs)]
    loops += [random_loop(seed, load_machine(machines[seed % 3])) for seed in range(18)]
    proved = 0
    for kernel, private, found in loops:
        wide = replace(kernel, edges=renamed(kernel.edges, private, FURTHEST))
        least = shortest_interval(kernel.costs, wide.arcs(), kernel.machine, kernel.scalars, found)
        if least is not None:
            proved += 1
            assert found <= CLOSE * least
    assert proved >= 50


def test_ordered_blocks_are_close_to_the_optimum(bodies, machines):
    """The cycles of one turn in list order against the best of all orders."""
    blocks = [b for b in bodies[0] if simple(b[1])]
    blocks += [random_block(seed, load_machine(machines[seed % 3])) for seed in range(18)]
    proved = 0
    for graph, costs, machine, cycles in blocks:
        edges = [(b, n.number, edge(graph, costs, b, n.number)) for n in graph for b in n.preds]
        least = shortest_block(costs, edges, machine, cycles)
        if least is not None:
            proved += 1
            assert cycles <= CLOSE * least
    assert proved >= 50


def random_costs(rng, machine, count):
    """Instructions of the three engines with latencies of the machine's size; one transfer where there are channels."""
    costs = []
    engines = ["dma", "matrix", "vector", "vector"]
    for _ in range(count):
        engine, busy = rng.choice(engines), rng.randint(4, 90)
        if engine == "dma" and machine.dma.channels > 1:
            engines.remove("dma")
        if engine == "dma":
            latency = machine.dma.latency
            costs.append(
                OpCost("dma", latency + busy, latency + 1, latency + busy, path=busy,
                       pace=max(busy, (latency + busy) // machine.dma.channels))
            )  # fmt: skip
        else:
            depth = rng.randint(4, 20)
            first = depth + 1 if machine.chaining else busy + depth
            costs.append(OpCost(engine, busy, first, busy + depth, streams=engine == "vector"))
    return costs


def random_graph(rng, count):
    graph = [Node(npu.ImmediateOp(0), n) for n in range(count)]
    for node in graph[1:]:
        for before in rng.sample(range(node.number), min(node.number, rng.randint(0, 2))):
            node.preds[before] = rng.random() < 0.8
            graph[before].succs.append(node.number)
    return graph


def random_block(seed, machine):
    rng = random.Random(seed)
    graph = random_graph(rng, rng.randint(5, 9))
    costs = random_costs(rng, machine, len(graph))
    room = {"wmem": 1, "vmem": 1}
    order = list_order(graph, costs, Pressure(graph, set(), room, False), machine)
    return graph, costs, machine, order.cycles


def random_loop(seed, machine):
    """A random body whose last operations feed the first ones of the next turn; no buffers to copy."""
    rng = random.Random(1000 + seed)
    graph = random_graph(rng, rng.randint(4, 7))
    costs = random_costs(rng, machine, len(graph))
    edges = [Edge(b, n.number, 0, needs) for n in graph for b, needs in n.preds.items()]
    for _ in range(rng.randint(1, 3)):
        later = rng.randrange(len(graph))
        edges.append(Edge(rng.randrange(later, len(graph)), later, rng.choice((1, 1, 2)), True))
    kernel = Kernel(costs, edges, [0] * len(graph), machine)
    found = plan_pipeline(graph, kernel, set(), list(range(len(graph))), AccessTable())
    return kernel, set(), found.interval

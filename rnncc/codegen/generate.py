"""The driver of code generation."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp

from rnncc.codegen.constants import Constants
from rnncc.codegen.emit import Emitter
from rnncc.codegen.layout import Layout
from rnncc.codegen.registers import assign_registers
from rnncc.dialects import npu
from rnncc.dialects._batch_signature import BATCH_ATTR, batch_of
from rnncc.dialects._generation_signature import GENERATION_ATTR, generation_of
from rnncc.dialects._main import main_function
from rnncc.dialects._types import symbol_maxima
from rnncc.errors import PassError, UnsupportedError
from rnncc.machine import MachineDescription
from rnncc.passes._approximate import approximations
from rnncc.program import Program
from rnncc.program.batch import Batch


def generate(module: ModuleOp | FuncOp, machine: MachineDescription, numerics: str) -> Program:
    """Turn an allocated module into a program.

    Args:
        module: at the npu level, after `allocate` for the same machine. It is not changed.
        machine: the machine.
        numerics: ``exact``, or ``machine``: constants that become weights of the matrix engine are
            rounded to its format now.

    Raises:
        PassError: a buffer has no address.
        CapacityError: more scalars are alive at once than there are registers, or a number fits no
            field of an instruction.
        UnsupportedError: ``machine``, and one of the machine's formats or the model's type cannot be computed.
    """
    if numerics not in ("exact", "machine"):
        raise PassError(f"numerics '{numerics}': expected 'exact' or 'machine'")
    function = main_function(module)
    if numerics == "machine":
        _check_numbers(function, machine)
    scale = machine.scale(npu.widest_float(function))
    layout = Layout.of(
        function,
        machine,
        scale,
        rounded=numerics == "machine" and machine.formats.weights == "bf16",
    )
    constants = Constants()
    registers, symbols = assign_registers(function, constants, symbol_maxima(function))
    emitter = Emitter(layout, registers, constants)
    setup = emitter.setup(function.body.block)
    emitter.run(function.body.block)
    emitter.halt()
    return Program.build(
        emitter.instructions,
        segments=layout.segments,
        inputs=layout.inputs,
        outputs=layout.outputs,
        machine=machine,
        symbols=symbols,
        memory=layout.memory,
        scale=scale,
        numerics=numerics,
        setup=setup,
        source_map=tuple(emitter.source_map),
        batch=_batch(function, layout),
        report={**_report(function), **_generation(function, layout)},
    )


def _batch(function: FuncOp, layout: Layout) -> Batch | None:
    """The rows that the function's ports hold, by the ports' names."""
    found = batch_of(function)
    if found is None:
        return None
    # Passes may have added outputs behind (counters of a gate), which have no rows.
    if len(found.inputs) != len(layout.inputs) or len(found.outputs) > len(layout.outputs):
        raise PassError(f"{BATCH_ATTR} does not fit the function's inputs and outputs")
    inputs, outputs, times, output_times = (
        {port.name: axis for port, axis in zip(ports, axes, strict=False) if axis >= 0}
        for ports, axes in (
            (layout.inputs, found.inputs),
            (layout.outputs, found.outputs),
            (layout.inputs, found.times),
            (layout.outputs, found.output_times),
        )
    )
    pairs = zip(found.roles, layout.inputs, strict=False)
    return Batch(
        lengths=layout.inputs[found.lengths].name,
        maximum=found.maximum,
        symbol=found.symbol,
        order=found.order,
        inputs=inputs,
        outputs=outputs,
        requests=found.requests,
        times=times,
        output_times=output_times,
        roles={role: port.name for role, port in pairs if role},
    )


def _generation(function: FuncOp, layout: Layout) -> dict[str, Any]:
    """Which inputs make a generator go, by the ports' names."""
    found = generation_of(function)
    if found is None:
        return {}
    names = [port.name for port in layout.inputs]
    if max(found.prompt, found.limit, found.uniform, *found.states, 0) >= len(names):
        raise PassError(f"{GENERATION_ATTR} does not fit the function's inputs")
    table = {
        "prompt": names[found.prompt],
        "limit": names[found.limit],
        "uniform": names[found.uniform] if found.uniform >= 0 else "",
        "states": [names[k] for k in found.states],
        "vocabulary": found.vocabulary,
        "longest": found.longest,
        "stop": found.stop,
    }
    return {"generation": table}


def _check_numbers(function: FuncOp, machine: MachineDescription) -> None:
    """Whether values can be computed in the machine's formats: those of float32 models."""
    from rnncc.simulator.numbers import Numbers

    Numbers.of(machine)
    width = npu.widest_float(function)
    if width != 4 and machine.formats.weights != "bf16":
        raise UnsupportedError(
            f"values in {machine.formats.weights} are simulated for float32 models, "
            f"this one has floats of {8 * width} bits",
            hint="use --numerics exact",
        )


def _report(function: FuncOp) -> dict[str, Any]:
    """What the passes noted on the function, as plain data: spills, memory use, approximations."""
    report: dict[str, Any] = {}
    spills = function.attributes.get("rnncc.spills")
    if isinstance(spills, ArrayAttr):
        report["spills"] = [s.data for s in spills if isinstance(s, StringAttr)]
    approximate = approximations(function)
    if approximate:
        report["approximate"] = approximate
    used = function.attributes.get("rnncc.memory")
    if isinstance(used, DictionaryAttr):
        report["buffers"] = {
            memory: size.value.data
            for memory, size in used.data.items()
            if isinstance(size, IntegerAttr)
        }
    return report

"""rnncc as an ONNX backend: for the ONNX test suite and anything else that takes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.shape_inference
from onnx.backend.base import Backend, BackendRep

from rnncc import api
from rnncc.errors import InputError, RnnccError, UnsupportedError

if TYPE_CHECKING:
    from rnncc.program import Program

DECIDING_SIZE = 16
"""An integer input of at most this many elements may decide shapes (a trip count, axes, a target shape), and so may
a single number of any type (the limit of a Range, the value of a Pad)."""


class RnnccRep(BackendRep):
    """A model ready to run; programs are compiled for the shapes met and kept."""

    def __init__(self, model: onnx.ModelProto, options: Mapping[str, Any]):
        self.model = model
        self.options = dict(options)
        initializers = {i.name for i in model.graph.initializer}
        self.inputs = [i.name for i in model.graph.input if i.name not in initializers]
        self.outputs = [o.name for o in model.graph.output]
        self.programs: dict[tuple, tuple[Program, frozenset[str]]] = {}

    def run(self, inputs: Any, **kwargs: Any) -> tuple[np.ndarray, ...]:
        """Run on inputs in the graph's order, or by name; returns the outputs in the graph's order.

        Raises:
            RnnccError: the model or the inputs cannot be taken.
        """
        if isinstance(inputs, Mapping):
            named = {name: np.asarray(value) for name, value in inputs.items()}
        else:
            if len(inputs) > len(self.inputs):
                raise InputError(f"{len(inputs)} inputs given, the model has {len(self.inputs)}")
            named = {
                name: np.asarray(value) for name, value in zip(self.inputs, inputs, strict=False)
            }
        program, bound = self.program_for(named)
        given = {name: value for name, value in named.items() if name not in bound}
        outputs = program.run(given, timing=False).outputs
        return tuple(outputs[name] for name in self.outputs)

    def program_for(self, inputs: Mapping[str, np.ndarray]) -> tuple[Program, frozenset[str]]:
        """The program for these inputs, and the inputs that it has taken as constants.

        Inputs that decide shapes are bound to their values only when the model cannot be compiled without.
        """
        shapes = {name: value.shape for name, value in inputs.items()}
        small = {
            name: value
            for name, value in inputs.items()
            if value.size <= (DECIDING_SIZE if value.dtype.kind in "iub" else 1)
        }
        key = tuple(sorted(shapes.items()))
        bound_key = (*key, *((name, value.tobytes()) for name, value in sorted(small.items())))
        for known in (key, bound_key):
            if known in self.programs:
                return self.programs[known]
        try:
            program = api.compile(self.model, shapes=shapes, dynamic=False, **self.options)
            self.programs[key] = (program, frozenset())
            return self.programs[key]
        except RnnccError:
            if not small:
                raise
            rest = {name: shape for name, shape in shapes.items() if name not in small}
            program = api.compile(
                self.model, shapes=rest, values=small, dynamic=False, **self.options
            )
            self.programs[bound_key] = (program, frozenset(small))
            return self.programs[bound_key]


class RnnccBackend(Backend):
    """``prepare`` compiles lazily, when the first inputs say which shapes are asked for."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> RnnccRep:
        """A runnable form of ``model``.

        Args:
            model: the model.
            device: ``CPU`` (the simulator runs there).
            kwargs: options of :func:`rnncc.compile` (``target``, ``pipeline``, ``numerics``).
        """
        if not cls.supports_device(device):
            raise UnsupportedError(f"device '{device}': the simulator runs on 'CPU'")
        return RnnccRep(model, kwargs)

    @classmethod
    def run_model(
        cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any
    ) -> tuple[Any, ...]:
        """Compile and run once."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype, tuple[int, ...]]] | None = None,
        **kwargs: Any,
    ) -> tuple[np.ndarray, ...]:
        """Run one operator, as a model of its own; ``opset_version`` among the options chooses the opset."""
        names = [name for name in node.input if name]
        arrays = [np.asarray(value) for value in inputs]
        info = [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in zip(names, arrays, strict=True)
        ]
        outputs = [
            onnx.helper.make_empty_tensor_value_info(name)
            if outputs_info is None
            else onnx.helper.make_tensor_value_info(
                name,
                onnx.helper.np_dtype_to_tensor_dtype(np.dtype(outputs_info[i][0])),
                outputs_info[i][1],
            )
            for i, name in enumerate(n for n in node.output if n)
        ]
        opset = kwargs.pop("opset_version", onnx.defs.onnx_opset_version())
        graph = onnx.helper.make_graph([node], "node", info, outputs)
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
        if outputs_info is None:
            model = onnx.shape_inference.infer_shapes(
                model
            )  # a model must state its outputs' types
        return cls.run_model(model, arrays, device, **kwargs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Only ``CPU``."""
        return device == "CPU"

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether the model's operators are supported; a model whose shapes are open is judged when it is run."""
        from rnncc.errors import ShapeError

        if not cls.supports_device(device):
            return False
        try:
            api.compile(model, dynamic=False, **kwargs)
        except ShapeError:
            return True
        except RnnccError:
            return False
        return True


prepare = RnnccBackend.prepare
run_model = RnnccBackend.run_model
run_node = RnnccBackend.run_node
supports_device = RnnccBackend.supports_device
is_compatible = RnnccBackend.is_compatible

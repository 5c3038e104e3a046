"""Pass pipelines: parse them from text, script them from Python, run them with hooks.

A text is a list of passes and of named pipelines (:mod:`rnncc.passes.pipelines`) with options,
``front,decompose-cells,schedule{policy=none}``; ``@FILE`` reads it from a file (:mod:`rnncc.pipeline_file`). The
options of a named pipeline are those of one of its passes, ``throughput{size=64}``.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rnncc.errors import PassError, nearest
from rnncc.pass_options import instance_of, option_names
from rnncc.pipeline_file import expand

if TYPE_CHECKING:
    from xdsl.context import Context
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass
    from xdsl.utils.arg_spec import ArgSpec

    Hook = Callable[["ModulePass", "ModuleOp"], None]


LOWERING = "lower-to-npu"
"""The pass that makes the machine's instructions ..."""
ON_MACHINE = ("persist-weights", "schedule", "allocate")
"""... and those that work on them; xDSL's own work on anything."""


def available_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Every pass by name: rnncc's, and xDSL's own (canonicalize, cse, dce, ...)."""
    from xdsl.universe import XDSL_UNIVERSE

    from rnncc.universe import ALL_PASSES

    return {**XDSL_UNIVERSE.all_passes, **ALL_PASSES}


def parse(text: str, **defaults: object) -> tuple[ModulePass, ...]:
    """The passes of a pipeline text.

    Args:
        text: passes and named pipelines separated by commas, or ``@FILE``.
        defaults: values for options of that name wherever a pass has one and the text does not set it
            (``target="tpu-v1"``).

    Raises:
        PassError: a syntax error, an unknown pass, pipeline or option (with the nearest right name), a bad value.
    """
    from xdsl.utils.arg_spec import parse_pipeline
    from xdsl.utils.exceptions import ArgSpecParseError

    from rnncc.passes.pipelines import PIPELINES

    text = expand(text)
    try:
        specs = list(parse_pipeline(text))
    except ArgSpecParseError as error:
        raise PassError(f"pipeline '{text}': {error}") from None
    passes: list[ModulePass] = []
    for spec in specs:
        if spec.name in PIPELINES:
            passes.extend(_named(spec, defaults))
        else:
            passes.append(_build(spec, defaults))
    _check_order([p.name for p in passes])
    return tuple(passes)


def _check_order(names: list[str]) -> None:
    """Refuse what would come after the machine's instructions are there, and could do nothing to them."""
    from rnncc.universe import PASSES

    if LOWERING not in names:
        return
    for name in names[names.index(LOWERING) + 1 :]:
        if name in PASSES and name not in ON_MACHINE:
            raise PassError(
                f"pass '{name}' comes after {LOWERING}, which leaves it nothing to work on",
                "put it before place-memory, and name only one pipeline that ends on the machine",
            )


def _named(spec: ArgSpec, defaults: dict[str, object]) -> tuple[ModulePass, ...]:
    """The passes of a named pipeline; its options go to the one pass that `OPTIONS` names."""
    from xdsl.utils.arg_spec import ArgSpec, parse_pipeline

    from rnncc.passes.pipelines import OPTIONS, PIPELINES

    texts = PIPELINES[spec.name]
    if not spec.parameters:
        return parse(",".join(texts), **defaults)
    if spec.name not in OPTIONS:
        raise PassError(f"pipeline '{spec.name}' takes no options")
    given = spec.normalize_parameter_names().parameters
    passes: list[ModulePass] = []
    for own in parse_pipeline(",".join(texts)):
        merged = own.normalize_parameter_names().parameters
        if own.name == OPTIONS[spec.name]:
            merged = {**merged, **given}
        passes.append(_build(ArgSpec(own.name, merged), defaults))
    return tuple(passes)


def _build(spec: ArgSpec, defaults: dict[str, object]) -> ModulePass:
    from rnncc.passes.pipelines import PIPELINES

    available = available_passes()
    if spec.name not in available:
        raise PassError(
            f"unknown pass '{spec.name}'",
            nearest(spec.name, [*available, *PIPELINES]) or "`rnncc passes` lists them",
        )
    instance = instance_of(available[spec.name](), spec)
    options = option_names(type(instance))
    given = spec.normalize_parameter_names().parameters
    extra = {k: v for k, v in defaults.items() if k in options and k not in given}
    return dataclasses.replace(instance, **extra) if extra else instance


class Pipeline:
    """A pipeline that Python code can extend: passes in order, with hooks before and after any of them.

    Example::

        pipeline = rnncc.Pipeline("default")
        pipeline.after("decompose-cells", lambda p, module: print(module))
        rnncc.compile("model.onnx", pipeline=pipeline)
    """

    def __init__(self, text: str | Iterable[str] = "default"):
        self.name = text if isinstance(text, str) else ",".join(text)
        """As it was given: a named pipeline or ``@FILE`` where ``text`` has the passes of the file."""
        self.text = expand(text if isinstance(text, str) else ",".join(text))
        self._before: list[tuple[str | None, Hook]] = []
        self._after: list[tuple[str | None, Hook]] = []
        parse(self.text)  # an unknown name is an error here, not at the first compile

    def __str__(self) -> str:
        return self.text

    def copy(self) -> Pipeline:
        """The same passes and hooks; hooks added to the copy do not reach the original."""
        twin = Pipeline(self.text)
        twin.name = self.name
        twin._before, twin._after = list(self._before), list(self._after)
        return twin

    def without(self, names: Iterable[str]) -> Pipeline:
        """The same passes but those named, without hooks."""
        left = [p for p in self.passes() if p.name not in set(names)]
        return Pipeline(",".join(str(p.pipeline_pass_spec()) for p in left))

    def before(self, name: str | None, hook: Hook) -> Pipeline:
        """Call ``hook(pass, module)`` before each pass named ``name`` (None: before every pass)."""
        self._before.append((self._known(name), hook))
        return self

    def after(self, name: str | None, hook: Hook) -> Pipeline:
        """Call ``hook(pass, module)`` after each pass named ``name`` (None: after every pass)."""
        self._after.append((self._known(name), hook))
        return self

    def _known(self, name: str | None) -> str | None:
        names = [p.name for p in parse(self.text)]
        if name is not None and name not in names:
            raise PassError(f"pass '{name}' is not in this pipeline", nearest(name, names))
        return name

    def passes(self, **defaults: object) -> tuple[ModulePass, ...]:
        """The pass objects, with ``defaults`` (``target``) filled in."""
        return parse(self.text, **defaults)

    def apply(
        self,
        context: Context,
        module: ModuleOp,
        stop_before: Iterable[str] = (),
        **defaults: object,
    ) -> list[PassTime]:
        """Run the passes on ``module``, in place; returns the time each took.

        Args:
            context: the dialects known.
            module: rewritten in place.
            stop_before: names of passes; the first of them met ends the run.
            defaults: options for the passes that have them (``target``).

        Raises:
            PassError: a pass refused the module or left it broken; names the pass.
            RnnccError: whatever a pass raises for a model it cannot take.
        """
        from xdsl.utils.exceptions import PassFailedException, VerifyException

        times = []
        stop = set(stop_before)
        for module_pass in self.passes(**defaults):
            if module_pass.name in stop:
                break
            for name, hook in self._before:
                if name in (None, module_pass.name):
                    hook(module_pass, module)
            start = time.perf_counter()
            try:
                module_pass.apply(context, module)
            except (PassFailedException, VerifyException) as error:
                raise PassError(f"pass '{module_pass.name}': {error}") from error
            times.append(PassTime(module_pass.name, time.perf_counter() - start))
            for name, hook in self._after:
                if name in (None, module_pass.name):
                    hook(module_pass, module)
        return times


@dataclasses.dataclass(frozen=True)
class PassTime:
    """How long one pass took, in seconds."""

    name: str
    seconds: float

"""The shape of an operator as the dialect sees it, read from `onnx.defs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import onnx
from onnx.defs import OpSchema
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

_OPTION = OpSchema.FormalParameterOption

#: The oldest default-domain opset that rnncc takes.
OLDEST_OPSET = 7


@dataclass(frozen=True)
class Formal:
    """A formal operand or result: its ONNX name and how often it may be there.

    `field` is the Python name; it differs from `name` only to keep names of a class distinct.
    """

    name: str
    field: str
    single: bool
    variadic: bool


@dataclass
class Form:
    """Operands, results, attributes and regions that the versions of an operator share."""

    op_type: str
    newest: int
    inputs: tuple[Formal, ...]
    outputs: tuple[Formal, ...]
    attributes: frozenset[str]
    regions: tuple[str, ...]
    versions: dict[int, OpSchema]
    _defaults: dict[int, dict[str, Attribute]] = field(default_factory=dict)

    @property
    def operand_segments(self) -> bool:
        """Whether the operand list needs sizes to be read (two formals of varying number)."""
        return sum(not formal.single for formal in self.inputs) > 1

    @property
    def result_segments(self) -> bool:
        """Whether the result list needs sizes to be read."""
        return sum(not formal.single for formal in self.outputs) > 1

    def defaults(self, version: int) -> dict[str, Attribute]:
        """The default of each attribute that has one, as that version defines it."""
        if version not in self._defaults:
            self._defaults[version] = _defaults(self.versions.get(version))
        return self._defaults[version]

    def required(self, version: int) -> list[str]:
        """The attributes (not graphs) that the version insists on."""
        schema = self.versions[version]
        return [n for n, a in schema.attributes.items() if a.required and n in self.attributes]

    def check_types(
        self, version: int, operands: Sequence[SSAValue | None], results: Sequence[SSAValue | None]
    ) -> None:
        """Raise VerifyException when an element type is not one that the version allows."""
        schema = self.versions[version]
        bound: dict[str, tuple[str, str]] = {}
        for formals, values in ((schema.inputs, operands), (schema.outputs, results)):
            for position, value in enumerate(values):
                if value is None or not formals:
                    continue
                formal = formals[min(position, len(formals) - 1)]
                word = onnx_type(value.type)
                if word not in formal.types:
                    raise VerifyException(
                        f"onnx.{self.op_type}: '{formal.name}' may not have the type {value.type}"
                    )
                if not formal.is_homogeneous or "(" in formal.type_str:
                    continue
                first = bound.setdefault(formal.type_str, (formal.name, word))
                if first[1] != word:
                    raise VerifyException(
                        f"onnx.{self.op_type}: '{formal.name}' and '{first[0]}' must have one"
                        f" element type, not {word} and {first[1]}"
                    )


_WORDS = {
    "f16": "float16",
    "bf16": "bfloat16",
    "f32": "float",
    "f64": "double",
    "i1": "bool",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "ui8": "uint8",
}


@lru_cache(maxsize=1024)
def onnx_type(kind: Attribute) -> str:
    """ONNX's word for a tensor type, such as ``tensor(float)``; "" for what it has no word for."""
    if not isinstance(kind, TensorType):
        return ""
    return f"tensor({_WORDS.get(str(kind.element_type), '?')})"


def _defaults(schema: OpSchema | None) -> dict[str, Attribute]:
    from rnncc.dialects._onnx_attributes import proto_value, to_attribute

    result: dict[str, Attribute] = {}
    for name, attribute in schema.attributes.items() if schema else ():
        proto = attribute.default_value
        if proto is not None and proto.type and proto.name:
            value = proto_value(proto, f"onnx.{schema.name}" if schema else "")
            result[name] = to_attribute(value, proto.type, name)
    return result


@cache
def versions_of(op_type: str) -> tuple[OpSchema, ...]:
    """The versions of a default-domain operator since opset 7, oldest first, no deprecations.

    Raises:
        KeyError: no opset of the installed onnx package has the operator.
    """
    found: list[OpSchema] = []
    opset = onnx.defs.onnx_opset_version()
    while opset >= OLDEST_OPSET and onnx.defs.has(op_type, opset, ""):
        schema = onnx.defs.get_schema(op_type, opset, "")
        if not schema.deprecated:
            found.append(schema)
        opset = schema.since_version - 1
    if not found:
        raise KeyError(op_type)
    return tuple(reversed(found))


@lru_cache(maxsize=1)
def operator_names() -> tuple[str, ...]:
    """Every default-domain operator of any opset, sorted; takes some 40 ms the first time."""
    schemas = onnx.defs.get_all_schemas_with_history()
    return tuple(sorted({s.name for s in schemas if s.domain == "" and not s.deprecated}))


def embeds(old: OpSchema, new: OpSchema) -> bool:
    """Whether every use of `old` is also a well-formed use of `new` (its meaning may differ)."""
    if any(name not in new.attributes for name in old.attributes):
        return False
    if any(old.attributes[n].type != new.attributes[n].type for n in old.attributes):
        return False
    return _prefix(old.inputs, new.inputs) and _prefix(old.outputs, new.outputs)


def _prefix(old: Sequence, new: Sequence) -> bool:
    if len(old) > len(new) or any(p.option == _OPTION.Single for p in new[len(old) :]):
        return False
    return all(
        p.option == q.option or (p.option == _OPTION.Single and q.option == _OPTION.Optional)
        for p, q in zip(old, new, strict=False)
    )


def form_of(name: str) -> Form:
    """The form of the class `name`: an operator, or ``Squeeze_1`` for an older, other form.

    Raises:
        KeyError: there is no such operator, or no such older form of it.
    """
    op_type, _, tail = name.rpartition("_")
    if tail.isdigit():
        if form_name(op_type, int(tail)) != name:
            raise KeyError(name)
        schema = next(s for s in versions_of(op_type) if s.since_version == int(tail))
    else:
        op_type, schema = name, versions_of(name)[-1]
    versions = {s.since_version: s for s in versions_of(op_type) if embeds(s, schema)}
    return _form(op_type, schema, versions)


def form_name(op_type: str, version: int) -> str:
    """The class that holds a version of an operator; raises KeyError for an unknown operator."""
    schemas = versions_of(op_type)
    schema = next((s for s in schemas if s.since_version == version), None)
    if schema is None:
        raise KeyError(f"{op_type} {version}")
    return op_type if embeds(schema, schemas[-1]) else f"{op_type}_{version}"


def _form(op_type: str, schema: OpSchema, versions: dict[int, OpSchema]) -> Form:
    graph = OpSchema.AttrType.GRAPH
    regions = tuple(sorted(n for n, a in schema.attributes.items() if a.type == graph))
    if op_type == "If":
        regions = ("then_branch", "else_branch")
    attributes = frozenset(schema.attributes) - set(regions)
    taken = {*schema.attributes}

    def formals(entries: Sequence, suffix: str) -> tuple[Formal, ...]:
        made = []
        for entry in entries:
            name = entry.name
            python = name if name.isidentifier() and name not in taken else f"{name}_{suffix}"
            taken.add(python)
            variadic = entry.option == _OPTION.Variadic
            made.append(Formal(name, python, entry.option == _OPTION.Single, variadic))
        return tuple(made)

    inputs = formals(schema.inputs, "in")
    outputs = formals(schema.outputs, "out")
    newest = schema.since_version
    return Form(op_type, newest, inputs, outputs, attributes, regions, versions)

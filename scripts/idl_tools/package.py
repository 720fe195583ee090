"""The contract as the package xenops_cpu/interface/: which of its modules has what.

Making a record's class costs a third of a millisecond, and there are some sixty: the enumerations,
which every room needs, are loaded with the package, the rest when it is asked for, by modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import python
from .model import Basic, Contract, DictOf, ListOf, Record, Tag, Text, TupleOf, Type, Variant
from .modules import modules

NOTE = (
    "Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not "
    "this."
)
FUTURE = "from __future__ import annotations\n"
VARIANTS, FAILURES, ERRORS, CALLS = "variants", "failures", "errors", "calls"
# What is in them beside the contract's own names.
OWN = {VARIANTS: ("Int64",), FAILURES: ("XenopsError",)}
# The tags that this service answers with: the others are made when a caller has to read them.
ANSWERED = ("InternalError",)
CALLED = ("LEFT_TO_XENOPSD", "METHODS", "Client", "Method", "Param", "Service")

INT64 = """\
# OCaml's int has 63 bits, which is what a plain int stands for here; an int64 has them all.
Int64: TypeAlias = Annotated[int, "int64"]
"""

LAZY = """\
if not TYPE_CHECKING:  # to a type checker, nothing else is there

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
"""


def render(contract: Contract) -> dict[str, str]:
    """The text of each file of xenops_cpu/interface/, by its name."""
    places = _places(contract)
    texts = {
        "__init__": _package(places),
        VARIANTS: _variants(contract),
        **{module: _records(contract, module, places) for module in _record_modules(contract)},
        FAILURES: _failures(contract),
        ERRORS: _errors(contract, places),
        CALLS: _calls(contract, places),
    }
    return {f"{module}.py": text for module, text in texts.items()}


def _record_modules(contract: Contract) -> dict[str, list[Record]]:
    """Records by the module that OCaml has them in, those of none with the calls' own."""
    records_by_module: dict[str, list[Record]] = {}
    for name, types in modules(contract.types).items():
        records = [type_ for type_ in types if isinstance(type_, Record)]
        if records:
            records_by_module.setdefault(name.partition(".")[0].lower() or "records", []).extend(
                records
            )
    return records_by_module


def _places(contract: Contract) -> dict[str, tuple[str, ...]]:
    """The names that each module has."""
    plain = [
        type_.name
        for type_ in contract.types
        if not isinstance(type_, Record) and type_ is not contract.error
    ]
    tags = [tag.python for tag in contract.error.tags]
    return {
        VARIANTS: _sorted((*OWN[VARIANTS], *plain)),
        **{
            module: _sorted(type_.name for type_ in records)
            for module, records in _record_modules(contract).items()
        },
        FAILURES: _sorted((*OWN[FAILURES], *ANSWERED)),
        ERRORS: _sorted((contract.error.name, *(tag for tag in tags if tag not in ANSWERED))),
        CALLS: CALLED,
    }


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """As ruff sorts them: constants first."""
    return tuple(sorted(names, key=lambda name: (not name.isupper(), name)))


def _head(text: str) -> str:
    return "\n".join([*python.doc(f"{text}\n{NOTE}", 0), "", FUTURE])


def _imports(used: Iterable[str], places: Mapping[str, tuple[str, ...]], indent: str = "") -> str:
    """The statements that take names from where they are."""
    members = set(used)
    lines = []
    for module in sorted(places):
        names = [name for name in places[module] if name in members]
        if not names:
            continue
        line = f"{indent}from .{module} import {', '.join(names)}"
        if len(line) > python.WIDTH:
            inner = [f"{indent}    {name},\n" for name in names]
            line = f"{indent}from .{module} import (\n{''.join(inner)}{indent})"
        lines.append(f"{line}\n")
    return "".join(lines)


def _package(places: Mapping[str, tuple[str, ...]]) -> str:
    late = {module: names for module, names in places.items() if module != VARIANTS}
    everything = [name for names in places.values() for name in names]
    lines = [
        "# Where each of them is. To make a record's class takes a third of a millisecond, and",
        "# there are some sixty: a name is imported when it is first used (__getattr__, below).",
    ]
    lines.append("_PLACES = {")
    for module, names in late.items():
        inner = [f"        {python.quote(name)},\n" for name in names]
        short = f"    {python.quote(module)}: ({', '.join(map(python.quote, names))}"
        short += ",)," if len(names) == 1 else "),"
        several = f"    {python.quote(module)}: (\n{''.join(inner)}    ),"
        lines.append(short if len(short) <= python.WIDTH else several)
    lines += [
        "}",
        "_MODULES = {name: module for module, names in _PLACES.items() for name in names}",
    ]
    listed = [f"    {python.quote(name)},\n" for name in _sorted(everything)]
    typed = "if TYPE_CHECKING:\n" + _imports(everything, late, "    ")
    head = _head("The service's interface: its records, errors and methods, and a client.")
    return "\n".join(
        [
            f"{head}\nfrom importlib import import_module\nfrom typing import TYPE_CHECKING, Any\n",
            _imports(everything, {VARIANTS: places[VARIANTS]}),
            typed,
            *lines,
            f"\n__all__ = [\n{''.join(listed)}]\n\n",
            LAZY,
        ]
    )


def _variants(contract: Contract) -> str:
    head = _head("Texts and enumerations of the interface.")
    parts = [f"{head}\nfrom enum import Enum\nfrom typing import Annotated, TypeAlias\n", INT64]
    parts += [
        python.comment(type_.description) + f"{type_.name}: TypeAlias = str\n"
        for type_ in contract.types
        if isinstance(type_, Text)
    ]
    parts += [
        python.enumeration(type_)
        for type_ in contract.types
        if isinstance(type_, Variant) and type_ is not contract.error
    ]
    return python.join(parts)


def _records(contract: Contract, module: str, places: Mapping[str, tuple[str, ...]]) -> str:
    records = _record_modules(contract)[module]
    head = f"{_head(f'Records of the interface: {module}.')}\nfrom attrs import frozen\n"
    types = [member.type for record in records for member in record.members]
    imports = _imports(_names(types) - set(places[module]), places)
    return python.join([head + (f"\n{imports}" if imports else ""), *map(python.record, records)])


def _failures(contract: Contract) -> str:
    """The base of all errors, and those of ANSWERED, which have parts of basic types alone."""
    head = _head("A failed call, and how this service says that one of its own failed.")
    head += "\nfrom typing import ClassVar\n\nfrom attrs import define, setters\n"
    tags = [tag for tag in contract.error.tags if tag.python in ANSWERED]
    return python.join([head, python.ERROR_BASE, *_classes(contract, tags)])


def _errors(contract: Contract, places: Mapping[str, tuple[str, ...]]) -> str:
    head = _head("Errors of the interface: a failed call is one of them.")
    head += "\nfrom typing import ClassVar, TypeAlias\n\nfrom attrs import define, setters\n"
    parts = _names(part for tag in contract.error.tags for part in tag.parts)
    imports = _imports(parts | set(places[FAILURES]), places)
    tags = [tag for tag in contract.error.tags if tag.python not in ANSWERED]
    return python.join(
        [f"{head}\n{imports}", *_classes(contract, tags), python.union(contract.error)]
    )


def _classes(contract: Contract, tags: Iterable[Tag]) -> list[str]:
    return [python.error(tag, tag.name == contract.error.default) for tag in tags]


def _calls(contract: Contract, places: Mapping[str, tuple[str, ...]]) -> str:
    types = [param.type for method in contract.methods for param in method.params]
    types += [method.result for method in contract.methods]
    head = (
        f"{_head('Methods of the interface: what answers them, and a client.')}\n"
        "from collections.abc import Callable, Mapping\n"
        "from functools import cached_property\n"
        "from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol\n\n"
        "from .. import interface\n\n"
        f"if TYPE_CHECKING:\n{_imports(_names(types), places, '    ')}"
    )
    return python.join(
        [
            head,
            python.METHOD_CLASSES,
            python.service(contract),
            python.client(contract),
            python.tables(contract),
        ]
    )


def _names(types: Iterable[Type]) -> set[str]:
    """The names that stand in the annotations of types."""
    names = set()
    for type_ in types:
        match type_:
            case Basic("int64"):
                names.add("Int64")
            case Basic():
                pass
            case ListOf(item) | DictOf(item):
                names |= _names([item])
            case TupleOf(items):
                names |= _names(items)
            case _:
                names.add(type_.name)
    return names

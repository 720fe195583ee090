"""The contract in Python: the text of its types, errors, methods and clients (see package)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from .model import (
    Basic,
    Contract,
    DictOf,
    ListOf,
    Method,
    Record,
    Tag,
    TupleOf,
    Type,
    Variant,
)

WIDTH = 100
BASIC = {
    "string": "str",
    "int": "int",
    "int64": "Int64",
    "bool": "bool",
    "float": "float",
    "unit": "None",
}

ERROR_BASE = '''\
class XenopsError(Exception):
    """A failed call. Each tag of the error variant is a class of its own below this one."""

    tag: ClassVar[str]
    # True for the class that stands for a tag that this version of the interface does not know.
    catches_unknown: ClassVar[bool] = False

    def __str__(self) -> str:
        return ": ".join([self.tag, ", ".join(map(str, self.args))]) if self.args else self.tag
'''

METHOD_CLASSES = '''\
class Param(NamedTuple):
    """A named parameter. `type` is a type as in annotations here, None for unit."""

    name: str
    type: Any


class Method:
    """A method: its name on the wire and in Python, its parameters in order, its result's type.

    Types are looked up when they are asked for: HOST.* is answered without the records of POOL.*.
    """

    def __init__(
        self, name: str, python_name: str, types: Callable[[], tuple[tuple[Param, ...], Any]]
    ) -> None:
        self.name = name
        self.python_name = python_name
        self._types = types

    @cached_property
    def params(self) -> tuple[Param, ...]:
        return self._types()[0]

    @cached_property
    def result(self) -> Any:
        return self._types()[1]
'''


def join(parts: list[str]) -> str:
    """Two blank lines around classes, one between other statements."""
    text = parts[0]
    for before, part in pairwise(parts):
        single = not any(p.startswith(("class", "@")) for p in (before, part))
        text += ("\n" if single else "\n\n") + part
    return text


def hint(type_: Type) -> str:
    """The annotation for a type."""
    match type_:
        case Basic(kind):
            return BASIC[kind]
        case ListOf(item):
            return f"list[{hint(item)}]"
        case DictOf(item):
            return f"dict[str, {hint(item)}]"
        case TupleOf(items):
            return f"tuple[{', '.join(map(hint, items))}]"
        case _:
            return type_.name


def record(type_: Record) -> str:
    lines = ["@frozen", f"class {type_.name}:", *doc(type_.description, 4), ""]
    for member in type_.members:
        lines += comment(member.description, 4).splitlines()
        optional = "" if member.required else " | None"
        lines.append(f"    {member.name}: {hint(member.type)}{optional}")
    return "\n".join(lines) + "\n"


def enumeration(type_: Variant) -> str:
    lines = [f"class {type_.name}(Enum):", *doc(type_.description, 4), ""]
    for tag in type_.tags:
        lines += comment(tag.description, 4).splitlines()
        lines.append(f"    {tag.name.upper()} = {quote(tag.name)}")
    return "\n".join(lines) + "\n"


def error(tag: Tag, catches_unknown: bool) -> str:
    # An exception is shown by its own str; not making another text saves a sixth of the import.
    # Its members are frozen, it is not: raising adds to an exception (notes, a cause).
    head = ["@define(repr=False, on_setattr=setters.frozen)", f"class {tag.python}(XenopsError):"]
    lines = [*head, *doc(tag.description, 4), ""]
    lines.append(f"    tag: ClassVar[str] = {quote(tag.name)}")
    if catches_unknown:
        lines.append("    catches_unknown: ClassVar[bool] = True")
    lines += [f"    {name}: {hint(part)}" for name, part in zip(tag.names, tag.parts, strict=True)]
    return "\n".join(lines) + "\n"


def union(type_: Variant) -> str:
    lines = [f"{type_.name}: TypeAlias = ("]
    lines += [f"    {'| ' if index else ''}{tag.python}" for index, tag in enumerate(type_.tags)]
    return "\n".join([*lines, ")"]) + "\n"


def arguments(method: Method) -> list[str]:
    """Parameters of the Python method: unit carries nothing, so it is left out."""
    return [
        f"{param.name}: {hint(param.type)}" + ("" if param.required else " | None = None")
        for param in method.params
        if param.type != Basic("unit")
    ]


def signature(method: Method) -> list[str]:
    inside = ", ".join(["self", *arguments(method)])
    short = f"    def {method.python}({inside}) -> {hint(method.result)}:"
    if len(short) <= WIDTH:
        return [short]
    return [f"    def {method.python}(", f"        {inside}", f"    ) -> {hint(method.result)}:"]


def service(contract: Contract) -> str:
    lines = [
        "class Service(Protocol):",
        *doc("What answers the calls. Methods raise XenopsError.", 4),
    ]
    for method in contract.methods:
        lines += ["", *signature(method), *doc(f"{method.summary}\n{method.description}", 8)]
        lines.append("        ...")
    return "\n".join(lines) + "\n"


def client(contract: Contract) -> str:
    text = (
        "The same methods for a caller.\n`call` takes a method's name and its named parameters as "
        "typed values, sends them, and returns the typed result or raises XenopsError."
    )
    lines = ["class Client:", *doc(text, 4), ""]
    lines.append("    def __init__(self, call: Callable[[str, Mapping[str, Any]], Any]) -> None:")
    lines.append("        self._call = call")
    for method in contract.methods:
        lines += ["", *signature(method), *doc(method.summary, 8)]
        values = [
            f"{quote(p.name)}: {'None' if p.type == Basic('unit') else p.name}"
            for p in method.params
        ]
        short = f"        params: dict[str, Any] = {{{', '.join(values)}}}"
        several = [
            short[: short.index("{") + 1],
            *(f"            {v}," for v in values),
            "        }",
        ]
        lines += [short] if len(short) <= WIDTH else several
        lines.append(
            f"        result: {hint(method.result)} = self._call({quote(method.name)}, params)"
        )
        lines.append("        return result")
    return "\n".join(lines) + "\n"


def tables(contract: Contract) -> str:
    lines = ["METHODS: Final[Mapping[str, Method]] = {"]
    for method in contract.methods:
        lines += [f"    {quote(method.name)}: Method(", f"        name={quote(method.name)},"]
        lines += [f"        python_name={quote(method.python)},", "        types=lambda: ("]
        params = [
            f"Param({quote(param.name)}, {value(param.type)}{'' if param.required else ' | None'}),"
            for param in method.params
        ]
        if len(params) == 1:
            lines.append(f"            ({params[0]}),")
        else:
            inner = (f"                {param}" for param in params)
            lines += ["            (", *inner, "            ),"]
        lines += [f"            {value(method.result)},", "        ),", "    ),"]
    lines += ["}", ""]
    lines += comment("Methods of xenopsd's interface that are xenopsd's to answer.").splitlines()
    lines.append("LEFT_TO_XENOPSD: Final[frozenset[str]] = frozenset(")
    lines += [
        "    {",
        *[f"        {quote(name)}," for name in contract.left_to_xenopsd],
        "    }",
        ")",
    ]
    return "\n".join(lines) + "\n"


def value(type_: Type) -> str:
    """The type as a value that the package has: interface.CpuInfo."""
    match type_:
        case Basic("int64"):
            return "interface.Int64"
        case Basic():
            return hint(type_)
        case ListOf(item):
            return f"list[{value(item)}]"
        case DictOf(item):
            return f"dict[str, {value(item)}]"
        case TupleOf(items):
            return f"tuple[{', '.join(map(value, items))}]"
        case _:
            return f"interface.{type_.name}"


def quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def wrap(text: str, width: int) -> Iterator[str]:
    """Paragraphs, wrapped, with an empty line between two of them."""
    for index, paragraph in enumerate(text.split("\n")):
        if index:
            yield ""
        yield from textwrap.wrap(paragraph, width, break_on_hyphens=False)


def doc(text: str, indent: int) -> list[str]:
    """A docstring: on one line where it fits."""
    pad = " " * indent
    lines = list(wrap(text, WIDTH - indent - 3))
    if len(lines) == 1 and len(lines[0]) + indent + 6 <= WIDTH:
        return [f'{pad}"""{lines[0]}"""']
    lines[0] = '"""' + lines[0]
    return [(pad + line).rstrip() for line in [*lines, '"""']]


def comment(text: str, indent: int = 0) -> str:
    pad = " " * indent + "# "
    return "".join(f"{pad}{line}\n" for line in wrap(text, WIDTH - len(pad)))

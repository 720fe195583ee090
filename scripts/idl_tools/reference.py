"""The contract for people: idl/REFERENCE.md, and the table of methods in docs/callers.md."""

from __future__ import annotations

from collections.abc import Iterator

from xenops_cpu.wire import Envelope, jsonrpc, xmlrpc

from .document import ContractError
from .model import (
    Basic,
    Contract,
    DictOf,
    ListOf,
    Method,
    Record,
    Text,
    TupleOf,
    Type,
    Variant,
)
from .samples import requests, samples

# Between these lines docs/callers.md has the table.
BEGIN, END = "<!-- methods -->\n", "<!-- end of methods -->\n"

# Of an example of a call: characters in a line, and lines.
LONGEST, FEW = 120, 24

INTRODUCTION = """\
Generated from `xenops_cpu.openrpc.yaml` by `scripts/generate-interface`: change that, not this.

Examples are folded for reading, and long ones cut: on the wire each is one line
(`idl/test_data` has them whole).

A call goes as the body of an HTTP POST, in XML-RPC or in JSON-RPC 1.0 or 2.0; the body's first
character tells which. Parameters go by name, in one struct. Every answer is HTTP 200: `Success`
with a value, or `Failure` with one of the [errors](#error). `rpc.discover` answers the contract.

In XML-RPC an int is bare text, `<value>5</value>`, as rpclib writes it; `<int>5</int>` is read too.
A record is a struct whose members may come in any order; names that the type does not have are
ignored. A member marked *optional* is left out when it has no value.

In JSON-RPC 2.0 an error is an object: `data` is the error as in 1.0, `message` its text, and `code`
-32000 when the call failed, -32602 for wrong parameters, -32601 for a method that is not here,
-32600 and -32700 for a request that is no call. A 2.0 notification is carried out and answered with
a null id; a batch is refused.

Callers of a released version go on calling, and reading what they are told, until a version's
number says otherwise: a greater major number, below 1.0.0 a greater minor one. What is added in
between are methods, optional parameters and optional members, so a reader passes over members that
it does not know, and takes an error that it does not know for `Unknown_error`.
"""


def render(contract: Contract) -> str:
    """The text of the reference."""
    return "\n".join(line.rstrip() for line in _lines(contract)).rstrip() + "\n"


def listed(contract: Contract, page: str) -> str:
    """A page with the table of methods as it should be. Raises ContractError without its marks."""
    before, begin, tail = page.partition(BEGIN)
    _, end, after = tail.partition(END)
    if not begin or not end:
        raise ContractError(f"there is no line {BEGIN.strip()}, or no {END.strip()} behind it")
    rows = [
        f"| [`{method.name}`](../idl/REFERENCE.md#{_anchor(method.name)}) | {method.summary} |\n"
        for method in contract.methods
    ]
    table = "".join(["| method | what it answers |\n|---|---|\n", *rows])
    return f"{before}{begin}{table}{end}{after}"


def _lines(contract: Contract) -> Iterator[str]:
    yield f"# {contract.title} {contract.version}: the interface"
    yield ""
    yield from (contract.description, "", INTRODUCTION, "")
    yield from ("## Methods", "")
    for method in contract.methods:
        names = ", ".join(param.name for param in method.params)
        yield f"- [`{method.name}({names})`](#{_anchor(method.name)}): {method.summary}"
    yield ""
    for method in contract.methods:
        yield from _method(method)
    yield from ("## Types", "")
    for type_ in contract.types:
        yield from _type(type_)
    yield from ("## Methods left to xenopsd", "")
    yield "They belong to xenopsd's interface and answer `Unimplemented` here. A name that is in"
    yield "neither interface answers `Internal_error`: `Unknown method X`."
    yield ""
    yield ", ".join(f"`{name}`" for name in contract.left_to_xenopsd)


def _method(method: Method) -> Iterator[str]:
    yield from (f"### {method.name}", "", method.summary, "", method.description, "")
    yield from ("| parameter | type | meaning |", "|---|---|---|")
    for param in method.params:
        optional = "" if param.required else ", optional"
        yield f"| `{param.name}` | {_name(param.type)}{optional} | {param.description} |"
    yield from ("", f"Result: {_name(method.result)}. {method.result_description}", "")
    params = [requests(method)[0]]
    result = samples(method.result, method.result_name)[0]
    yield from ("A call and its answer in XML-RPC:", "", "```xml")
    yield from _folded(xmlrpc.dump_call(method.name, params).decode(), "><")
    yield from _folded(xmlrpc.dump_success(result).decode(), "><")
    yield from ("```", "", "and in JSON-RPC:", "", "```json")
    yield from _folded(jsonrpc.dump_call(method.name, params, Envelope(1)).decode(), ",{", ',"')
    yield from _folded(jsonrpc.dump_success(result, Envelope(1)).decode(), ",{", ',"')
    yield from ("```", "")


def _folded(text: str, *places: str) -> Iterator[str]:
    """Lines of at most LONGEST characters, broken between the two characters of a place; the first
    FEW of them and how much there is besides, for what the types' samples make long.
    """
    lines, start = 0, 0
    while start < len(text):
        if lines == FEW:
            yield f"... ({len(text) - start:,} characters more)"
            return
        end = len(text)
        if end - start > LONGEST:
            breaks = [text.rfind(place, start + 1, start + LONGEST) for place in places]
            end = max(breaks) + 1 if max(breaks) > start else start + LONGEST
        yield text[start:end]
        lines, start = lines + 1, end


def _type(type_: Text | Record | Variant) -> Iterator[str]:
    yield from (f"### {type_.name}", "", type_.description, f"In OCaml: `{type_.ocaml}`.", "")
    match type_:
        case Text():
            yield from (f"A string, such as `{type_.samples[0]}`.", "")
        case Record():
            yield from ("| member | type | meaning |", "|---|---|---|")
            for member in type_.members:
                optional = "" if member.required else ", optional"
                yield f"| `{member.name}` | {_name(member.type)}{optional} | {member.description} |"
            yield ""
        case Variant():
            yield "A tag alone is a string; a tag with a payload is a list of the two; a payload of"
            yield "several values is a list in it: `[Tag, [a, b]]`."
            yield ""
            yield from ("| tag | payload | meaning |", "|---|---|---|")
            for tag in type_.tags:
                parts = zip(tag.names, tag.parts, strict=True)
                payload = ", ".join(f"{name}: {_name(part)}" for name, part in parts)
                yield f"| `{tag.name}` | {payload} | {tag.description} |"
            yield ""
            if type_.default:
                yield from (f"A reader that meets another tag takes it for `{type_.default}`.", "")


def _name(type_: Type) -> str:
    match type_:
        case Basic("unit"):
            return "unit (nil)"
        case Basic(kind):
            return kind
        case ListOf(item):
            return f"list of {_name(item)}"
        case DictOf(item):
            return f"map from string to {_name(item)}"
        case TupleOf(items):
            return f"({', '.join(_name(item) for item in items)})"
        case _:
            return f"[{type_.name}](#{_anchor(type_.name)})"


def _anchor(title: str) -> str:
    return title.lower().replace(".", "")

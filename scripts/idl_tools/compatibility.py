"""What a contract breaks for those who hold an older version of it, and what a version may break.

The promise is about the wire, between programs of either version, whichever calls:

1.  A call that an older caller makes is read, and nothing that it says is ignored. So a method and
    a parameter stay; a new parameter is optional; what was optional stays so; a tag stays.
2.  A reply of this version is read by older callers. So a member stays, and stays required; a new
    tag needs a default that the older reader takes for it (the error variant has one).
3.  A reply of an older service, or one that is kept in a file, is read by this version. So a new
    member is optional, what was optional stays so, and a tag stays.
4.  A type stays what it is, also where a wider one would read the old values: rpclib's readers in
    OCaml and Python have the old one compiled in. A named string is a string, and the names of
    records, variants and results are on no wire.
5.  What answered Unimplemented, so that its caller asks xenopsd, does not become unknown.

A version whose major number is greater may break all of it; below 1.0.0, where the major number
cannot say so, one whose minor number is (https://semver.org, items 4 and 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TypeVar

from attrs import frozen

from .document import ContractError
from .model import (
    Basic,
    Contract,
    DictOf,
    ListOf,
    Member,
    Method,
    Param,
    Record,
    Text,
    TupleOf,
    Type,
    Variant,
)


class Use(Enum):
    """Where a type stands: the older side writes it, or reads it. Values as test data has them."""

    CALL = "requests"
    REPLY = "responses"


@frozen
class Change:
    """What differs between two versions of the contract, and whether it breaks the older one.

    `calls` are the methods, each with requests or responses, whose bytes it touches.
    """

    place: str
    text: str
    breaks: bool
    calls: frozenset[tuple[str, Use]]

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


# A place, what differs there, and whether that breaks the older version.
Difference = tuple[str, str, bool]
Part = TypeVar("Part", Member, Param, Method)


def changes(old: Contract, new: Contract) -> list[Change]:
    """Every change between two versions, those of a type that is used often told once."""
    calls: dict[Difference, set[tuple[str, Use]]] = {}
    for method, use, difference in _all(old, new):
        calls.setdefault(difference, set()).add((method, use))
    return [Change(*difference, frozenset(touched)) for difference, touched in calls.items()]


def may_break(old: str, new: str) -> bool:
    """Whether a version's number says that it breaks an older one."""
    before, after = numbers(old), numbers(new)
    return after[0] > before[0] or (after[0] == before[0] == 0 and after[1] > before[1])


def may_add(old: str, new: str) -> bool:
    """Whether a version's number says that it has more than an older one."""
    before, after = numbers(old), numbers(new)
    return after[:2] > before[:2] if before[0] else after > before


def next_breaking(old: str) -> str:
    """The lowest version that may break this one: 0.3.0 after 0.2.x, 2.0.0 after 1.x.y."""
    major, minor, _ = numbers(old)
    return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"


def numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch. Raises ContractError."""
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ContractError(f'"{version}" is not a version, such as 1.2.3')
    major, minor, patch = map(int, parts)
    return major, minor, patch


def _all(old: Contract, new: Contract) -> Iterator[tuple[str, Use, Difference]]:
    for before, after in _pairs(old.methods, new.methods):
        if after is None and before is not None:
            left = ": it is left to xenopsd now" if before.name in new.left_to_xenopsd else ""
            for use in Use:
                yield before.name, use, (before.name, f"is no method any more{left}", True)
        elif before is None and after is not None:
            for use in Use:
                yield after.name, use, (after.name, "is a new method", False)
        elif before is not None and after is not None:
            for difference in _params(before, after):
                yield before.name, Use.CALL, difference
            place = f"{before.name}: result"
            for difference in _types(before.result, after.result, place, Use.REPLY):
                yield before.name, Use.REPLY, difference
            for difference in _types(old.error, new.error, "Error", Use.REPLY):
                yield before.name, Use.REPLY, difference
    known = {method.name for method in new.methods} | set(new.left_to_xenopsd)
    for name in old.left_to_xenopsd:
        if name not in known:
            text = "answered Unimplemented, so that its caller asks xenopsd, and would be unknown"
            yield name, Use.REPLY, (name, text, True)


def _params(old: Method, new: Method) -> Iterator[Difference]:
    for before, after in _pairs(old.params, new.params):
        param = before or after
        assert param is not None
        place = f"{old.name}: parameter {param.name}"
        if after is None:
            yield place, "is gone: what older callers say there would be ignored", True
        elif before is None:
            yield _added(place, "parameter", after.required, Use.CALL)
        else:
            yield from _required(place, before, after, Use.CALL)
            yield from _types(before.type, after.type, place, Use.CALL)


def _types(old: Type, new: Type, place: str, use: Use) -> Iterator[Difference]:
    match old, new:
        case (Record(), Record()):
            yield from _records(old, new, use)
        case (Variant(), Variant()):
            yield from _variants(old, new, use)
        case (ListOf(before), ListOf(after)):
            yield from _types(before, after, f"{place}[]", use)
        case (DictOf(before), DictOf(after)):
            yield from _types(before, after, f"{place}{{}}", use)
        case (TupleOf(befores), TupleOf(afters)) if len(befores) == len(afters):
            for index, (before, after) in enumerate(zip(befores, afters, strict=True)):
                yield from _types(before, after, f"{place}[{index}]", use)
        case _ if _word(old) != _word(new):
            yield place, f"was {_word(old)}, is {_word(new)}", True


def _records(old: Record, new: Record, use: Use) -> Iterator[Difference]:
    for before, after in _pairs(old.members, new.members):
        member = before or after
        assert member is not None
        place = f"{old.name}.{member.name}"
        if after is None:
            why = {
                Use.CALL: "what older callers say there would be ignored",
                Use.REPLY: "older callers look for it in replies",
            }
            yield place, f"is gone: {why[use]}", True
        elif before is None:
            yield _added(place, "member", after.required, use)
        else:
            yield from _required(place, before, after, use)
            yield from _types(before.type, after.type, place, use)


def _required(
    place: str, before: Member | Param, after: Member | Param, use: Use
) -> Iterator[Difference]:
    if after.required and not before.required:
        who = {Use.CALL: "older callers", Use.REPLY: "replies of older services"}
        yield place, f"was optional, is required: {who[use]} may be without it", True
    elif before.required and not after.required:
        if use is Use.REPLY:
            yield place, "was required, is optional: older callers need it in replies", True
        else:
            yield place, "was required, is optional", False


def _added(place: str, kind: str, required: bool, use: Use) -> Difference:
    if not required:
        return place, f"is a new {kind}", False
    who = {Use.CALL: "older callers", Use.REPLY: "replies of older services"}
    return place, f"is a new {kind} that {who[use]} do not have: make it optional", True


def _variants(old: Variant, new: Variant, use: Use) -> Iterator[Difference]:
    after = {tag.name: tag for tag in new.tags}
    for tag in old.tags:
        place = f"{old.name}.{tag.name}"
        if tag.name not in after:
            who = {Use.CALL: "calls of older callers", Use.REPLY: "replies of older services"}
            yield place, f"is gone: {who[use]} may say it", True
            continue
        payload = after[tag.name].payload
        if tag.payload is None or payload is None:
            if tag.payload is not payload:
                yield place, f"was {_payload(tag.payload)}, is {_payload(payload)}", True
        else:
            yield from _types(tag.payload, payload, place, use)
    known = {tag.name for tag in old.tags}
    for name in [tag.name for tag in new.tags if tag.name not in known]:
        place = f"{old.name}.{name}"
        if use is Use.CALL:
            yield place, "is a new tag", False
        elif old.default is not None:
            yield place, f"is a new tag, which older callers take for {old.default}", False
        else:
            yield place, "is a new tag in replies, which older callers do not know", True


def _pairs(old: Iterable[Part], new: Iterable[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """What has the same name in both, then what is new."""
    after = {part.name: part for part in new}
    for part in old:
        yield part, after.pop(part.name, None)
    for part in after.values():
        yield None, part


def _payload(payload: Type | None) -> str:
    return "a tag alone" if payload is None else f"a tag with {_word(payload)}"


def _word(type_: Type) -> str:
    match type_:
        case Basic(kind):
            return kind
        case Text():
            return "string"
        case ListOf(item):
            return f"list of {_word(item)}"
        case DictOf(item):
            return f"map from string to {_word(item)}"
        case TupleOf(items):
            return f"({', '.join(map(_word, items))})"
        case Record():
            return f"record {type_.name}"
        case Variant():
            return f"variant {type_.name}"

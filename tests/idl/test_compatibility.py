"""idl_tools.compatibility: what breaks callers of an older contract is told, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from idl_tools.compatibility import (
    Change,
    Use,
    changes,
    may_add,
    may_break,
    next_breaking,
    numbers,
)
from idl_tools.contract import ContractError, load
from xenops_cpu.wire.dispatch import document

Edit = Callable[[dict[str, Any]], Any]


def compared(edit: Edit, *, before: Edit | None = None) -> list[Change]:
    """The changes that an edit of today's contract makes; `before` is in both versions."""
    old = deepcopy(document())
    if before:
        before(old)
    new = deepcopy(old)
    edit(new)
    return changes(load(old), load(new))


def schema(contract: dict[str, Any], name: str) -> Any:
    return contract["components"]["schemas"][name]


def method(contract: dict[str, Any], name: str) -> Any:
    return next(method for method in contract["methods"] if method["name"] == name)


def param(name: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "description": "d", "required": required, "schema": {"type": "integer"}}


def tagged(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A tag with a value."""
    items = [{"const": name}, schema | {"title": "value"}]
    return {"type": "array", "items": items, "minItems": 2, "maxItems": 2, "description": "d"}


def add_member(contract: dict[str, Any], name: str, *, required: bool) -> None:
    schema(contract, name)["properties"]["colour"] = {"type": "string", "description": "d"}
    if required:
        schema(contract, name)["required"].append("colour")


def remove_member(contract: dict[str, Any], name: str, member: str) -> None:
    del schema(contract, name)["properties"][member]
    if member in schema(contract, name)["required"]:
        schema(contract, name)["required"].remove(member)


def leave_out(contract: dict[str, Any], *names: str) -> None:
    """Remove methods of the contract."""
    contract["methods"] = [m for m in contract["methods"] if m["name"] not in names]


def leave_to_xenopsd(contract: dict[str, Any], name: str) -> None:
    leave_out(contract, name)
    contract["x-left-to-xenopsd"].append(name)


BREAKING: list[tuple[Edit, str]] = [
    (lambda d: leave_out(d, "POOL.split"), "POOL.split: is no method any more"),
    (
        lambda d: leave_to_xenopsd(d, "HOST.stat"),
        "HOST.stat: is no method any more: it is left to xenopsd now",
    ),
    (
        lambda d: d["x-left-to-xenopsd"].remove("VM.stat"),
        "VM.stat: answered Unimplemented, so that its caller asks xenopsd, and would be unknown",
    ),
    (
        lambda d: method(d, "HOST.stat")["params"].append(param("limit", required=True)),
        "HOST.stat: parameter limit: is a new parameter that older callers do not have: "
        "make it optional",
    ),
    (
        lambda d: method(d, "POOL.split")["params"].pop(3),
        "POOL.split: parameter parts: is gone: what older callers say there would be ignored",
    ),
    (
        lambda d: method(d, "POOL.split")["params"][3].update(schema={"type": "number"}),
        "POOL.split: parameter parts: was int, is float",
    ),
    (
        lambda d: method(d, "HOST.is_compatible")["result"].update(schema={"type": "string"}),
        "HOST.is_compatible: result: was bool, is string",
    ),
    (
        lambda d: method(d, "HOST.stat")["result"].update(
            schema={"$ref": "#/components/schemas/Verdict"}
        ),
        "HOST.stat: result: was record HostStat, is variant Verdict",
    ),
    (
        lambda d: schema(d, "CpuInfo")["properties"]["cpu_count"].update(format="int64"),
        "CpuInfo.cpu_count: was int, is int64",
    ),
    (
        lambda d: schema(d, "CpuInfo")["properties"]["features"].update(
            {"$ref": "#/components/schemas/GuestType"}
        ),
        "CpuInfo.features: was string, is variant GuestType",
    ),
    (
        lambda d: schema(d, "PoolHost")["properties"]["cpu_info"].update(
            additionalProperties={"type": "integer"}
        ),
        "PoolHost.cpu_info{}: was string, is int",
    ),
    (
        lambda d: schema(d, "PoolPart")["properties"]["hosts"].update(items={"type": "integer"}),
        "PoolPart.hosts[]: was string, is int",
    ),
    (
        lambda d: (
            schema(d, "PoolPart")["properties"]["hosts"].update(
                {"type": "object", "additionalProperties": {"type": "string"}}
            )
            or schema(d, "PoolPart")["properties"]["hosts"].pop("items")
        ),
        "PoolPart.hosts: was list of string, is map from string to string",
    ),
    (
        lambda d: remove_member(d, "CpuInfo", "flags"),
        "CpuInfo.flags: is gone: older callers look for it in replies",
    ),
    (
        lambda d: remove_member(d, "PoolHost", "release"),
        "PoolHost.release: is gone: what older callers say there would be ignored",
    ),
    (
        lambda d: schema(d, "CpuInfo")["required"].remove("flags"),
        "CpuInfo.flags: was required, is optional: older callers need it in replies",
    ),
    (
        lambda d: add_member(d, "PoolVm", required=True),
        "PoolVm.colour: is a new member that older callers do not have: make it optional",
    ),
    (
        lambda d: add_member(d, "CpuInfo", required=True),
        "CpuInfo.colour: is a new member that replies of older services do not have: "
        "make it optional",
    ),
    (
        lambda d: schema(d, "Verdict")["oneOf"].append({"const": "Perhaps", "description": "d"}),
        "Verdict.Perhaps: is a new tag in replies, which older callers do not know",
    ),
    (
        lambda d: schema(d, "Verdict")["oneOf"].pop(0),
        "Verdict.Boots: is gone: replies of older services may say it",
    ),
    (
        lambda d: schema(d, "GuestType")["oneOf"][0].update(const="PV"),
        "GuestType.Pv: is gone: calls of older callers may say it",
    ),
    (
        lambda d: schema(d, "Error")["oneOf"].pop(3),
        "Error.Domain_not_built: is gone: replies of older services may say it",
    ),
    (
        lambda d: schema(d, "Error")["oneOf"].__setitem__(
            3, tagged("Domain_not_built", {"type": "string"})
        ),
        "Error.Domain_not_built: was a tag alone, is a tag with string",
    ),
    (
        lambda d: schema(d, "Error")["oneOf"].__setitem__(
            4, {"const": "Invalid_vcpus", "description": "d"}
        ),
        "Error.Invalid_vcpus: was a tag with int, is a tag alone",
    ),
    (
        lambda d: schema(d, "Error")["oneOf"].__setitem__(
            4, tagged("Invalid_vcpus", {"type": "string"})
        ),
        "Error.Invalid_vcpus: was int, is string",
    ),
    (
        lambda d: schema(d, "Error")["oneOf"][0]["items"][1]["items"][1].update(type="number"),
        "Error.Already_exists[1]: was string, is float",
    ),
]
COMPATIBLE: list[tuple[Edit, str]] = [
    (
        lambda d: d["methods"].append(method(d, "HOST.stat") | {"name": "HOST.another"}),
        "HOST.another: is a new method",
    ),
    (
        lambda d: method(d, "HOST.stat")["params"].append(param("limit", required=False)),
        "HOST.stat: parameter limit: is a new parameter",
    ),
    (lambda d: add_member(d, "PoolVm", required=False), "PoolVm.colour: is a new member"),
    (lambda d: add_member(d, "CpuInfo", required=False), "CpuInfo.colour: is a new member"),
    (
        lambda d: schema(d, "PoolHost")["required"].remove("release"),
        "PoolHost.release: was required, is optional",
    ),
    (
        lambda d: schema(d, "Error")["oneOf"].append({"const": "Too_busy", "description": "d"}),
        "Error.Too_busy: is a new tag, which older callers take for Unknown_error",
    ),
]


@pytest.mark.parametrize(("edit", "text"), BREAKING, ids=[text for _, text in BREAKING])
def test_what_breaks_is_found(edit: Edit, text: str) -> None:
    """Each change that an older caller or reader would stumble over is named as breaking."""
    assert text in [str(change) for change in compared(edit) if change.breaks]


@pytest.mark.parametrize(("edit", "text"), COMPATIBLE, ids=[text for _, text in COMPATIBLE])
def test_what_is_compatible_is_told_and_breaks_nothing(edit: Edit, text: str) -> None:
    """A change that older callers do not feel is named, and not as breaking."""
    assert [(str(change), change.breaks) for change in compared(edit)] == [(text, False)]


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: None,
        lambda d: d["info"].update(version="9.9.9", description="d"),
        lambda d: method(d, "HOST.stat").update(summary="s", description="d"),
        lambda d: method(d, "HOST.stat")["result"].update(name="another", description="d"),
        lambda d: d["methods"].reverse(),
        lambda d: method(d, "POOL.plan")["params"].append(method(d, "POOL.plan")["params"].pop(1)),
        lambda d: schema(d, "CpuInfo").update({"x-ocaml": "Cpu.info"}),
        lambda d: schema(d, "CpuInfo")["properties"].update(
            speed={"$ref": "#/components/schemas/FeaturesetText", "description": "d"}
        ),
        lambda d: schema(d, "Verdict")["oneOf"].reverse(),
    ],
)
def test_what_is_on_no_wire_is_no_change(edit: Edit) -> None:
    """Words, order and the names of types and results are on no wire: nothing is told."""
    assert compared(edit) == []


def test_optional_and_required_cut_both_ways() -> None:
    """An optional part may not become required: neither callers nor replies may have it."""

    def optional(contract: dict[str, Any]) -> None:
        method(contract, "HOST.stat")["params"].append(param("limit", required=False))
        add_member(contract, "CpuInfo", required=False)
        add_member(contract, "PoolVm", required=False)

    def required(contract: dict[str, Any]) -> None:
        method(contract, "HOST.stat")["params"][1]["required"] = True
        schema(contract, "CpuInfo")["required"].append("colour")
        schema(contract, "PoolVm")["required"].append("colour")

    differences = compared(required, before=optional)
    assert all(change.breaks for change in differences)
    assert [str(change).replace("was optional, is required: ", "") for change in differences] == [
        "HOST.stat: parameter limit: older callers may be without it",
        "CpuInfo.colour: replies of older services may be without it",
        "PoolVm.colour: older callers may be without it",
    ]
    gone = compared(lambda d: remove_member(d, "CpuInfo", "colour"), before=optional)
    assert [change.breaks for change in gone] == [True]


def test_a_type_of_calls_and_replies_is_looked_at_from_both_sides() -> None:
    """A new tag is no harm in a call, and unknown to older callers in a reply."""
    tag = {"const": "Pvh", "description": "d"}
    differences = compared(lambda d: schema(d, "GuestType")["oneOf"].append(tag))
    assert [(str(change), change.breaks) for change in differences] == [
        ("GuestType.Pvh: is a new tag in replies, which older callers do not know", True),
        ("GuestType.Pvh: is a new tag", False),
    ]
    replies = {name for name, use in differences[0].calls if use is Use.REPLY}
    methods = {name for name, _ in differences[0].calls}
    assert replies == {"HOST.get_domain_policy", "POOL.plan"} == methods
    assert {use for _, use in differences[1].calls} == {Use.CALL}


def test_a_shared_type_is_told_once_with_all_it_touches() -> None:
    """One line for a member, however many methods have it, and the methods with it."""
    (change,) = compared(lambda d: remove_member(d, "CpuInfo", "flags"))
    assert change.calls == {("HOST.stat", Use.REPLY), ("HOST.get_cpu_info", Use.REPLY)}


@pytest.mark.parametrize(
    ("old", "new", "breaking", "adding"),
    [
        ("0.2.0", "0.2.0", False, False),
        ("0.2.0", "0.2.1", False, True),
        ("0.2.0", "0.3.0", True, True),
        ("0.2.0", "0.10.0", True, True),
        ("0.9.9", "1.0.0", True, True),
        ("1.2.3", "1.2.4", False, False),
        ("1.2.3", "1.3.0", False, True),
        ("1.2.3", "2.0.0", True, True),
        ("0.3.0", "0.2.9", False, False),
        ("2.0.0", "1.9.0", False, False),
    ],
)
def test_what_a_version_may_do(old: str, new: str, breaking: bool, adding: bool) -> None:
    """A greater major number may break, below 1.0.0 a greater minor; the rest by semver."""
    assert (may_break(old, new), may_add(old, new)) == (breaking, adding)


def test_the_next_version_that_may_break() -> None:
    """It is the lowest that does."""
    for old, new in {"0.2.7": "0.3.0", "1.4.2": "2.0.0"}.items():
        assert next_breaking(old) == new
        assert may_break(old, new)


@pytest.mark.parametrize("version", ["", "1", "1.2", "1.2.3.4", "a.b.c", "1.2.-3", "1.2.\u00b2"])
def test_what_is_no_version_is_refused(version: str) -> None:
    """A version is three numbers."""
    with pytest.raises(ContractError, match="is not a version, such as"):
        numbers(version)

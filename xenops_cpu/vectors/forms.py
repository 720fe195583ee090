"""The neutral JSON form: numbers in hex, featuresets, policies, hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..cpuid.identity import LeafKey, Registers
from ..cpuid.policy import Policy
from ..cpus.corpus import read_record, simulate
from ..derivation import Derivation
from ..errors import Error, InputError
from ..features.featureset import Featureset
from ..features.release import Release, release
from ..guests.hypervisor import Build, Hypervisor, of_derivation


class CaseError(InputError):
    """A case that cannot be read; the message names the member and what would be right."""


def member(value: Mapping[str, Any], name: str, where: str = "ask") -> Any:
    """A member that has to be there."""
    if not isinstance(value, Mapping) or name not in value:
        raise CaseError(f"{where}.{name} is missing")
    return value[name]


def items(value: object, where: str, length: int | None = None) -> Sequence[Any]:
    """A list, perhaps of a fixed length."""
    if isinstance(value, list) and length in (None, len(value)):
        return value
    raise CaseError(f"{where}: a list{f' of {length}' if length else ''} was expected")


def switch(value: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """A member that is true or false, and may be left out."""
    setting = value.get(name, default)
    if isinstance(setting, bool):
        return setting
    raise CaseError(f"{name}: true or false was expected, not {setting!r}")


def number(value: object, where: str) -> int:
    """Hex digits, at most 16."""
    if isinstance(value, str) and 0 < len(value) <= 16:
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise CaseError(f"{where}: {value!r} is not 1 to 16 hex digits")


def release_of(ask: Mapping[str, Any], name: str = "release") -> Release:
    try:
        return release(str(member(ask, name)))
    except Error as error:
        raise CaseError(f"ask.{name}: {error}") from error


def featureset(value: object, where: str) -> Featureset:
    """Words of 8 hex digits, joined by `-`."""
    if not isinstance(value, str):
        raise CaseError(f"{where}: words joined by - were expected")
    try:
        return Featureset.parse(value)
    except Error as error:
        raise CaseError(f"{where}: {error}") from error


def leaf(value: object, where: str) -> tuple[LeafKey, Registers]:
    """[leaf, subleaf (ffffffff: none), eax, ebx, ecx, edx]."""
    key, subleaf, a, b, c, d = (number(part, where) for part in items(value, where, 6))
    return (key, subleaf), (a, b, c, d)


def policy_json(policy: Policy) -> dict[str, Any]:
    """Leaves in Xen's order, registers by index."""
    return {
        "leaves": [
            [f"{value:08x}" for value in (*key, *registers)]
            for key, registers in policy.leaves.items()
        ],
        "msrs": {f"{index:08x}": f"{value:016x}" for index, value in policy.msrs.items()},
    }


def derivation(ask: Mapping[str, Any]) -> Derivation:
    """`release`, and `cpu`: a record of cpus.dumps.records with its `params`."""
    try:
        return simulate(read_record(json.dumps(member(ask, "cpu")), 1), release_of(ask))
    except CaseError:
        raise
    except Error as error:
        raise CaseError(f"ask.cpu: {error}") from error


def hypervisor(ask: Mapping[str, Any]) -> Hypervisor:
    """`release`, `cpu`, and `build`, how Xen was configured."""
    build = ask.get("build") or {}
    if not isinstance(build, Mapping):
        raise CaseError("ask.build: an object was expected")
    usual = Build()
    return of_derivation(
        derivation(ask),
        Build(
            shadow=switch(build, "shadow", usual.shadow),
            pv32=switch(build, "pv32", usual.pv32),
            bigmem=switch(build, "bigmem", usual.bigmem),
        ),
    )

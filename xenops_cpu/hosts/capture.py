"""A host captured to text: JSON, so that another machine can answer for it later.

    {"format": "xenops_cpu host", "version": 1, "host": {...}}

docs/captures.md describes every member. Version 1 readers ignore members they do not know; a
change that they would misread gets a new version. `name` and `collected` are those of the collector
for dom0 (packaging/dom0), which has xapi's records of the host and its pool in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from ..cpuid.policy import Policy, PolicyError
from ..errors import Error
from ..features.featureset import Featureset, FeaturesetError
from ..text import json_text
from .host import SETS, Featuresets, Host, Processor, Topology, Xen
from .membership import Membership
from .moment import Moment

FORMAT = "xenops_cpu host"
VERSION = 1
# Xen's own limit is 16,383 CPUs (NR_CPUS in xen/arch/Kconfig, 4.19).
MOST_CPUS = 1_000_000

T = TypeVar("T")
_LINES = {field.name for field in attrs.fields(Processor)}
_REVISION = re.compile(r"\b0x([0-9a-fA-F]{1,8})\s*$", re.MULTILINE)
# What is kept in `collected` rather than beside the sets.
_COLLECTED = ("moment", "microcode", "membership")


class CaptureError(Error):
    """A text that is no capture; the message names the member and what would be right."""


def dump(host: Host) -> str:
    """The text of a capture; read gives back an equal host."""
    members = {
        **attrs.asdict(host, filter=lambda field, _: field.name not in _COLLECTED),
        "featuresets": {
            name: None if featureset is None else str(featureset)
            for name, featureset in ((name, host.featuresets.named(name)) for name in SETS)
        },
        "policies": {
            name: dict(zip(("leaves", "msrs"), policy.entries(), strict=True))
            for name, policy in host.policies.items()
        },
    }
    if collected := _collected(host):
        members["collected"] = collected
    return json.dumps({"format": FORMAT, "version": VERSION, "host": members}, indent=1) + "\n"


def load(text: str) -> Host:
    """Read a capture. Raises CaptureError."""
    try:
        document = json_text.parse(text)
    except json_text.JsonError as error:
        raise CaptureError(f"not a capture: not JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CaptureError(f'not a capture: no "format": "{FORMAT}" at the top')
    if document.get("version") != VERSION:
        raise CaptureError(
            f"capture version {document.get('version')!r} is not known here; {VERSION} is"
        )
    top = _Members(_typed(document.get("host"), dict, "host"), "host")
    featuresets = top.record("featuresets")
    policies = _Members(top.optional("policies", dict, {}), "host.policies")
    collected = top.values.get("collected")
    collected = collected if isinstance(collected, dict) else {}
    stored = _inner(collected, "xapi", "host")
    return Host(
        origin=top.string("origin"),
        xen=_xen(top.record("xen")),
        processor=_processor(top.record("processor")),
        topology=_counts(top.record("topology")),
        iommu=top.get("iommu", bool),
        hvm=top.get("hvm", bool),
        featuresets=Featuresets(
            raw=featuresets.featureset("raw"),
            host=featuresets.featureset("host"),
            pv_default=featuresets.featureset("pv_default"),
            hvm_default=featuresets.featureset("hvm_default"),
            pv_max=featuresets.optional_featureset("pv_max"),
            hvm_max=featuresets.optional_featureset("hvm_max"),
        ),
        policies={name: policies.policy(name) for name in policies.values},
        notes=tuple(top.strings("notes") if "notes" in top.values else ()),
        uuid=top.optional("uuid", str, "") or _string(stored, "uuid"),
        recorded=top.optional("recorded", bool, False),
        name=top.optional("name", str, ""),
        microcode=_revision(_inner(collected, "microcode")),
        moment=Moment(_string(collected, "time")),
        membership=_membership(stored, _inner(collected, "xapi", "pool")),
    )


def _collected(host: Host) -> dict[str, Any]:
    """As the collector for dom0 writes it, as far as it is known."""
    membership = host.membership
    stored: dict[str, Any] = {}
    if membership.software:
        stored["software_version"] = dict(membership.software)
    if membership.enabled is not None:
        stored["enabled"] = membership.enabled
    if membership.coordinator is not None:
        stored["coordinator"] = membership.coordinator
    pool = {"uuid": membership.pool, "rolling_upgrade": membership.upgrading}
    xapi = {"host": stored, "pool": pool if membership.pool else {}}
    microcode = {} if host.microcode is None else {"xenops-cpu": f"0x{host.microcode:08x}"}
    members = {"time": host.moment.time, "microcode": microcode, "xapi": xapi if membership else {}}
    return {name: value for name, value in members.items() if value}


def _inner(members: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """An object in objects; empty where there is none."""
    value: Any = members
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _string(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _revision(tellers: Mapping[str, Any]) -> int | None:
    """Of what Xen's tool and dom0's kernel print; the first that can be read."""
    for text in tellers.values():
        match = _REVISION.search(text) if isinstance(text, str) else None
        if match:
            return int(match[1], 16)
    return None


def _membership(stored: Mapping[str, Any], pool: Mapping[str, Any]) -> Membership:
    software = {key: text for key, text in _inner(stored, "software_version").items()
                if isinstance(text, str)}  # fmt: skip
    enabled, coordinator = stored.get("enabled"), stored.get("coordinator")
    return Membership(
        pool=_string(pool, "uuid"),
        coordinator=coordinator if isinstance(coordinator, bool) else None,
        enabled=enabled if isinstance(enabled, bool) else None,
        upgrading=pool.get("rolling_upgrade") is True,
        software=software,
    )


def _typed(value: object, kind: type[T], where: str) -> T:
    names = {str: "a string", int: "a whole number", bool: "true or false", dict: "an object"}
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        noun = names.get(kind, "a list")
        raise CaptureError(f"capture member {where}: {json.dumps(value)[:60]} is not {noun}")
    return value


class _Members:
    """The members of one JSON object and the path to it, for messages."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self.values = values
        self.where = where

    def get(self, name: str, kind: type[T]) -> T:
        if name not in self.values:
            raise CaptureError(f"capture member {self.where}.{name} is missing")
        return _typed(self.values[name], kind, f"{self.where}.{name}")

    def optional(self, name: str, kind: type[T], otherwise: T) -> T:
        return self.get(name, kind) if name in self.values else otherwise

    def string(self, name: str) -> str:
        return self.get(name, str)

    def record(self, name: str) -> _Members:
        return _Members(self.get(name, dict), f"{self.where}.{name}")

    def strings(self, name: str) -> list[str]:
        return [
            _typed(item, str, f"{self.where}.{name}[{index}]")
            for index, item in enumerate(self.get(name, list))
        ]

    def featureset(self, name: str) -> Featureset:
        return self._parse(name, Featureset.parse, self.string(name), FeaturesetError)

    def optional_featureset(self, name: str) -> Featureset | None:
        return None if self.values.get(name) is None else self.featureset(name)

    def policy(self, name: str) -> Policy:
        parts = self.record(name)
        text = ";".join(parts.strings("leaves")) + "/" + ";".join(parts.strings("msrs"))
        return self._parse(name, Policy.parse, text, PolicyError)

    def _parse(
        self, name: str, parse: Callable[[str], T], text: str, error_type: type[ValueError]
    ) -> T:
        try:
            return parse(text)
        except error_type as error:
            raise CaptureError(f"capture member {self.where}.{name}: {error}") from error


def _xen(members: _Members) -> Xen:
    return Xen(
        version=members.string("version"),
        capabilities=members.string("capabilities"),
        commandline=members.string("commandline"),
    )


def _processor(members: _Members) -> Processor:
    return Processor(**{name: members.string(name) for name in members.values if name in _LINES})


def _counts(members: _Members) -> Topology:
    counts = {field.name: members.get(field.name, int) for field in attrs.fields(Topology)}
    for name, count in counts.items():
        if abs(count) > MOST_CPUS:
            raise CaptureError(
                f"capture member {members.where}.{name}: more than {MOST_CPUS:,} is no such count"
            )
        if count < 0:
            raise CaptureError(f"capture member {members.where}.{name}: {count} is negative")
    return Topology(**counts)

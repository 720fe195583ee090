"""What xapi's log says of CPU features, in sentences: features by name, hosts and VMs as well."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from ..features.featureset import Featureset
from ..features.fit import by_length
from ..features.release import Release
from ..pools.vm import type_name
from .value import NamedHost
from .xapi_log import Event

_REFERENCE = re.compile(
    r"OpaqueRef:[0-9A-Za-z-]+|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)


def named(text: str, names: Mapping[str, str]) -> str:
    """A text with names for the OpaqueRefs and UUIDs that are known."""
    return _REFERENCE.sub(lambda match: names.get(match[0], match[0]), text)


def to_ask(events: Iterable[Event], hosts: Iterable[NamedHost], path: str) -> Iterator[str]:
    """Commands that answer what the log leaves open of hosts that are in the same file: by which
    features VMs are kept there, and what helps.
    """
    kept = {event.host for event in events if event.kind == "prevents" and event.host}
    for each in hosts:
        if each.host.uuid in kept:
            name, file = shlex.quote(each.name), shlex.quote(path)
            yield f"xenops-cpu plan evacuate {name} --pool {file}"


def sentence(event: Event, names: Mapping[str, str], xen: Release | None = None) -> str:
    """One event. `xen`: whose names features have, None: by the number of words."""
    vm = f"VM {named(event.vm, names)}" if event.vm else "a VM"
    host = f"host {named(event.host, names)}" if event.host else "a host"
    match event.kind:
        case "check":
            return _check(event, vm, host, xen)
        case "lacking":
            return (
                f"xenopsd: the host lacks {event.text} (libxc names one word's features, the first "
                "that has some: there may be more)"
            )
        case "host":
            whose = host if event.host else "the host of this log"
            return f"the features of {whose} have changed: {_change(event, xen)}"
        case "pool":
            return f"the pool's level has changed: {_change(event, xen)}"
        case "flags":
            words = event.new or Featureset()
            return f"{vm} is recorded with {len(words)} features in {words.length} words"
        case "prevents" if event.vm:
            return f"{vm} keeps {host} from being evacuated: {_reasons(event.text, names)}"
        case "prevents":
            return _reasons(event.text, names)
        case _:
            return event.text


def _check(event: Event, vm: str, host: str, xen: Release | None) -> str:
    kind = type_name(event.domain_type.replace("-", "_"), None) or event.domain_type
    who = f"{vm} ({kind})" if kind else vm
    if event.vendors is not None and event.vendors[0] != event.vendors[1]:
        return (
            f"{who} was refused by {host}: it was started on a CPU of {event.vendors[0]}, the host "
            f"has one of {event.vendors[1]}"
        )
    missing = event.missing
    if event.old is None or event.new is None:
        return f"{who} was checked against {host}"
    if missing:
        return (
            f"{who} was refused by {host}: it has seen {_names(missing, event, xen)}, which the "
            "host does not take in"
        )
    if event.refused:
        return (
            f"{who} was refused by {host}, although by these sets the host takes in all that it "
            "has seen"
        )
    return f"{who} was checked against {host}: all that it has seen is taken in there"


def _change(event: Event, xen: Release | None) -> str:
    if event.old is None or event.new is None:
        return "the sets are not told"
    if event.old.bits == event.new.bits:
        return (
            f"only in length, from {event.old.length} to {event.new.length} words: no feature came "
            "or went"
        )
    lost, gained = event.old - event.new, event.new - event.old
    parts = [f"lost {_names(lost, event, xen)}"] if lost else []
    if gained:
        parts.append(f"gained {_names(gained, event, xen)}")
    return f"HVM guests at boot {' and '.join(parts)}"


def _names(features: Featureset, event: Event, xen: Release | None) -> str:
    length = max(known.length for known in (event.old, event.new) if known is not None)
    return " ".join((xen or by_length(length).release).names(features))


def _reasons(text: str, names: Mapping[str, str]) -> str:
    """xapi's code and parameters; those of CPU features are told what to ask for the names."""
    reasons = named(text, names)
    if "VM_INCOMPATIBLE_WITH_THIS_HOST" in text and "features" in text:
        reasons += " (xapi does not say which: 'xenops-cpu check VM HOST' does)"
    return reasons

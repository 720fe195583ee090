"""xapi's string maps of hosts and VMs, of any age.

xapi keeps Host.cpu_info, Pool.cpu_info and VM.last_boot_CPU_flags as maps of strings
(create_host_cpu in ocaml/xapi/create_misc.ml). What such a record may hold for the sake of old
releases only is labelled, never used silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..features.featureset import Featureset, FeaturesetError
from ..features.fit import by_length
from ..features.release import Release
from ..hosts import compat_bits
from ..hosts.cpu_info import Offer
from ..hosts.host import Featuresets
from .member import GuestType, Member, Vm

# XenServer 6: base_ecx-base_edx-ext_ecx-ext_edx, leaves 1 and 80000001h (xapi's
# cpuid_default_feature_mask says of the first word that it is base_ecx).
OLD_STYLE_WORDS = 4
_OLD_STYLE_ORDER = (1, 0, 3, 2)


class RecordError(ValueError):
    """A map that is no such record; the message names the key."""


_ENTRY = re.compile(r"\s*([A-Za-z][\w-]*)\s*(?:\(\s*[MS]?R[OW]\s*\))?\s*:\s*(.*)\Z", re.DOTALL)


def read_map(text: str) -> dict[str, str]:
    """A map of strings, as JSON, or as xe prints it: `key: value; …` or a line for each key.

    `xe host-cpu-info`, `xe host-param-get param-name=cpu_info` and `xe vm-param-get
    param-name=last-boot-CPU-flags` print such text. Raises RecordError.
    """
    text = text.strip()
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"not a map: not JSON ({error})") from error
        for key, value in found.items():
            if not isinstance(value, str):
                raise RecordError(f'key "{key}": {json.dumps(value)[:40]} is not a string')
        return dict(found)
    entries: dict[str, str] = {}
    for part in re.split(r"[;\n]", text):
        if not part.strip():
            continue
        match = _ENTRY.match(part)
        if match is None:
            raise RecordError(f'"{part.strip()[:60]}" is not "key: value"')
        key, value = match[1], match[2].strip()
        nested = _ENTRY.match(value) if key.replace("-", "_").lower() in _NESTING else None
        if nested:  # xe's list of all parameters puts the map's own name in front
            key, value = nested[1], nested[2].strip()
        entries[key] = value
    if not entries:
        raise RecordError("the map is empty")
    return entries


_NESTING = ("cpu_info", "last_boot_cpu_flags")


def member_of_map(
    record: Mapping[str, str], name: str, xen: Release | None = None, hvm: bool | None = None
) -> Member:
    """A host of xapi's Host.cpu_info.

    A record without the `_host` keys is of a release that had one set a guest type: it stands for
    boot and migration. One that has `features` only is XenServer 6's: four words for all guests.
    `xen` None: the newest release with featuresets of that length. `hvm` None: HVM guests run where
    features_hvm has features. Raises RecordError.
    """
    notes: list[str] = []
    if not any(key in record for key in ("features_pv", "features_pv_host")):
        words, note = _old_style(_required(record, "features", name), f"{name}: features")
        notes.append(note)
        sets = dict.fromkeys(("features_pv", "features_hvm"), words)
    else:
        sets = {
            key: _featureset(record[key], f"{name}: {key}")
            for key in ("features_pv", "features_hvm", "features_pv_host", "features_hvm_host")
            if key in record
        }
    given = {}
    for guest in GuestType:
        default = sets.get(f"features_{guest.value}_host", sets.get(f"features_{guest.value}"))
        most = sets.get(f"features_{guest.value}", default)
        runs = hvm if guest is GuestType.HVM and hvm is not None else bool(most)
        if default is None or most is None or not runs:
            continue
        given[guest] = Offer(guest.name, default, most)
        if f"features_{guest.value}_host" not in sets:
            notes.append(
                f"{name} has no features_{guest.value}_host: "
                f"features_{guest.value} is taken for what a new guest gets as well"
            )
    release = xen or by_length(max(one.length for one in sets.values())).release
    vendor = record.get("vendor", "")
    return Member(
        name=name,
        vendor=vendor,
        release=release,
        offers=given,
        labels=_labels(given, release, vendor),
        cpu_count=_count(record, "cpu_count", name),
        socket_count=_count(record, "socket_count", name),
        notes=tuple(notes),
    )


def member_of_featureset(
    text: str, name: str, guest: GuestType, xen: Release | None = None, vendor: str = ""
) -> Member:
    """A host of which one featureset is known: it stands for boot and migration.

    Raises RecordError.
    """
    featureset = _featureset(text, name)
    return Member(
        name=name,
        vendor=vendor,
        release=xen or by_length(featureset.length).release,
        offers={guest: Offer(guest.name, featureset, featureset)},
        notes=(f"of {name} one featureset is known: what a new guest gets may be less",),
    )


def vm_of_map(
    record: Mapping[str, str], name: str, guest: GuestType, xen: Release | None = None
) -> Vm:
    """A VM of xapi's VM.last_boot_CPU_flags (`vendor`, `features`); an empty map: shut down.

    Four words are XenServer 6's, which recorded the host's bits: those that Xen offers to no such
    guest are left out, and said in the notes. Raises RecordError.
    """
    text = record.get("features", "")
    if not text.strip():
        return Vm(name, guest, vendor=record.get("vendor", ""))
    featureset = _featureset(text, f"{name}: features")
    notes: tuple[str, ...] = ()
    if featureset.length == OLD_STYLE_WORDS:
        featureset, note = _old_style(text, f"{name}: features")
        xen = xen or by_length(0).release
        mask = xen.masks["pv_max" if guest is GuestType.PV else "hvm_hap_max"].cut(OLD_STYLE_WORDS)
        never = featureset - mask
        notes = (note,)
        if never:
            notes += (
                f"left out, because Xen offers them to no {guest.name} guest and XenServer 6 "
                f"recorded the host's bits: {' '.join(xen.names(never))}",
            )
        featureset = featureset & mask
    return Vm(name, guest, featureset, vendor=record.get("vendor", ""), notes=notes)


def vm_of_featureset(text: str, name: str, guest: GuestType, vendor: str = "") -> Vm:
    """A VM by the featureset it has seen, as text. Raises RecordError."""
    return Vm(name, guest, _featureset(text, name), vendor=vendor)


def _old_style(text: str, where: str) -> tuple[Featureset, str]:
    words = _featureset(text, where).words
    if len(words) != OLD_STYLE_WORDS:
        raise RecordError(f"{where}: {len(words)} words; XenServer 6 has {OLD_STYLE_WORDS}")
    featureset = Featureset.of_words(words[index] for index in _OLD_STYLE_ORDER)
    return featureset, (
        f"{where} is of XenServer 6 (leaf 1 ECX and EDX, leaf 80000001h ECX and EDX): "
        "what other features were seen is not known, and not checked"
    )


def _featureset(text: str, where: str) -> Featureset:
    try:
        return Featureset.parse(text)
    except FeaturesetError as error:
        raise RecordError(f"{where}: {error}") from error


def _labels(
    given: Mapping[GuestType, Offer], xen: Release, vendor: str
) -> dict[GuestType, dict[int, str]]:
    """As compat_bits.host_labels, of a record: max stands for the host set as well."""
    if not xen.xenserver:
        return {}
    none = Featureset(0, xen.length)
    found = {}
    for guest, offer in given.items():
        sets = Featuresets(
            raw=none,
            host=offer.max,
            pv_default=offer.default,
            hvm_default=offer.default,
            pv_max=offer.max,
            hvm_max=offer.max,
        )
        found[guest] = compat_bits.labels(xen, vendor, sets)[f"{guest.value}_max"]
    return found


def _required(record: Mapping[str, str], key: str, name: str) -> str:
    if key not in record:
        raise RecordError(f'{name}: there is no key "{key}", nor any other with a featureset')
    return record[key]


def _count(record: Mapping[str, str], key: str, name: str) -> int:
    text = record.get(key, "0").strip()
    if not text.isascii() or not text.isdigit():
        raise RecordError(f'{name}: {key}: "{text[:40]}" is not a whole number')
    return int(text)

"""Stored records held to what they should be: hosts', the pool's, and VMs'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from ..features.release import Release
from ..hosts.cpu_info import cpu_info, xapi_map
from ..hosts.host import UNKNOWN, Host
from ..hosts.record import featureset
from .grade import GRADES
from .grid import VERDICTS, grid
from .member import Member, release_of_pool
from .records import Combine, HostRecord, keys_before_2023, pool_cpu_info
from .verdict import check_all
from .vm import Vm, labels, wrong_kind


@frozen
class Finding:
    """A key of a stored record that is not as it should be. `lost`: stored, and should not be;
    `gained`: should be, and is not stored; both by name, empty where it is no featureset.
    """

    record: str
    key: str
    stored: str
    expected: str
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.lost and not self.gained:
            stored = f'"{self.stored}"' if self.stored else "missing"
            return f'{self.record}: {self.key} is {stored}, should be "{self.expected}"'
        parts = []
        if self.lost:
            parts.append(f"has {' '.join(self.lost)}, which is not so any more")
        if self.gained:
            parts.append(f"lacks {' '.join(self.gained)}")
        return f"{self.record}: {self.key} {'; '.join(parts)}"


@frozen
class VmFinding:
    """What is wrong with a VM's record, in a sentence. `stranded`: no host takes it in."""

    vm: Vm
    text: str
    stranded: bool = field(default=False, eq=False)


def of_host(name: str, stored: Mapping[str, str], host: Host) -> Iterator[Finding]:
    """A stored Host.cpu_info against what Xen says on that host."""
    return differing(name, stored, xapi_map(cpu_info(host)), host.release)


def of_pool(
    name: str,
    stored: Mapping[str, str],
    hosts: Sequence[HostRecord],
    members: Sequence[Member],
    combine: Combine | None = None,
) -> Iterator[Finding]:
    """A stored Pool.cpu_info against the level of its hosts' records, with the keys that it has.

    `members` are the same hosts: whose rules count is theirs. `combine`: as in pool_cpu_info.
    Raises InputError.
    """
    xen = release_of_pool(members) if members else None
    expected = pool_cpu_info(hosts, xen, keys_before_2023(stored), combine)
    return differing(name, stored, expected, xen or release_of_pool(()))


def differing(
    record: str, stored: Mapping[str, str], expected: Mapping[str, str], xen: Release
) -> Iterator[Finding]:
    """What of a stored record differs from what it should be, key by key of the latter.

    Featuresets are compared with zero words added, as xapi compares them; the clock's speed, which
    wanders, is not compared, nor what is not known. A key that is not stored is a finding for
    featuresets only, and not where its `_host` key is: xapi of 2023 and later keeps just those of a
    pool. Raises InputError for a featureset that is none.
    """
    for key, value in expected.items():
        optional = not key.startswith("features") or f"{key}_host" in stored
        if key == "speed" or value == UNKNOWN or (key not in stored and optional):
            continue
        have = stored.get(key, "")
        if not key.startswith("features"):
            if have != value:
                yield Finding(record, key, have, value)
            continue
        was, now = (featureset(text, f"{record}: {key}") for text in (have, value))
        if was.bits != now.bits:
            lost, gained = xen.names(was - now), xen.names(now - was)
            yield Finding(record, key, have, value, tuple(lost), tuple(gained))


def of_vms(vms: Iterable[Vm], members: Sequence[Member]) -> Iterator[VmFinding]:
    """What is wrong with VMs' records: the wrong kind of set, or no host that takes one in."""
    if not members:
        return
    xen = release_of_pool(members)
    pool = list(vms)
    for vm, verdicts in zip(pool, grid(pool, members).rows, strict=True):
        strange = wrong_kind(vm, xen)
        if strange:
            text = (
                f"a PV guest with an HVM featureset ({' '.join(xen.names(strange))}): its domain "
                "type was changed after it booted; start it anew"
            )
            yield VmFinding(vm, text)
        if not any(GRADES[VERDICTS[code]].allowed for code in set(verdicts)):
            answers = check_all([vm], members)
            nearest = min(answers, key=lambda answer: (answer.grade.exit_code, len(answer.missing)))
            yield VmFinding(
                vm,
                f"no host takes it in; the nearest is {nearest.host.name}: {nearest.hindrance}",
                stranded=True,
            )


def compat_bits(
    vms: Iterable[Vm], members: Sequence[Member]
) -> Iterator[tuple[Vm, dict[str, str]]]:
    """The compatibility bits of VMs' records, by name, with where they come from."""
    xen = release_of_pool(members)
    for vm in vms:
        bits = {xen.label(number): reason for number, reason in labels(vm, xen).items()}
        if bits:
            yield vm, bits

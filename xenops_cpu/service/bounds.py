"""The work of a POOL call and the size of its answer, held to the limits before it starts.

What is asked for in a few bytes can take minutes: forty hosts and forty VMs are 1,600 verdicts, and
each of them has to say which of some hundred features are missing, and why. So pairs, features and
bytes are counted first, in a fraction of the time. Pairs that are alike count once where they are
answered once. The limits are in xenops_cpu.limits.service (pool_*); the command line has
none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..features.featureset import Featureset, FeaturesetError
from ..interface import GuestType, InternalError, PoolHost, PoolVm
from ..limits.service import LIMITS, Limits

# Bytes on the wire, in XML: a verdict, a missing feature by its place in the table of features.
_PAIR_BYTES = 40
_FEATURE_BYTES = 24
# How often a name stands in an answer: in a row, and in the reasons.
_NAMES = 3

_KEYS = {
    GuestType.PV: ("features_pv", "features_pv_host", "features"),
    GuestType.HVM: ("features_hvm", "features_hvm_host", "features"),
}


def hosts(command: str, hosts: Sequence[PoolHost], limits: Limits = LIMITS) -> None:
    """A call about hosts alone. Raises InternalError; so do all of these."""
    _most(len(hosts), limits.pool_hosts, "hosts", command)
    wanting = sum(_wanting(hosts, guest) for guest in GuestType) // 2
    _most(wanting, limits.pool_features, "features that hosts lack", command)


def check(
    command: str, vms: Sequence[PoolVm], hosts: Sequence[PoolHost], limits: Limits = LIMITS
) -> None:
    """A verdict for every VM on every host."""
    _most(len(hosts), limits.pool_hosts, "hosts", command)
    _most(len(vms), limits.pool_vms, "VMs", command)
    pairs = len(vms) * len(hosts)
    _most(pairs, limits.pool_pairs, "pairs of VM and host", command)
    missing = _missing(vms, hosts)
    _most(missing, limits.pool_features, "missing features to name", command)
    names = sum(len(vm.name) for vm in vms) + sum(len(host.name) for host in hosts)
    size = pairs * _PAIR_BYTES + missing * _FEATURE_BYTES + names * _NAMES
    _most(size, limits.pool_answer_bytes, "bytes of answer", command)


def plan(
    before: Sequence[PoolHost],
    after: Sequence[PoolHost],
    vms: Sequence[PoolVm],
    limits: Limits = LIMITS,
) -> None:
    """The verdicts of both pools."""
    check("plan", vms, [*before, *after], limits)
    hosts("plan", [*before, *after], limits)


def split(hosts_: Sequence[PoolHost], limits: Limits = LIMITS) -> None:
    """Pairs of kinds of hosts."""
    _most(len(hosts_), limits.pool_hosts, "hosts", "split")
    kinds = {(host.cpu_info.get("vendor", ""), *_texts(host)) for host in hosts_}
    _most(len(kinds), limits.pool_kinds, "kinds of hosts", "split")


def _most(count: int, limit: int, subject: str, command: str) -> None:
    if count > limit:
        raise InternalError(
            f"{count:,} {subject} are more than a call may ask for ({limit:,}); ask in parts, or "
            f"use the command xenops-cpu {command}, which has no such limit"
        )


def _texts(host: PoolHost) -> tuple[str, ...]:
    return tuple(text for key, text in sorted(host.cpu_info.items()) if key.startswith("features"))


def _bits(text: str) -> int:
    try:
        return Featureset.parse(text).bits
    except FeaturesetError:
        return 0  # the call itself says what is wrong with it


def _taken_in(host: PoolHost, guest: GuestType) -> int:
    bits = 0
    for key in _KEYS[guest]:
        if key in host.cpu_info:
            bits |= _bits(host.cpu_info[key])
    return bits


def _missing(vms: Iterable[PoolVm], hosts: Sequence[PoolHost]) -> int:
    """How many features VMs have seen that hosts do not take in, summed over unlike pairs."""
    kinds = {(vm.guest_type, vm.last_boot_cpu_flags.get("features", "")) for vm in vms}
    missing = 0
    for guest in GuestType:
        offers = {_taken_in(host, guest) for host in hosts}
        for guest_type, text in kinds:
            bits = _bits(text) if guest_type == guest else 0
            if bits:
                missing += sum((bits & ~offer).bit_count() for offer in offers)
    return missing


def _wanting(hosts: Sequence[PoolHost], guest: GuestType) -> int:
    """How many features hosts lack that others of them have, summed over all hosts."""
    offers = [_taken_in(host, guest) for host in hosts]
    some = 0
    for offer in offers:
        some |= offer
    return sum((some & ~offer).bit_count() for offer in offers)

"""Creating a domain and setting its policy: XEN_DOMCTL_createdomain, XEN_DOMCTL_set_cpu_policy.

Setting is also what restores a stream of 4.14 or later: its records go in as they are. Features are
never refused, limits are; see recalculation for what happens to the rest.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from ..cpuid.identity import LeafKey, Registers
from ..cpuid.policy import Policy
from ..cpuid.slots import (
    CACHES,
    EXTENDED,
    FEATURES,
    HYPERVISOR,
    HYPERVISOR_2,
    LAST_BASIC,
    LAST_CACHE,
    LAST_TOPOLOGY,
    STATE,
    TOPOLOGY,
)
from ..cpuid.table import PolicyTable
from ..derivation.policies import LeafChange, PolicyChange, run
from ..derivation.policies.draft import changes
from . import limits
from .domain import Config, Domain, DomainDraft, Refusal
from .hypervisor import Hypervisor
from .recalculation import PHASES

# HVM without nested paging on a Xen that was built without shadow paging.
_REFUSED_AT_ONCE = "4.22+"


class Msr(NamedTuple):
    """One register of a list. `flags`: nothing but 0 is defined."""

    index: int  # type: ignore[assignment] # instead of tuple's method
    value: int
    flags: int = 0


Leaf = tuple[LeafKey, Registers]


def create(hypervisor: Hypervisor, config: Config | None = None) -> Domain:
    """A new domain, as Xen makes it before any toolstack says something of its policy.

    Raises Refusal.
    """
    config = config or Config()
    hap = config.kind == "hvm" and (hypervisor.hap if config.hap is None else config.hap)
    _check(hypervisor, config, hap)
    return start(hypervisor, config, hap=hap)


def start(hypervisor: Hypervisor, config: Config, *, hap: bool) -> Domain:
    """A domain with the default policy of its type, whether Xen would create it or not."""
    domain = Domain(hypervisor, config, hypervisor.default(config.kind), hap)
    return recalculated(domain, domain.draft(), ())


def _check(xen: Hypervisor, config: Config, hap: bool) -> None:
    """arch_sanitise_domain_config(), paging_domain_init(), and for 32-bit PV switch_compat()."""
    if config.kind == "hvm":
        if not xen.hvm:
            raise Refusal(errno.EINVAL, "this host has no HVM guests")
        if hap and not xen.hap:
            raise Refusal(errno.EINVAL, "nested paging (HAP) is not there")
        if config.nested and not xen.nested_virt:
            raise Refusal(errno.EINVAL, "nested virtualisation is not there")
        if config.nested and not hap:
            raise Refusal(errno.EINVAL, "nested virtualisation needs nested paging (HAP)")
    elif config.nested:
        raise Refusal(errno.EINVAL, "nested virtualisation is for HVM guests")
    if config.vpmu:
        raise Refusal(errno.EINVAL, "vpmu cannot be switched on for a single x86 domain")
    if config.kind == "hvm" and not hap and not xen.build.shadow:
        number = errno.EINVAL if xen.in_release(_REFUSED_AT_ONCE) else errno.EOPNOTSUPP
        raise Refusal(number, "this Xen was built without shadow paging")
    if config.type == "pv32" and not xen.build.pv32:
        raise Refusal(errno.EOPNOTSUPP, "this Xen was built without 32-bit PV guests")


def set_policy(
    domain: Domain, leaves: Iterable[Leaf], msrs: Iterable[Msr] = (), *, step: str = "set"
) -> Domain:
    """The domain with entries of a policy set: what is not named keeps its value.

    `leaves` in the order they are passed: (leaf, subleaf or NO_SUBLEAF) and registers. Raises
    Refusal, and then the domain is as it was.
    """
    draft = domain.draft()
    before = dict(draft.table.leaves), dict(draft.table.msrs)
    _read_leaves(draft.table, list(leaves))
    _read_msrs(draft.table, list(msrs))
    written = list(changes(f"{step}.given", *before, draft))
    before = dict(draft.table.leaves), dict(draft.table.msrs)
    trim(draft.table)
    trimmed = changes(f"{step}.trim", *before, draft)
    check(domain, draft.table)
    return recalculated(domain, draft, (*domain.changes, *written, *trimmed))


def replace(domain: Domain, table: PolicyTable, record: Sequence[PolicyChange]) -> Domain:
    """The domain with all leaves of `table` set, as libxc sends them, and `record` as their story.

    Registers are not sent, so what `record` has of them is dropped. Raises Refusal.
    """
    sent = [change for change in record if isinstance(change, LeafChange)]
    draft = domain.draft()
    _read_leaves(draft.table, list(table.policy().leaves.items()))
    trim(draft.table)
    check(domain, draft.table)
    return recalculated(domain, draft, (*domain.register_changes(), *sent))


def entries(policy: Policy) -> tuple[list[Leaf], list[Msr]]:
    """A whole policy as lists for set_policy: what a stream of 4.14 or later restores."""
    return list(policy.leaves.items()), [Msr(*entry) for entry in policy.msrs.items()]


def recalculated(domain: Domain, draft: DomainDraft, record: Sequence[PolicyChange]) -> Domain:
    """The domain with a draft installed, after what Xen does with each policy that it is given."""
    release = domain.hypervisor.release.name
    run(chain.from_iterable(phase.of(release) for phase in PHASES), draft)
    return domain.installed(draft.table, (*record, *draft.changes))


def _read_leaves(table: PolicyTable, leaves: Sequence[Leaf]) -> None:
    """x86_cpuid_copy_from_buffer(): the first bad entry ends it."""
    if len(leaves) > table.slots.most_leaves:
        raise Refusal(errno.E2BIG, f"{len(leaves)} leaves: a policy has fewer")
    for key, registers in leaves:
        if not table.slots.has(key):
            raise Refusal(errno.ERANGE, "no policy of this Xen has that leaf", *key)
        if key[0] in (HYPERVISOR, HYPERVISOR_2):
            registers = (registers[0] & 0xFF, 0, 0, 0)
        table.put(key, registers)


def _read_msrs(table: PolicyTable, msrs: Sequence[Msr]) -> None:
    """x86_msr_copy_from_buffer()."""
    if len(msrs) > table.slots.most_msrs:
        raise Refusal(errno.E2BIG, f"{len(msrs)} registers: a policy has {table.slots.most_msrs}")
    for entry in msrs:
        bits = table.slots.msr_bits(entry.index)
        if entry.flags:
            raise Refusal(errno.EINVAL, "no flags are defined", msr=entry.index)
        if not bits:
            raise Refusal(errno.ERANGE, "no policy has that register", msr=entry.index)
        if entry.value >> bits:
            raise Refusal(errno.EOVERFLOW, f"more than {bits} bits", msr=entry.index)
        table.put_msr(entry.index, entry.value)


def trim(table: PolicyTable) -> None:
    """Zero what a policy's own limits put out of range.

    x86_cpu_policy_clear_out_of_range_leaves(), xen/lib/x86/cpuid.c. A highest leaf of ffffffffh
    wraps round there and zeroes every basic leaf, leaf 0 as well.
    """
    first = table.max_leaf + 1 & 0xFFFFFFFF
    own_tables = (CACHES, FEATURES, TOPOLOGY, STATE)
    table.clear(*(leaf for leaf in range(first, LAST_BASIC + 1) if leaf not in own_tables))
    if table.max_leaf < CACHES:
        table.clear(CACHES)
    else:
        _trim_from_none(table, CACHES, LAST_CACHE, 0, 0x1F)
    if table.max_leaf < FEATURES:
        table.clear(FEATURES)
    else:
        table.clear_from(FEATURES, table.max_subleaf + 1 & 0xFFFFFFFF)
    if table.max_leaf < TOPOLOGY:
        table.clear(TOPOLOGY)
    else:
        _trim_from_none(table, TOPOLOGY, LAST_TOPOLOGY, 2, 0xFF00)
    if table.max_leaf < STATE or not table.states:
        table.clear(STATE)
    else:
        table.clear_from(STATE, max(2, table.states.bit_length()))
    last = table.max_extended & 0xFFFF
    table.clear(*(EXTENDED + leaf for leaf in range(last + 1, (table.slots.extended & 0xFFFF) + 1)))


def _trim_from_none(table: PolicyTable, leaf: int, last: int, register: int, mask: int) -> None:
    for subleaf in range(last + 1):
        if not table.leaf(leaf, subleaf)[register] & mask:
            table.clear_from(leaf, subleaf)
            return


def check(domain: Domain, table: PolicyTable) -> None:
    """Raises the first Refusal of a policy for a domain."""
    xen = domain.hypervisor
    for refusal in limits.refusals(table, xen.maximum(domain.kind), xen.release):
        raise refusal

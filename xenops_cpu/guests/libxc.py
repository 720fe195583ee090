"""xc_cpuid_apply_policy(): what libxc makes of a toolstack's wishes, and sends to Xen.

It starts from the default policy of the domain's type on this host, and sends leaves only: of MSRs
a domain has this host's default, whatever a featureset says. XenServer's libxc lays out topology
by rules of its own (see topology).
"""

from __future__ import annotations

import errno
from itertools import chain

from ..cpuid.slots import BASIC, EXTENDED, FEATURES, LAST_BASIC
from ..cpuid.table import PolicyTable
from ..derivation.policies import run
from ..derivation.releases import span
from ..derivation.step import PhaseOf
from ..features.featureset import WORD_BITS, Featureset
from ..features.release import Release
from .domain import Domain, Refusal
from .recalculation import sanitised
from .setting import replace
from .strings import ONE_BY_ONE, X_IS_MAX, msr_strings, xend_leaf_4_13, xend_leaves
from .topology import TOPOLOGY
from .wishes import APPLY_POLICY, LibxcDraft, Wishes

APPLY: PhaseOf[LibxcDraft] = PhaseOf("What libxc makes of the default policy")

_RESTORES = "4.14+ xs8"
# A security-patched 4.13 shows the higher leaves as well (28301682f4, December 2024).
_RESTORES_MORE = "4.18+ xs8/4.17.5-6+"
# Before, settings of the domain took their place: libxc sets the bits, Xen drops what does not fit.
_ARGUMENTS = "4.15+ xs8"
# XenServer's patch libxc-cpu-clear-deps.
_GIVEN_WORDS = "xs8 xs8.2"
_PAE_ALWAYS = "4.13 xsr"


def apply(
    domain: Domain, wishes: Wishes | None = None, libxc: Release | None = None
) -> tuple[Domain, Refusal | None]:
    """The domain after xc_cpuid_apply_policy(), and what was refused.

    The featureset and the strings are set one after the other, so what went before a refusal stays.
    `libxc`: whose it is, None for the hypervisor's own release.
    """
    wishes, libxc = wishes or Wishes(), libxc or domain.hypervisor.release
    try:
        domain = _domain(domain, wishes, libxc)
        if wishes.xend and libxc.name in span(ONE_BY_ONE):
            return _one_by_one(domain, wishes)
        if wishes.xend:
            domain = xend_leaves(domain, wishes.xend, x_is_max=libxc.name in span(X_IS_MAX))
        if wishes.msr:
            domain = msr_strings(domain, wishes.msr)
    except Refusal as refusal:
        return domain, refusal
    return domain, None


def _one_by_one(domain: Domain, wishes: Wishes) -> tuple[Domain, Refusal | None]:
    """libxl of 4.13 goes on after a string that was refused; what was refused first is told."""
    first: Refusal | None = None
    for string in wishes.xend:
        try:
            domain = xend_leaf_4_13(domain, string)
        except Refusal as refusal:
            first = first or refusal
    return domain, first


def _domain(domain: Domain, wishes: Wishes, libxc: Release) -> Domain:
    xen = domain.hypervisor
    if wishes.featureset is not None and wishes.featureset.bits >> xen.release.length * WORD_BITS:
        raise Refusal(
            errno.EOPNOTSUPP,
            f"the featureset has bits beyond the {xen.release.length} words of this libxc",
        )
    draft = LibxcDraft(
        release=xen.release,
        table=PolicyTable.of(xen.default_lists[domain.kind], xen.raw.slots),
        raw=xen.raw,
        domain=domain,
        wishes=wishes,
        libxc=libxc,
    )
    run(chain(APPLY.of(libxc.name), TOPOLOGY.of(libxc.name)), draft)
    return replace(domain, draft.table, draft.changes)


@APPLY.step(
    "libxc.restore-features",
    _RESTORES,
    when="restoring a stream without CPUID data",
    effect="RDRAND, HLE, RTM and, for HVM, MPX are the host's",
    why="they were not hidden by default in 4.13, where the VM comes from",
    source=APPLY_POLICY,
)
def _restore_features(draft: LibxcDraft) -> None:
    if draft.wishes.restore:
        for name in ("RDRAND", "HLE", "RTM", *(("MPX",) if draft.hvm else ())):
            draft.switch(name, draft.xen.has_host(name))


@APPLY.step(
    "libxc.restore-limits",
    _RESTORES,
    when="restoring a stream without CPUID data",
    effect="the highest leaf is at most dh, the highest extended leaf at most 8000001ch and the "
    "highest subleaf of leaf 7 is 0; from 4.18 on at most 80000021h and 2",
    why="Xen 4.13, where the VM comes from, had no more leaves",
    source=APPLY_POLICY,
)
def _restore_limits(draft: LibxcDraft) -> None:
    if not draft.wishes.restore:
        return
    table = draft.table
    more = draft.in_libxc(_RESTORES_MORE)
    table.set(BASIC, eax=min(table.max_leaf, LAST_BASIC))
    table.set(FEATURES, 0, eax=min(table.max_subleaf, 2) if more else 0)
    table.set(EXTENDED, eax=min(table.max_extended, EXTENDED + (0x21 if more else 0x1C)))


@APPLY.step(
    "libxc.featureset",
    "all",
    when="a featureset is given",
    effect="all features are those of the featureset, without what depends on missing ones",
    why="the toolstack's featureset says so",
    source=APPLY_POLICY,
)
def _featureset(draft: LibxcDraft) -> None:
    featureset = draft.wishes.featureset
    if featureset is not None:
        given_only = draft.in_libxc(_GIVEN_WORDS)
        draft.put(
            _pruned(featureset, draft.release)
            if given_only
            else sanitised(featureset.bits, draft.release)
        )


def _pruned(featureset: Featureset, release: Release) -> int:
    """Without dependents of missing features; a word that was not given lacks none."""
    own_words = (1 << featureset.length * WORD_BITS) - 1
    beyond = release.masks["deep_features"].bits & ~own_words
    return sanitised(featureset.bits | beyond, release) & own_words


@APPLY.step(
    "libxc.arguments",
    _ARGUMENTS,
    when="no featureset is given",
    effect="ITSC is as asked for; for HVM also PAE, and VMX and SVM by nested virtualisation",
    why="no featureset was given, so libxc's arguments decide: pae, itsc, nested",
    source=APPLY_POLICY,
)
def _arguments(draft: LibxcDraft) -> None:
    wishes = draft.wishes
    if wishes.featureset is not None:
        return
    draft.switch("ITSC", wishes.itsc)
    if draft.hvm:
        draft.switch("PAE", wishes.pae)
        draft.switch("VMX", wishes.nested)
        draft.switch("SVM", wishes.nested)


@APPLY.step(
    "libxc.pae",
    "4.13-4.14 xs8.2 xsr",
    when="HVM; from 4.14 on (and XenServer 8.2) only without a featureset",
    effect="PAE is as asked for",
    why="the toolstack asked for it so",
    source=APPLY_POLICY,
)
def _pae(draft: LibxcDraft) -> None:
    if draft.hvm and (draft.wishes.featureset is None or draft.in_libxc(_PAE_ALWAYS)):
        draft.switch("PAE", draft.wishes.pae)


@APPLY.step(
    "libxc.always",
    "4.13-4.14 xs8.2 xsr",
    when="HVM",
    effect="ITSC, VMX and SVM are set",
    why="Xen drops them again where the domain was not created for them",
    source=APPLY_POLICY,
)
def _always(draft: LibxcDraft) -> None:
    if draft.hvm:
        for name in ("ITSC", "VMX", "SVM"):
            draft.switch(name, True)

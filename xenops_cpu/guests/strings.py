"""Strings of bits for single registers: libxc's xend strings and, since 2023, those of MSRs.

One character a bit, the highest first: 1, 0, x (as the default policy has it; up to 4.15 as the
maximum), k (as the host has it), s (the same as k, in leaves only).
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import NamedTuple

from ..cpuid.identity import NOTHING, LeafKey, Registers
from ..cpuid.policy import Policy
from .domain import Domain, Refusal
from .hypervisor import Hypervisor
from .setting import Msr, set_policy

# 4.13 has a call of its own for each string, xc_cpuid_set().
ONE_BY_ONE = "4.13 xs8.2 xsr"
X_IS_MAX = "4.13-4.15 xs8.2 xsr"


class XendLeaf(NamedTuple):
    """`strings`: of EAX, EBX, ECX, EDX, 32 characters each; None leaves a register alone."""

    leaf: int
    subleaf: int
    strings: tuple[str | None, str | None, str | None, str | None]

    @property
    def key(self) -> LeafKey:
        return self.leaf, self.subleaf


class MsrString(NamedTuple):
    """`text`: 64 characters."""

    index: int  # type: ignore[assignment] # instead of tuple's method
    text: str


def xend_leaves(domain: Domain, strings: Sequence[XendLeaf], *, x_is_max: bool = False) -> Domain:
    """The domain with xend strings applied. Raises Refusal; what went before it is not kept."""
    x = where_x(domain, x_is_max=x_is_max)
    host = domain.hypervisor.host.policy()
    leaves = dict(domain.policy.leaves)
    for string in strings:
        if not all(string.key in there for there in (leaves, x.leaves, host.leaves)):
            raise Refusal(
                errno.EINVAL,
                "it is not in the domain's, the default and the host policy alike",
                *string.key,
            )
        leaves[string.key] = _registers(
            string, leaves[string.key], x.leaves[string.key], host.leaves[string.key]
        )
    return set_policy(domain, leaves.items(), step="xend")


def where_x(domain: Domain, *, x_is_max: bool) -> Policy:
    """The policy that an `x` in a string stands for."""
    xen = domain.hypervisor
    return xen.maximum(domain.kind).policy() if x_is_max else xen.default_lists[domain.kind]


def may_name(xen: Hypervisor, kind: str, key: LeafKey) -> bool:
    """Whether a xend string for guests of a kind, "pv" or "hvm", may name a leaf.

    The default, the host and, where `x` is the maximum, that policy have to list it; 4.13 takes
    every leaf that has a slot.
    """
    if xen.in_release(ONE_BY_ONE):
        return xen.raw.slots.has(key)
    lists = [xen.default_lists[kind], xen.host.policy()]
    if xen.in_release(X_IS_MAX):
        lists.append(xen.maximum(kind).policy())
    return all(key in policy.leaves for policy in lists)


def xend_leaf_4_13(domain: Domain, string: XendLeaf) -> Domain:
    """xc_cpuid_set() of 4.13: one leaf, its unnamed registers as the maximum has them.

    A leaf that the maximum or the host lacks counts as zero. Raises Refusal.
    """
    most = domain.hypervisor.maximum(domain.kind).policy()
    host = domain.hypervisor.host.policy()
    own = most.leaves.get(string.key, NOTHING)
    registers = _registers(string, own, own, host.leaves.get(string.key, NOTHING))
    return set_policy(domain, [(string.key, registers)], step="xend")


def msr_strings(domain: Domain, strings: Sequence[MsrString]) -> Domain:
    """The domain with strings of MSRs applied. Raises Refusal."""
    xen = domain.hypervisor
    values = dict(domain.policy.msrs)
    default = xen.default_lists[domain.kind].msrs
    host = xen.host.policy().msrs
    for string in strings:
        if string.index not in values:
            raise Refusal(errno.ENOENT, "no policy has that register", msr=string.index)
        values[string.index] = _value(
            string.text, 64, values[string.index], default[string.index], host[string.index], "k",
            msr=string.index,
        )  # fmt: skip
    return set_policy(domain, (), [Msr(*entry) for entry in values.items()], step="msr")


def _registers(string: XendLeaf, own: Registers, x: Registers, host: Registers) -> Registers:
    a, b, c, d = (
        value if text is None else _value(text, 32, value, default, k, "ks", key=string.key)
        for text, value, default, k in zip(string.strings, own, x, host, strict=True)
    )
    return a, b, c, d


def _value(
    text: str,
    width: int,
    own: int,
    x: int,
    host: int,
    from_host: str,
    *,
    key: LeafKey | None = None,
    msr: int | None = None,
) -> int:
    value = own
    for index, character in enumerate(text[:width]):
        bit = 1 << width - 1 - index
        if character in from_host:
            on = bool(host & bit)
        elif character in "01x":
            on = character == "1" or (character == "x" and bool(x & bit))
        else:
            place = (
                {"msr": msr}
                if msr is not None
                else dict(zip(("leaf", "subleaf"), key or (), strict=False))
            )
            raise Refusal(errno.EINVAL, f'"{character}" is none of 0, 1, x, {from_host}', **place)
        value = value | bit if on else value & ~bit
    return value

"""Cases about several hosts: levels, and whether a VM may go to a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..features.featureset import Featureset
from ..hosts.offer import Offer
from ..interface import GuestType
from ..pools.levelling import level
from ..pools.member import Member
from ..pools.verdict import check
from ..pools.vm import Vm
from . import forms


def level_of(ask: Mapping[str, Any]) -> dict[str, Any]:
    """What all hosts can give."""
    sets = [
        forms.featureset(text, f"ask.featuresets[{index}]")
        for index, text in enumerate(forms.items(forms.member(ask, "featuresets"), "featuresets"))
    ]
    if not sets:
        raise forms.CaseError("ask.featuresets: at least one was expected")
    return {"featureset": str(level(sets, forms.release_of(ask)))}


def verdict_of(ask: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a VM may go to a host, and what is missing there."""
    xen, guest = forms.release_of(ask), _guest(forms.member(ask, "type"))
    vm, host = forms.member(ask, "vm"), forms.member(ask, "host")
    boot, most = (_set(host, name, "host") for name in ("boot", "migration"))
    member = Member(
        name="host",
        vendor=str(forms.member(host, "vendor", "ask.host")),
        release=xen,
        offers={guest: Offer(guest, boot, most, joined=False)},
    )
    features = None if vm.get("featureset") is None else _set(vm, "featureset", "vm")
    traveller = Vm("vm", guest, features=features, vendor=str(vm.get("vendor", "")))
    answer = check(traveller, member)
    missing = Featureset(sum(1 << lack.number for lack in answer.missing), xen.length)
    return {"verdict": answer.verdict.value, "missing": xen.names(missing)}


def _guest(text: object) -> GuestType:
    if text in ("pv", "hvm"):
        return GuestType.PV if text == "pv" else GuestType.HVM
    raise forms.CaseError(f'ask.type: "pv" or "hvm" was expected, not {text!r}')


def _set(value: Mapping[str, Any], name: str, where: str) -> Featureset:
    return forms.featureset(forms.member(value, name, f"ask.{where}"), f"ask.{where}.{name}")

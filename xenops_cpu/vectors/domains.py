"""Cases about one domain: its policy after some calls of libxc, and what its guest reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..guests.domain import TYPES, Config, Domain, Refusal
from ..guests.instruction import cpuid
from ..guests.libxc import apply
from ..guests.setting import Msr, create, set_policy
from ..guests.strings import MsrString, XendLeaf
from ..guests.vcpu import Surroundings, Vcpu
from ..guests.wishes import Wishes
from . import forms

_STRING_LENGTHS = {"xend": 32, "msr": 64}


def domain_of(ask: Mapping[str, Any]) -> dict[str, Any]:
    """What creation and each step answered, and the policy in the end."""
    try:
        domain = create(forms.hypervisor(ask), config(forms.member(ask, "create")))
    except Refusal as refusal:
        return {"created": _refused(refusal)}
    domain, results = _steps(ask, domain)
    return {
        "created": {"errno": 0},
        "results": results,
        "policy": forms.policy_json(domain.policy),
    }


def instruction_of(ask: Mapping[str, Any]) -> dict[str, Any]:
    """What CPUID returns; null for a register that cannot be known beforehand."""
    domain = create(forms.hypervisor(ask), config(forms.member(ask, "create")))
    domain, _ = _steps(ask, domain)
    state = ask.get("vcpu") or {}
    vcpu = Vcpu(
        number=int(state.get("number", 0)),
        cr4=forms.number(state.get("cr4", "0"), "ask.vcpu.cr4"),
        xcr0=None if state.get("xcr0") is None else forms.number(state["xcr0"], "ask.vcpu.xcr0"),
        apic=forms.switch(state, "apic", True),
        long_mode=forms.switch(state, "long_mode", True),
        pae=forms.switch(state, "pae", True),
        forced=forms.switch(state, "forced", True),
    )
    around = Surroundings(viridian=forms.number(ask.get("viridian", "0"), "ask.viridian"))
    leaf, subleaf = (forms.number(forms.member(ask, name), name) for name in ("leaf", "subleaf"))
    answer = cpuid(domain, leaf, subleaf, vcpu, around)
    return {
        name: None if value is None else f"{value:08x}"
        for name, value in zip(("eax", "ebx", "ecx", "edx"), answer, strict=True)
    }


def config(value: Mapping[str, Any]) -> Config:
    kind = forms.member(value, "type", "ask.create")
    if kind not in TYPES:
        raise forms.CaseError(f"ask.create.type: {kind!r} is none of {', '.join(TYPES)}")
    return Config(
        type=kind,
        hap=None if value.get("hap") is None else forms.switch(value, "hap"),
        nested=forms.switch(value, "nested"),
        vpmu=forms.switch(value, "vpmu"),
        migratable=forms.switch(value, "migratable", True),
        vtsc=forms.switch(value, "vtsc"),
    )


def _steps(ask: Mapping[str, Any], domain: Domain) -> tuple[Domain, list[dict[str, Any]]]:
    libxc = forms.release_of(ask, "libxc") if "libxc" in ask else None
    results: list[dict[str, Any]] = []
    for index, step in enumerate(forms.items(ask.get("steps", []), "ask.steps")):
        where, refusal = f"ask.steps[{index}]", None
        if "apply" in step:
            domain, refusal = apply(domain, _wishes(step["apply"], where), libxc)
        else:
            entries = forms.member(step, "set", where)
            leaves = [
                forms.leaf(row, f"{where}.set.leaves")
                for row in forms.items(entries.get("leaves", []), f"{where}.set.leaves")
            ]
            msrs = [
                Msr(*(forms.number(part, f"{where}.set.msrs") for part in row))
                for row in forms.items(entries.get("msrs", []), f"{where}.set.msrs")
            ]
            try:
                domain = set_policy(domain, leaves, msrs)
            except Refusal as refused:
                refusal = refused
        results.append({"errno": 0} if refusal is None else _result(refusal, "apply" in step))
    return domain, results


def _result(refusal: Refusal, libxc: bool) -> dict[str, Any]:
    """xc_cpuid_apply_policy() says errno only."""
    return {"errno": refusal.errno} if libxc else _refused(refusal, place=True)


def _refused(refusal: Refusal, place: bool = False) -> dict[str, Any]:
    if not place:
        return {"errno": refusal.errno}
    parts = {"leaf": refusal.leaf, "subleaf": refusal.subleaf, "msr": refusal.msr}
    return {"errno": refusal.errno, **{name: f"{value:08x}" for name, value in parts.items()}}


def _wishes(value: Mapping[str, Any], where: str) -> Wishes:
    words = value.get("featureset")
    return Wishes(
        restore=forms.switch(value, "restore"),
        featureset=None if words is None else forms.featureset(words, f"{where}.featureset"),
        pae=forms.switch(value, "pae", True),
        itsc=forms.switch(value, "itsc"),
        nested=forms.switch(value, "nested"),
        cores_per_socket=int(value.get("cores_per_socket", 0)),
        xend=tuple(_xend(row, where) for row in forms.items(value.get("xend", []), where)),
        msr=tuple(
            MsrString(forms.number(index, where), str(text))
            for index, text in (value.get("msr") or {}).items()
        ),
    )


def _xend(row: object, where: str) -> XendLeaf:
    """[leaf, subleaf, eax, ebx, ecx, edx]: strings of 32 characters, or null."""
    leaf, subleaf, a, b, c, d = forms.items(row, f"{where}.xend", 6)
    strings = (_string(a, where), _string(b, where), _string(c, where), _string(d, where))
    return XendLeaf(forms.number(leaf, where), forms.number(subleaf, where), strings)


def _string(value: object, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise forms.CaseError(f"{where}.xend: a text or null was expected, not {value!r}")

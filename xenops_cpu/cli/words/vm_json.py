"""A VM's policy and what became of its settings, for programs: docs/json.md has the schema."""

from __future__ import annotations

from typing import Any

from ...cpuid.words import guest_featureset
from ...guests.domain import Refusal
from ..started_vm import StartedVm
from .arrival import change_json
from .vm import against_default, facts, in_vain, reset_text


def _refusal_json(refusal: Refusal) -> dict[str, Any]:
    return {
        "errno": refusal.name,
        "place": refusal.place,
        "leaf": f"{refusal.leaf:08x}",
        "subleaf": f"{refusal.subleaf:08x}",
        "msr": f"{refusal.msr:08x}",
        "why": refusal.why,
    }


def document(started: StartedVm) -> dict[str, Any]:
    """docs/json.md has the schema."""
    from ..commands.policy import document as policy_document

    domain = started.domain
    xen = domain.hypervisor.release
    changes = against_default(domain)
    return {
        "release": xen.name,
        "host": started.host.origin,
        "type": domain.config.type,
        "toolstack": started.toolstack,
        "policy": policy_document(domain.policy, xen),
        "features": xen.names(guest_featureset(domain.policy, xen)),
        "facts": dict(facts(domain)),
        "other_than_default": [change_json(change) for change in changes],
        "changed": None
        if started.changed is None
        else [change_json(change) for change in started.changed],
        "in_vain": list(in_vain(started)),
        "refusal": None if started.start.refusal is None else _refusal_json(started.start.refusal),
        "complaints": list(started.complaints),
        "resets": [reset_text(reset) for reset in started.start.resets],
        "notes": list(domain.hypervisor.notes),
    }

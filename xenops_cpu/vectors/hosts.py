"""Cases about one host: the featuresets and the whole policies that Xen makes on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..derivation.policies import system_policies
from . import forms


def featuresets_of(ask: Mapping[str, Any]) -> dict[str, Any]:
    """The six featuresets; null for one that the release does not have."""
    derived = forms.derivation(ask)
    return {
        name: None if featureset is None else str(featureset)
        for name, featureset in derived.featuresets.items()
    }


def policies_of(ask: Mapping[str, Any]) -> dict[str, Any]:
    """The whole policies, those that the release has."""
    policies = system_policies(forms.derivation(ask))
    return {name: forms.policy_json(policy) for name, policy in policies.items()}

"""The steps of a domain's policy: said once, in the right releases, documented."""

from __future__ import annotations

from tests import ROOT
from xenops_cpu.derivation.policies import POLICY_PHASES
from xenops_cpu.derivation.releases import span
from xenops_cpu.guests import libxc, recalculation, topology
from xenops_cpu.guests.reasons import steps

PHASES = (libxc.APPLY, topology.TOPOLOGY, *recalculation.PHASES)


def test_page_has_the_steps() -> None:
    """docs/vm.md has each step as it is; scripts/document-derivation writes them."""
    page = (ROOT / "docs" / "vm.md").read_text()
    for phase in (*POLICY_PHASES, *PHASES):
        for step in phase.steps:
            cells = (f"`{step.id}`", step.when, step.effect, step.why, step.places, step.releases)
            assert f"| {' | '.join(cells)} |" in page, step.id


def test_ids_and_spans() -> None:
    """Each id stands for one step, each span can be read, each step has its reason."""
    ids = [step.id for phase in PHASES for step in phase.steps]
    assert len(ids) == len(set(ids))
    for phase in PHASES:
        for step in phase.steps:
            assert span(step.releases)
            assert steps()[step.id] == step.why

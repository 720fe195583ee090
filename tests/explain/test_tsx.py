"""The state of TSX in words, on the CPUs whose story docs/tsx.md tells."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests import ROOT
from tests.support.hosts import example, made
from xenops_cpu.cpus import shipped
from xenops_cpu.cpus.params import options_of
from xenops_cpu.explain.tsx import tsx
from xenops_cpu.features.release import release
from xenops_cpu.hosts.host import UNTOLD
from xenops_cpu.sources.simulated import Simulated, other_cpu


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("xeon-x5667", "absent, refused in a migration"),
        ("xeon-gold-6154+2017", "present, offered at boot"),
        (
            "xeon-platinum-8280+2019-11",
            "present, hidden at boot, accepted in a migration, always aborts",
        ),
        (
            "cc150+2022-02+sgx",
            "present, hidden at boot, accepted in a migration, always aborts, locked off",
        ),
    ],
)
def test_the_words(name: str, words: str) -> None:
    """Present, hidden, accepted, aborting and locked off: each where it holds."""
    found = shipped.find(name)
    host, derivation = Simulated(
        other_cpu(found.cpu), release("4.17"), options_of(found.params)
    ).explained()
    state = tsx(host, derivation)
    assert ", ".join(state.words) == words
    assert len(state.sentences) >= len(state.words)


def test_from_the_sets_alone() -> None:
    """A captured host tells all but the lock."""
    assert tsx(made(default="FPU", max_="FPU RTM", host="FPU RTM")).words == (
        "present",
        "hidden at boot",
        "accepted in a migration",
    )
    assert tsx(example("epyc-xen-4.17")).words == ("absent", "refused in a migration")


def _rows() -> list[list[str]]:
    """The table of docs/tsx.md, a list of cells for each CPU."""
    page = (ROOT / "docs" / "tsx.md").read_text().partition("<!-- rows -->\n")[2]
    lines = page.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[0])
def test_the_page_s_table_is_real(row: list[str]) -> None:
    """What the page says of a CPU with some microcode is what Xen 4.17 makes of it."""
    found = shipped.find(row[0].strip("`"))
    host, _ = Simulated(other_cpu(found.cpu), release("4.17"), options_of(found.params)).explained()
    sets, features = host.featuresets, host.release.features
    assert sets.hvm_max is not None
    for featureset, cell in zip((sets.raw, sets.hvm_default, sets.hvm_max), row[3:], strict=True):
        names = [n for n in ("HLE", "RTM", "RTM_ALWAYS_ABORT") if features[n].number in featureset]
        assert names == cell.replace("-", "").split()


def test_sets_that_nobody_told_say_nothing() -> None:
    """Without a host set TSX is neither present nor absent; what is offered is told."""
    host = made(default="FPU", max_="FPU RTM")
    sets = evolve(host.featuresets, raw=UNTOLD, host=UNTOLD)
    assert tsx(evolve(host, featuresets=sets)).words == (
        "hidden at boot",
        "accepted in a migration",
    )
    nothing = evolve(sets, pv_default=UNTOLD, hvm_default=UNTOLD, pv_max=UNTOLD, hvm_max=UNTOLD)
    assert tsx(evolve(host, featuresets=nothing)).words == ()

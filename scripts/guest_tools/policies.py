"""Files of whole system policies: of Xen's code given a dump, and of Xens that were booted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.derivation import SETS
from xenops_cpu.derivation.policies import system_policies

from . import texts
from .hosts import Corpus, booted
from .score import Score, differences


def count(path: Path, folder: Path, score: Score) -> None:
    """Every record of a file; the dumps are in `folder`/corpus."""
    corpus = Corpus(folder)
    for record in texts.lines(path):
        if "id" in record:
            raw = texts.policy(record["raw"])
            ours = system_policies(
                corpus.derived(record["xen"], record["id"], corpus.options(record, raw))
            )
            for name in SETS:
                score.count(
                    f"{record['xen']} {record['id']} {name}",
                    differences(texts.policy(record[name]), ours[name]),
                )
        else:
            _printed(record, score)


def _printed(record: Mapping[str, Any], score: Score) -> None:
    """As xen-cpuid printed them: empty leaves are counted and not listed."""
    raw = texts.policy(record["raw"])
    ours = system_policies(booted(record["xen"], raw, record["cmdline"], record["ucode"]))
    for name in SETS:
        want, policy = texts.policy(record[name]), ours[name]
        leaves = {key: registers for key, registers in policy.leaves.items() if any(registers)}
        faults = differences(want, Policy(leaves, policy.msrs))
        # The raw policy is what was read in: of its empty leaves only the number is known.
        if name != "raw" and record[name]["nr_leaves"] != len(policy.leaves):
            faults.append(f"{len(policy.leaves)} leaves, should be {record[name]['nr_leaves']}")
        score.count(f"{record['xen']} {record['cpu']} {name}", faults)

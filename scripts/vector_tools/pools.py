"""Cases about several hosts: what XenServer's libxc combined, and what xapi's rule says of a VM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.pools.levelling import level
from xenops_cpu.vectors.answers import answer

from .case import records

_COMBINED = "XenServer's libxc: xc_combine_cpu_featuresets()"
_COMPATIBLE = "XenServer's libxc: xc_cpu_featuresets_are_compatible()"
_RULE = "the rule of xapi's assert_vm_is_compatible, with Xen's default and maximum"
_EACH = 10


def levels(golden: Path) -> Iterator[dict[str, Any]]:
    """Where the level is not just what all have first, a few of each release."""
    count: Counter[str] = Counter()
    combined = enumerate(records(golden / "pools" / "combine.jsonl"))
    for number, record in sorted(combined, key=lambda row: _plain(row[1])):
        xen = release(record["release"]).name
        if count[xen] == _EACH:
            continue
        count[xen] += 1
        sets = [record["left"], record["right"]]
        yield {
            "id": f"combine-{number}", "question": "level", "about": f"two hosts of {xen}",
            "source": _COMBINED, "ask": {"release": xen, "featuresets": sets},
            "answer": {"featureset": record["level"]},
        }  # fmt: skip
    epyc, three = release("4.17"), [("FPU", "SSE"), ("FPU", "SSE", "AVX"), ("FPU",)]
    sets = [str(epyc.featureset(names)) for names in three]
    yield {
        "id": "three-hosts", "question": "level", "about": "three hosts; AVX goes without XSAVE",
        "source": "the rule", "ask": {"release": "4.17", "featuresets": sets},
        "answer": {"featureset": str(level([Featureset.parse(text) for text in sets], epyc))},
    }  # fmt: skip


def _plain(record: dict[str, Any]) -> bool:
    left, right, combined = (Featureset.parse(record[name]) for name in ("left", "right", "level"))
    return (left & right).bits == combined.bits


def checks(golden: Path) -> Iterator[dict[str, Any]]:
    """Subsets as libxc judges them, then what only max, a vendor or an empty record decides."""
    count: Counter[tuple[str, bool]] = Counter()
    for number, record in enumerate(records(golden / "pools" / "compatible.jsonl")):
        xen, fits = release(record["release"]).name, record["error"] is None
        if count[xen, fits] == 3:
            continue
        count[xen, fits] += 1
        host = {"vendor": "GenuineIntel", "boot": record["host"], "migration": record["host"]}
        vm = {"vendor": "GenuineIntel", "featureset": record["vm"]}
        about = f"a VM on a host of {xen}"
        case = _check(f"compatible-{number}", about, _COMPATIBLE, xen, vm, host)
        if (case["answer"]["verdict"] in ("Migrates", "Only_by_max")) != fits:
            raise SystemExit(f"compatible {number}: judged otherwise")
        yield case
    named = release("4.17")
    sets = (("FPU", "SSE"), ("FPU", "SSE", "RTM"), ("FPU", "AVX"))
    boot, most, other = (str(named.featureset(names)) for names in sets)
    host = {"vendor": "GenuineIntel", "boot": boot, "migration": most}
    for name, vm, about in (
        ("boots", {"featureset": None}, "it has seen nothing yet"),
        ("migrates", {"vendor": "GenuineIntel", "featureset": boot}, "what a new guest gets"),
        ("max", {"vendor": "GenuineIntel", "featureset": most}, "RTM, which only max has"),
        ("force", {"vendor": "", "featureset": other}, "no AVX there"),
        ("vendor", {"vendor": "AuthenticAMD", "featureset": boot}, "another vendor"),
    ):
        yield _check(name, about, _RULE, named.name, vm, host)


def _check(
    identity: str, about: str, source: str, xen: str, vm: dict[str, Any], host: dict[str, Any]
) -> dict[str, Any]:
    ask = {"release": xen, "type": "hvm", "vm": vm, "host": host}
    return {
        "id": identity, "question": "check", "about": about, "source": source, "ask": ask,
        "answer": answer({"question": "check", "ask": ask}),
    }  # fmt: skip

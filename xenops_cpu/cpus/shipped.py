"""The CPUs that come with the program, by name: real ones of public dump collections.

The facts are in data/cpus.jsonl, a JSON object a line, made by scripts/import-cpus; docs/cpus.md
lists them with their sources. `policy` is the text form of leaves (subleaf 0 where there is none)
and registers that xenops_cpu/policy.py reads; with `of` it holds what differs from that CPU: the
same silicon with other microcode or other firmware settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from attrs import field, frozen

from ..cpuid.cpu import Cpu
from ..cpuid.policy import Policy

# Enough to choose from; a message is no catalogue.
_MAX_LISTED = 12


class UnknownCpu(ValueError):
    """No shipped CPU has that name, or several have; the message lists what there is."""


@frozen
class Shipped:
    """One CPU. `title` is the product's name, `source` collection, file and date.

    `note` says what a variant differs in, else that the CPU stands for others; `of` is the id of
    the CPU it is a variant of. `params` are circumstances that no leaf shows (smt, sbpb).
    """

    id: str
    title: str
    microarchitecture: str
    source: str
    cpu: Cpu
    note: str = ""
    of: str | None = None
    stands_for: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before believing it."""
        origin = f"CPUID and registers from {self.source}"
        if self.of is not None:
            return (origin, f"a variant of {self.of}, not dumped but put together: {self.note}")
        return (origin, f"it {self.note}") if self.note else (origin,)

    @property
    def microcode(self) -> int | None:
        """The revision that the dump was made with, None where it does not tell."""
        return self.cpu.microcode

    def __str__(self) -> str:
        return f"{self.id} ({self.title})"


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """The entries of the data file by id, in its order; only a CPU that is asked for is decoded."""
    text = (resources.files("xenops_cpu") / "data" / "cpus.jsonl").read_text(encoding="utf-8")
    return {entry["id"]: entry for entry in map(json.loads, text.splitlines())}


@cache
def get(identity: str) -> Shipped:
    """The CPU with exactly this id. Raises UnknownCpu."""
    entry = catalogue().get(identity)
    if entry is None:
        raise UnknownCpu(f'no shipped CPU has the id "{identity}"')
    policy = Policy.parse(entry["policy"])
    leaves, msrs = policy.leaves, policy.msrs
    if "of" in entry:
        base = get(entry["of"]).cpu
        leaves, msrs = {**base.leaves, **leaves}, {**base.msrs, **msrs}
    stands_for = tuple(entry.get("stands_for", ()))
    note = entry.get("note", "")
    if stands_for:
        note = f"stands for {', '.join(stands_for)}: the same family, model and stepping"
    return Shipped(
        id=entry["id"],
        title=entry["title"],
        microarchitecture=entry["uarch"],
        source=entry["source"],
        cpu=Cpu(
            leaves=leaves,
            msrs=msrs,
            microcode=int(entry["microcode"], 16) if "microcode" in entry else None,
            name=entry["title"] + identity.removeprefix(entry.get("of", identity)),
        ),
        note=note,
        of=entry.get("of"),
        stands_for=stands_for,
        params=entry.get("params", {}),
    )


def every() -> list[Shipped]:
    """Every CPU, in the documentation's order."""
    return [get(identity) for identity in catalogue()]


def find(text: str) -> Shipped:
    """The CPU that a person means: an id, else the words of a name, in any case and order.

    Words are looked for in id, product name (also those a CPU stands for), microarchitecture and
    note; a whole brand string, as CPUID and /proc/cpuinfo have it, will do as well. A CPU comes
    before its variants: a variant is found by a word of its own. Raises UnknownCpu, which lists the
    candidates.
    """
    entries = catalogue()
    if text.strip().lower() in entries:
        return get(text.strip().lower())
    wanted = _words(text)
    fitting = [name for name, entry in entries.items() if wanted and wanted <= _words_of(entry)]
    fitting = fitting or [name for name in entries if wanted and wanted == _brand(name)]
    chosen = [name for name in fitting if entries[name].get("of") not in fitting]
    if len(chosen) == 1:
        return get(chosen[0])
    if chosen:
        raise UnknownCpu(f'"{text}" fits several shipped CPUs: {_listed(chosen)}')
    telling = wanted - _COMMON
    near = [name for name, entry in entries.items() if telling & _words_of(entry)]
    near = [name for name in near if "of" not in entries[name]]
    advice = f"near are {_listed(near)}" if near else f"there are {_listed(list(entries))}"
    raise UnknownCpu(f'no shipped CPU is called "{text}"; {advice}')


# Words that make nobody think of a certain CPU.
_COMMON = frozenset({"intel", "amd", "xeon", "core", "lake", "sp", "with", "microcode"})


def _words(text: str) -> frozenset[str]:
    """Letters, digits and dots that belong together; not trade marks and the speed at the end."""
    text = re.sub(r"\((?:r|tm)\)|@.*", " ", text.lower())
    return frozenset(re.findall(r"[a-z0-9.]+", text)) - {"cpu", "processor"}


def _words_of(entry: Mapping[str, Any]) -> frozenset[str]:
    parts = [entry["id"], entry["title"], entry["uarch"], entry.get("note", "")]
    return _words(" ".join([*parts, *entry.get("stands_for", ())]))


def _brand(identity: str) -> frozenset[str]:
    return _words(get(identity).cpu.brand)


def _listed(identities: list[str]) -> str:
    more = len(identities) - _MAX_LISTED
    return ", ".join(identities[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "")

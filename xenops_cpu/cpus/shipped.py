"""The CPUs that come with the program, by name: real ones of public dump collections.

The facts are in data/cpus.jsonl, a JSON object a line, made by scripts/import-cpus; docs/cpus.md
lists them with their sources. `policy` is the text form of leaves (subleaf 0 where there is none)
and registers that xenops_cpu/cpuid/policy.py reads.

A name says which part; after a `+` may stand which microcode it runs (xenops_cpu/cpus/wish.py) and
how its firmware is set (firmware.py): `xeon-gold-6240+2023-08`, `epyc-7742+as-dumped+smt-off`.
Without one it is the newest public microcode under firmware as usual: the CPU as it runs today.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from attrs import evolve, frozen

from .. import data_files
from ..cpuid.cpu import Cpu
from ..cpuid.policy import Policy
from ..errors import InputError
from . import firmware, running, wish
from .running import Running
from .wish import NEWEST, Wish

# Enough to choose from; a message is no catalogue.
_MAX_LISTED = 12


class UnknownCpu(InputError):
    """No shipped CPU has that name, or several have; the message lists what there is."""


@frozen
class Shipped:
    """One CPU as it was dumped. `title` is the product's name, `source` collection, file and date.

    `note`: what to know of the dump; `stands_for`: products of the same signature.
    """

    id: str
    title: str
    microarchitecture: str
    source: str
    cpu: Cpu
    note: str = ""
    stands_for: tuple[str, ...] = ()

    @property
    def microcode(self) -> int | None:
        """The revision that the dump was made with, None where it does not tell."""
        return self.cpu.microcode

    def __str__(self) -> str:
        return f"{self.id} ({self.title})"


class Instance(NamedTuple):
    """A shipped CPU as it runs under a name. `note`: of a name that meant something else once."""

    id: str
    shipped: Shipped
    running: Running
    note: str = ""

    @property
    def cpu(self) -> Cpu:
        return self.running.cpu

    @property
    def params(self) -> Mapping[str, Any]:
        """Circumstances that no leaf shows, as in a record (smt, sbpb)."""
        return self.running.params

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before believing it: which microcode it is first, in a line."""
        origin = f"CPUID and registers from {self.shipped.source}"
        of_dump = f"it {self.shipped.note}" if self.shipped.note else ""
        return tuple(filter(None, (self.running.basis, self.note, origin, of_dump)))

    def __str__(self) -> str:
        return f"{self.id} ({self.shipped.title})"


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """The entries of the data file by id, in its order; only a CPU that is asked for is decoded."""
    text = data_files.read_text("cpus.jsonl")
    return {entry["id"]: entry for entry in map(json.loads, text.splitlines())}


@cache
def aliases() -> Mapping[str, tuple[str, str]]:
    """Names from before: to what they mean now (as after a `+`), and a note (or "")."""
    text = data_files.read_text("cpu-aliases.txt")
    rows = (row.split("|") for row in text.splitlines() if not row.startswith("#"))
    return {name.strip(): (means.strip(), note.strip()) for name, means, note in rows}


@cache
def get(identity: str) -> Shipped:
    """The CPU with exactly this id. Raises UnknownCpu."""
    entry = catalogue().get(identity)
    if entry is None:
        raise UnknownCpu(f'no shipped CPU has the id "{identity}"')
    policy = Policy.parse(entry["policy"])
    stands_for = tuple(entry.get("stands_for", ()))
    notes = [entry["note"]] if "note" in entry else []
    if stands_for:
        notes.append(f"stands for {', '.join(stands_for)}: the same family, model and stepping")
    return Shipped(
        id=entry["id"],
        title=entry["title"],
        microarchitecture=entry["uarch"],
        source=entry["source"],
        cpu=Cpu(
            leaves=policy.leaves,
            msrs=policy.msrs,
            microcode=int(entry["microcode"], 16) if "microcode" in entry else None,
            name=entry["title"],
        ),
        note="; it ".join(notes),
        stands_for=stands_for,
    )


def every() -> list[Shipped]:
    """Every CPU, in the documentation's order."""
    return [get(identity) for identity in catalogue()]


def find(text: str, microcode: Wish | None = None) -> Instance:
    """The CPU that a person means, as it runs: a name, and after each `+` microcode or firmware.

    The name is an id, else words: they are looked for in id, product name (also those a CPU stands
    for) and microarchitecture, in any case and order; a whole brand string, as CPUID and
    /proc/cpuinfo have it, will do as well. `microcode`: the wish where the text has none.

    Raises UnknownCpu, which lists the candidates; WishError and FirmwareError.
    """
    name, words = _taken_apart(text)
    shipped, alias = _by_name(name)
    means, note = aliases().get(alias, ("", ""))
    wishes = [word for word in (*means.split("+"), *words) if word and wish.is_wish(word)]
    settings = [word for word in (*means.split("+"), *words) if word and word not in wishes]
    if len(wishes) + (microcode is not None) > 1:
        names = ", ".join((*wishes, *([microcode.text] if microcode else [])))
        raise UnknownCpu(f'"{text}" asks for more than one microcode: {names}')
    state = microcode or (wish.parse(wishes[0]) if wishes else NEWEST)
    result = running.of(shipped.cpu, state, firmware.parse(settings))
    suffix = alias.removeprefix(shipped.id) if alias else ""
    if state != NEWEST and not alias:
        suffix += f"+{state.text}"
    suffix += "".join(f"+{word}" for word in words if word in settings)
    cpu = evolve(result.cpu, name=shipped.title + suffix)
    return Instance(
        shipped.id + suffix,
        shipped,
        evolve(result, cpu=cpu),
        f"{alias}: {note}" if note else "",
    )


def _taken_apart(text: str) -> tuple[str, list[str]]:
    """The name, and the words after it. Raises UnknownCpu for a word that is none.

    A name may itself have a + (Xeon Gold 5520+, names from before).
    """
    name = text.strip()
    words: list[str] = []
    while "+" in name and name.lower() not in catalogue() and name.lower() not in aliases():
        base, _, word = name.rpartition("+")
        if not word.strip():
            break
        if not wish.is_wish(word) and not firmware.is_word(word):
            raise UnknownCpu(
                f'"{text}": +{word} is neither microcode ({wish.FORMS}) '
                f"nor a firmware setting ({firmware.WORDS})"
            )
        name = base.strip()
        words.insert(0, word.strip().lower())
    return name, words


def _by_name(text: str) -> tuple[Shipped, str]:
    """The CPU of a name without `+` words, and the alias that the name is (or "")."""
    entries, identity = catalogue(), text.lower()
    if identity in entries:
        return get(identity), ""
    if identity in aliases():
        return get(_base(identity)), identity
    words = _words(text)
    fitting = [name for name, entry in entries.items() if words and words <= _words_of(entry)]
    fitting = fitting or [name for name in entries if words and words == _brand(name)]
    if len(fitting) == 1:
        return get(fitting[0]), ""
    if fitting:
        raise UnknownCpu(f'"{text}" fits several shipped CPUs: {_listed(fitting)}')
    before = [alias for alias in aliases() if words and words <= _words(alias)]
    if len(before) == 1:
        return get(_base(before[0])), before[0]
    telling = words - _COMMON
    near = before or [name for name, entry in entries.items() if telling & _words_of(entry)]
    advice = f"near are {_listed(near)}" if near else f"there are {_listed(list(entries))}"
    raise UnknownCpu(f'no shipped CPU is called "{text}"; {advice}')


def _base(alias: str) -> str:
    """The id of the CPU that an alias is of."""
    return max((name for name in catalogue() if alias.startswith(f"{name}+")), key=len)


# Words that make nobody think of a certain CPU.
_COMMON = frozenset({"intel", "amd", "xeon", "core", "lake", "sp"})


def _words(text: str) -> frozenset[str]:
    """Letters, digits and dots that belong together; not trade marks and the speed at the end."""
    text = re.sub(r"\((?:r|tm)\)|@.*", " ", text.lower())
    return frozenset(re.findall(r"[a-z0-9.]+", text)) - {"cpu", "processor"}


def _words_of(entry: Mapping[str, Any]) -> frozenset[str]:
    parts = [entry["id"], entry["title"], entry["uarch"]]
    return _words(" ".join([*parts, *entry.get("stands_for", ())]))


def _brand(identity: str) -> frozenset[str]:
    return _words(get(identity).cpu.brand)


def _listed(identities: list[str]) -> str:
    more = len(identities) - _MAX_LISTED
    return ", ".join(identities[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "")

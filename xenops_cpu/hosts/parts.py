"""What texts tell of one host, each a part of it, and the host that the parts make.

A bug report has the sets in one file, the policies in another, Xen's version in a third. What
nobody told stays open: UNTOLD for a set, a note for a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, fields_dict, frozen

from ..cpuid.cpu import CpuError, cpu_of
from ..cpuid.policy import Policy
from ..cpuid.words import policy_featureset
from ..errors import InputError
from ..features.featureset import Featureset, FeaturesetError
from ..features.fit import fit
from ..features.release import RELEASES, Release, release
from .host import UNKNOWN, UNTOLD, Featuresets, Host, Processor, Topology, Xen

# The members of Featuresets, in the order in which people expect them.
SETS = ("raw", "host", "pv_default", "hvm_default", "pv_max", "hvm_max")
# Of a record of Host.cpu_info: the keys in which it has these sets.
_KEYS = {
    "host": "features",
    "pv_default": "features_pv_host",
    "hvm_default": "features_hvm_host",
    "pv_max": "features_pv",
    "hvm_max": "features_hvm",
}
# XenServer up to 6.5 had four words, in an order of its own (xapi, doc/design/cpu-levelling).
_OLD_STYLE_WORDS = 4
_NOT_COUNTED = Topology(cpu_count=0, socket_count=0, threads_per_core=0, nr_nodes=0)


@frozen
class Parts:
    """`sets` and `policies` are by the names of Featuresets; "" and None: not told.

    `known` are the masks of the Xen that printed the sets, as far as it prints them.
    """

    name: str = ""
    sets: Mapping[str, Featureset] = field(factory=dict)
    policies: Mapping[str, Policy] = field(factory=dict)
    known: Mapping[str, Featureset] = field(factory=dict)
    version: str = ""
    capabilities: str = ""
    commandline: str = ""
    processor: Processor | None = None
    topology: Topology | None = None
    iommu: bool | None = None
    hvm: bool | None = None
    notes: tuple[str, ...] = ()

    def __or__(self, other: Parts) -> Parts:
        """Both; where both tell the same thing, this one's word counts."""
        merged = {
            name: getattr(self, name) or getattr(other, name)
            for name in ("name", "known", "version", "capabilities", "commandline")
        }
        merged |= {
            name: getattr(other if getattr(self, name) is None else self, name)
            for name in ("processor", "topology", "iommu", "hvm")
        }
        return Parts(
            sets={**other.sets, **self.sets},
            policies={**other.policies, **self.policies},
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            **merged,
        )

    @property
    def a_host(self) -> bool:
        """Whether this is enough to speak of a host: some set or policy."""
        return bool(self.sets or self.policies)


def of_cpu_info(info: Mapping[str, str], where: str) -> Parts:
    """A record of Host.cpu_info, as xapi stores and prints it. Raises InputError.

    Xen's host set is told only by xenopsd's own record. A record without the `_host` keys, of
    XenServer 7 to 8.2 before 2023, has one set a guest type for boot and migration.
    """
    sets = {
        name: featureset(info[key], f"{where}: {key}")
        for name, key in _KEYS.items()
        if info.get(key)
    }
    notes = []
    old = sets.get("host")
    if old is not None and old.length == _OLD_STYLE_WORDS and len(sets) == 1:
        ecx, edx, extended_ecx, extended_edx = old.words
        sets = {"host": Featureset.of_words((edx, ecx, extended_edx, extended_ecx))}
        notes.append(
            "features has four words in the order of XenServer 6.x (1c, 1d, e1c, e1d): put in "
            "Xen's order; what guests got was the same set"
        )
        sets |= {"pv_default": sets["host"], "hvm_default": sets["host"]}
    for kind in ("pv", "hvm"):
        if f"{kind}_max" in sets and f"{kind}_default" not in sets:
            sets[f"{kind}_default"] = sets[f"{kind}_max"]
            notes.append(
                f"features_{kind}_host is missing: features_{kind} is taken for boot as well"
            )
    lines = {name: info[name] for name in fields_dict(Processor) if info.get(name)}
    counts = {name: _count(info.get(name, "")) for name in fields_dict(Topology)}
    return Parts(
        sets=sets,
        processor=Processor(**lines) if lines else None,
        topology=Topology(**counts) if counts["cpu_count"] else None,
        notes=tuple(notes),
    )


def featureset(text: str, where: str) -> Featureset:
    """Raises InputError, which names the place."""
    try:
        return Featureset.parse(text)
    except FeaturesetError as error:
        raise InputError(f"{where}: {error}") from error


def host(told: Parts, origin: str) -> Host:
    """The host that the parts make; its notes say what was not told."""
    version, notes = told.version, list(told.notes)
    if not version and (found := _release_with(told.known)):
        version = release(found).version
        notes.append(f"the version of Xen is taken from its static sets: {release(found).title}'s")
    length = max((known.length for known in told.sets.values()), default=0)
    xen = fit(version, length).release
    if not version and not length and told.policies:
        notes.append(f"the version of Xen is not told: words are those of {xen.title}")
    sets = dict(told.sets)
    for name in SETS:
        if name not in sets and name in told.policies:
            sets[name] = policy_featureset(told.policies[name], xen)
    if len(sets) > len(told.sets):
        notes.append(
            "sets are made from the policies: what Xen has in leaves beyond a policy's highest "
            "(VERW_CLEAR on AMD) does not show"
        )
    hvm = told.hvm
    if hvm is None:
        hvm = "hvm" in told.capabilities or bool(sets.get("hvm_default"))
    notes += _untold(told, sets, xen)
    return Host(
        origin=origin,
        xen=Xen(version or UNKNOWN, told.capabilities, told.commandline),
        processor=told.processor or _processor(told.policies),
        topology=told.topology or _NOT_COUNTED,
        iommu=bool(told.iommu),
        hvm=hvm,
        featuresets=Featuresets(
            raw=sets.get("raw", UNTOLD),
            host=sets.get("host", UNTOLD),
            pv_default=sets.get("pv_default", UNTOLD),
            hvm_default=sets.get("hvm_default", UNTOLD),
            pv_max=sets.get("pv_max"),
            hvm_max=sets.get("hvm_max"),
        ),
        policies={
            name: told.policies[name]
            for name in SETS
            if name in told.policies and told.policies[name].leaves
        },
        notes=tuple(notes),
    )


def _untold(told: Parts, sets: Mapping[str, Featureset], xen: Release) -> Iterator[str]:
    wanted = SETS if xen.has_max else SETS[:4]
    missing = [name for name in wanted if name not in sets]
    if len(missing) == len(wanted):
        yield "no featureset is told, only what CPU it is"
    elif missing:
        yield f"not told: the sets {', '.join(missing)}"
    if told.topology is None:
        yield "not told: the counts of CPUs and sockets"
    if told.iommu is None:
        yield "not told: whether there is an IOMMU"


def _release_with(masks: Mapping[str, Featureset]) -> str | None:
    """The release with these masks; of several that have the same, the oldest."""
    if not masks:
        return None
    for name in RELEASES:
        there = release(name).masks
        if all(there.get(key) == mask for key, mask in masks.items()):
            return name
    return None


def _processor(policies: Mapping[str, Policy]) -> Processor:
    """What CPUID itself says, where a policy has it; speed and flags are Linux's to tell."""
    for name in ("raw", "host"):
        if name in policies:
            try:
                cpu = cpu_of(policies[name])
            except CpuError:
                continue
            return Processor(
                vendor=cpu.vendor,
                modelname=cpu.brand or UNKNOWN,
                family=str(cpu.family),
                model=str(cpu.model),
                stepping=str(cpu.stepping),
            )
    return Processor()


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0

"""What each bit of a featureset is called, and what Xen may do with it, for each Xen release.

Names, exposure annotations, masks and dependencies come from each release's own
xen/include/public/arch-x86/cpufeatureset.h and xen/tools/gen-cpuid.py (xen/arch/x86 for the
masks); the table of a release names the commit it was taken from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from importlib import resources

from attrs import frozen

from .featureset import WORD_BITS, Featureset

# Oldest first. XenServer's releases stand behind the upstream release they are built from.
RELEASES = (
    "4.7", "4.8", "4.9", "4.10", "4.11", "4.12", "4.13",
    "xenserver-8.2-retrofit", "xenserver-8.2",
    "4.14", "4.15", "4.16", "4.17", "xenserver-8",
    "4.18", "4.19", "4.20", "4.21", "4.22", "master",
)  # fmt: skip
NEWEST = RELEASES[-1]

# The bits that AMD repeats in 80000001h EDX from leaf 1 EDX: words 0 and 2 share their places
# (cpufeatureset.h, CPUID_COMMON_1D_FEATURES, the same in every release).
COMMON_1D = 0x0183F3FF


class ReleaseError(ValueError):
    """A text that names no Xen release known here."""


@frozen
class Word:
    """One 32-bit word: a register of a CPUID leaf, half an MSR, or reserved (`leaf`, `msr` None).

    `name` is xen-cpuid's abbreviation: 7b0 is leaf 7 EBX subleaf 0, e1c leaf 80000001h ECX, m10Al
    the low half of MSR 10ah. `subleaf` is None where the leaf has none.
    """

    index: int
    name: str
    leaf: int | None = None
    subleaf: int | None = None
    register: str | None = None
    msr: int | None = None
    half: str | None = None

    def __str__(self) -> str:
        if self.leaf is not None:
            subleaf = "" if self.subleaf is None else f":{self.subleaf}"
            return f"CPUID 0x{self.leaf:08x}{subleaf}.{self.register}"
        if self.msr is not None:
            return f"MSR 0x{self.msr:08x}.{self.half}"
        return f"reserved word {self.index}"


@frozen
class Feature:
    """A named bit. `annotation` is the header's: A all guests, S HVM shadow and above, H HVM with
    HAP only; lower case: in max but not in default; `!` special; none: never offered.
    """

    name: str
    number: int
    annotation: str

    @property
    def word(self) -> int:
        return self.number // WORD_BITS

    @property
    def bit(self) -> int:
        return self.number % WORD_BITS


@frozen
class Release:
    """The tables of one Xen release.

    `masks`: known, special, simple_or (only XenServer and recent Xen), pv_def, pv_max,
    hvm_shadow_def, hvm_shadow_max, hvm_hap_def, hvm_hap_max, deep_features. `deep_deps`: feature
    number to all that depend on it, directly or not. `features` is by name, in order of number.
    `has_max`: False before 4.14, where Xen has one set a guest type.
    """

    name: str
    source: str
    has_max: bool
    words: tuple[Word, ...]
    features: Mapping[str, Feature]
    masks: Mapping[str, Featureset]
    deep_deps: Mapping[int, Featureset]
    cmdline_names: Mapping[str, int | None]

    @property
    def length(self) -> int:
        """Of a featureset of this release, in words."""
        return len(self.words)

    @property
    def title(self) -> str:
        """For people: `Xen 4.17`, `XenServer 8`."""
        if self.name.startswith("xenserver-"):
            return "XenServer " + self.name.removeprefix("xenserver-").replace("-", " ")
        return f"Xen {self.name}"

    @cached_property
    def _by_number(self) -> dict[int, Feature]:
        return {feature.number: feature for feature in self.features.values()}

    def feature(self, number: int) -> Feature | None:
        return self._by_number.get(number)

    def label(self, number: int) -> str:
        """The name, or `<number>` for a bit without one, as xen-cpuid and libxc print it."""
        feature = self._by_number.get(number)
        return feature.name if feature else f"<{number // WORD_BITS}*32+{number % WORD_BITS}>"

    def names(self, features: Iterable[int]) -> list[str]:
        """Labels of feature numbers (a Featureset, for instance), in the order given."""
        return [self.label(number) for number in features]

    def featureset(self, names: Iterable[str]) -> Featureset:
        """The featureset that has just these features; KeyError names the one unknown."""
        return Featureset.of_features((self.features[name].number for name in names), self.length)


def release_name(text: str) -> str:
    """`4.17`, `4.17.7`, `Xen 4.17` and `xen-4.17` name the release `4.17`.

    Raises ReleaseError, which lists what there is.
    """
    name = re.sub(r"^xen[ -]", "", text.strip().lower()).replace("xenserver ", "xenserver-")
    if name in RELEASES:
        return name
    minor = re.match(r"4\.\d+(?=[.\-]|$)", name)
    if minor and minor[0] in RELEASES:
        return minor[0]
    raise ReleaseError(f'"{text}" is not a Xen release known here; there are {", ".join(RELEASES)}')


@cache
def release(name: str) -> Release:
    """The tables of the release that `name` means (see release_name). Raises ReleaseError."""
    canonical = release_name(name)
    return _load(canonical) if canonical == name else release(canonical)


def _load(name: str) -> Release:
    table = json.loads(
        resources.files("xenops_cpu").joinpath("data", "features", f"{name}.json").read_text()
    )
    words = tuple(_word(index, entry) for index, entry in enumerate(table["words"]))
    features = {
        key: Feature(key, number, annotation)
        for key, (number, annotation) in sorted(table["features"].items(), key=lambda f: f[1][0])
    }

    def numbers(dependents: list[str | int]) -> Iterable[int]:
        return (d if isinstance(d, int) else features[d].number for d in dependents)

    cmdline: dict[str, int | None] = {}
    if table["cmdline"]:
        cmdline = {key.lower().replace("_", "-"): f.number for key, f in features.items()}
        cmdline.update(dict.fromkeys(table["cmdline_only"]))
    return Release(
        name=name,
        source=table["source"],
        has_max=table["max_default_split"],
        words=words,
        features=features,
        masks={key: Featureset.parse(mask) for key, mask in table["masks"].items()},
        deep_deps={
            features[key].number: Featureset.of_features(numbers(dependents), len(words))
            for key, dependents in table["deep_deps"].items()
        },
        cmdline_names=dict(sorted(cmdline.items())),
    )


def _word(index: int, entry: list[str | int | None]) -> Word:
    match entry:
        case [str(name), str(leaf), subleaf, str(register)]:
            assert subleaf is None or isinstance(subleaf, int)
            return Word(index, name, leaf=int(leaf, 16), subleaf=subleaf, register=register)
        case [str(name), str(msr), str(half)]:
            return Word(index, name, msr=int(msr, 16), half=half)
        case _:
            return Word(index, str(entry[0]))

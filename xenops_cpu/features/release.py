"""What each bit of a featureset is called, and what Xen may do with it, for each Xen release.

Names, exposure annotations, masks and dependencies come from each release's own
xen/include/public/arch-x86/cpufeatureset.h and xen/tools/gen-cpuid.py (xen/arch/x86 for the
masks); the table of a release names the commit it was taken from.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import NamedTuple

from .. import data_files
from ..errors import Error
from .featureset import WORD_BITS, Featureset

# Oldest first. XenServer's builds stand behind the upstream release they are built from: a release
# of XenServer is a line of builds, `LINE-VERSION-PACKAGE`, and fixes for CPUs slide into each.
# With the number of words of each one's featuresets.
LENGTHS = {
    "4.7": 10, "4.8": 10, "4.9": 10, "4.10": 10, "4.11": 10, "4.12": 10, "4.13": 11,
    "xenserver-8.2-retrofit": 18, "xenserver-8.2-4.13.5-9.39": 22, "xenserver-8.2-4.13.5-9.49": 22,
    "4.14": 18, "4.15": 18, "4.16": 18, "4.17": 19,
    "xenserver-8-4.17.3-4": 22, "xenserver-8-4.17.6-2": 23,
    "4.18": 19, "4.19": 19, "4.20": 19, "4.21": 19, "4.22": 19, "master": 19,
}  # fmt: skip
RELEASES = tuple(LENGTHS)
NEWEST = RELEASES[-1]
# The first whose derivation is known (derivation/).
DERIVED_SINCE = "4.13"
# XenServer's lines and the version of Xen they are built from. XCP-ng has the same hypervisors.
LINES = {"xenserver-8.2-retrofit": "4.13", "xenserver-8.2": "4.13", "xenserver-8": "4.17"}
UPSTREAM = tuple(name for name in RELEASES if not name.startswith("xenserver-"))
# What the next release calls itself while it is made.
_UNSTABLE = "4.23-unstable"
# What else people call a line: the products, and XenServer 8's own version number.
_PRODUCTS = {
    "xcp-ng-8.3": "xenserver-8",
    "xcp-ng-8.2": "xenserver-8.2",
    "xenserver-8.4": "xenserver-8",
    "citrix-hypervisor-8.2": "xenserver-8.2",
}

# The bits that AMD repeats in 80000001h EDX from leaf 1 EDX: words 0 and 2 share their places
# (cpufeatureset.h, CPUID_COMMON_1D_FEATURES, the same in every release).
COMMON_1D = 0x0183F3FF
# FDP_EXCP_ONLY and NO_FPU_SEL, bits 6 and 13 of word 5: how the CPU saves x87 state, which nobody
# can hide. Xen offers them to no guest and puts the host's into every guest's policy
# (arch/x86/cpu-policy.c, recalculate_cpuid_policy()).
X87 = (1 << 6 | 1 << 13) << 5 * 32


class ReleaseError(Error):
    """A text that names no Xen release known here."""


class Word(NamedTuple):
    """One 32-bit word: a register of a CPUID leaf, half an MSR, or reserved (`leaf`, `msr` None).

    `name` is xen-cpuid's abbreviation: 7b0 is leaf 7 EBX subleaf 0, e1c leaf 80000001h ECX, m10Al
    the low half of MSR 10ah. `subleaf` is None where the leaf has none.
    """

    index: int  # type: ignore[assignment] # instead of tuple's method
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


class Feature(NamedTuple):
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


class Release:
    """The tables of one Xen release; there is one object for each.

    `masks`: known, special, simple_or (only XenServer and recent Xen), pv_def, pv_max,
    hvm_shadow_def, hvm_shadow_max, hvm_hap_def, hvm_hap_max, deep_features. `deep_deps`: feature
    number to all that depend on it, directly or not. `features` is by name, in order of number.
    `has_max`: False before 4.14, where Xen has one set a guest type.
    """

    def __init__(
        self,
        name: str,
        source: str,
        has_max: bool,
        words: tuple[Word, ...],
        features: Mapping[str, Feature],
        masks: Mapping[str, Featureset],
        deep_deps: Mapping[int, Featureset],
        cmdline_names: Mapping[str, int | None],
    ) -> None:
        self.name = name
        self.source = source
        self.has_max = has_max
        self.words = words
        self.features = features
        self.masks = masks
        self.deep_deps = deep_deps
        self.cmdline_names = cmdline_names

    def __reduce__(self) -> tuple["Callable[[str], Release]", tuple[str]]:
        return release, (self.name,)  # to another process the name is enough

    def __repr__(self) -> str:
        return f"<Release {self.name}: {self.length} words, {len(self.features)} features>"

    @property
    def length(self) -> int:
        """Of a featureset of this release, in words."""
        return len(self.words)

    @property
    def line(self) -> str:
        """What the builds of one release have in common; of an upstream release, its name."""
        return line_of(self.name)

    @property
    def build(self) -> str:
        """Of a line, such as `4.17.6-2` (Xen's version and the package's release), else ""."""
        return self.name.removeprefix(self.line).removeprefix("-")

    @property
    def xenserver(self) -> bool:
        """Whether it is XenServer's or XCP-ng's patched Xen and libxc."""
        return self.line in LINES

    @property
    def version(self) -> str:
        """What the hypervisor says of itself: `4.17`, `4.17.6-2`."""
        if self.xenserver:
            return self.build or LINES[self.line]
        return _UNSTABLE if self.name == NEWEST else self.name

    @property
    def place(self) -> int:
        """In RELEASES: the later of two releases has the greater one."""
        return RELEASES.index(self.name)

    @property
    def title(self) -> str:
        """For people: `Xen 4.17`, `XenServer 8 (4.17.6-2)`."""
        if not self.xenserver:
            return f"Xen {self.name}"
        title = "XenServer " + self.line.removeprefix("xenserver-").replace("-", " ")
        return f"{title} ({self.build})" if self.build else title

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


def spoken_range(first: str) -> str:
    """Releases from one on, for people: `4.13 to 4.22, master, xenserver-8.2, xenserver-8`."""
    numbered = [name for name in UPSTREAM[UPSTREAM.index(first) :] if name != NEWEST]
    lines = [line for line in LINES if line not in RELEASES]
    return f"{numbered[0]} to {numbered[-1]}, {', '.join((NEWEST, *lines))}"


def line_of(name: str) -> str:
    """The line that a release is a build of; of an upstream release, its name."""
    return next((line for line in LINES if _in_line(name, line)), name)


@cache
def builds(line: str) -> tuple[str, ...]:
    """The builds of a line that have tables here, oldest first."""
    return tuple(name for name in RELEASES if _in_line(name, line))


def nearest_build(line: str, build: str) -> str:
    """The newest known build of a line at or below `build`; the oldest where none is below."""
    below = [name for name in builds(line) if build_numbers(_build(name)) <= build_numbers(build)]
    return (below or builds(line))[-1 if below else 0]


def release_name(text: str) -> str:
    """The release that a person means.

    `4.17`, `4.17.7`, `Xen 4.17` and `xen-4.17` name 4.17; a line (`xenserver-8`, `XCP-ng 8.3`) its
    newest build known here; `xenserver-8-4.17.5-13` the nearest known build at or below. Raises
    ReleaseError, which lists what there is.
    """
    name = re.sub(r"[ _]+", "-", text.strip().lower())
    name = re.sub(r"^xen-(?=[4m])", "", name)
    if name in RELEASES:
        return name
    for product, line in _PRODUCTS.items():
        name = re.sub(rf"^{re.escape(product)}(?:\.\d+)*(?=-|$)", line, name)
    if name in LINES:
        return builds(name)[-1]
    for line in LINES:
        if name != line and _in_line(name, line):
            return nearest_build(line, name.removeprefix(f"{line}-"))
    minor = re.match(r"4\.\d+(?=[.\-]|$)", name)
    if re.fullmatch(_BUILD, name):  # as `xl info` and xapi's software_version say it
        for line in reversed(LINES):
            if name.startswith(f"{LINES[line]}."):
                return nearest_build(line, name)
    elif minor and minor[0] in RELEASES:
        return minor[0]
    product = " (a product has its name: XCP-ng 8.3, XenServer 8)" if name[:1] in "789" else ""
    raise ReleaseError(
        f'"{text}" is not a Xen release known here{product}; there are '
        f"{', '.join((*UPSTREAM, *LINES))}, "
        f"and of the last ones the builds {', '.join(n for n in RELEASES if n not in UPSTREAM)}"
    )


@cache
def release(name: str) -> Release:
    """The tables of the release that `name` means (see release_name). Raises ReleaseError."""
    canonical = release_name(name)
    return _load(canonical) if canonical == name else release(canonical)


# Xen's version and the package's release: `4.17.6-2`, `4.13.5-9.49`, `4.17.6-2.xs8`.
_BUILD = r"4\.\d+\.\d+-\d+(?:\.\d+)*(?:\.(?:xs|xcpng|el)[\w.]*)?"


def _in_line(name: str, line: str) -> bool:
    if not name.startswith(f"{line}-"):
        return name == line
    return re.fullmatch(_BUILD, name.removeprefix(f"{line}-")) is not None


def _build(name: str) -> str:
    return next(name.removeprefix(f"{line}-") for line in LINES if _in_line(name, line))


def build_numbers(build: str) -> tuple[int, ...]:
    """Of a build, to compare by: 4.17.6-2 is (4, 17, 6, 2)."""
    return tuple(map(int, re.findall(r"\d+", re.sub(r"\.(?:xs|xcpng|el).*", "", build))))


def _load(name: str) -> Release:
    table = json.loads(data_files.read_text(f"features/{name}.json"))
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

"""`cpuid` of xl.cfg(5), as names or as registers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...features.featureset import WORD_BITS
from ...features.release import RELEASES, Release
from ...guests.libxl_names import name_of
from .difference import Difference, EmitError, in_leaf, written, x_is_max

_NAMES_SINCE = RELEASES.index("4.18")
_NOTHING = "# the host gives just this level: no cpuid line is needed\n"


def xl(difference: Difference) -> str:
    """The `cpuid` line of xl.cfg(5), in the release's form; never empty.

    Raises EmitError for bits without a name where names are needed, and for those of MSRs where
    registers are (Xen before 4.18).
    """
    return names(difference) if by_name(difference.release) else registers(difference)


def by_name(xen: Release) -> bool:
    """Whether every point release of its xl takes all names, those of MSR 10ah too."""
    return xen.place >= _NAMES_SINCE


def names(difference: Difference, implied: Collection[int] = ()) -> str:
    """By libxl's names, in order of off and on, without those that are `implied`.

    Raises EmitError for bits without a name.
    """
    values = difference.values.items()
    if not values:
        return _NOTHING
    xen = difference.release
    items = [f"{_named(xen, number)}={int(on)}" for number, on in values if number not in implied]
    return f'cpuid = "{",".join(["host", *items])}"\n'


def _named(xen: Release, number: int) -> str:
    name = name_of(xen, number)
    if name is None:
        raise EmitError(
            f"{xen.title} has no name for bit {xen.label(number)}, so its xl cannot set or clear it"
        )
    return name


def registers(
    difference: Difference, implied: Collection[int] = (), limits: Sequence[str] = ()
) -> str:
    """By strings of 32 characters, which set whole registers; comments say what is meant.

    `implied`: features that go without being written, with another feature or with the highest
    leaves that the strings `limits` set. Raises EmitError where nothing can be written.
    """
    xen, values = difference.release, difference.values
    if not values:
        return _NOTHING
    reached = {number: on for number, on in values.items() if in_leaf(xen, number)}
    beyond = [xen.label(number) for number in values if number not in reached]
    shown = {number: on for number, on in reached.items() if number not in implied}
    lines = [*_strings(xen, written(difference, shown)), *limits]
    if not lines:
        raise EmitError(f"{_who(xen)} cannot reach MSRs: {' '.join(beyond)}")
    comments = [
        f"# {sign} {' '.join(xen.names(numbers))}\n"
        for sign, numbers in (("without", difference.off), ("with", difference.on))
        if numbers
    ]
    if beyond:
        comments.append(
            f"# {_who(xen)} cannot reach MSRs, these stay as the host gives them: "
            f"{' '.join(beyond)}\n"
        )
    if x_is_max(xen):
        comments.append(
            "# an x is the host's maximum in this release, so what the level has not is 0\n"
        )
    if limits:
        comments.append(
            "# the highest leaves are set to the least of the hosts', which names cannot do; one "
            "text for each host (--for HOST) has names\n"
        )
    return "".join(comments) + "cpuid = [\n" + "".join(f'  "{line}",\n' for line in lines) + "]\n"


def _who(xen: Release) -> str:
    """Which xl reads the text, or which form of it."""
    return "this form of cpuid=" if by_name(xen) else "xl before 4.18"


def _strings(xen: Release, values: Mapping[int, bool]) -> list[str]:
    """One item for each leaf, its registers in order of the words."""
    strings: dict[str, dict[str, list[str]]] = {}
    for number in sorted(values):
        word = xen.words[number // WORD_BITS]
        assert word.register is not None
        leaf = f"0x{word.leaf:x}" + ("" if word.subleaf is None else f",0x{word.subleaf:x}")
        bits = strings.setdefault(leaf, {}).setdefault(word.register, ["x"] * WORD_BITS)
        bits[WORD_BITS - 1 - number % WORD_BITS] = str(int(values[number]))
    return [
        f"{leaf}:" + ",".join(f"{register}={''.join(bits)}" for register, bits in registers.items())
        for leaf, registers in strings.items()
    ]

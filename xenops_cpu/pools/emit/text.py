"""A text that gives a level on hosts, read back and tried on each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve, field, frozen

from ...features.featureset import Featureset
from ...features.release import Release
from ...guests.libxl_names import since
from ...interface import GuestType
from .. import registers, words
from ..member import Member
from . import libvirt_cpu, reading, trial, xl_cpuid
from .difference import Difference, EmitError, base, in_leaf, leaf_at_once, leaf_of
from .leaves import Reach, reach, shown
from .trial import Guest
from .xapi_platform import xapi

XL, LIBVIRT, XAPI = FORMS = ("xl", "libvirt", "xapi")


@frozen
class Short:
    """What a guest of the text has other than the level on some hosts. `more`: beyond the level,
    else it lacks the features. `why`: in words.
    """

    features: tuple[str, ...]
    hosts: tuple[str, ...]
    more: bool
    why: str

    def __str__(self) -> str:
        relation = "has more than the level" if self.more else "lacks of the level"
        names = " ".join(self.features)
        return f"a guest on {', '.join(self.hosts)} {relation}: {names} ({self.why})"


@frozen
class Emitted:
    """`text` of a form. `short`: where it does not give the level. `notes`: what no text can say,
    and which readers do not take this one.
    """

    form: str
    text: str
    difference: Difference = field(repr=False)
    short: tuple[Short, ...] = ()
    notes: tuple[str, ...] = ()


def emitted(
    form: str,
    hosts: Sequence[Member],
    guest: GuestType,
    level: Featureset,
    xen: Release,
    vm: str = "UUID",
) -> Emitted:
    """The text in a form of FORMS for guests that start on any of `hosts`, which run `xen`.

    Raises EmitError where no text can be written, or a guest that is made from it would not start
    or would have other features than the level without a reason that is known. Hosts of several
    vendors often have none, and no VM goes from one to another: the error says that first.
    """
    several = words.several_vendors(hosts)
    try:
        result = _emitted(form, hosts, guest, level, xen, vm)
    except EmitError as error:
        if not several:
            raise
        raise EmitError(f"{several}; give the hosts of one vendor ({error})") from error
    if not several:
        return result
    return evolve(
        result,
        text=_commented(form, result.text, (several,)),
        notes=(several, *result.notes),
    )


def _emitted(
    form: str, hosts: Sequence[Member], guest: GuestType, level: Featureset, xen: Release, vm: str
) -> Emitted:
    most = trial.most(hosts, guest, xen)
    difference = Difference(xen, base(hosts, guest, level), level, most).without(trial.fixed(xen))
    if form == XAPI:
        return _for_xapi(difference, hosts, guest, vm)
    if not difference.values:
        return Emitted(
            form,
            xl_cpuid.xl(difference) if form == XL else libvirt_cpu.libvirt(difference),
            difference,
        )
    reached = reach(difference, hosts, guest)
    text, names_msrs = _written(form, reached)
    setting = reading.setting(form, text, xen)
    guests = [trial.by_setting(host, guest, setting, xen) for host in hosts]
    short = tuple(_short(form, difference, guests, reached, with_registers=names_msrs))
    notes = (*_late(xen, reading.names(form, text)), *_resets(guests, xen))
    return Emitted(
        form, _commented(form, text, (*map(str, short), *notes)), difference, short, notes
    )


def _written(form: str, reached: Reach) -> tuple[str, bool]:
    """The text, and whether it levels MSR 10ah. Raises EmitError."""
    difference, implied, limits = reached.difference, reached.implied, reached.limits
    if form == LIBVIRT:
        if limits:
            name, leaf = reached.hosts[0]
            raise EmitError(
                f"no one text of libvirt's fits all of these hosts: {name} has no CPUID "
                f"{shown(leaf)}, and no name says so; ask for one text a host (--for HOST)"
            )
        return libvirt_cpu.libvirt(difference, implied), True
    if limits or not xl_cpuid.by_name(difference.release):
        return xl_cpuid.registers(difference, implied, limits), False
    return xl_cpuid.names(difference, implied), True


def _for_xapi(
    difference: Difference, hosts: Sequence[Member], guest: GuestType, vm: str
) -> Emitted:
    xen = difference.release
    text = xapi(difference.level, vm)
    level = reading.featureset(text)
    trials = [trial.by_featureset(host, guest, level) for host in hosts]
    guests = [guest_tried for guest_tried in trials if guest_tried is not None]
    short = tuple(_short(XAPI, difference, guests, Reach(difference), with_registers=False))
    notes = tuple(words.registers(registers.own(level, hosts, guest, xen), xen))
    return Emitted(
        XAPI, _commented(XAPI, text, (*map(str, short), *notes)), difference, short, notes
    )


def _short(
    form: str,
    difference: Difference,
    guests: Iterable[Guest],
    reached: Reach,
    *,
    with_registers: bool,
) -> Iterator[Short]:
    """What guests have other than the level, and why. Raises EmitError where nobody knows why."""
    xen = difference.release
    alike: dict[tuple[bool, str, str], dict[str, None]] = {}
    for guest in guests:
        more, less = trial.compared(guest, difference.level, xen, with_registers=with_registers)
        for is_more, numbers in ((True, more), (False, less)):
            for number in numbers:
                why = _why(form, difference, guest, reached, number, is_more=is_more)
                if not why:
                    has = "would have" if is_more else "would lack"
                    raise EmitError(
                        f"a guest with that text {has} {xen.label(number)} on {guest.host.name}, "
                        "against the level: it is not handed out"
                    )
                alike.setdefault((is_more, why, xen.label(number)), {})[guest.host.name] = None
    by_hosts: dict[tuple[bool, str, tuple[str, ...]], list[str]] = {}
    for (is_more, why, name), hosts in alike.items():
        by_hosts.setdefault((is_more, why, tuple(hosts)), []).append(name)
    for (is_more, why, on), names in by_hosts.items():
        yield Short(tuple(names), on, is_more, why)


def _why(
    form: str, difference: Difference, guest: Guest, reached: Reach, number: int, *, is_more: bool
) -> str:
    """Why a guest has, or lacks, a feature against the level; "" where nobody knows."""
    xen = difference.release
    if is_more:
        nameless = form == LIBVIRT and libvirt_cpu.name_for(xen, number) is None
        return f"libxl of {xen.title} has no name for it" if nameless else ""
    if in_leaf(xen, number) and (guest.host.name, leaf_of(xen, number)) in reached.hosts:
        return f"that host has no CPUID {shown(leaf_of(xen, number))}"
    bases = [
        base
        for base, dependents in xen.deep_deps.items()
        if number in dependents and base not in guest.features
    ]
    if bases:
        return f"it depends on {' '.join(xen.names(bases))}, which the guest has not"
    if number not in guest.most:
        return "Xen does not offer it there, not even to a VM that asks"
    return ""


def _late(xen: Release, names: Sequence[str]) -> Iterator[str]:
    """Names that the first point releases of the series do not take."""
    by_point: dict[int, list[str]] = {}
    for name in names:
        point = since(xen, name)
        if point:
            by_point.setdefault(point, []).append(name)
    for point, late in sorted(by_point.items()):
        yield f"libxl of {xen.title} takes these names since {xen.name}.{point}: {' '.join(late)}"


def _resets(guests: Iterable[Guest], xen: Release) -> Iterator[str]:
    """What libxc sets anew beside what the text says."""
    hosts_by_words: dict[str, dict[str, None]] = {}
    for guest in guests:
        for reset in guest.resets:
            if reset.features:
                where = f"CPUID {shown(reset.key)} {reset.register}"
                words = f"{' '.join(reset.features)} in {where}"
                hosts_by_words.setdefault(words, {})[guest.host.name] = None
    for words, hosts in hosts_by_words.items():
        yield f"set anew with the register, as the host has it: {words} (on {', '.join(hosts)})"
    if leaf_at_once(xen) and any(guest.resets for guest in guests):
        yield f"libxc of {xen.title} sets whole leaves: topology in them becomes the host's"


def _commented(form: str, text: str, sentences: Iterable[str]) -> str:
    """The text with what is to know of it, where its reader passes it over."""
    if form == LIBVIRT:
        first, *body = text.splitlines(keepends=True)
        return "".join([first, *map(libvirt_cpu.comment, sentences), *body])
    return text + "".join(f"# {line}\n" for line in sentences)

"""The hosts of the pool as rows: those of which the page says the same are one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from ..cpus.updates import outdated_host
from ..hosts.host import UNKNOWN
from ..interface import GuestType
from ..pools.level import Level
from ..pools.member import Member
from .shared import title
from .sources import Sources, of_member

NOT_TOLD = "not told"


@frozen
class Machine:
    """What a host is, in words; NOT_TOLD where nobody told it.

    `options`: Xen's command line, "" for none. `rules`: whose names and rules were assumed, ""
    where the host itself says its release. `newer`: which newer microcode is public, and what it
    would change; "" where none is, or nobody knows.
    """

    cpu: str
    signature: str
    xen: str
    options: str
    rules: str
    microcode: str
    newer: str
    counts: str


@frozen
class Gives:
    """What hosts give to `guests`: so many features, of which they give up so many."""

    guests: str
    features: int
    given_up: int


@frozen
class Row:
    """Hosts that are alike. `gives`: for each guest type that they run. `sources`: numbers."""

    hosts: tuple[str, ...]
    machine: Machine
    gives: tuple[Gives, ...]
    sources: tuple[int, ...]


def rows(
    members: Sequence[Member], levels: Mapping[GuestType, Level], sources: Sources
) -> tuple[Row, ...]:
    """In the order of the first of each row."""
    alike: dict[object, list[Member]] = {}
    machines: dict[object, Machine] = {}
    for member in members:
        offers = tuple((guest, member.boot(guest)) for guest in member.offers)
        machine = _machine(member)
        alike.setdefault((machine, offers), []).append(member)
        machines[machine, offers] = machine
    return tuple(
        Row(
            hosts=tuple(member.name for member in group),
            machine=machines[key],
            gives=tuple(_gives(group[0], levels)),
            sources=sources.numbers(map(of_member, group)),
        )
        for key, group in alike.items()
    )


def _machine(member: Member) -> Machine:
    host = member.host
    processor = host.processor if host is not None else None
    cpu = member.vendor or NOT_TOLD
    signature = ""
    if processor is not None and processor.modelname != UNKNOWN:
        cpu = processor.modelname
        numbers = (processor.family, processor.model, processor.stepping)
        if UNKNOWN not in numbers:
            signature = "family {}, model {}, stepping {}".format(*numbers)
    version = host.xen.version if host is not None else UNKNOWN
    rules = "" if member.certain else f"rules of {member.release.title}, assumed"
    counts = NOT_TOLD
    if member.cpu_count and member.socket_count:
        counts = f"{member.cpu_count:,} in {member.socket_count:,}"
    return Machine(
        cpu=cpu,
        signature=signature,
        xen=NOT_TOLD if version == UNKNOWN else version,
        options=host.xen.commandline if host is not None else "",
        rules=rules,
        microcode=NOT_TOLD if host is None or host.microcode is None else f"{host.microcode:#010x}",
        newer=outdated_host(host) if host is not None else "",
        counts=counts,
    )


def _gives(member: Member, levels: Mapping[GuestType, Level]) -> Iterable[Gives]:
    for guest, level in levels.items():
        if guest in member.offers:
            boot = member.boot(guest)
            lost = len(boot - level.featureset)
            yield Gives(title([guest], levels), len(boot), lost)

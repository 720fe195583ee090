"""A small pool that has something of everything, and what a parser makes of its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from attrs import evolve, field, mutable

from tests.support.hosts import names
from tests.support.pools import real
from xenops_cpu.features.release import release
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.vm import Vm, started_on
from xenops_cpu.report import Course, Held, Remedy, Step

VOID = {"meta", "br"}
INLINE = {"a", "bdi", "code", "span", "strong"}


def member(name: str, boot: str, more: str = "", vendor: str = "GenuineIntel") -> Member:
    """A host with HVM guests only."""
    offer = Offer(GuestType.HVM, names(boot), names(f"{boot} {more}"))
    return Member(
        name, vendor, release("4.17"), {GuestType.HVM: offer}, cpu_count=8, socket_count=1
    )


def both(name: str, hvm: str, pv: str) -> Member:
    """A host with HVM and PV guests."""
    offers = {
        guest: Offer(guest, names(features), names(features))
        for guest, features in ((GuestType.HVM, hvm), (GuestType.PV, pv))
    }
    return Member(name, "GenuineIntel", release("4.17"), offers)


POOL = (
    member("old", "FPU TSC MD_CLEAR", "RTM"),
    member("new-1", "FPU TSC MOVBE MDS_NO ARCH_CAPS"),
    member("new-2", "FPU TSC MOVBE MDS_NO ARCH_CAPS"),
)
VMS = (
    Vm("plain", GuestType.HVM, names("FPU TSC"), "GenuineIntel"),
    Vm("modern", GuestType.HVM, names("FPU MOVBE"), "GenuineIntel"),
    Vm("tsx", GuestType.HVM, names("FPU RTM"), "GenuineIntel"),
    Vm("foreign", GuestType.HVM, names("FPU"), "AuthenticAMD"),
    Vm("new", GuestType.HVM),
)


def berlin() -> tuple[list[Member], list[Vm]]:
    """A pool as there are many: three generations of CPU, VMs that were started on two of them."""
    cpus = ("xeon-gold-6154", "xeon-e5-2696-v4", "core-i7-4930k")
    hosts = [
        evolve(real(cpus[place // 3]), name=f"xs-{place + 1:02}", uuid=f"host-{place}")
        for place in range(8)
    ]
    source = "xapi-db.xml: last_boot_CPU_flags"
    kinds = (
        ("web", 0, 30, GuestType.HVM),
        ("db", 3, 12, GuestType.HVM),
        ("mail", 6, 6, GuestType.PV),
    )
    vms = [
        evolve(
            started_on(hosts[place], guest, f"{name}-{number + 1:02}"),
            home=hosts[place].uuid,
            source=source,
        )
        for name, place, many, guest in kinds
        for number in range(many)
    ]
    return hosts, [*vms, Vm("build-01", GuestType.HVM, halted=True, source=source)]


@mutable
class Outline(HTMLParser):
    """What the page has, element by element; checks that each end tag ends what is open."""

    open: list[str] = field(factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(factory=list)
    text: list[str] = field(factory=list)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in INLINE:
            self.text.append(" ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at line {self.getpos()[0]}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, *tags: str) -> Iterator[dict[str, str | None]]:
        return (attributes for tag, attributes in self.tags if tag in tags)

    @property
    def skeleton(self) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
        """Elements and attributes, without the one attribute that holds words from outside."""
        return [
            (
                tag,
                tuple((name, value) for name, value in attributes.items() if name != "data-label"),
            )
            for tag, attributes in self.tags
        ]


def outline(html: str) -> Outline:
    """Of a page that is well-formed; fails for any other."""
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert not parsed.open, f"still open at the end: {parsed.open}"
    return parsed


def said(html: str) -> str:
    """The words of the page, one blank between them."""
    return " ".join("".join(outline(html).text).split())


def update(hosts: Sequence[str], vms: Sequence[str]) -> Course:
    """A forecast in which the second host holds VMs for sure, the last one perhaps."""
    others = {host: tuple(other for other in hosts if other != host) for host in hosts}
    lacks = "some of the hosts that it may be sent to lack FMA MOVBE AVX2"
    held = {
        hosts[1]: (Held(tuple(vms), True, (lacks,)),),
        hosts[-1]: (Held(tuple(vms[:2]), False, (lacks,)),),
    }
    return Course(
        title="the update to Xen 4.19",
        outcome=f"it stops at step 2 of {len(hosts)}: {len(vms)} VMs cannot leave {hosts[1]}",
        tone="bad",
        hosts=(*hosts, "spare"),
        steps=tuple(
            Step(host, others[host], held.get(host, ()), ("all guests: lost RTM",) * (not place))
            for place, host in enumerate(hosts)
        ),
        remedies=(Remedy(tuple(vms), ("restart them before the update", "keep them shut down")),),
        advice=(f"with {hosts[-1]} switched off as a target in step 2 nothing stops",),
        cautions=("a VM that restarts meanwhile gets less",),
        rests_on=("microcode stays as it is",),
        unseen=("memory", "storage"),
    )

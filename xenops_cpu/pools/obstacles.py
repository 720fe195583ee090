"""What keeps a VM out of a host beside features: guest type, vendor, highest leaves, records."""

from __future__ import annotations

from collections.abc import Iterator

from ..features.featureset import Featureset
from ..features.release import release
from .member import Member
from .vm import Vm


def impossible(vm: Vm, member: Member) -> list[str]:
    """Why it is impossible, whatever the features; a VM that boots needs its guest type only."""
    if vm.guest not in member.offers:
        return [f"the host runs no {vm.guest.name} guests"]
    problems = []
    if vm.bound and not vm.here(member):
        problems.append(f"xapi lets it go nowhere while it runs: {vm.immobile}")
    if vm.seen is None:
        return [*problems, *_cannot_build(vm, member)]
    if vm.vendor and member.vendor and vm.vendor != member.vendor:
        problems.append(
            f"the VM was started on a CPU of {vm.vendor}, the host has one of {member.vendor}: "
            f"{_who_refuses(vm, member)} refuses that"
        )
    return [*problems, *_beyond(vm, member)]


def _who_refuses(vm: Vm, member: Member) -> str:
    """Another vendor. Xen before 4.22 takes the VM, and zeroes what that vendor's CPUs lack."""
    from ..guests import limits

    return "Xen" if any(limits.of_vendor(vm.vendor, member.vendor, member.release)) else "xapi"


def _beyond(vm: Vm, member: Member) -> Iterator[str]:
    """Limits that Xen refuses: those that the release compares, where the VM brings its policy."""
    most = member.limits.get(vm.guest)
    if vm.limits is None or most is None:
        return
    from ..guests import limits  # a daemon starts without a VM's whole policy

    if limits.carried(vm.origin):
        for text in limits.compared(vm.limits, member.release).beyond(most):
            yield f"{text}: Xen refuses that"


def _cannot_build(vm: Vm, member: Member) -> list[str]:
    """Why a VM with a featureset of its own cannot be started."""
    length = member.boot(vm.guest).length
    beyond = Featureset() if vm.own is None else vm.own - vm.own.cut(length)
    if not beyond:
        return []
    names = " ".join(member.release.names(beyond))
    return [
        f"its platform:featureset has features beyond the host's {length} words "
        f"({names}): the domain cannot be built"
    ]


def refusals(vm: Vm, member: Member) -> list[str]:
    """Why xapi refuses the VM although a forced migration would go."""
    migration = member.migration(vm.guest)
    if not migration.length:
        key = f"features_{vm.guest.name.lower()}"
        return [
            f"the host's record has no {key}: xapi says that it does not have new leveling feature "
            "keys, and refuses"
        ]
    if vm.stored is not None and not vm.stored <= migration:
        return [
            "the VM's record has four words in XenServer 6's order: xapi 22.7 and later compares "
            "them as they stand and refuses; older xapi put them in order first"
        ]
    return []


def of_stream(vm: Vm, member: Member) -> Iterator[str]:
    """What to know of the stream that brings a VM from a host of another release."""
    if not vm.origin:
        return
    origin = release(vm.origin).title
    if not _carried(vm.origin):
        yield (
            f"{origin} sends no CPU policy: the host makes the VM a new one, with its own highest "
            "CPUID leaves"
        )
    elif not _carried(member.release.name):
        yield f"the libxc of {member.release.title} reads no stream of {origin}: no VM goes back"


def _carried(origin: str) -> bool:
    from ..guests import limits

    return limits.carried(origin)

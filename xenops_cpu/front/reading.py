"""What the library reads: hosts and VMs, by name or as they were read before."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ..errors import InputError
from ..features.featureset import Featureset
from ..inputs.known import KnownHost
from ..interface import GuestType
from ..pools.vm import Vm

if TYPE_CHECKING:
    from ..features.release import Release
    from ..inputs.reader import Reader

HostLike: TypeAlias = "KnownHost | Featureset | str | os.PathLike[str]"
VmLike: TypeAlias = "Vm | KnownHost | Featureset | str | os.PathLike[str]"
GuestLike: TypeAlias = GuestType | str
ReleaseLike: TypeAlias = "Release | str"

_ROOT = __name__.partition(".")[0]
# One host or VM, where many may be named.
_ONE = (KnownHost, Vm, Featureset, str, os.PathLike)

HVM, PV = GuestType.HVM, GuestType.PV


class InputWarning(UserWarning):
    """Something about what was read that a person should see whatever the answer is."""


def read_host(source: HostLike, *, xen: ReleaseLike | None = None) -> KnownHost:
    """One host.

    `xen`: whose names and rules count where a record does not tell, and what a CPU is simulated
    under. Raises InputError, also where the source has no host, or several.
    """
    return one_host(source, xen, None)


def read_hosts(
    *sources: HostLike, xen: ReleaseLike | None = None, guest: GuestLike | None = None
) -> list[KnownHost]:
    """All hosts of all sources, in order, each once (by UUID) and with a name of its own.

    Those that were read before are taken as they are, and for no other. `guest`: what a bare
    featureset is of; HVM if it is not said. Raises InputError.
    """
    read = [source if isinstance(source, KnownHost) else text_of(source) for source in sources]
    return _reader(guest, xen).hosts(read)


def read_vm(
    source: VmLike,
    *,
    guest: GuestLike | None = None,
    hosts: Sequence[str | os.PathLike[str]] = (),
) -> Vm:
    """One VM; the parameters are those of read_vms. Raises InputError."""
    vms = read_vms(source, guest=guest, hosts=hosts)
    if len(vms) != 1:
        names = ", ".join(vm.name for vm in vms[:10])
        raise InputError(
            f"{text_of(source)} has {len(vms)} VMs: name one, {text_of(source)}#NAME, or use "
            f"read_vms{f'; there are {names}' if names else ''}"
        )
    return vms[0]


def read_vms(
    *sources: VmLike,
    guest: GuestLike | None = None,
    hosts: Sequence[str | os.PathLike[str]] = (),
) -> list[Vm]:
    """All VMs of all sources, each once (by UUID) and with a name of its own.

    A source is a VM's record (a file, or its text), a featureset that it has seen, a suspend image,
    xapi's database, a bug report, `new` for one that is shut down, or a HOST for one that was
    started there. `guest`: the type meant, whatever records say. `hosts`: files that may have a VM
    of the name that a source is. Raises InputError.
    """
    reader = _reader(guest, None)
    started = [
        reader.vm_of(source) if isinstance(source, KnownHost) else source for source in sources
    ]
    read = [source if isinstance(source, Vm) else text_of(source) for source in started]
    return reader.vms(read, [text_of(host) for host in hosts])


def guest_type(guest: GuestLike) -> GuestType:
    """Of its name in xapi: pv, hvm, pvh, pv_in_pvh; PVH takes the sets of HVM.

    Raises InputError.
    """
    from ..pools.vm import guest_type as named

    guest_type = guest if isinstance(guest, GuestType) else named(guest.replace("-", "_"))
    if guest_type is None:
        raise InputError(f'"{guest}" is no guest type; there are pv, hvm, pvh and pv_in_pvh')
    return guest_type


def listed_hosts(hosts: HostLike | Iterable[HostLike]) -> list[HostLike]:
    return [hosts] if isinstance(hosts, _ONE) else list(hosts)


def listed_vms(vms: VmLike | Iterable[VmLike]) -> list[VmLike]:
    return [vms] if isinstance(vms, _ONE) else list(vms)


def one_host(source: HostLike, xen: ReleaseLike | None, guest: GuestLike | None) -> KnownHost:
    hosts = read_hosts(source, xen=xen, guest=guest)
    if len(hosts) == 1:
        return hosts[0]
    names = ", ".join(host.name for host in hosts[:10])
    raise InputError(
        f"{text_of(source)} has {len(hosts)} hosts: name one, {text_of(source)}#NAME, or use "
        f"read_hosts; there are {names}"
    )


def text_of(source: HostLike | VmLike) -> str:
    """As it would be typed."""
    if isinstance(source, Featureset):
        return f"hex:{source}"
    return source.name if isinstance(source, KnownHost | Vm) else os.fspath(source)


def _reader(guest: GuestLike | None, xen: ReleaseLike | None) -> Reader:
    from ..inputs.reader import Reader

    live = sys.modules.get(f"{_ROOT}.inputs.live")
    if live is not None:
        live.forget()
    kind = guest_type(guest) if guest is not None else None
    return Reader(kind, release_of(xen), say=_warn)


def _warn(text: str) -> None:
    """At the line that called the library."""
    depth, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith(f"{_ROOT}."):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(text, InputWarning, stacklevel=depth)


def release_of(xen: ReleaseLike | None) -> Release | None:
    from ..features.release import release

    return release(xen) if isinstance(xen, str) else xen

"""Domains that run here: `domain:7` and `domain:all`, read in dom0 through libxc.

A domain comes to what a suspend image of it would come to: a VM with its whole CPU policy. Its
UUID is that of the VM in xapi's database; its name only a toolstack knows.
"""

from __future__ import annotations

from attrs import evolve

from ..interface import GuestType
from ..pools.vm import Vm, with_policy
from ..sources import domain
from ..sources.domain import LiveDomain
from ..sources.libxc_errors import NotDom0, NotUnderXen, XenError
from .value import FormError, Input, InputError

PREFIX, ALL = "domain:", "all"
# DOMID_FIRST_RESERVED (xen/include/public/xen.h): no domain has this id or a higher one.
LAST_ID = 0x7FEF
_NO_UUID = "00000000-0000-0000-0000-000000000000"
_DOM0 = 0


def read(text: str) -> Input:
    """One domain, also dom0, or all but dom0, which no toolstack migrates. Raises InputError."""
    which = text.removeprefix(PREFIX)
    domids = None if which == ALL else [_number(text, which)]
    try:
        domains = domain.read(domids)
    except (NotUnderXen, NotDom0) as error:
        raise InputError(
            f"{text}: {error.message}; domains are read in dom0: elsewhere, give a file of what "
            f"xen-cpuid -p {'N' if domids is None else which} prints there"
        ) from error
    except XenError as error:
        raise InputError(f"{text}: {error}") from error
    if domids is not None:
        vm = as_vm(domains[0])
        return Input(
            text, "domain", featureset=vm.features, policy=vm.policy, vms=(vm,), notes=vm.notes
        )
    guests = tuple(as_vm(each) for each in domains if each.info.domid != _DOM0)
    return Input(
        text,
        "domain",
        vms=guests,
        left_out={"control domain": len(domains) - len(guests)},
        notes=() if guests else ("no VM runs here",),
    )


def as_vm(live: LiveDomain) -> Vm:
    """The VM that a domain is."""
    info = live.info
    kind = "HVM or PVH" if info.hvm else "PV"
    vm = Vm(
        name=f"domain {info.domid}",
        guest=GuestType.HVM if info.hvm else GuestType.PV,
        features=live.featureset,
        uuid="" if info.uuid == _NO_UUID else info.uuid,
        source=f"the hypervisor of this host ({live.release.title}), domain {info.domid}, {kind}",
    )
    if info.domid == _DOM0:
        vm = evolve(vm, immobile="it is dom0, which controls the host")
    return with_policy(vm, live.policy)


def _number(text: str, which: str) -> int:
    if which.isascii() and which.isdecimal() and len(which) <= 5 and int(which) <= LAST_ID:
        return int(which)
    raise FormError(
        f'"{text[:60]}": a domain is named by its number, domain:0 to domain:{LAST_ID} (xl list '
        "shows those that are there); domain:all is every VM that runs here"
    )

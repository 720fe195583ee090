"""What the library answers: levels, verdicts, reasons, policies, what another Xen would offer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..features.featureset import MAX_WORDS, WORD_BITS, Featureset
from ..inputs.known import KnownHost
from ..interface import GuestType
from .reading import (
    GuestLike,
    HostLike,
    ReleaseLike,
    VmLike,
    guest_type,
    listed_hosts,
    listed_vms,
    one_host,
    read_host,
    read_hosts,
    read_vm,
    read_vms,
    release_of,
    text_of,
)

if TYPE_CHECKING:
    from ..explain.differences import HostDifference
    from ..explain.feature import Explanation
    from ..features.release import Release
    from ..guests.start import Start
    from ..guests.toolstacks import Settings
    from ..hosts.host import Host
    from ..pools.level import Level
    from ..pools.verdict import Answer


def derive_host(
    cpu: str | os.PathLike[str] = "",
    xen: ReleaseLike = "4.17",
    *,
    cmdline: str = "",
    microcode: str = "",
    msrs: Mapping[int, int] | None = None,
    hvm: bool = True,
) -> KnownHost:
    """What a release of Xen would offer on a CPU, with a reason for every bit.

    `cpu`: the name of a shipped one (`xenops-cpu cpus` lists them; NAME+MICROCODE too), a path to a
    dump of one, "" for this machine's. `xen`: 4.13 to 4.22, master, xenserver-8.2, xenserver-8.
    `cmdline`: Xen's boot options. `microcode`: newest, as-dumped, a revision (0x5003605), a date
    (2023-08), a package; "" for the newest public one of a shipped CPU, else what it has. `msrs`:
    values by index, 64 bits each. `hvm`: False as with VT-x or SVM switched off in firmware.

    Raises InputError and SourceError, ReleaseError, DerivationError, CommandLineError, all of them
    Errors.
    """
    from ..cpus import wish
    from ..inputs.known import known
    from ..inputs.value import NamedHost
    from ..sources import wanted

    as_file = isinstance(cpu, os.PathLike)
    name = os.fspath(cpu)
    simulated = wanted.simulated(
        wanted.Wanted(
            cpu=name if name and not as_file else None,
            dump=Path(name) if as_file else None,
            xen=xen if isinstance(xen, str) else xen.name,
            cmdline=cmdline,
            microcode=wish.parse(microcode) if microcode else None,
            msrs=msrs or {},
            hvm=hvm,
        )
    )
    return known(NamedHost(name or "this machine", simulated.read(), simulated))


def level(
    hosts: HostLike | Iterable[HostLike],
    guest: GuestLike = GuestType.HVM,
    *,
    xen: ReleaseLike | None = None,
) -> Level:
    """The featureset that every host can give to guests of a type, and what each host costs it.

    Of what the hosts give at boot; hosts without such guests do not count. `xen`: whose rules;
    None: those of the newest host. Raises InputError.
    """
    from ..pools.level import level_of

    kind = guest_type(guest)
    members = [host.member for host in read_hosts(*listed_hosts(hosts), xen=xen, guest=kind)]
    return level_of(members, kind, release_of(xen))


def check(vm: VmLike, host: HostLike, *, guest: GuestLike | None = None) -> Answer:
    """May this VM start, resume or migrate there, and at what price?

    `guest`: the VM's type where its record does not say it, or says another. Raises InputError.
    """
    from ..pools import verdict

    where = one_host(host, None, guest)
    files = [] if isinstance(host, KnownHost) else [text_of(host)]
    return verdict.check_all([read_vm(vm, guest=guest, hosts=files)], [where.member])[0]


def check_all(
    vms: VmLike | Iterable[VmLike],
    hosts: HostLike | Iterable[HostLike],
    *,
    guest: GuestLike | None = None,
) -> list[Answer]:
    """Every VM on every host, VM by VM; the parameters are those of check. Raises InputError."""
    from ..pools import verdict

    sources = listed_hosts(hosts)
    files = [text_of(source) for source in sources if not isinstance(source, KnownHost)]
    members = [host.member for host in read_hosts(*sources, guest=guest)]
    return verdict.check_all(read_vms(*listed_vms(vms), guest=guest, hosts=files), members)


def compare_hosts(a: HostLike, b: HostLike, *, xen: ReleaseLike | None = None) -> HostDifference:
    """What differs between two hosts: sets, policies, and whether VMs may move, both ways.

    Sets of a kind are compared with each other; what one host does not tell is left out. `xen`:
    whose names; None: those of the newer host. Raises InputError.
    """
    from ..explain.differences import hosts
    from ..pools.member import unlike

    first, second = read_host(a, xen=xen), read_host(b, xen=xen)
    name, second_name = unlike([first.name, second.name])
    return hosts(_whole(first), _whole(second), (name, second_name), release_of(xen))


def explain_feature(
    feature: str | int, host: HostLike | None = None, *, xen: ReleaseLike | None = None
) -> Explanation:
    """What a feature is; with a host, in which of its sets it is, and why.

    `feature`: a name, also of xl, libvirt (libvirt:spec-ctrl) and Linux, or a number, word × 32 +
    bit. `xen`: whose names; None: the host's, else the newest release. Raises InputError and
    UnknownFeature.
    """
    from ..explain.feature import explain
    from ..features.release import NEWEST
    from ..features.release import release as release_named

    if host is None:
        release = release_of(xen) or release_named(NEWEST)
        return explain(_number(feature, release), release)
    subject = read_host(host, xen=xen)
    whole = _whole(subject)
    number = _number(feature, subject.release)
    return explain(number, subject.release, whole, subject.derivation())


def start_vm(host: HostLike, settings: Settings | None = None, *, toolstack: str = "") -> Start:
    """What a VM has on a host: every leaf and register of its policy, as Xen and libxc make it.

    `settings`: the VM as people configure it (guest type, level, nested virtualisation …), an HVM
    guest without anything of that if None. `toolstack`: xl or xapi; "": the host's usual one. The
    policy is `.domain.policy`. Raises InputError; NoPolicies where too little is known of the host;
    Refusal where Xen does not create such a domain.
    """
    from ..explain.vm import hypervisor_of
    from ..guests import toolstacks
    from ..guests.start import start

    subject = read_host(host)
    whole = _whole(subject)
    if toolstack not in ("", *toolstacks.TOOLSTACKS):
        raise InputError(f'"{toolstack}" is no toolstack; there are xl and xapi')
    xen = hypervisor_of(whole, subject.derivation())
    return start(xen, settings or toolstacks.Settings(), toolstack or toolstacks.usual(xen))


def feature_names(featureset: Featureset | str, xen: ReleaseLike | None = None) -> list[str]:
    """What Xen calls the features of a set, in the order of their numbers.

    A bit without a name is `<word*32+bit>`. `xen`: whose names; None: those of the newest release
    with as many words. Raises FeaturesetError and ReleaseError.
    """
    from ..features.fit import by_length

    words = Featureset.parse(featureset) if isinstance(featureset, str) else featureset
    return (release_of(xen) or by_length(words.length).release).names(words)


def _whole(subject: KnownHost) -> Host:
    if subject.host is None:
        raise InputError(f"of {subject.name} a featureset is known, and no host: name a host")
    return subject.host


def _number(feature: str | int, xen: Release) -> int:
    from ..features import aliases

    if isinstance(feature, int):
        if not 0 <= feature < MAX_WORDS * WORD_BITS:
            raise InputError(f"feature {feature}: 0 to {MAX_WORDS * WORD_BITS - 1} are possible")
        return feature
    numbers = aliases.find(feature, xen)
    if len(numbers) > 1:
        names = ", ".join(xen.names(numbers))
        raise InputError(f'"{feature}" stands for several features: name one of {names}')
    return numbers[0]

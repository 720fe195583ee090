"""What people type and configurations say: featuresets, policies, command lines, xl's cpuid=."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from tests.support.guests import hypervisor
from tests.support.hosts import example
from xenops_cpu.cpuid.policy import Policy, PolicyError
from xenops_cpu.derivation.cmdline import CommandLineError, parse_cmdline
from xenops_cpu.features.featureset import Featureset, FeaturesetError
from xenops_cpu.features.release import Release, release
from xenops_cpu.guests import libxc, setting, xl, xl_config
from xenops_cpu.guests.domain import Refusal
from xenops_cpu.guests.xl import Setting
from xenops_cpu.guests.xl_config import XlConfigError

from .target import Target

RELEASES = ("4.13", "4.17", "4.20", "master", "xenserver-8")


def parted(data: bytes) -> tuple[Release, str]:
    """A release by number, and a text."""
    name = RELEASES[data[0] % len(RELEASES)] if data else RELEASES[0]
    return release(name), data[1:].decode("utf-8", "replace")


def for_each_release(*texts: bytes) -> Callable[[], list[bytes]]:
    return lambda: [bytes([number]) + text for number in range(len(RELEASES)) for text in texts]


def featureset(data: bytes) -> None:
    """A text that is a featureset is one in both its forms."""
    text = data.decode("utf-8", "replace")
    try:
        found = Featureset.parse(text)
    except FeaturesetError:
        return
    assert Featureset.parse(str(found)) == found
    assert Featureset.parse(found.text(":")) == found
    assert Featureset.of_words(found.words) == found


def policy(data: bytes) -> None:
    """A text that is a policy is written and read again."""
    try:
        found = Policy.parse(data.decode("utf-8", "replace"))
    except PolicyError:
        return
    assert Policy.parse(found.text()) == found


def few(leaves: int, msrs: int) -> Policy:
    """The beginning of a real policy."""
    raw = example("epyc-xen-4.17").policies["raw"]
    return Policy(dict(list(raw.leaves.items())[:leaves]), dict(list(raw.msrs.items())[:msrs]))


def cmdline(data: bytes) -> None:
    """Every release reads every command line, or says what is wrong with it."""
    xen, text = parted(data)
    with contextlib.suppress(CommandLineError):
        strict = parse_cmdline(text, xen, strict=True)
        assert parse_cmdline(text, xen) == strict
    with contextlib.suppress(CommandLineError):
        parse_cmdline(text, xen)


def xl_cfg(data: bytes) -> None:
    """A guest of xl is created as it is asked for, or what refuses says why.

    What cpuid= comes to is written as xend strings, which are read again; bits of MSRs have none.
    """
    xen, text = parted(data)
    cpuid(text, xen)
    with contextlib.suppress(XlConfigError):
        guest = xl_config.guest(text, xen)
        written_again(guest.setting, xen)
        host = hypervisor(xen=xen.name)
        with contextlib.suppress(Refusal):
            domain, _ = libxc.apply(setting.create(host, guest.config), guest.wishes)
            assert Policy.parse(domain.policy.text()) == domain.policy


def cpuid(text: str, xen: Release) -> None:
    """The text alone as the value of cpuid=, and as a list of its lines."""
    written_again(xl.read(text, xen), xen)
    written_again(xl.read(text.splitlines(), xen), xen)


def written_again(found: Setting, xen: Release) -> None:
    again = xl.read(found.texts(), xen)
    assert again.complaints == ()
    assert again.xend == found.xend, (again.xend, found.xend)
    base = Featureset((1 << 32 * xen.length) - 1, xen.length)
    if not found.msr:
        assert xl.resulting(again, base, xen) == xl.resulting(found, base, xen)


TARGETS = (
    Target(
        "featureset",
        featureset,
        lambda: [b"1fc9cbf5-f6f83203", b"1:2:3", b"", b" FF ", b"0" * 8 + b"-1" * 22],
    ),
    Target("policy", policy, lambda: [few(8, 3).text().encode(), b"00000000:ffffffff->1:2:3:4/"]),
    Target(
        "cmdline",
        cmdline,
        for_each_release(
            b"dom0_mem=1G spec-ctrl=no-gds-mit cpuid=rdrand,no-ibpb",
            b"tsx=0 smt=off psr=cmt,cat maxcpus=1 cpuid_mask_ecx=0x1 xsave=no",
        ),
    ),
    Target(
        "xl",
        xl_cfg,
        for_each_release(
            b"host,avx2=0,family=15,rdcl_no=1,maxleaf=0xd,ibrsb=s,htt=x",
            b"0x1:eax=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,ecx=0xxxxxxxkxxxxxxxxxxxxxxxxxxxxxx1\n"
            b"7,0:ebx=00000000000000000000000000000000",
            b'type = "hvm"\nvcpus=4 # and\ncpuid = "host,avx512f=0"\nnestedhvm=1; nomigrate=0',
            b'builder="hvm"\ncpuid = [ "0x80000001:edx=' + b"x" * 32 + b"\", '7,0:ecx="
            b"k" * 32 + b'\' ]\nviridian = [ "base", "!time_ref_count" ]\npae=0 hap=1',
            b'name = "g"\ncpuid += "host"\ntsc_mode="always_emulate"\npvh=1\nviridian=1',
        ),
    ),
)

"""xenops_cpu.inputs.suspend: streams put together byte for byte from Xen's and xapi's formats."""

import gzip
import io
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import example
from tests.support.reports import INPUTS, golden, libxc_stream, record, xenopsd_image, xl_save
from xenops_cpu import inputs
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpuid.words import guest_featureset, policy_featureset
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.inputs import InputError, suspend
from xenops_cpu.sources.printed import xen_cpuid

# What a real Xen gave an HVM guest at most.
POLICY = xen_cpuid.parse(golden("epyc-xen-4.17.xen-cpuid-p.txt"), "p").parts.policies["hvm_max"]
FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "bare": lambda stream: stream,
    "xl": xl_save,
    "libxl": lambda stream: b"LibxlFmt" + struct.pack(">II", 2, 0) + record(1) + stream + record(0),
    "xenopsd": xenopsd_image,
    "libvirt": lambda stream: b"libvirt-xml\n \0 \r" + bytes(80) + b"<domain/>\0" + stream,
}


def real(xen: str) -> bytes:
    """A stream that libxc itself wrote (see the folder's README)."""
    return gzip.decompress((INPUTS / f"hvm-domain-xen-{xen}.stream.gz").read_bytes())


def read(data: bytes) -> inputs.Input:
    return suspend.read(io.BytesIO(data), "image", "image")


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_policy_comes_out_as_it_went_in(framing: str, order: str) -> None:
    """In every framing and byte order: leaves, MSRs, and the featureset they hold."""
    found = read(FRAMINGS[framing](libxc_stream(POLICY, order=order)))
    assert found.kind == "suspend-image"
    assert [vm.suspended for vm in found.vms] == [True]
    assert found.policy == POLICY
    assert found.featureset == guest_featureset(POLICY, release("4.17"))
    assert not found.damage
    assert found.vm is not None
    assert found.vm.guest.name == "HVM"
    assert ("big-endian" in found.vm.source) == (order == ">")
    assert "version 3" in found.vm.source
    assert "saved by Xen 4.17" in found.vm.source


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("xen", ["4.17", "4.20"])
def test_what_libxc_itself_saved(framing: str, xen: str) -> None:
    """A real stream: the guest saw just what that Xen gives at boot, so it can go back there."""
    found = read(FRAMINGS[framing](real(xen)))
    vm, host = found.vm, example(f"epyc-xen-{xen}")
    assert vm is not None
    assert found.policy is not None
    assert (vm.guest.name, found.damage) == ("HVM", "")
    assert f"libxc stream version 3, HVM, saved by Xen {xen}" in vm.source
    assert vm.features == host.featuresets.hvm_default
    assert host.featuresets.hvm_max is not None
    assert vm.features <= host.featuresets.hvm_max
    # Leaf 80000001h EDX repeats bits of leaf 1 EDX in the policy, as AMD's CPUs do.
    assert policy_featureset(found.policy, host.release) != vm.features


def test_memory_of_a_real_stream_is_not_read() -> None:
    """Page data may be anything: only its length counts."""
    data = real("4.17")
    at = data.index(struct.pack("<I", 1) + struct.pack("<I", 8 + 64 * 8 + 64 * 4096))
    noise = data[: at + 600] + b"\xa5" * 4096 + data[at + 600 + 4096 :]
    assert read(noise) == read(data)


@pytest.mark.parametrize(("domain", "kind"), [(1, "pv"), (2, "hvm"), (3, "hvm")])
def test_the_kind_of_domain(domain: int, kind: str) -> None:
    """PV, HVM, and PVH, which gets HVM's sets."""
    vm = read(libxc_stream(POLICY, domain=domain)).vm
    assert vm is not None
    assert vm.guest.name == kind.upper()


def test_names_come_from_the_framing() -> None:
    """xl's configuration and xenopsd's record have the VM's name; a bare stream has none."""
    stream = libxc_stream(POLICY)
    for data, name in (
        (xl_save(stream, "web-07"), "web-07"),
        (xenopsd_image(stream), "web-01"),
        (xenopsd_image(stream, '((id 1)(name "my web \\"1\\"")(ty PV))'), "my web "),
        (xl_save(stream, "a\x1b[31m"), "a?[31m"),
        (stream, "image"),
    ):
        vm = read(data).vm
        assert vm is not None
        assert vm.name.startswith(name)


def test_an_old_stream_in_xenopsds_image_has_the_featureset_of_its_record() -> None:
    """Version 2 (Xen 4.13, XenServer 8.2) has no policy; xenopsd wrote down what it had set."""
    found = read(xenopsd_image(libxc_stream(None, version=2, xen=(4, 13))))
    assert found.policy is None
    assert found.featureset == Featureset.parse("178bfbfd-f6f83203-2c500800")
    assert found.vm is not None
    assert "the featureset is of xenopsd's record" in found.notes[0]


def test_an_old_stream_without_a_record_is_refused() -> None:
    """The sentence says which Xen writes what is needed."""
    for data in (libxc_stream(None, version=2), xl_save(libxc_stream(None, version=2))):
        with pytest.raises(InputError, match=r"version 2 .* Xen 4\.14 and later write version 3"):
            read(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"XenSavedDomain\n" + bytes(100), "xenopsd's old format"),
        (b"XenSavedDomv2-\n" + struct.pack("<QQ", 0xF2, 0), "Xen 4.4 or earlier"),
        (b"XenSavedDomv2-\n" + struct.pack("<QQ", 0x77, 0), "has type 0x77, which is none"),
        (b"XenSavedDomv2-\n" + struct.pack("<QQ", 0xFFFF, 0), "no memory image"),
        (b"XenSavedDomv2-\n" + struct.pack("<QQ", 0x0F, 1 << 62), "cut short"),
        (b"Xen saved domain, xl format\n \0 \r" + struct.pack("<4I", 0x01020304, 1, 0, 0),
         "xl of Xen 4.5 or earlier"),
        (b"LibxlFmt" + struct.pack(">II", 1, 0), "no libxl stream of version 2"),
        (b"LibxlFmt" + struct.pack(">II", 2, 0) + record(0), "no libxc stream"),
        (libxc_stream(POLICY, version=9), "version 9 of the libxc stream"),
        (libxc_stream(POLICY, domain=4), "domain type 4"),
        (libxc_stream(None), "no CPU policy in it"),
        (libxc_stream(POLICY)[:40] + record(0x11, bytes(25)), "X86_CPUID_POLICY at byte 40 has 25"),
        (libxc_stream(POLICY)[:40] + record(0x12, bytes(8)), "a multiple of 16"),
        (libxc_stream(POLICY)[:40] + struct.pack("<II", 0x11, 0xFFFFFFF0), "up to 98304"),
        (libxc_stream(POLICY)[:40] + record(0x7F000001), "which no version of the stream has"),
        (libxc_stream(POLICY)[:40] + record(0x12, struct.pack("<IIQ", 0xCE, 1, 0)), "has flags"),
        (b"\xff" * 8 + b"XENF", "cut short: the image header"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(data: bytes, words: str) -> None:
    """Old formats, wrong sizes, other architectures."""
    with pytest.raises(InputError, match=words):
        read(data)


@pytest.mark.parametrize("framing", FRAMINGS)
@given(st.data())
def test_an_image_cut_short_gives_the_whole_policy_and_damage_or_an_error(
    framing: str, data: st.DataObject
) -> None:
    """At any byte; what is given is the policy, all of it, and the cut is told."""
    made = FRAMINGS[framing](libxc_stream(POLICY))
    cut = data.draw(st.integers(0, len(made) - 1))
    with suppress(InputError):
        found = read(made[:cut])
        assert found.policy == POLICY
        assert "cut short" in found.damage


@pytest.mark.slow
@pytest.mark.parametrize("framing", FRAMINGS)
@given(st.data())
def test_noise_ends_in_an_error_or_in_a_vm(framing: str, data: st.DataObject) -> None:
    """Any bytes in any place: InputError or a VM, nothing else."""
    made = bytearray(FRAMINGS[framing](libxc_stream(POLICY, pages=1)))
    for _ in range(data.draw(st.integers(1, 6))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        assert read(bytes(made)).vm is not None


@pytest.mark.parametrize("framing", FRAMINGS)
def test_memory_is_stepped_over(tmp_path: Path, framing: str) -> None:
    """8 GiB of page data as holes of a file: the policy, and no damage behind the memory."""
    whole = FRAMINGS[framing](libxc_stream(POLICY, pages=1))
    head, page = record(0x10), record(0x01, struct.pack("<IIQ", 1, 0, 0) + b"\x01" * 4096)
    before, after = whole.split(head + page)
    body = (2 << 30) - 8
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(before + head)
        for _ in range(4):
            file.write(struct.pack("<II", 1, body))
            file.seek(body, io.SEEK_CUR)
        file.write(after)
    found = inputs.read(path)
    assert found.policy == POLICY
    assert not found.damage


def test_newer_records_are_stepped_over() -> None:
    """A type that this program does not know yet has a length like any other."""
    stream = libxc_stream(POLICY)
    assert read(stream[:40] + record(0x13, b"x" * 21) + stream[40:]).policy == POLICY


def test_an_image_behind_an_unknown_framing_is_found(tmp_path: Path) -> None:
    """The marker of a stream in the first MiBs; other binary files are refused."""
    path = tmp_path / "image"
    path.write_bytes(b"\x00ours" + bytes(5000) + libxc_stream(POLICY))
    assert inputs.read(path).policy == POLICY
    path.write_bytes(bytes(5000))
    with pytest.raises(InputError, match="a binary file of no known format"):
        inputs.read(path)


def test_a_policy_goes_to_text_and_back() -> None:
    """What is read can be written down and read again."""
    found = read(xl_save(libxc_stream(POLICY)))
    assert found.policy is not None
    assert Policy.parse(str(found.policy)) == found.policy

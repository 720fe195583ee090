"""The source xen: the real binding against headers, and against a stand-in for every failure."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cffi import VerificationError

from tests.support import fake_xen, layout
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.features.featureset import MAX_WORDS, Featureset
from xenops_cpu.hosts import cpu_info, offer
from xenops_cpu.sources import (
    SourceError,
    choose,
    libxc,
    libxc_build,
    libxc_errors,
    libxc_level,
    xen,
)
from xenops_cpu.sources.xen import XenSource


@pytest.fixture(scope="session")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], Any]:
    """A function that gives the binding of a release, compiled once."""

    @cache
    def build(release: str, xenserver: bool) -> Any:
        try:
            return fake_xen.build(tmp_path_factory.mktemp("binding"), release, xenserver)
        except VerificationError as error:
            pytest.skip(f"no C compiler: {error}")

    return build


@pytest.fixture
def use(
    bindings: Callable[[str, bool], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """A function that makes this machine a dom0 with a Xen of that release, answering as told."""
    device = tmp_path / "privcmd"
    device.touch()
    monkeypatch.setattr(libxc, "DEVICES", (device,))
    used = []

    def choose_release(release: str = "4.17", told: str = "", xenserver: bool = False) -> Any:
        binding = bindings(release, xenserver)
        monkeypatch.setattr(libxc, "_binding", lambda: binding)
        monkeypatch.setenv("FAKE_XEN", told)
        used.append(binding)
        return binding

    yield choose_release
    for binding in used:
        assert binding.lib.fake_open_handles == 0, "a handle was left open"


def words(index: int, count: int = 19) -> Featureset:
    """What the stand-in answers for an index."""
    return Featureset.of_words(index << 24 | word for word in range(count))


class TestReading:
    @pytest.mark.slow
    def test_a_host(self, use: Callable[..., Any]) -> None:
        """Every member of the host comes from its call, whatever the order of the indices."""
        use()
        host = XenSource().read()
        assert host.xen.version == "4.17.9-fake"
        assert host.xen.capabilities == "xen-3.0-x86_64 "  # as xenopsd hands it on
        assert host.xen.commandline == "cpuid=no-avx"
        assert (host.hvm, host.iommu) == (True, True)
        sets = host.featuresets
        assert [
            sets.raw,
            sets.host,
            sets.pv_default,
            sets.hvm_default,
            sets.pv_max,
            sets.hvm_max,
        ] == [words(index) for index in range(6)]
        order = ("raw", "host", "pv_max", "hvm_max", "pv_default", "hvm_default")
        assert {
            name: policy.leaves[0, NO_SUBLEAF][3] for name, policy in host.policies.items()
        } == {name: index for index, name in enumerate(order)}
        assert host.notes == (
            "Xen 4.17.9: names and rules are those of 4.17.7, the newest known here",
        )

    @pytest.mark.slow
    @pytest.mark.parametrize("release", ["4.13", "4.17"])
    def test_policies(self, use: Callable[..., Any], release: str) -> None:
        """Both generations of policy calls give leaves and MSRs; leaves of zeros are left out."""
        use(release)
        assert XenSource().read().policies["host"] == Policy(
            {(0, NO_SUBLEAF): (13, 1, 2, 1), (7, 1): (0, 0xDEADBEEF, 0, 0)},
            {0x10A: 0x123456789ABCDEF0},
        )

    def test_sockets_as_xenopsd_counts_them(self, use: Callable[..., Any]) -> None:
        """32 CPUs of 2 threads and 8 cores are two sockets."""
        use()
        topology = XenSource().read().topology
        assert (topology.cpu_count, topology.socket_count) == (32, 2)
        assert (topology.threads_per_core, topology.nr_nodes) == (2, 4)

    @pytest.mark.slow
    def test_the_oldest_layout(self, use: Callable[..., Any]) -> None:
        """Xen 4.7's physinfo has its members elsewhere, and the IOMMU's bit too; no policies."""
        use("4.7", "words=10 sets=4 version=0x40007")
        host = XenSource().read()
        assert (host.topology.socket_count, host.hvm, host.iommu) == (2, True, True)
        assert host.policies == {}
        assert any("cannot read CPU policies" in note for note in host.notes)

    def test_without_max_sets(self, use: Callable[..., Any]) -> None:
        """EINVAL for indices 4 and 5 means no max sets; a note says what stands for them."""
        use("4.13", "words=11 sets=4 version=0x4000d")
        host = XenSource().read()
        assert host.featuresets.pv_max is host.featuresets.hvm_max is None
        assert any("no max policies" in note for note in cpu_info.notes(host))
        taken = host.release.featureset(offer.TAKEN_FROM_HOST)
        pv, _ = offer.offers(host)
        assert pv.max == (words(2, 11) - taken) | (words(1, 11) & taken)

    def test_longer_than_known(self, use: Callable[..., Any]) -> None:
        """Words that no table has are kept, noted, and shown as <word*32+bit>."""
        use(told="words=25")
        host = XenSource().read()
        assert host.featuresets.host == words(1, 25)
        assert any("25 words" in note and "<word*32+bit>" in note for note in host.notes)
        assert host.release.label(24 * 32 + 3) == "<24*32+3>"

    def test_a_set_that_grows(self, use: Callable[..., Any]) -> None:
        """ENOBUFS: the length is asked for again."""
        use(told="longer=3")
        assert XenSource().read().featuresets.hvm_default == words(3, 22)

    def test_no_hvm(self, use: Callable[..., Any]) -> None:
        """A host without HVM says so in a note."""
        use(told="hvm=0")
        host = XenSource().read()
        assert not host.hvm
        assert any("HVM is not available" in note for note in host.notes)

    def test_unreadable_policies_are_a_note(self, use: Callable[..., Any]) -> None:
        """Featuresets are answered even where a library of another release fails on policies."""
        binding = use(told=f"fail=policy:{errno.ERANGE}")
        host = XenSource().read()
        assert host.featuresets.host == words(1)
        assert host.policies == {}
        assert any("policies could not be read" in note for note in host.notes)
        assert binding.lib.fake_open_handles == 0

    def test_interrupted_calls_are_repeated(self, use: Callable[..., Any]) -> None:
        """EINTR is not the caller's affair."""
        use(told=f"fail=xc_physinfo:{errno.EINTR}:3")
        assert XenSource().read().topology.cpu_count == 32


class TestFailing:
    @pytest.mark.parametrize(
        ("error", "kind", "remedy"),
        [
            (errno.EACCES, libxc_errors.ReleaseMismatch, "running hypervisor"),
            (errno.EPERM, libxc_errors.NotDom0, "dom0"),
            (errno.ENOSYS, libxc_errors.CallUnsupported, "update Xen"),
            (errno.EOPNOTSUPP, libxc_errors.CallUnsupported, "update Xen"),
            (errno.EINTR, libxc_errors.CallFailed, "interrupted"),
            (errno.EIO, libxc_errors.CallFailed, "Input/output error"),
        ],
    )
    @pytest.mark.parametrize("call", ["xc_physinfo", "xc_get_cpu_featureset", "xc_version"])
    def test_each_errno(
        self,
        use: Callable[..., Any],
        capfd: pytest.CaptureFixture[str],
        call: str,
        error: int,
        kind: type[libxc_errors.XenError],
        remedy: str,
    ) -> None:
        """A type and a remedy for each, with libxc's words; nothing on stderr, no handle left."""
        use(told=f"fail={call}:{error}")
        capfd.readouterr()  # what the compiler said, where this test is the first to need it
        with pytest.raises(kind) as raised:
            XenSource().read()
        text = str(raised.value)
        assert text.startswith(f"{call}: {os.strerror(error)} ({call} was told to fail)")
        assert remedy in text
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("error", [errno.EACCES, errno.EPERM])
    def test_open_without_permission(self, use: Callable[..., Any], error: int) -> None:
        """At opening, the same numbers are about the device."""
        use(told=f"fail=xc_interface_open:{error}")
        with pytest.raises(libxc_errors.PermissionMissing, match="root"):
            XenSource().read()

    def test_open_fails(self, use: Callable[..., Any]) -> None:
        """Any other failure at opening is named too."""
        use(told=f"fail=xc_interface_open:{errno.ENODEV}")
        with pytest.raises(libxc_errors.CallFailed, match="No such device"):
            XenSource().read()

    def test_no_featuresets_at_all(self, use: Callable[..., Any]) -> None:
        """A hypervisor before 4.7 lacks sets that nothing can stand for."""
        use(told="sets=2")
        with pytest.raises(libxc_errors.CallFailed, match=r"2 \(pv_default\)"):
            XenSource().read()

    def test_absurd_length(self, use: Callable[..., Any]) -> None:
        """More words than can be are an error that says how many."""
        use(told=f"words={MAX_WORDS + 1}")
        with pytest.raises(libxc_errors.CallFailed, match=f"{MAX_WORDS + 1} words"):
            XenSource().read()


class TestThisMachine:
    def test_no_xen(
        self, use: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Where nothing is, the two other sources are the remedy."""
        use()
        monkeypatch.setattr(libxc, "DEVICES", (tmp_path / "a", tmp_path / "b"))
        monkeypatch.setattr(libxc, "HYPERVISOR_TYPE", tmp_path / "type")
        with pytest.raises(
            libxc_errors.NotUnderXen, match=r"does not run under Xen.*--source simulated"
        ):
            XenSource().read()

    def test_a_guest(
        self, use: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A Xen guest is told that it is none of dom0."""
        use()
        (tmp_path / "type").write_text("xen\n")
        (tmp_path / "features").write_text("00000705\n")
        monkeypatch.setattr(libxc, "DEVICES", (tmp_path / "a",))
        monkeypatch.setattr(libxc, "HYPERVISOR_TYPE", tmp_path / "type")
        monkeypatch.setattr(libxc, "FEATURE_FLAGS", tmp_path / "features")
        with pytest.raises(libxc_errors.NotDom0):
            XenSource().read()

    def test_dom0_without_the_module(
        self, use: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """dom0 without privcmd is told to load it."""
        use()
        (tmp_path / "type").write_text("xen\n")
        (tmp_path / "features").write_text("000228f0\n")
        monkeypatch.setattr(libxc, "DEVICES", (tmp_path / "a",))
        monkeypatch.setattr(libxc, "HYPERVISOR_TYPE", tmp_path / "type")
        monkeypatch.setattr(libxc, "FEATURE_FLAGS", tmp_path / "features")
        with pytest.raises(libxc_errors.NotUnderXen, match="modprobe xen-privcmd"):
            XenSource().read()

    @pytest.mark.parametrize(
        ("features", "capabilities", "expected"),
        [
            ("000228f0\n", None, True),
            ("00000705\n", "control_d\n", False),
            (None, "control_d\n", True),
            (None, "\n", False),
            (None, None, False),
            ("nonsense", None, False),
        ],
    )
    def test_dom0_is_recognised(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        features: str | None,
        capabilities: str | None,
        expected: bool,
    ) -> None:
        """By Linux's feature flags, or by xenfs where an old kernel has none."""
        for name, text in (("FEATURE_FLAGS", features), ("CAPABILITIES", capabilities)):
            file = tmp_path / name
            if text is not None:
                file.write_text(text)
            monkeypatch.setattr(libxc, name, file)
        assert libxc.is_dom0() is expected

    @pytest.mark.parametrize("binding", [True, False])
    def test_in_dom0_the_hypervisor_is_the_default(
        self, monkeypatch: pytest.MonkeyPatch, binding: bool
    ) -> None:
        """Never a simulation on a real host: without the binding Xen's own tool is asked."""
        monkeypatch.setattr(libxc, "is_dom0", lambda: True)
        why = None if binding else libxc_errors.BindingMissing("built without it")
        monkeypatch.setattr(libxc, "missing", lambda: why)
        assert choose.source(None).name == ("xen" if binding else "xen-cpuid")

    def test_without_the_binding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A wheel that was built without headers names the package to install."""
        monkeypatch.setitem(sys.modules, "xenops_cpu.sources._libxc", None)
        libxc._binding.cache_clear()
        with pytest.raises(libxc_errors.BindingMissing, match="libxen-dev") as raised:
            XenSource().read()
        assert isinstance(raised.value, SourceError)

    def test_without_the_libraries(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A binding whose libxenctrl is not installed says which, and what to do."""
        (tmp_path / "_libxc.py").write_text(
            "raise ImportError('libxenctrl.so.4.17: cannot open shared object file')"
        )
        monkeypatch.setattr("xenops_cpu.sources.__path__", [str(tmp_path)])
        monkeypatch.delitem(sys.modules, "xenops_cpu.sources._libxc", raising=False)
        libxc._binding.cache_clear()
        with pytest.raises(libxc_errors.LibraryMissing, match=r"libxenctrl\.so\.4\.17.*libxenmisc"):
            XenSource().read()


class TestXenServer:
    @pytest.mark.slow
    def test_its_libxc_is_recognised(self, use: Callable[..., Any]) -> None:
        """Bits that only compatibility asks for are named in a note; the sets stay as answered."""
        use(told="words=22", xenserver=True)
        with libxc.Handle() as xc:
            assert xc.adds_compatibility_bits
        host = XenSource().read()
        assert host.featuresets.hvm_max == words(5, 22)
        assert host.release.name == "xenserver-8-4.17.3-4"

    def test_upstream_is_not(self, use: Callable[..., Any]) -> None:
        """Upstream's libxc has no such function."""
        use()
        with libxc.Handle() as xc:
            assert not xc.adds_compatibility_bits

    def test_its_level_is_called(self, use: Callable[..., Any]) -> None:
        """The function that XenServer's libxc has, with sets of any length, and only there."""
        use(xenserver=True, told="combined=80")
        level = libxc_level.combine_of_libxc()
        assert level is not None
        left, right = Featureset.parse("0000000f-00000011"), Featureset.parse("00000006")
        assert str(level(left, right)) == "00000086-00000000"
        longest = Featureset.of_words([3] * MAX_WORDS)
        assert level(longest, longest) == Featureset.of_words([0x83] + [3] * (MAX_WORDS - 1))
        use()
        assert libxc_level.combine_of_libxc() is None

    def test_no_binding_no_level(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the binding was not built there is nothing to call, which is no error."""

        def missing() -> Any:
            raise libxc_errors.BindingMissing("not built")

        monkeypatch.setattr(libxc, "_binding", missing)
        assert libxc_level.combine_of_libxc() is None


class TestMicrocode:
    @pytest.mark.slow
    def test_as_xen_tells_it(
        self, use: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From 4.18 on; as Linux shows it where Xen cannot tell, or libxc has no such call."""
        monkeypatch.setattr(xen, "revision", {"GenuineIntel": 0x11}.get)
        use("4.18", told="revision=0x2b000571")
        assert xen.microcode("GenuineIntel") == 0x2B000571
        use("4.18", told=f"fail=xc_get_ucode_revision:{errno.EPERM}")
        assert xen.microcode("GenuineIntel") == 0x11
        use("4.17", told="revision=0x2b000571")
        assert xen.microcode("GenuineIntel") == 0x11
        assert xen.microcode("AuthenticAMD") is None

    def test_a_host_has_it(self, use: Callable[..., Any]) -> None:
        """So that what is newer can be said of it."""
        use("4.18", told="revision=0x2b000571")
        assert XenSource().read().microcode == 0x2B000571

    def test_the_error_names_the_call(self, use: Callable[..., Any]) -> None:
        """As every other failure of libxc does."""
        use("4.18", told=f"fail=xc_get_ucode_revision:{errno.EPERM}")
        with (
            libxc.Handle() as xc,
            pytest.raises(libxc_errors.NotDom0, match="xc_get_ucode_revision"),
        ):
            xc.microcode()


@pytest.mark.slow
def test_layout_against_the_headers(tmp_path: Path) -> None:
    """Size and offset of every member of the cdef are what a C program gets from Xen's headers."""
    headers = libxc_build.find_headers()
    if headers is None:
        pytest.skip("no Xen headers: install libxen-dev (tests/xen checks downloaded ones)")
    layout.check(headers, tmp_path)


def test_every_member_of_cdef_is_checked() -> None:
    """The check of layouts forgets no structure that the binding declares."""
    declared = re.findall(r"struct xen_\w+(?= \{)|(?<=\} )xen_\w+(?=;)", libxc_build.CDEF)
    assert set(declared) == set(layout.MEMBERS)

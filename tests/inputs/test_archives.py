"""xenops_cpu.inputs: bug reports in archives, and archives that are hostile."""

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import example
from tests.support.reports import database, golden, report, tar, zipped
from xenops_cpu import inputs
from xenops_cpu.hosts import capture
from xenops_cpu.inputs import InputError, archives
from xenops_cpu.inputs.archives import Damaged, members

WANTED = "a/xen-cpuid-p.out"


def read(tmp_path: Path, data: bytes, name: str = "report.tar.bz2") -> inputs.Input:
    path = tmp_path / name
    path.write_bytes(data)
    return inputs.read(path)


def contents(data: bytes, wanted: Callable[[str], bool] = lambda _: True) -> dict[str, bytes]:
    """All that the archive gives."""
    return {member.name: member.read(1 << 20) for member in members(io.BytesIO(data), wanted)}


FORMS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "tar": tar,
    "tar.bz2": lambda files: tar(files, "w:bz2"),
    "tar.gz": lambda files: tar(files, "w:gz"),
    "zip": zipped,
    "zip, stored": lambda files: zipped(files, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_report_of_one_host(tmp_path: Path, form: str) -> None:
    """Sets, policies, version, counts and identity, each from its file."""
    found = read(tmp_path, FORMS[form](report()))
    assert found.host_names == ("xs-01",)
    host = found.hosts[0].host
    captured = example("epyc-xen-4.17")
    assert host.featuresets == captured.featuresets
    assert host.processor == captured.processor
    assert (host.xen.version, host.release.name) == ("4.17.7", "4.17")
    assert host.topology.cpu_count == 64
    assert host.hvm
    assert host.iommu
    assert set(host.policies) == {
        "raw", "host", "pv_default", "hvm_default", "pv_max", "hvm_max",
    }  # fmt: skip
    assert not host.notes
    assert not found.damage
    assert capture.load(capture.dump(host)) == host


@pytest.mark.parametrize("form", FORMS)
def test_reports_of_many_hosts(tmp_path: Path, form: str) -> None:
    """A folder for each host, or an archive in the archive; policies alone will do."""
    folders = {**report("xs-01"), **report("xs-02", "ivybridge-xen-4.17")}
    inner = {
        "xs-01.tar.bz2": tar(report("xs-01"), "w:bz2"),
        "xs-02.zip": zipped(report("xs-02", "ivybridge-xen-4.17")),
        "pool/xs-03.tgz": tar(report("xs-03"), "w:gz"),
    }
    assert read(tmp_path, FORMS[form](folders)).host_names == ("xs-01", "xs-02")
    found = read(tmp_path, FORMS[form](inner))
    assert found.host_names == ("xs-01", "xs-02", "xs-03")
    assert not found.hosts[1].host.featuresets.hvm_default
    assert found.hosts[1].host.featuresets.hvm_default.length == 19


def test_a_folder_reads_like_its_archive(tmp_path: Path) -> None:
    """An unpacked report; links in it are not followed."""
    for name, data in report().items():
        path = tmp_path / "unpacked" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "secret").write_text(golden("epyc-xen-4.17.xen-cpuid.txt"))
    (tmp_path / "unpacked/xen-cpuid-v.out").symlink_to(tmp_path / "secret")
    found = inputs.read(tmp_path / "unpacked")
    assert found.host_names == ("xs-01",)
    assert found.hosts[0].host.featuresets == example("epyc-xen-4.17").featuresets


def test_the_database_adds_hosts_that_no_report_is_of(tmp_path: Path) -> None:
    """xs-01 is known from its report, xs-02 from xapi's database; VMs and records come with it."""
    files = report("xs-01")
    files["bug-report-20260101093000-xs-01/xapi-db.xml"] = database().encode()
    found = read(tmp_path, tar(files, "w:bz2"))
    assert found.host_names == ("xs-01", "xs-02")
    assert found.hosts[0].host.featuresets.raw.length == 19
    assert found.hosts[1].host.featuresets.raw.length == 0
    assert [vm.name for vm in found.vms] == ["web 01", "never started"]
    assert len(found.stored) == 3


def test_captures_in_an_archive(tmp_path: Path) -> None:
    """What read --to wrote, zipped up; other JSON is passed over."""
    host = example("epyc-xen-4.20")
    files = {"a/h1.json": capture.dump(host).encode(), "a/other.json": b"[1, 2", "b.json": b"{}"}
    found = read(tmp_path, zipped(files))
    assert [each.host for each in found.hosts] == [host]
    assert found.host_names == ("h1",)


def test_one_compressed_text(tmp_path: Path) -> None:
    """No archive at all: xen-cpuid's output in gzip or bzip2."""
    text = golden("epyc-xen-4.17.xen-cpuid.txt").encode()
    for data in (gzip.compress(text), bz2.compress(text)):
        found = read(tmp_path, data, "x.xen-cpuid.txt.gz")
        assert found.hosts[0].host.featuresets == example("epyc-xen-4.17").featuresets


def test_an_archive_without_a_host_says_what_is_wanted(tmp_path: Path) -> None:
    """Not every zip is a report."""
    with pytest.raises(InputError, match=r"xen-cpuid-v\.out and xen-cpuid-p\.out"):
        read(tmp_path, zipped({"photo.png": b"x", "notes.txt": b"y"}))


def test_a_bad_file_of_a_report_is_named(tmp_path: Path) -> None:
    """The other host is read; the damage says which file and what is wrong."""
    files = {**report("xs-01"), **report("xs-02")}
    bad = next(name for name in files if "xs-02/xen-cpuid-v" in name)
    files[bad] = files[bad][:-20]
    found = read(tmp_path, tar(files, "w:gz"))
    assert found.host_names == ("xs-01", "xs-02")
    assert "xs-02/xen-cpuid-v.out, line" in found.damage
    assert any(bad in note for note in found.notes)


@pytest.mark.parametrize("form", FORMS)
def test_names_and_contents_come_as_they_went_in(form: str) -> None:
    """Long names (pax and GNU), no contents, contents of every length around a block."""
    files = {f"d/{'n' * length}": bytes(length) for length in (1, 99, 100, 101, 155, 300)}
    files |= {f"s{size}": b"\xa5" * size for size in (0, 1, 511, 512, 513, 70_000)}
    files["żółw"] = b"utf-8"
    assert contents(FORMS[form](files)) == files


def test_gnu_names() -> None:
    """Type L, as GNU tar writes names of more than 100 bytes."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("x" * 300)
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    assert contents(made.getvalue()) == {"x" * 300: b"abc"}


def test_compressed_streams_one_after_another() -> None:
    """As pbzip2 and cat of two gzip files make them."""
    data = tar({"a": b"1" * 5000, "b": b"2"})
    for compress in (bz2.compress, gzip.compress):
        assert contents(compress(data[:3000]) + compress(data[3000:])) == {
            "a": b"1" * 5000,
            "b": b"2",
        }


def test_only_plain_files_count() -> None:
    """Links, folders and devices are passed over, whatever they point to."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo(WANTED)
            info.type, info.linkname = kind, "/etc/shadow"
            archive.addfile(info)
    assert contents(made.getvalue()) == {}
    link = zipfile.ZipInfo(WANTED)
    link.external_attr = 0o120777 << 16
    zip_made = io.BytesIO()
    with zipfile.ZipFile(zip_made, "w") as zip_archive:
        zip_archive.writestr(link, "/etc/shadow")
    assert contents(zip_made.getvalue()) == {}


def test_paths_are_labels(tmp_path: Path) -> None:
    """Absolute paths, .. and control characters are shown, never used."""
    root = "../../../../tmp/evil\x1b[31m"
    found = read(tmp_path, tar(report("xs-01", folder=root)))
    assert found.host_names == ("xs-01",)
    assert "\x1b" not in found.hosts[0].host.origin
    assert list(tmp_path.iterdir()) == [tmp_path / "report.tar.bz2"]


def test_archives_in_archives_in_archives_stay_closed() -> None:
    """One level is read, no more."""
    inner = tar({WANTED: b"x"})
    assert contents(tar({"1.tar": inner}), WANTED.__eq__) == {f"1.tar/{WANTED}": b"x"}
    assert contents(tar({"2.tar": tar({"1.tar": inner})}), WANTED.__eq__) == {}


@pytest.mark.slow
@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress])
def test_a_bomb_is_stopped_by_what_comes_out(compress: Callable[[bytes], bytes]) -> None:
    """64 MiB of zeros within a tar; nobody wants the member, it is unpacked to get past it."""
    info = tarfile.TarInfo("zeros")
    info.size = 64 << 20
    data = compress(info.tobuf() + bytes(info.size))
    with pytest.raises(Damaged, match="a bomb, not a report"):
        contents(data, lambda _: False)


def test_a_member_is_as_long_as_its_reader_allows() -> None:
    """zip: 8 MiB of zeros where 1 MiB is the limit."""
    with pytest.raises(InputError, match="more than 1024 KiB"):
        contents(zipped({WANTED: bytes(8 << 20)}))


def test_too_many_members() -> None:
    """Empty files cost a header each."""
    head = tarfile.TarInfo("a").tobuf()
    with pytest.raises(Damaged, match="more than 50000 members"):
        contents(head * 50_001, lambda _: False)


def test_a_size_that_cannot_be() -> None:
    """A tar whose member has more bytes than the file, in octal and in GNU's binary form."""
    for size in (1 << 32, 1 << 62):
        info = tarfile.TarInfo("a")
        info.size = size
        with pytest.raises(Damaged, match="cut short"):
            contents(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024), lambda _: False)


@pytest.mark.parametrize("kind", [b"x", b"L", b"g"])
def test_a_header_without_end_is_not_taken_into_memory(kind: bytes) -> None:
    """pax records and GNU names of 1 GiB, on a file that has holes for them."""
    info = tarfile.TarInfo("a")
    info.size = 1 << 30
    info.type = kind
    with pytest.raises(Damaged, match="cut short"):
        contents(info.tobuf() + bytes(4096))


def test_zip_directories_that_cannot_be() -> None:
    """Longer than the file, than any report's; not there; pointing anywhere."""
    good = zipped({WANTED: b"x" * 100})
    end = good.rfind(b"PK\x05\x06")
    for patch, words in (
        (struct.pack("<I", 0xFFFFFFF0), "which cannot be"),
        (struct.pack("<I", 3), "directory is damaged"),
    ):
        with pytest.raises(Damaged, match=words):
            contents(good[: end + 12] + patch + good[end + 16 :])
    with pytest.raises(Damaged, match="no directory at its end"):
        contents(good[:end])
    directory = good.rfind(b"PK\x01\x02")
    with pytest.raises(Damaged, match="not where the zip's directory says"):
        contents(good[: directory + 42] + struct.pack("<I", 7) + good[directory + 46 :])


def test_a_zip64_is_read() -> None:
    """Sizes in the extra field, as zip -fz and streams have them."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(WANTED, "w", force_zip64=True) as member,
    ):
        member.write(b"contents")
    assert contents(made.getvalue()) == {WANTED: b"contents"}


def test_what_is_encrypted_or_packed_otherwise_is_refused_by_name() -> None:
    """LZMA may ask for gigabytes of memory; a password is not ours to ask."""
    with pytest.raises(InputError, match=f"{WANTED}: packed by method 14"):
        contents(zipped({WANTED: b"x" * 100}, zipfile.ZIP_LZMA))
    good = zipped({WANTED: b"x"})
    at = good.rfind(b"PK\x01\x02") + 8
    with pytest.raises(InputError, match="encrypted"):
        contents(good[:at] + b"\x01\x00" + good[at + 2 :])
    with pytest.raises(InputError, match="xz is not read here"):
        contents(b"\xfd7zXZ\x00" + bytes(600))


@pytest.mark.parametrize("form", FORMS)
@given(st.data())
def test_an_archive_cut_short_gives_whole_members_or_damage(form: str, data: st.DataObject) -> None:
    """At any byte: members that come are whole, and the cut is told."""
    files = {f"d{number}/xen-cpuid-p.out": bytes([number]) * 3000 for number in range(4)}
    made = FORMS[form](files)
    # A tar ends with blocks of zeros, of which the first is enough.
    needed = 4 * (512 + 3072) + 512 if form == "tar" else len(made)
    # Archives hold the time, and so their lengths differ a little from one second to the next.
    cut = data.draw(st.integers(0, 1 << 20)) % needed
    reading = members(io.BytesIO(made[:cut]), lambda _: True)
    seen: dict[str, bytes] = {}
    with pytest.raises(InputError):
        seen.update((member.name, member.read(1 << 20)) for member in reading)
    assert seen.items() <= files.items()


@pytest.mark.parametrize("form", FORMS)
@given(st.data())
def test_noise_ends_in_an_error_or_in_members(form: str, data: st.DataObject) -> None:
    """Any bytes in any place: InputError or members, nothing else."""
    made = bytearray(FORMS[form]({"a/b": b"1" * 2000, "c.zip": zipped({"d": b"2"})}))
    for _ in range(data.draw(st.integers(1, 8))):
        made[data.draw(st.integers(0, 1 << 20)) % len(made)] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        contents(bytes(made))


def test_what_came_before_the_damage_counts(tmp_path: Path) -> None:
    """A report whose download broke off: the first host, and the sentence that says so."""
    whole = tar({**report("xs-01"), **report("xs-02")})
    found = read(tmp_path, whole[: len(whole) - 120_000])
    assert "xs-01" in found.host_names
    assert "cut short" in found.damage


def test_deflate_data_that_is_damaged() -> None:
    """zlib says what; we say where."""
    packed = zipped({WANTED: bytes(range(256)) * 40})
    at = 30 + len(WANTED) + 5
    with pytest.raises(InputError):
        contents(packed[:at] + b"\xff" * 20 + packed[at + 20 :])
    assert archives.kind(zlib.compress(b"x")) is None

"""Files from strangers: archives and bug reports, suspend images, xapi's database."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from xml.sax.saxutils import quoteattr

from tests.inputs.test_suspend import FRAMINGS
from tests.support.reports import XL_INFO, database, libxc_stream, tar, zipped
from xenops_cpu import errors
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.inputs import archives, files, suspend
from xenops_cpu.inputs.records import database as database_reader
from xenops_cpu.inputs.records.collected import Collected
from xenops_cpu.inputs.reports import bugtool
from xenops_cpu.inputs.value import Stored
from xenops_cpu.limits import input_limits

from .target import Target, file, reads_back, refusing
from .texts import captures, logs, outputs
from .words import few

# What is between a name and contents, and between members, in what archives are made of here.
_IS, _NEXT = b"\n=\n", b"\n--\n"
_FORMS: Mapping[int, Callable[[dict[str, bytes]], bytes]] = {
    1: tar,
    2: lambda members: tar(members, "w:gz"),
    3: lambda members: tar(members, "w:bz2"),
    4: zipped,
    5: lambda members: tar({"inner.tar.gz": tar(members, "w:gz")}),
    6: lambda members: tar({"inner.zip": zipped(members)}),
    7: lambda members: zipped({"inner.tar.bz2": tar(members, "w:bz2")}),
}
_RAW: Mapping[int, Callable[[bytes], bytes]] = {8: gzip.compress, 9: bz2.compress}


def archived(data: bytes) -> None:
    """Names and contents come out as they went in, whatever they are packed in; a report is read.

    The first byte chooses the packing; with 0 the bytes are the archive itself.
    """
    kind, rest = data[0] % 10 if data else 0, data[1:]
    if kind in _FORMS:
        members = dict(_members(rest))
        packed = _FORMS[kind](members)
        if kind < 5:
            _come_out(packed, members)
    else:
        packed = _RAW.get(kind, bytes)(rest)
    with refusing():
        for member in archives.members(file(packed), lambda _: True):
            assert member.name.isprintable()
            assert len(member.name) <= 2 * input_limits.PATH_LENGTH + 2
            for _ in member.chunks:
                pass
    with refusing():
        reads_back(files._read(io.BufferedReader(file(packed)), "name", "where", None))


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    for member in data.split(_NEXT):
        name, _, contents = member.partition(_IS)
        if name.partition(b"\0")[0]:  # the standard library writes no other
            yield name.decode("latin-1"), contents


def _come_out(packed: bytes, members: Mapping[str, bytes]) -> None:
    """Where no name is a folder's, one of Windows, or cannot be shown as it is."""
    plain = all(
        name.isascii() and name.isprintable() and not name.endswith("/") and "\\" not in name
        for name in members
    )
    if plain and members:
        found = {
            member.name: b"".join(member.chunks)
            for member in archives.members(file(packed), lambda _: True)
        }
        assert found == members, (found, members)


def suspended(data: bytes) -> None:
    """The policy of an image is written as a stream of both byte orders, and read again.

    The first byte chooses a framing around the rest; the last one is none.
    """
    framings = [*FRAMINGS.values(), bytes]
    image = framings[data[0] % len(framings)](data[1:]) if data else b""
    with refusing():
        found = files._read(io.BufferedReader(file(image)), "name", "where", None)
        reads_back(found)
        if found.policy is not None:
            for order, framing in itertools.product("<>", FRAMINGS.values()):
                again = suspend.read(file(framing(_stream(found.policy, order))), "n", "w")
                assert again.policy == found.policy


def _stream(policy: Policy, order: str) -> bytes:
    return libxc_stream(policy, order=order, pages=0)


def recorded(data: bytes) -> None:
    """A database tells the same in whatever pieces it comes; its records are written and read."""
    whole, refusal = _collected([data])
    pieces, other = _collected(data[start : start + 7] for start in range(0, len(data), 7))
    assert whole == pieces
    assert bool(refusal) == bool(other), (refusal, other)
    with refusing():
        member = archives.Member("xapi-db.xml", iter([data]))
        reads_back(bugtool.read([member], "name", "where"))
    if whole is not None:
        fit = [each._replace(name=_fit(each.name)) for each in whole.stored]
        again, refusal = _collected([_database(fit).encode()])
        assert again is not None, refusal
        assert again.stored == [each for each in fit if each.cpu_info]


def _collected(chunks: Iterable[bytes]) -> tuple[Collected | None, str]:
    try:
        return database_reader.parse(chunks, "where"), ""
    except errors.InputError as error:
        return None, str(error)


def _fit(name: str) -> str:
    """Without what stands for something else in a database: %, and blanks at which XML turns."""
    return "".join(letter for letter in name if letter.isprintable() and letter != "%")


def _database(records: list[Stored]) -> str:
    """As xapi writes it: maps as S-expressions, with quotes and backslashes escaped."""

    def quoted(text: str) -> str:
        text = text.replace("%", "%%").replace("\\", "\\\\").replace("'", "\\'")
        for mark, letter in (("%.", " "), ("%n", "\n"), ("%r", "\r"), ("%t", "\t")):
            text = text.replace(letter, mark)
        return f"'{text}'"

    def table(record: Stored) -> str:
        info = "".join(f"({quoted(key)} {quoted(text)})" for key, text in record.cpu_info.items())
        row = {"uuid": record.uuid, "name__label": record.name, "cpu_info": f"({info})"}
        attributes = " ".join(f"{key}={quoteattr(text)}" for key, text in row.items())
        return f"<table name='{record.kind}'><row {attributes}/></table>"

    tables = "".join(map(table, records))
    return f"<database>{tables}</database>"


def packed_reports() -> list[bytes]:
    root = b"bug-report-20260101093000-xs-01"
    texts = outputs()
    inventory = (
        b'<system-status-inventory><system-summary hostname="xs-01"/></system-status-inventory>'
    )
    members = (
        b"/xl-info.out" + _IS + XL_INFO.format(name="xs-01").encode(),
        b"/xen-cpuid-d.out" + _IS + texts[12],
        b"/xen-cpuid-p.out" + _IS + texts[14],
        b"/xapi-db.xml" + _IS + database(1).encode(),
        b"/inventory.xml" + _IS + inventory,
        b"/proc/cpuinfo" + _IS + b"processor : 0\nvendor_id : A\nmodel name : B\n",
        b"/var/log/xensource.log" + _IS + logs()[0],
        b"/host.json" + _IS + captures()[1],
    )
    report = _NEXT.join(root + member for member in members[:2])
    several = _NEXT.join(root + member for member in members[3:7])
    one = [bytes([1]) + root + member for member in members]
    small = dict(_members(b"a" + members[5]))
    raw = [b"\0" + form(small) for form in (tar, zipped, _FORMS[2])]
    return [bytes([kind]) + report for kind in _FORMS] + [b"\1" + several, *one, *raw]


def images() -> list[bytes]:
    stream = libxc_stream(few(4, 2), pages=0)
    other = libxc_stream(few(4, 0), order=">", xen=(4, 20), domain=1, pages=0)
    old = libxc_stream(None, version=2, xen=(4, 13), pages=0)
    return [
        bytes([kind]) + each for kind in range(len(FRAMINGS)) for each in (stream, other, old)
    ] + [bytes([len(FRAMINGS)]) + framing(stream) for framing in FRAMINGS.values()]


def databases() -> list[bytes]:
    return [
        database(0).encode(),
        database(1).encode(),
        b"<database><manifest><pair key='generation_count' value='7'/></manifest>"
        b"<table name='VM_metrics'><row ref='m' current_domain_type='pv' nomigrate='true'/></table>"
        b"<table name='VM'><row ref='v' uuid='u' metrics='m' resident_on='h' power_state='Running' "
        b"last_boot_CPU_flags=\"(('features' '1-2')%.('vendor' 'a'))\"/></table></database>",
    ]


TARGETS = (
    Target("archives", archived, packed_reports),
    Target("images", suspended, images),
    Target("database", recorded, databases),
)

"""The limits of what is read: each is reached by a test, and stands in the docs."""

import gzip
import io
import time
import zipfile
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_cli import run
from tests.support import reports
from tests.support.hosts import example
from tests.support.limits import reached, reaches
from tests.support.reports import record, report, tar, zipped
from xenops_cpu import files, inputs
from xenops_cpu.cpus import dumps
from xenops_cpu.files import FileError
from xenops_cpu.hosts import capture
from xenops_cpu.inputs import InputError
from xenops_cpu.inputs.archives import OverBudget, members
from xenops_cpu.limits import input_limits
from xenops_cpu.sources import SourceError, cpuinfo
from xenops_cpu.sources.recorded import Recorded
from xenops_cpu.text import json_text
from xenops_cpu.xapi.credentials import Places, obtain
from xenops_cpu.xapi.errors import CertificateError, CredentialsError
from xenops_cpu.xapi.tls import Trust
from xenops_cpu.xapi.url import parse as url

# The headers of a libxc stream, to which records come.
STREAM = reports.libxc_stream(None, pages=0)[:40]
FLAGS = "last-boot-CPU-flags : vendor: GenuineIntel; features: 17cbfbff-f7fa3223\n"


def limit(monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(input_limits, name.upper(), value)


def read(folder: Path, data: bytes | str, name: str = "file") -> inputs.Input:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return inputs.read(path)


@pytest.mark.parametrize("name", [name for name, _, _ in input_limits.table()])
def test_a_test_reaches_it(name: str) -> None:
    """A test is marked with the limit's name."""
    assert name in reached()


def test_the_table_has_all_of_them() -> None:
    """A number that is not in the table is no limit that anybody knows."""
    constants = {name.lower() for name in vars(input_limits) if name.isupper() and name[0] != "_"}
    assert constants == {name for name, _, _ in input_limits.table()}


def test_the_docs_have_all_of_them() -> None:
    """docs/reading.md has the very table."""
    page = (ROOT / "docs" / "reading.md").read_text()
    for name, value, meaning in input_limits.table():
        assert f"| `{name}` | {value} | {meaning} |\n" in page


@reaches("text_bytes")
def test_the_size_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file, of a dump, and of what a compressed file becomes."""
    limit(monkeypatch, text_bytes=1024 * 1024)
    text = FLAGS + "\n" * (2**20 - len(FLAGS))
    limit(monkeypatch, text_lines=2**20)
    assert read(tmp_path, text).vms
    for data in (f"{text}\n".encode(), gzip.compress(text.encode() + b"\n")):
        with pytest.raises(InputError, match=r"more than 1 MiB|more than 1024 KiB"):
            read(tmp_path, data)
    (tmp_path / "dump").write_text(f"{text}\n")
    with pytest.raises(dumps.DumpError, match="larger than 1 MiB"):
        dumps.read(tmp_path / "dump")


@reaches("text_lines", "line_length")
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\x1c", "\x85", "\u2028"])
def test_the_lines_of_a_text(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """All that ends a line counts; each line has a length."""
    limit(monkeypatch, text_lines=10, line_length=20)
    lines = 10 // len(end)
    files.check(f"x{end}" * lines, "x")
    files.check("x" * 20 + end + "x" * 20, "x")
    with pytest.raises(InputError, match="x: a text of more than 10 lines"):
        files.check(f"x{end}" * (lines + 1), "x")
    with pytest.raises(InputError, match="x, line 2: longer than 20 characters"):
        files.check(f"x{end if len(end) == 1 else chr(10)}" + "x" * 21, "x")
    files.check("{" + "x" * 21, "x")


@reaches("json_elements")
def test_the_elements_of_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they are; wherever JSON is read, that is the error."""
    text = capture.dump(example())
    limit(monkeypatch, json_elements=100)
    assert json_text.parse("[" + "0," * 98 + "0]") == [0] * 99
    for document in ("[" + "0," * 100 + "0]", "[" * 101, "{" + '"a":{' * 60):
        with pytest.raises(json_text.TooMuch, match="JSON of more than 100 elements"):
            json_text.parse(document)
    with pytest.raises(InputError, match="JSON of more than 100 elements"):
        read(tmp_path, text)
    with pytest.raises(SourceError, match="JSON of more than 100 elements"):
        Recorded(tmp_path / "file").read()
    with pytest.raises(dumps.DumpError, match="JSON of more than 100 elements"):
        dumps.parse('{"leaves": [' + "[]," * 100 + "[]]}")


@reaches("xml_marks")
def test_the_marks_of_xml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags and attributes are counted before anything is made of them."""
    limit(monkeypatch, xml_marks=10)
    with pytest.raises(dumps.DumpError, match="XML of more than 10 tags and attributes"):
        dumps.parse("<cpudata arch='x86'>" + "<a/>" * 9 + "</cpudata>")
    with pytest.raises(dumps.DumpError, match="no element cpuid"):
        dumps.parse("<cpudata arch='x86'>" + "<a/>" * 7 + "</cpudata>")


@reaches("dump_cpus", "read_cpus")
def test_many_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two limits: of what is read at all, and of what is simulated."""
    limit(monkeypatch, dump_cpus=5, read_cpus=3)
    line = (
        '{"leaves": [["0","0","1","756e6547","6c65746e","49656e69"],["1","0","50654","0","0","0"]]}'
    )
    assert len(read(tmp_path, f"{line}\n" * 3).hosts) == 3
    with pytest.raises(InputError, match="4 CPUs; simulate --corpus reads any number"):
        read(tmp_path, f"{line}\n" * 4)
    with pytest.raises(dumps.DumpError, match="more than 5 lines; simulate --corpus"):
        dumps.parse(f"{line}\n" * 6)


@reaches("capture_bytes")
def test_the_size_of_a_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a source."""
    path = tmp_path / "host.json"
    path.write_text(capture.dump(example()))
    limit(monkeypatch, capture_bytes=path.stat().st_size)
    Recorded(path).read()
    limit(monkeypatch, capture_bytes=path.stat().st_size - 1)
    with pytest.raises(SourceError, match=r"cannot read the capture .*: larger than "):
        Recorded(path).read()


@reaches("cpuinfo_bytes")
def test_the_beginning_of_cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes later is not looked at."""
    path = tmp_path / "cpuinfo"
    path.write_text("vendor_id : A\nmodel name : B\n")
    assert cpuinfo.read(path).modelname == "B"
    limit(monkeypatch, cpuinfo_bytes=14)
    processor = cpuinfo.read(path)
    assert (processor.vendor, processor.modelname) == ("A", "unknown")


@reaches("policy_entries")
def test_the_entries_of_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In xen-cpuid's output, and in a suspend image over all its records."""
    limit(monkeypatch, policy_entries=3)
    leaf = " {:08x}:ffffffff -> 00000000:00000000:00000000:00000000\n"
    head = "Raw policy: 4 leaves, 0 MSRs\n"
    with pytest.raises(InputError, match="more leaves than a policy can have"):
        read(tmp_path, head + "".join(map(leaf.format, range(4))))
    stream = STREAM + b"".join(record(0x11, bytes([n]) + bytes(23)) for n in range(4))
    with pytest.raises(InputError, match="more than 3 leaves and MSRs at byte"):
        read(tmp_path, stream)


@reaches("hosts", "vms", "kept_letters")
def test_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a text, in a database, in JSON, and in all members of a report together."""
    limit(monkeypatch, hosts=2, vms=2)
    one = '{"uuid": "%d", "last_boot_CPU_flags": {}}'
    info = '{"uuid": "%d", "cpu_info": {"features_pv": "00000001"}}'
    row = "<row ref='%d' uuid='%d' last_boot_CPU_flags=\"()\"/>"
    host = "<row ref='%d' uuid='%d' cpu_info=\"(('features_pv' '00000001'))\"/>"
    dom = "Domain %d policy: 1 leaves, 0 MSRs\n MSRs:\n"

    def database(rows: str, table: str) -> str:
        return f"<database><table name='{table}'>{rows}</table></database>"

    def many(text: str, count: int) -> list[str]:
        return [text.replace("%d", str(number)) for number in range(count)]

    for count in (2, 3):
        for words, text in (
            ("VMs", "\n".join(many(f"uuid : %d\n{FLAGS}", count))),
            ("VMs", f"[{','.join(many(one, count))}]"),
            ("VMs", database("".join(many(row, count)), "VM")),
            ("policies", "".join(many(dom, count))),
            ("hosts", "\n".join(many("uuid : %d\nfeatures_pv : 00000001\n", count))),
            ("hosts", f"[{','.join(many(info, count))}]"),
            ("hosts", database("".join(many(host, count)), "host")),
        ):
            if count == 2:
                found = read(tmp_path, text)
                assert len(found.vms) + len(found.hosts) == 2, text
                continue
            with pytest.raises(InputError, match=f"more than 2 {words}"):
                read(tmp_path, text)

    def pool(number: int, vms: str = "") -> bytes:
        """A database of a pool with a host."""
        tables = {
            "pool": f"<row ref='p' uuid='pool-{number}'/>",
            "host": many(host, 9)[number],
            "VM": vms,
        }
        rows = "".join(f"<table name='{name}'>{text}</table>" for name, text in tables.items())
        return f"<database>{rows}</database>".encode()

    pools = {f"{n}/xapi-db.xml": pool(n) for n in range(3)}
    assert "more than 2 hosts" in read(tmp_path, tar(pools)).damage
    same = {f"{n}/xapi-db.xml": pool(0, "".join(many(row, 2))) for n in range(9)}
    assert len(read(tmp_path, tar(same)).vms) == 2
    limit(monkeypatch, hosts=3)
    pools = {f"{n}/xapi-db.xml": pool(n, many(row, 3)[n]) for n in range(3)}
    assert "more than 2 VMs" in read(tmp_path, tar(pools)).damage
    limit(monkeypatch, hosts=2)
    folders = {f"{n}/xensource-inventory": b"" for n in range(3)}
    with pytest.raises(InputError, match="more than 2 hosts"):
        read(tmp_path, tar(folders))
    limit(monkeypatch, kept_letters=1000)
    with pytest.raises(InputError, match="more than 1,000 characters in names and records"):
        read(tmp_path, f"uuid : 1\nname-label : {'x' * 1000}\n{FLAGS}")
    long = row.replace("/>", f" name__label='{'x' * 1000}'/>")
    with pytest.raises(InputError, match="more than 1,000 characters in names and records"):
        read(tmp_path, database(long, "VM"))
    with pytest.raises(InputError, match="more than 1,000 characters in names and records"):
        read(tmp_path, database("<row ref='1' current_domain_type='hvm'/>" * 20, "VM_metrics"))


def log(*vms: str, task: str = "") -> bytes:
    """Checks of VMs, as xapi writes them, each of a task of its own or all of one."""
    lines = []
    for number, vm in enumerate(vms):
        head = f"xapi: [debug||1 |{task or f'evacuate R:{number}'}|cpuid_helpers]"
        lines.append(f"{head} Checking CPU compatibility of HVM VM {vm} with host h\n")
        lines.append(
            f"{head} VM last booted on CPU with features 00000003; host CPUs have migration "
            "features 00000001\n"
        )
    return "".join(lines).encode()


@reaches("xapi_line_bytes")
def test_a_line_of_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one without an end nothing is kept but its end."""
    limit(monkeypatch, xapi_line_bytes=200)
    assert read(tmp_path, log("a").replace(b"xapi:", b"x" * 10 + b"xapi:")).events[0].vm == "a"
    events = read(tmp_path, log("a").replace(b" VM a with", b" VM a" + b" " * 200 + b"with")).events
    assert [event.vm for event in events] == [""]


@reaches("log_tasks", "log_events")
def test_the_events_of_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of so many tasks at a time, and so many events at the end: the last."""
    vms = [f"vm-{number}" for number in range(9)]
    limit(monkeypatch, log_events=4)
    assert [event.vm for event in read(tmp_path, log(*vms)).events] == vms[-4:]
    monkeypatch.undo()
    limit(monkeypatch, log_tasks=2)
    first, *_ = log("a", "b").splitlines(keepends=True)[::2]
    rest = log("a").splitlines(keepends=True)[1]
    others = b"".join(
        line.replace(b"R:", b"R:9") for line in log(*vms).splitlines(keepends=True)[::2]
    )
    assert read(tmp_path, first + rest).events[0].vm == "a"
    assert read(tmp_path, first + others + rest).events[0].vm == ""


@reaches("logs_events")
def test_the_logs_of_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first, whatever their order in the archive."""
    limit(monkeypatch, logs_events=6)
    logs = {f"var/log/xensource.log.{age}": log(f"{age}-a", f"{age}-b") for age in range(1, 9)}
    events = read(tmp_path, tar(logs)).events
    assert 0 < len(events) <= 6
    assert [event.vm for event in events][-2:] == ["1-a", "1-b"]


@reaches("database_tag_bytes")
def test_a_row_of_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that does not end is not kept."""
    limit(monkeypatch, database_tag_bytes=2 * 2**20)
    text = "<database><table name='VM'><row ref='" + "x" * 2**21
    with pytest.raises(InputError, match="a row of more than 2 MiB"):
        read(tmp_path, text)


def contents(archive: bytes) -> list[bytes]:
    """All files of it, with those of the archive in it."""
    every = members(io.BytesIO(archive), lambda path: not path.endswith(".gz"))
    return [member.read(2**20) for member in every]


class Clock:
    """CPU time as a test wants it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@reaches("archive_members", "archive_bytes", "archive_ratio", "archive_free_bytes",
         "archive_seconds")  # fmt: skip
@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("archive_members", {"archive_members": 5}),
        ("archive_bytes", {"archive_bytes": 50_000}),
        ("archive_ratio", {"archive_ratio": 1, "archive_free_bytes": 1000}),
        ("archive_seconds", {"archive_seconds": 2.0}),
    ],
)
@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip", "inner"])
def test_the_budget_of_an_archive(
    monkeypatch: pytest.MonkeyPatch, name: str, limits: dict[str, float], form: str
) -> None:
    """Over all of it, whatever its form: a typed error that has the limit's name."""
    plain = {f"{n}/noise.txt": b"" for n in range(9)} | report()
    data = {
        "tar": lambda: tar(plain),
        "tar.gz": lambda: tar(plain, "w:gz"),
        "zip": lambda: zipped(plain),
        "inner": lambda: tar({"a.tar.gz": tar(plain, "w:gz")}),
    }[form]()
    if name in ("archive_ratio", "archive_bytes") and form == "tar":
        return  # nothing is packed in it: its size is that of the file
    assert len(contents(data)) > 10
    limit(monkeypatch, **limits)
    monkeypatch.setattr(time, "process_time", Clock())
    with pytest.raises(OverBudget) as error:
        contents(data)
    assert error.value.limit == name


@reaches("archive_members", "archive_bytes", "archive_seconds")
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"archive_members": 4}, "more than 4 members"),
        ({"archive_bytes": 1024}, "more than 1 KiB when unpacked"),
        ({"archive_seconds": 2.0}, "more than 2 s of CPU time"),
    ],
)
def test_the_budget_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], words: str
) -> None:
    """An unpacked report has the budget of an archive; a database as well."""
    limit(monkeypatch, **limits)
    monkeypatch.setattr(time, "process_time", Clock())
    for name, data in report().items():
        (tmp_path / "report" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "report" / name).write_bytes(data)
    try:
        damage = inputs.read(tmp_path / "report").damage
    except InputError as error:
        damage = str(error)
    assert words in damage
    if "archive_members" not in limits:
        with pytest.raises(InputError, match=words):
            read(tmp_path, reports.database() + "<!-- " + " " * 2**20 + "-->")


@reaches("archive_directory_bytes", "inner_zip_bytes")
def test_zips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory is in memory; a zip in an archive is, as a whole."""
    data = zipped(report(), zipfile.ZIP_STORED)
    limit(monkeypatch, archive_directory_bytes=100)
    with pytest.raises(InputError, match=r"a zip directory of .* bytes, which cannot be"):
        read(tmp_path, data)
    monkeypatch.undo()
    limit(monkeypatch, inner_zip_bytes=len(data) - 1)
    with pytest.raises(InputError, match=r"inner\.zip: more than "):
        read(tmp_path, tar({"inner.zip": data}))
    limit(monkeypatch, inner_zip_bytes=len(data))
    assert read(tmp_path, tar({"inner.zip": data})).hosts


@reaches("path_length", "name_length")
def test_the_names_of_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is cut off, a name that no file can have is passed over."""
    limit(monkeypatch, path_length=20)
    names = [member.name for member in members(io.BytesIO(tar({"x" * 30: b""})), lambda _: True)]
    assert names == ["x" * 20 + "…"]
    monkeypatch.undo()
    text = report()["bug-report-20260101093000-xs-01/xen-cpuid-p.out"]
    assert read(tmp_path, tar({"x" * 240 + "xen-cpuid-p.out": text})).hosts
    with pytest.raises(InputError, match="nothing in it tells of a host"):
        read(tmp_path, tar({"x" * 241 + "xen-cpuid-p.out": text}))


@reaches("member_bytes", "members_bytes")
def test_the_texts_of_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one, which is then passed over and said; and of all together."""
    limit(monkeypatch, member_bytes=4 * 1024)
    found = read(tmp_path, tar(report()))
    assert "xen-cpuid-p.out could not be read" in " ".join(found.notes)
    assert "more than 4 KiB" in found.damage
    monkeypatch.undo()
    limit(monkeypatch, members_bytes=1024)
    with pytest.raises(InputError, match="more than 1 KiB of what xen-cpuid"):
        read(tmp_path, tar(report()))


@reaches("image_records", "image_text_bytes", "image_searched_bytes")
def test_suspend_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records, the text in front, and how far a stream is looked for."""
    stream = STREAM + record(1) * 10
    limit(monkeypatch, image_records=9)
    with pytest.raises(InputError, match="no CPU policy in the first 9 records"):
        read(tmp_path, stream)
    limit(monkeypatch, image_searched_bytes=100)
    with pytest.raises(InputError, match="a binary file of no known format"):
        read(tmp_path, bytes(101) + stream)
    with pytest.raises(InputError, match="no CPU policy in the first"):
        read(tmp_path, bytes(50) + stream)
    image = reports.xenopsd_image(reports.libxc_stream(example().policies["hvm_default"]))
    assert read(tmp_path, image).vms[0].name == "web-01"
    limit(monkeypatch, image_text_bytes=10)
    assert read(tmp_path, image).vms[0].name == "file"


@reaches("argument_bytes", "argument_depth")
def test_files_of_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their size, and how deep they name each other."""
    path = tmp_path / "hosts"
    path.write_text("hex:00000001\n" * 10)
    limit(monkeypatch, argument_bytes=130)
    assert run("level", f"@{path}").returncode == 0
    limit(monkeypatch, argument_bytes=129)
    assert "larger than 129 bytes" in run("level", f"@{path}").stderr
    (tmp_path / "0").write_text("hex:00000001\n")
    for number in range(3):
        (tmp_path / str(number + 1)).write_text(f"@{tmp_path / str(number)}\n")
    limit(monkeypatch, argument_depth=4)
    assert run("level", f"@{tmp_path / '3'}").returncode == 0
    limit(monkeypatch, argument_depth=3)
    assert "3 levels deep" in run("level", f"@{tmp_path / '3'}").stderr


@reaches("corpus_bytes", "corpus_line_bytes")
def test_records_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stream: what came before the limit is answered."""
    path = tmp_path / "dumps"
    path.write_text("{}\n" * 10)
    for limits, answers in (({"corpus_bytes": 12}, 4), ({"corpus_line_bytes": 2}, 0)):
        limit(monkeypatch, **limits)
        done = run("simulate", "--corpus", str(path))
        assert (done.returncode, done.stdout.count("\n")) == (3, answers)
        monkeypatch.undo()


@reaches("password_bytes", "known_certificates_bytes")
def test_passwords_and_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a person's own may be mistaken for others as well."""
    limit(monkeypatch, password_bytes=10, known_certificates_bytes=10)
    path = tmp_path / "file"
    path.write_text("secret" * 2)
    path.chmod(0o600)
    for places in (Places(path), Places(None, path)):
        monkeypatch.delenv("XENOPS_CPU_PASSWORD", raising=False)
        with pytest.raises(CredentialsError, match="larger than 10 bytes"):
            obtain(url("xapi://root@xs1"), places)
    with pytest.raises(CertificateError, match="larger than 10 bytes"):
        Trust(known=path).check("xs1:443", "AB")


@pytest.mark.parametrize("error", [FileError, json_text.JsonError, OverBudget])
def test_every_error_is_the_package_s(error: type) -> None:
    """Whoever uses the package catches one class."""
    assert issubclass(error, InputError)

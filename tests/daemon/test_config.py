"""Configuration: files as xapi's daemons read them, which value counts, what is refused."""

import os
import re
from pathlib import Path

import pytest

from tests import ROOT
from tests.support.limits import reaches
from xenops_cpu.daemon.config import ConfigError, values
from xenops_cpu.daemon.config.files import Line, lines_of, read
from xenops_cpu.daemon.config.keys import COMMON, KEYS, Config
from xenops_cpu.daemon.config.resolve import Resolved, changed, dump, resolve
from xenops_cpu.limits import input_limits


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "x.conf.d").mkdir()
    return tmp_path


def settled(etc: Path, lenient: bool = False, **options: str) -> Resolved:
    named = {name.replace("_", "-"): text for name, text in options.items()}
    return resolve(named, etc / "x.conf", etc / "x.conf.d", lenient)


def write(etc: Path, text: str, fragment: str = "") -> None:
    (etc / (f"x.conf.d/{fragment}" if fragment else "x.conf")).write_text(text)


def test_defaults(etc: Path) -> None:
    """Without files and options every key has a value, and says that it is the default."""
    resolved = resolve({}, None, None)
    assert resolved.config == settled(etc).config
    assert {origin.where for origin in resolved.origins.values()} == {"default"}
    assert resolved.config.use_switch is False
    assert resolved.config.socket_mode == 0o600
    assert resolved.config.boot_cpuinfo == Path("/etc/xensource/boot_time_cpus")


def test_the_file_beats_the_command_line(etc: Path) -> None:
    """As in xapi's daemons: defaults < command line < file < the folder's files by name."""
    assert settled(etc, loglevel="debug").config.loglevel == "debug"
    write(etc, "loglevel = warning\n")
    resolved = settled(etc, loglevel="debug")
    assert resolved.config.loglevel == "warning"
    assert resolved.overridden == [
        f"--loglevel debug does not count: {etc}/x.conf:1 says loglevel = warning"
    ]
    write(etc, "loglevel = error\n", "20-late")
    write(etc, "loglevel = info\n", "10-early")
    assert settled(etc, loglevel="debug").config.loglevel == "error"


def test_how_files_are_written(etc: Path) -> None:
    """Comments from any "#", blanks, quotes, "=" within a value, the last of two counts."""
    write(
        etc,
        "# a comment\n\n"
        "  use-switch=true # and another\n"
        "socket-group = 'xapi'\n"
        'change-hook="/usr/bin/tell me"  \t\n'
        "otlp-endpoint = http://host:4318/?a=b\r\n"
        "loglevel = debug\nloglevel = info\n"
        "history =\n",
    )
    config = settled(etc).config
    assert config.use_switch is True
    assert config.socket_group == "xapi"
    assert config.change_hook == "/usr/bin/tell me"
    assert config.otlp_endpoint == "http://host:4318/?a=b"
    assert config.loglevel == "info"
    assert config.history is None


def test_lines_say_where_they_stand(etc: Path) -> None:
    """File and line of each, across files."""
    write(etc, "a = 1\n\n# b\nc d\n")
    write(etc, "e=f", "z")
    assert lines_of(etc / "x.conf", etc / "x.conf.d") == [
        Line("a", "1", f"{etc}/x.conf:1"),
        Line("", "c d", f"{etc}/x.conf:4"),
        Line("e", "f", f"{etc}/x.conf.d/z:1"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("logelvel = info", r'x\.conf:1: there is no key .logelvel.; did you mean loglevel\?'),
        ("\nxyz = 1", r"x\.conf:2: there is no key .xyz.; there are boot-cpuinfo, "),
        ("just words", r"x\.conf:1: .just words. is not a line of key = value"),
        ("use-switch = yes", r"x\.conf:1: use-switch: expected true or false, got .yes."),
        ("socket = here", r"socket: expected an absolute path, got .here."),
        ("socket-mode = 999", r"socket-mode: invalid file mode value, expected an octal"),
        ("watch-seconds = 0", r"watch-seconds: expected a number of seconds from 1 to 86400"),
        ("watch-seconds = 1e9", r"expected a number of seconds"),
        ("log = file:/var/log/x", r"log: expected stderr, journal, or syslog:FACILITY"),
        ("history = /etc/passwd", r"history: .* ends in \.sqlite or \.db"),
        ("switch-queue = a/b", r"switch-queue: expected a name"),
        ("otlp-endpoint = host:4318", r"otlp-endpoint: expected an http"),
        ("loglevel = loud", r"loglevel: expected debug, info, warning or error"),
        ("config-dir = /etc/x", r"config-dir is given on the command line"),
    ],
)  # fmt: skip
def test_what_is_refused(etc: Path, text: str, message: str) -> None:
    """Each with file and line and what would be right; lenient passes over it and says so."""
    write(etc, text)
    with pytest.raises(ConfigError, match=message):
        settled(etc)
    lenient = settled(etc, lenient=True)
    assert len(lenient.problems) == 1
    assert lenient.problems[0].endswith("; passed over")
    assert lenient.config == settled_defaults()


def settled_defaults() -> Config:
    return resolve({}, None, None).config


def test_a_bad_option_is_an_error_always(etc: Path) -> None:
    """Leniency is for files, which others wrote."""
    with pytest.raises(ConfigError, match=r"^--socket-mode: invalid file mode value"):
        settled(etc, lenient=True, socket_mode="888")


@reaches("configuration_bytes")
def test_files_that_cannot_be_read(etc: Path) -> None:
    """A folder, other bytes than UTF-8, a file that is no configuration: a sentence each."""
    with pytest.raises(ConfigError, match=r"x\.conf\.d: Is a directory"):
        read(etc / "x.conf.d")
    (etc / "x.conf").write_bytes(b"a = b\nc = \xff\n")
    with pytest.raises(ConfigError, match=r"x\.conf:2: not UTF-8 at byte 4"):
        settled(etc)
    (etc / "x.conf").write_bytes(b"#" * (input_limits.CONFIGURATION_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        settled(etc)
    (etc / "x.conf").unlink()
    os.mkfifo(etc / "x.conf")
    with pytest.raises(ConfigError, match=r"x\.conf: it is a FIFO"):
        settled(etc)


def test_a_folder_within_the_folder(etc: Path) -> None:
    """It is no file of the configuration."""
    (etc / "x.conf.d" / "sub").mkdir()
    write(etc, "loglevel = debug", "a")
    assert settled(etc).config.loglevel == "debug"


def test_a_dump_can_be_read_again(etc: Path) -> None:
    """Every key with its value, where it came from and what it has beaten; the same when read."""
    write(etc, "use-switch = true\nsocket-group = xapi\n")
    write(etc, "socket-group = adm\n", "90")
    resolved = settled(etc, socket_group="wheel", loglevel="debug")
    text = dump(resolved)
    assert len(text.splitlines()) == len(KEYS)
    rows = {line.partition(" ")[0]: line.partition("  # ")[2] for line in text.splitlines()}
    assert rows["use-switch"] == f"{etc}/x.conf:1"
    assert rows["loglevel"] == "--loglevel"
    assert rows["watch-seconds"] == "default"
    assert rows["socket-group"] == f"{etc}/x.conf.d/90:1 (not --socket-group wheel, {etc}/x.conf:2)"
    write(etc, text)
    (etc / "x.conf.d" / "90").unlink()
    assert settled(etc).config == resolved.config


def test_what_a_change_does(etc: Path) -> None:
    """Some keys apply at once, the others at the next start."""
    write(etc, "loglevel = debug\nsocket-mode = 660\nwatch-seconds = 5\n")
    now = settled(etc).config
    assert changed(settled_defaults(), now) == (["loglevel", "watch-seconds"], ["socket-mode"])
    assert changed(now, now) == ([], [])


def test_values() -> None:
    """What the parsers make of texts that are right."""
    assert values.folders("/a:/b:") == (Path("/a"), Path("/b"))
    assert values.words(" a  b ") == ("a", "b")
    assert values.level("WARN") == "warning"
    assert values.level("err") == "error"
    assert values.log_target("syslog") == "syslog"
    assert values.log_target("syslog:local5") == "syslog:local5"
    assert values.database("/x/y.sqlite") == Path("/x/y.sqlite")
    assert values.text("") is None


def test_every_key_is_described() -> None:
    """A sentence for each; its default is a value of it."""
    for member, key in KEYS.items():
        assert len(key.help) > 10, key
        assert getattr(settled_defaults(), member) == key.parse(key.default)


def test_the_page_has_every_key() -> None:
    """docs/host.md names each with its default, and marks those of all daemons and of SIGHUP."""
    rows = (ROOT / "docs" / "host.md").read_text().splitlines()
    for key in KEYS.values():
        (row,) = [row for row in rows if row.startswith("| `") and f"`{key.name}`" in row[:60]]
        names, default = row.split("|")[1:3]
        assert ("*" in names) == (key.group == COMMON), row
        assert ("↻" in names) == key.reload, row
        assert not key.default or key.default in default, row


def test_the_shipped_configuration() -> None:
    """packaging/xenops-cpu.conf is one, its comments too where they are keys."""
    shipped = (ROOT / "packaging" / "xenops-cpu.conf").read_text()
    resolved = resolve({}, ROOT / "packaging" / "xenops-cpu.conf", None)
    assert resolved.config.use_switch
    assert resolved.config.log == "syslog:daemon"
    for key in re.findall(r"^# ?([a-z-]+) = ", shipped, re.MULTILINE):
        assert key in {known.name for known in KEYS.values()}

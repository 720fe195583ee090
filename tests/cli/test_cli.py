"""Commands as a person types them: output, exit codes, and no traceback on a mistake."""

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosts import example
from tests.support.reports import golden
from xenops_cpu.cli import overview, sockets
from xenops_cpu.cli.commands import info
from xenops_cpu.cli.main import main
from xenops_cpu.cli.overview import COMMANDS
from xenops_cpu.features.release import DERIVED_SINCE, spoken_range
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.cpu_info import XAPI_KEYS
from xenops_cpu.sources import libxc


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as a person types it, in this process; output and exit code."""
    before = dict(os.environ)
    out, err = io.StringIO(), io.StringIO()
    logger = logging.getLogger("xenops_cpu")
    logging_before = (list(logger.handlers), logger.propagate, logger.level)
    os.environ.update({"COLUMNS": "100", **environment})
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code: object = main(arguments)
    except SystemExit as left:  # argparse, on a wrong option and after --help
        code = left.code
    finally:
        os.environ.clear()
        os.environ.update(before)
        logger.handlers, logger.propagate = logging_before[0], logging_before[1]
        logger.setLevel(logging_before[2])
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def run_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "xenops_cpu", *arguments], capture_output=True, text=True, timeout=60
    )


def test_a_process_ends_as_the_command_does() -> None:
    """python -m xenops_cpu gives the exit code and the output of the command."""
    done = run_process("info", "--xapi", "--source", "example:epyc-xen-4.17")
    assert done.returncode == 0
    assert done.stdout == run("info", "--xapi", "--source", "example:epyc-xen-4.17").stdout
    assert run_process("inof").returncode == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str) -> None:
    """--help ends well and shows examples."""
    done = run(command, "--help")
    assert done.returncode == 0
    assert "examples:\n  xenops-cpu " + command in done.stdout


def test_the_general_help_lists_commands_and_exit_codes() -> None:
    """xenops-cpu --help is the way in."""
    done = run("--help")
    assert done.returncode == 0
    assert all(f"  {command} " in done.stdout for command in COMMANDS)
    assert "exit codes:" in done.stdout


def test_help_of_a_command_and_of_a_topic() -> None:
    """`help COMMAND` is its --help, of a part as well; `help HOST` says what a HOST may be."""
    assert run("help", "check").stdout == run("check", "--help").stdout
    assert run("help", "policy", "show").stdout == run("policy", "show", "--help").stdout
    assert "cpu:xeon-gold-6240@4.17" in run("help", "HOST").stdout
    assert run("help").stdout == run("--help").stdout


@pytest.mark.parametrize("example", overview.EXAMPLES)
def test_the_examples_of_the_general_help_work(example: str) -> None:
    """Each can be pasted as it stands."""
    done = run(*example.split()[1:])
    assert done.returncode in (0, 11, 12, 13)
    assert done.stdout


def test_ranges_of_releases_come_from_the_table() -> None:
    """A release that is added is in the help at once."""
    assert spoken_range("4.7") == "4.7 to 4.22, master, xenserver-8.2, xenserver-8"
    assert spoken_range(DERIVED_SINCE) in " ".join(run("simulate", "--help").stdout.split())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "a command is missing"),
        (("inof",), 2, "there is no command 'inof'"),
        (("info", "--souce", "x"), 2, "no option '--souce'; did you mean --source"),
        (("chek",), 2, "there is no command 'chek'; did you mean check"),
        (("help", "chek"), 2, "did you mean check"),
        (("policy", "shwo"), 2, "did you mean show"),
        (("policy", "show", "x", "--stile", "y"), 2, "did you mean --style"),
        (("info", "--source", "nonsense"), 2, '"nonsense" is not a source; there are xen,'),
        (("info", "--source", "example:x"), 3, 'no example host "x"; there are'),
        (("info", "--source", "recorded:/no/file"), 3, "cannot read the capture /no/file"),
        (("info", "--source", "recorded:/proc"), 3, "Is a directory"),
        (("info", "--socket", "/no/socket"), 3, "no such socket"),
        (("capture", "-", "--source", "recorded:/no/file"), 3, "cannot read the capture /no/file"),
        (("call", "HOST.stat", "--socket", "/no/socket"), 3, "no such socket"),
        (("call", "HOST.stat", "x", "--socket", "/no"), 2, "'x' is not NAME=VALUE"),
        (("call", "HOST.stat", "x=1", "--socket", "/no"), 2, "no parameter 'x'; it has debug_info"),
        (("call", "HOST.is_compatible", "--socket", "/no"), 2, "needs vm_policy=VALUE"),
        (("call", "query", "--timeout", "-1"), 2, "--timeout: invalid number of seconds"),
        (("call", "query", "--timeout", "nan"), 2, "--timeout: invalid number of seconds"),
        (("call", "query", "--timeout", "1e30"), 2, "--timeout: invalid number of seconds"),
        (("capture", "/no/folder/x", "--source", "example:epyc-xen-4.17"), 3, "cannot write"),
        (("serve", "--socket-mode", "999"), 2, "invalid file mode value"),
        (
            ("serve", "--socket", "/no/folder/s", "--source", "example:epyc-xen-4.17"),
            3,
            "no folder",
        ),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], code: int, words: str) -> None:
    """A wrong option, name or file: the exit code, a sentence on standard error, no traceback."""
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_source_that_cannot_be_read_is_told_once() -> None:
    """Without a hypervisor --source xen ends with one sentence and exit code 3."""
    if libxc.is_dom0():
        pytest.skip("this is a Xen host: its hypervisor answers")
    done = run("info", "--source", "xen")
    assert done.returncode == 3
    assert done.stderr.startswith("xenops-cpu info: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_fault_of_ours_is_one_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody foresaw is no traceback, unless that is asked for."""

    def fail(_options: object) -> int:
        raise KeyError("unforeseen")

    monkeypatch.setattr(info, "run", fail)
    done = run("info")
    assert done.returncode == 70
    assert done.stderr.startswith("xenops-cpu info: a fault in this program")
    assert "KeyError: 'unforeseen'" in done.stderr
    with pytest.raises(KeyError):
        run("info", XENOPS_CPU_DEBUG="1")


def test_info_for_people() -> None:
    """Model, topology, both sets by name, what differs and why."""
    done = run("info", "--source", "example:ivybridge-xen-4.17")
    assert done.returncode == 0, done.stderr
    for words in (
        "Intel Xeon E3-12xx v2 (Ivy Bridge) (GenuineIntel, family 6, model 58, stepping 9",
        "1 CPU, 1 socket, 1 thread a core, 1 NUMA node",
        "Xen 4.17.7, HVM: no, IOMMU: no",
        "  at boot      0789cbf5:86982203:",
        "36 features: FPU DE TSC",
        "the same and 8 more: HTT X2APIC RDRAND",
        "    RDRAND: not given on this CPU",
        "HVM and PVH guests\n  none",
    ):
        assert words in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 200


def test_counts_are_those_of_the_host(tmp_path: Path) -> None:
    """CPUs, sockets, threads and nodes, four different numbers, stand where they belong."""
    capture = run("capture", "-", "--source", "example:epyc-xen-4.17").stdout
    document = json.loads(capture)
    document["host"]["topology"] = {
        "cpu_count": 96, "socket_count": 3, "threads_per_core": 2, "nr_nodes": 6
    }  # fmt: skip
    (tmp_path / "big.json").write_text(json.dumps(document))
    source = f"recorded:{tmp_path / 'big.json'}"
    people = run("info", "--source", source)
    assert "96 CPUs, 3 sockets, 2 threads a core, 6 NUMA nodes" in people.stdout, people.stderr
    record = json.loads(run("info", "--xapi", "--source", source).stdout)
    assert (record["cpu_count"], record["socket_count"]) == ("96", "3")


def test_info_for_programs() -> None:
    """--json and --xapi are JSON; --xapi is xapi's map."""
    document = json.loads(run("info", "--json", "--source", "example:epyc-xen-4.17").stdout)
    hvm = document["guests"]["hvm"]
    assert set(hvm["migration"]["features"]) - set(hvm["boot"]["features"]) == {
        item["feature"] for item in hvm["only_in_migration"]
    }
    assert all(item["why"] for item in hvm["only_in_migration"])
    xapi = json.loads(run("info", "--xapi", "--source", "example:epyc-xen-4.17").stdout)
    assert tuple(xapi) == XAPI_KEYS


@pytest.mark.parametrize(
    ("runtime", "second"),
    [("/run/user/7", "/run/user/7/xenops-cpu.sock"), ("", "/tmp/xenops-cpu.sock")],
)
def test_an_empty_runtime_folder_is_none(
    monkeypatch: pytest.MonkeyPatch, runtime: str, second: str
) -> None:
    """With XDG_RUNTIME_DIR empty the socket does not go into the root folder."""
    monkeypatch.delenv("XENOPS_CPU_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    assert sockets.places()[1] == Path(second)


def test_capture_and_replay(tmp_path: Path) -> None:
    """What capture writes is what a recorded source reads; the file is whole and readable."""
    path = tmp_path / "host.json"
    assert run("capture", str(path), "--source", "example:epyc-xen-4.17").returncode == 0
    assert capture.load(path.read_text()) == example()
    piped = run("capture", "-", "--source", f"recorded:{path}")
    assert capture.load(piped.stdout).featuresets == example().featuresets
    assert list(tmp_path.iterdir()) == [path]


def test_capture_takes_no_device_or_link_away(tmp_path: Path) -> None:
    """A pipe gets the text and stays a pipe; a link stays one, and its file gets the text."""
    example_host = ("--source", "example:epyc-xen-4.17")
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    link.symlink_to(file)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("capture", str(pipe), *example_host).returncode == 0
        text = os.read(reading, 65536).decode()
    finally:
        os.close(reading)
    assert capture.load(text) == example()
    assert pipe.is_fifo()
    assert run("capture", str(link), *example_host).returncode == 0
    assert link.is_symlink()
    assert capture.load(file.read_text()) == example()


def test_a_closed_pipe_is_no_error() -> None:
    """Output into head, which stops reading, ends quietly."""
    done = subprocess.run(
        f"{sys.executable} -m xenops_cpu capture - --source example:epyc-xen-4.17 | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""


def test_the_environment_names_the_socket(tmp_path: Path) -> None:
    """A call looks where XENOPS_CPU_SOCKET says, and a socket that is not there is not asked."""
    done = run("call", "query", XENOPS_CPU_SOCKET=str(tmp_path / "s"), XDG_RUNTIME_DIR="")
    assert done.returncode in (0, 3)  # 0 where a service of root's or ours is running here
    if done.returncode == 3:
        assert f"no service is listening at {tmp_path / 's'}" in done.stderr


def test_a_place_that_was_asked_for_is_not_exchanged() -> None:
    """XENOPS_CPU_SOCKET in a folder that is not there is an error, not another place."""
    done = run("serve", "--source", "example:epyc-xen-4.17", XENOPS_CPU_SOCKET="/no/folder/s")
    assert done.returncode == 3
    assert "no folder /no/folder" in done.stderr


_SET = "-".join(["ffffffff"] * 40)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["decode", "--json", _SET], 0), (["diff", "--json", _SET, "ffffffff-00000000"], 1)],
    ids=["decode", "diff"],
)
def test_a_command_that_ends_at_once_has_said_everything(arguments: list[str], code: int) -> None:
    """A document of many kilobytes arrives whole in a pipe, with the exit code of the answer."""
    done = subprocess.run(
        [sys.executable, "-m", "xenops_cpu", *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert len(done.stdout) > 64 * 1024
    assert json.loads(done.stdout)


def test_a_full_disk_is_told_by_a_command_that_ends_at_once() -> None:
    """What cannot be written is said, and the exit code is not that of an answer."""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "xenops_cpu", "decode", _SET]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("word", overview.OTHER_WORDS)
def test_the_words_of_others_lead_to_commands(word: str) -> None:
    """No command is called so, and the one that is named has a help."""
    done = run(word)
    command = overview.OTHER_WORDS[word]
    assert done.returncode == 2
    assert f"there is no command '{word}'; {command} may be what you want" in done.stderr
    assert run(*command.split(), "--help").returncode == 0


def test_what_is_not_told_is_not_said_to_be_none(tmp_path: Path) -> None:
    """Of /proc/cpuinfo alone info tells the CPU; counts, Xen, HVM and sets are not told."""
    path = tmp_path / "cpuinfo"
    path.write_text(golden("epyc-xen-4.17.cpuinfo.txt"))
    lines = run("info", str(path)).stdout.splitlines()
    assert lines[0].startswith("AMD EPYC Processor (AuthenticAMD, family 23")
    assert lines[1] == "Xen not told, HVM: not told, IOMMU: not told"
    assert "guests" not in "\n".join(lines)

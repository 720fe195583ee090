"""xenops-cpu simulate: one CPU or many, with the reasons."""

import json
from pathlib import Path

import pytest

from tests import SHARED, needs_shared
from tests.cli.test_cli import run
from xenops_cpu.cli import OK, WRONG_USAGE
from xenops_cpu.cpus import shipped
from xenops_cpu.derivation import SETS

GOLD = ("--cpu", "xeon-platinum-8280+2019-11")


def test_a_shipped_cpu() -> None:
    """The report is that of info, for the CPU and release named."""
    done = run("simulate", *GOLD, "--xen", "4.19")
    assert done.returncode == 0, done.stderr
    assert "what Xen 4.19 would offer on Intel Xeon Platinum 8280" in done.stdout
    assert "    RTM: TSX, hidden at boot because it is off here" in done.stdout
    assert "    HLE: TSX's older half, off by default on every CPU" in done.stdout
    same = run("info", *GOLD, "--xen", "4.19")
    assert same.stdout == done.stdout


def test_explain_tells_the_steps() -> None:
    """Every set has the steps that changed it, with reason and source."""
    done = run("simulate", *GOLD, "--explain")
    assert done.returncode == 0, done.stderr
    for words in (
        "raw: what CPUID shows",
        "PV max: the most a PV guest may arrive with",
        "  host.known: ",
        "  default.rtm: ",
        "    - RTM",
        "cpu-policy.c",
    ):
        assert words in done.stdout


def test_json_has_the_six_sets() -> None:
    """--json prints one line: id, xen, the six sets as words, notes."""
    document = json.loads(run("simulate", *GOLD, "--json").stdout)
    assert set(SETS) < set(document)
    assert len(document["hvm_max"]) == 19
    assert document["xen"] == "4.17"


def test_many_at_once(tmp_path: Path) -> None:
    """A line for each record; a bad one is told with its line, and the rest is done."""
    leaves = [
        [f"{leaf:08x}", f"{subleaf:08x}", *(f"{register:08x}" for register in registers)]
        for (leaf, subleaf), registers in shipped.find("EPYC 7742").cpu.leaves.items()
    ]
    path = tmp_path / "corpus.jsonl"
    path.write_text(
        json.dumps({"id": "good", "leaves": leaves})
        + '\n{"id": "bad"}\n'
        + json.dumps({"id": "off", "leaves": leaves, "params": {"cmdline": "cpuid=no-avx2"}})
        + "\n"
    )
    done = run("simulate", "--corpus", str(path), "--xen", "4.19")
    assert done.returncode == 1
    assert f"{path}: line 2: field leaves is missing" in done.stderr
    good, bad, off = map(json.loads, done.stdout.splitlines())
    assert good["id"] == "good"
    assert bad == {"line": 2, "error": "line 2: field leaves is missing"}
    assert good["host"] != off["host"]
    assert good["raw"] == off["raw"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--cpu", "Xeon Quartz"), 3, "Xeon Quartz"),
        (("--dump", "/no/dump"), 3, "cannot read /no/dump"),
        (("--corpus", "/no/corpus"), 3, "/no/corpus: No such file"),
        (("--xen", "4.7"), 2, "Xen 4.7 derives is not known"),
        (("--xen", "9"), 2, 'xen: "9" is not a Xen release'),
        (("--xen-cmdline", "xsave=2"), 2, "--xen-cmdline"),
        (("--microcode", "new"), 2, '"new" is no microcode to wish for; right are newest, as-'),
        (("--cpu", "xeon-w7-2475x+2010"), 3, "no microcode of this CPU was public by 2010"),
        (("--cpu", "epyc-7742+sgx"), 3, "has no SGX to be switched on"),
        (("--cpu", "epyc-7742+avx"), 3, "+avx is neither microcode (newest"),
        (("--cpu", "epyc-7742+2020", "--microcode", "newest"), 3, "more than one microcode"),
        (("--corpus", "x", "--microcode", "newest"), 2, "--microcode takes a revision there"),
        (("--msr", "10a"), 2, "invalid INDEX=VALUE (hex) value: '10a'"),
        (("--explain", "RTM"), 2, "no place for the argument 'RTM'"),
        (("--cpu", "x", "--dump", "y"), 2, "not allowed with"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], code: int, words: str) -> None:
    """What cannot be simulated is said in a sentence, with the exit code for its kind."""
    done = run("simulate", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_boot_option_is_a_note() -> None:
    """An option that Xen would not know is ignored, and that is said."""
    done = run("simulate", *GOLD, "--xen-cmdline", "wibble=1 cpuid=no-avx2")
    assert done.returncode == 0, done.stderr
    assert "wibble" in done.stdout


def test_a_source_that_is_not_simulated_takes_no_cpu() -> None:
    """--cpu beside another source is wrong use."""
    done = run("info", "--source", "example:epyc-xen-4.17", *GOLD)
    assert done.returncode == 2
    assert "is not simulated" in done.stderr


@needs_shared
@pytest.mark.slow
def test_the_whole_corpus() -> None:
    """Every dump of the reference corpus is simulated without an error."""
    done = run("simulate", "--corpus", str(SHARED / "xen/corpus/dumps.jsonl"), "--xen", "master")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 393


def test_a_shipped_cpu_is_a_source() -> None:
    """--source cpu:NAME@RELEASE and the options --cpu and --xen mean the same host."""
    named = run("info", "--source", "cpu:xeon-gold-6240@xenserver-8", "--json")
    options = run("info", "--cpu", "xeon-gold-6240", "--xen", "xenserver-8", "--json")
    mixed = run("info", "--source", "cpu:xeon-gold-6240", "--xen", "xenserver-8", "--json")
    assert named.returncode == OK, named.stderr
    assert named.stdout == options.stdout == mixed.stdout
    twice = run("info", "--source", "cpu:xeon-gold-6240@4.17", "--xen", "4.18")
    assert twice.returncode == WRONG_USAGE
    assert "names what --cpu, --dump or --xen do" in twice.stderr

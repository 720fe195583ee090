"""xenops-cpu report, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.test_cli import run
from tests.report.pool import said

POOL = ("cpu:xeon-gold-6154@4.17", "west=cpu:core-i7-4930k@4.17")


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    """report --html FILE writes the page whole; without FILE it goes to standard output."""
    file = tmp_path / "pool.html"
    done = run("report", "--html", str(file), *POOL, "--vm", POOL[0], "--title", "Our pool")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    text = said(file.read_text("utf-8"))
    assert text.startswith("Our pool")
    assert "1 of 1 VM cannot go to every host: 1 of 2 hosts refuse some." in text
    assert "a VM started on xeon-gold-6154@4.17 on west: would go only by force" in text
    assert run("report", *POOL).stdout.startswith("<!DOCTYPE html>")


def test_json_has_levels_and_verdicts() -> None:
    """--json has what the page is made of, for programs, and needs no engine for pages."""
    document = json.loads(run("report", *POOL, "--vm", POOL[0], "--json").stdout)
    assert document["verdicts"]["vms"][0]["verdicts"] == ["Migrates", "Only_by_force"]
    assert [level["guest_type"] for level in document["levels"]] == ["hvm", "pv"]


def test_a_missing_engine_is_one_sentence() -> None:
    """Without Jinja2 the command says so with the command that installs it, and writes nothing."""
    program = (
        "import sys; sys.modules['jinja2'] = None; from xenops_cpu.cli.main import main; "
        f"sys.exit(main(['report', {POOL[0]!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "xenops-cpu report: the page needs Jinja2, which is not installed; pip install jinja2\n"
    )


def test_nothing_else_loads_the_engine() -> None:
    """Neither the daemon nor another command pays for Jinja2."""
    program = (
        "import sys; from xenops_cpu import report; from xenops_cpu.daemon import serve; "
        "from xenops_cpu.cli.main import main; "
        "main(['level', 'cpu:xeon-gold-6154']); sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0

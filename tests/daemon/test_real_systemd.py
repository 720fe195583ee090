"""The units under a real systemd, booted as the first process of namespaces of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests import ROOT

SYSTEMD = Path("/lib/systemd/systemd")
BOOT = ROOT / "tests" / "support" / "boot-systemd"
NAMESPACES = ("--fork", "--pid", "--mount", "--mount-proc", "--cgroup", "--uts", "--net", "--ipc",
              "--kill-child")  # fmt: skip

_PROBE = r"""
show() { systemctl show -P "$1" "$2"; }
call() { xenops-cpu call "$@" --socket /var/lib/xcp/xenops-cpu; }
echo "started: $(systemctl is-active xenops-cpu.service xenops-cpu-simulated.service | xargs)"
echo "status: $(show StatusText xenops-cpu.service)"
echo "answer: $(call HOST.get_cpu_info | grep vendor)"
echo "simulated: $(xenops-cpu info --socket /run/xenops-cpu-simulated/socket | grep -c simulated)"
echo "history: $(call HOST.get_cpu_info_history | grep -c digest)"
systemctl reload xenops-cpu.service && echo "reloaded"
first=$(show MainPID xenops-cpu.service)
systemctl restart toolstack.target && echo "toolstack restarted"
call query >/dev/null && echo "answers behind a restart of the toolstack"
[ "$first" != "$(show MainPID xenops-cpu.service)" ] && echo "as another process"
systemctl stop xenops-cpu.service 2>/dev/null
call query >/dev/null && echo "started by its socket: $(systemctl is-active xenops-cpu.service)"
kill -KILL "$(show MainPID xenops-cpu.service)"; sleep 2
call query >/dev/null && echo "started again after a kill"
hosts='[{"name":"h","hvm":true,"cpu_info":{"features_pv":"1"},"release":""}]'
echo "pool: $(call POOL.level "hosts=$hosts" 'guest_type="Pv"' | grep -c 00000001)"
echo "woken: $([ -n "$(show WatchdogTimestampMonotonic xenops-cpu.service)" ] && echo yes)"
echo "journal: $(journalctl -t xenops-cpu -o cat | grep -c 'max − default: .*max − default: HTT')"
"""


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() != 0 or not SYSTEMD.exists() or not shutil.which("unshare"),
    reason="systemd and root are needed to boot systemd",
)
def test_the_units_of_a_host(tmp_path: Path) -> None:
    """Both units start; reload, restart with the toolstack, by socket and after a kill work."""
    probe = tmp_path / "probe"
    probe.write_text(_PROBE)
    output = tmp_path / "output"
    output.mkdir()
    booted = subprocess.run(
        ["unshare", *NAMESPACES, BOOT, ROOT, sys.base_prefix, sysconfig.get_path("purelib"),
         probe, output],
        capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if not (output / "done").exists():
        if "mount" in booted.stderr or "unshare" in booted.stderr:
            pytest.skip(f"namespaces cannot be had here: {booted.stderr.strip()[-200:]}")
        raise AssertionError(booted.stderr)
    said = (output / "probe.txt").read_text().splitlines()
    for line in (
        "started: active active",
        "status: serving example:epyc-xen-4.17",
        'answer:   "vendor": "AuthenticAMD",',
        "history: 1",
        "reloaded",
        "toolstack restarted",
        "answers behind a restart of the toolstack",
        "as another process",
        "started by its socket: active",
        "started again after a kill",
        "pool: 1",
        "woken: yes",
    ):
        assert line in said, "\n".join(said)
    assert any(line.startswith("simulated: ") and line != "simulated: 0" for line in said), said
    assert any(line.startswith("journal: ") and line != "journal: 0" for line in said), said

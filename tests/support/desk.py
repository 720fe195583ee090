"""A desk for whoever reads the docs: a folder with the files that pages name, a service, a pool.

Files are made of the examples that come with the package and of recorded test data. The service is
a real one; the xapi and the message switch are stand-ins (tests/support/xapi_server.py, switch.py),
because genuine ones need a Xen host; so are the tools of dom0 (tests/packaging/test_collect.py).
`places` is all that is put in place of what a page says: addresses that a test cannot have.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import evolve

from tests import GOLDEN, ROOT
from tests.cli.test_cli import run
from tests.packaging.test_collect import SCRIPT, Dom0
from tests.support import reports
from tests.support.switch import Switch
from tests.support.world import INTEL, World, WorldHost, WorldVm
from tests.support.xapi_server import serving
from tests.support.xapi_world import World as Xapi
from tests.support.xapi_world import two_hosts
from xenops_cpu import inputs
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.history import store
from xenops_cpu.history.fingerprint import Fingerprint
from xenops_cpu.history.surroundings import Surroundings
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.host import Host

SERVED = "example:ivybridge-xen-4.17"
# The hosts of the pool whose files lie about.
CPUS = {
    "host-7": "xeon-gold-6154",
    "host-8": "xeon-e5-2696-v4",
    "host-9": "xeon-gold-6240",
    "new-host": "core-i7-4930k",
}
PASSWORD = "no secret"
_PATIENCE_SECONDS = 30


def host_of(cpu: str, xen: str = "4.17") -> Host:
    """A shipped CPU under a release, as a capture taken there would have it."""
    (host,) = inputs.resolve(f"cpu:{cpu}@{xen}").hosts
    return host.host


def vm_policy(cpu: str) -> Policy:
    """What an HVM guest has there, by the command that says so."""
    return Policy.parse(run("vm", f"cpu:{cpu}@4.17", "--text").stdout)


class Desk:
    """What stays while the pages are tried; every page has a copy of the folder."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        self._folder = root / "desk"
        self._folder.mkdir()
        self._copies: dict[Path, Path] = {}
        self._names: dict[Path, dict[str, Any]] = {}
        self.hosts = {name: host_of(cpu) for name, cpu in CPUS.items()}
        self._write_files()
        self._write_tools()
        socket, switch = root / "service", root / "switch"
        messages = Switch(switch)
        stack.callback(messages.stop)
        world = self._xapi()
        xapi = stack.enter_context(serving(world))
        stack.enter_context(serving(world, path=root / "xapi"))
        self.places = {
            "/var/lib/xcp/xenops-cpu": str(socket),
            "/tmp/xenops-cpu.sock": str(socket),
            "/var/lib/xcp/xapi": f"xapi://{root / 'xapi'}",
            "/var/lib/xenops-cpu/history.sqlite": str(root / "history.sqlite"),
            "xs-01:8443": f"localhost:{xapi.port}",
            "reader@xs-01": f"reader@localhost:{xapi.port}",
            "operator@xs-01": f"operator@localhost:{xapi.port}",
            "/var/log/xensource.log": str(self._folder / "xensource.log"),
            "/var/run/message-switch/sock": str(switch),
            "--switch": f"--switch {switch}",
        }
        self.environment = {
            **os.environ,
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "100",
            "TERM": "dumb",
            "HOME": str(root),
            "XDG_STATE_HOME": str(root / "state"),
            "XENOPS_CPU_SOCKET": str(socket),
            "XENOPS_CPU_PASSWORD": PASSWORD,
        }
        history = root / "history.sqlite"
        self._write_history(history)
        options = ["--source", SERVED, "--history", str(history), "--use-switch", "true"]
        service = self.start(["serve", "--switch-path", str(switch), *options], root)
        stack.callback(self.stop, service)

    def copy(self, page: Path) -> Path:
        """The folder of this page, as it was or as its earlier commands left it."""
        if page not in self._copies:
            self._copies[page] = self.root / "pages" / page.relative_to(ROOT)
            shutil.copytree(self._folder, self._copies[page], symlinks=True)
        return self._copies[page]

    def names(self, page: Path) -> dict[str, Any]:
        """What the Python of a page has imported and made so far."""
        return self._names.setdefault(page, {"__name__": "docs"})

    def placed(self, text: str) -> str:
        """With addresses that there are."""
        for place, here in self.places.items():
            text = text.replace(place, here)
        return text

    def unplaced(self, text: str) -> str:
        for place, here in reversed(self.places.items()):
            text = text.replace(here, place)
        return text

    def start(self, arguments: list[str], folder: Path) -> subprocess.Popen[str]:
        """A command that goes on; the first line that it prints says that it is ready."""
        process = subprocess.Popen(
            [sys.executable, "-m", "xenops_cpu", *arguments],
            cwd=folder,
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        while (
            "ask it: " not in line and "watching" not in line and line and arguments[0] != "history"
        ):
            line = process.stdout.readline()
        return process

    def stop(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        process.send_signal(signal.SIGTERM if "serve" in str(process.args) else signal.SIGINT)
        said, _ = process.communicate(timeout=_PATIENCE_SECONDS)
        return process.returncode, said

    def _write_files(self) -> None:
        folder, hosts = self._folder, self.hosts
        for name, host in hosts.items():
            (folder / f"{name}.json").write_text(capture.dump(host))
            (folder / f"{name}.policy").write_text(vm_policy(CPUS[name]).text())
        world = self._pool()
        for name, record in zip(("h7.txt", "h8.txt"), world.hosts, strict=True):
            (folder / name).write_text(World([record]).xe())
        stored = "; ".join(f"{key}: {value}" for key, value in world.pool.items())
        (folder / "pool.txt").write_text(f"{stored}\n")
        (folder / "vms.txt").write_text(World(world.hosts, world.vms).xe())
        (folder / "web-01.txt").write_text(World([], [evolve(world.vms[0], home=None)]).xe())
        (folder / "xapi-db.xml").write_text(world.database())
        (served,) = inputs.resolve(SERVED).hosts
        info = xapi_map(cpu_info(served.host))
        (folder / "host-cpu-info.txt").write_text(
            "".join(f"{key:>24}: {value}\n" for key, value in info.items())
        )
        (folder / "web-01.cfg").write_text(
            'name = "web-01"\ntype = "hvm"\nvcpus = 2\ncpuid = "host,avx512f=0"\n'
        )
        stream = reports.libxc_stream(vm_policy(CPUS["host-8"]))
        (folder / "suspended.img").write_bytes(reports.xenopsd_image(stream))
        lines = (GOLDEN / "derivation" / "cpus.jsonl").read_text().splitlines()[:3]
        dumps = [json.loads(line) for line in lines]
        for dump in dumps:
            dump["leaves"] = [row.split() for row in dump["leaves"]]
        (folder / "dumps.jsonl").write_text("".join(f"{json.dumps(dump)}\n" for dump in dumps))
        files = reports.report("xs-01")
        files["bug-report-20260101093000-xs-01/xapi-db.xml"] = world.database().encode()
        for name in ("bug-report.tar.bz2", "bugtool.tar.bz2"):
            (folder / name).write_bytes(reports.tar(files, "w:bz2"))
        captures = {
            f"{name}.json": capture.dump(hosts[name]).encode() for name in ("host-7", "host-8")
        }
        (folder / "pool.tar.gz").write_bytes(reports.tar(captures, "w:gz"))
        shutil.copy(ROOT / "packaging" / "xenops-cpu.conf", folder / "xenops-cpu.conf")
        (folder / "packaging").symlink_to(ROOT / "packaging")
        seen, taken = (hosts[name].featuresets.hvm_default for name in ("host-7", "new-host"))
        vm, other = "b0000000-0000-4000-8000-000000000000", "a0000001-0000-4000-8000-000000000000"
        head = "Aug 21 10:02:11 xs-01 xapi: [debug||71 |host.evacuate R:4f|cpuid_helpers]"
        (folder / "xensource.log").write_text(
            f"{head} Checking CPU compatibility of hvm VM {vm} with host {other}\n"
            f"{head} VM last booted on CPU with features {seen}; "
            f"host CPUs have migration features {taken}\n"
            f"{head} VM CPU features ({seen}) are not compatible with host CPU features ({taken})\n"
        )

    def _pool(self) -> World:
        """host-7 and host-8 as xapi's database has them, with a VM of host-7's."""
        first, second = (xapi_map(cpu_info(self.hosts[name])) for name in ("host-7", "host-8"))
        keys = ("features_pv", "features_pv_host", "features_hvm", "features_hvm_host")
        return World(
            [
                WorldHost(
                    name,
                    {key: info[key] for key in keys},
                    vendor=INTEL,
                    xen="4.17.7",
                    more={key: info[key] for key in ("modelname", "family", "model", "stepping")},
                )
                for name, info in (("xs-01", first), ("xs-02", second))
            ],
            [
                WorldVm(
                    name,
                    {"vendor": INTEL, "features": info["features_hvm_host"]},
                    fields={"domain_type": "hvm", "power_state": "Running"},
                    home=home,
                )
                for name, info, home in (("web-01", second, 0), ("db-01", first, 0))
            ],
            {
                "vendor": INTEL,
                **{key: second[key] for key in ("features_pv_host", "features_hvm_host")},
            },
        )

    def _xapi(self) -> Xapi:
        """Two equal hosts, xs-01 and xs-02, with the VMs web-01 and db-01 on the first."""
        world = two_hosts()
        for number in (0, 1):
            world.put("host", f"OpaqueRef:h{number}", {"name_label": f"xs-0{number + 1}"})
        world.put("VM", "OpaqueRef:v1", {"name_label": "web-01"})
        for user, role in (("reader", "read-only"), ("operator", "pool-operator")):
            world.passwords[user], world.roles[user] = PASSWORD, role
        world.passwords["root"], world.roles["root"] = "", "pool-admin"
        return world

    def _write_history(self, path: Path) -> None:
        """Three entries: microcode took RTM, then an update of Xen came."""
        (served,) = inputs.resolve(SERVED).hosts
        (older,) = inputs.resolve("example:haswell-no-gds-mit-xen-4.17").hosts
        for number, host in enumerate((served.host, older.host, served.host)):
            around = Surroundings(f"{0x21 + number:#x}", "Dell Inc. 2.1", f"b{number}", "boot")
            store.record(path, Fingerprint(host, around), SERVED, 86400.0 * number)

    def _write_tools(self) -> None:
        folder = self.root / "bin"
        folder.mkdir()
        dom0 = Dom0(self.root / "dom0")
        tools = {
            "xenops-cpu": f'exec {sys.executable} -m xenops_cpu "$@"',
            "xenops-cpu-collect": "\n".join(
                [f"export {name}={shlex.quote(text)}" for name, text in dom0.environment.items()]
                + [f'exec {sys.executable} {SCRIPT} --no-xapi "$@"']
            ),
            # Stands for another machine: what is to be run there is run here.
            "ssh": 'shift\nexec sh -c "$*"',
        }
        for name, script in tools.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)

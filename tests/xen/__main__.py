"""Boot one Xen and compare: scripts/test-xen --cpu MODEL (see its --help)."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.xen.compare import differences, observe, report
from tests.xen.image import prepare
from tests.xen.machine import BootError, Machine, build_wheel
from tests.xen.packages import Unavailable
from xenops_cpu.cli.main import main as xenops_cpu

_EXAMPLES = """examples:
  scripts/test-xen                                        # all tests, several CPU models
  scripts/test-xen --cpu EPYC
  scripts/test-xen --cpu EPYC --suite trixie              # another release of Xen
  scripts/test-xen --cpu Haswell --xen-args "spec-ctrl=no-gds-mit"
  scripts/test-xen --cpu IvyBridge --xen-args "cpuid=no-avx" --capture /tmp/ivybridge.json

exit codes: 0 all agree, 1 something differs, 3 this machine cannot boot it (the text says why)
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="scripts/test-xen",
        description="Boot a real Xen under emulation with a CPU model and a command line of your "
        "own, run the service in its dom0, and compare what it answers with xen-cpuid.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--cpu", required=True, metavar="MODEL", help="as QEMU's -cpu: EPYC,-avx")
    made.add_argument("--smp", type=int, default=1, metavar="N", help="CPUs (1)")
    made.add_argument("--xen-args", default="", metavar="TEXT", help="added to Xen's command line")
    made.add_argument("--suite", default="", metavar="NAME", help="Debian's trixie has Xen 4.20")
    made.add_argument("--capture", type=Path, metavar="FILE", help="save the capture")
    made.add_argument("--console", action="store_true", help="show what Xen wrote")
    made.add_argument("--info", action="store_true", help="show xenops-cpu info of the host")
    return made


def main() -> int:
    arguments = parser().parse_args()
    try:
        image = prepare(arguments.suite)
        with (
            tempfile.TemporaryDirectory(prefix="xenops-cpu-wheel-") as folder,
            Machine(
                image,
                build_wheel(image, Path(folder)),
                arguments.cpu,
                arguments.xen_args,
                arguments.smp,
            ) as machine,
        ):
            start = time.monotonic()
            seen = observe(machine)
            print(
                f"Xen {seen.host.xen.version} on {arguments.cpu}: booted in "
                f"{machine.boot_seconds:.1f} s, asked in {time.monotonic() - start:.1f} s"
            )
            print("\n".join(report(seen)))
            if arguments.capture:
                arguments.capture.write_text(seen.capture)
            if arguments.info:
                xenops_cpu(["info", "--socket", str(machine.socket)])
            if arguments.console:
                print(machine.console())
    except Unavailable as error:
        print(f"scripts/test-xen: cannot run here: {error}", file=sys.stderr)
        return 3
    except BootError as error:
        print(f"scripts/test-xen: {error}", file=sys.stderr)
        return 1
    wrong = differences(seen)
    print("\n".join(wrong) or "all agree: sets, policies, and what the service answered")
    return 1 if wrong else 0


sys.exit(main())

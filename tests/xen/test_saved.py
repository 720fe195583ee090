"""A domain saved by Xen's own libxc in a booted dom0, read here."""

from __future__ import annotations

import base64
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.xen.image import Image, prepare
from tests.xen.machine import HERE, Machine, build_wheel
from tests.xen.packages import Unavailable
from xenops_cpu import inputs
from xenops_cpu.hosts import capture

pytestmark = pytest.mark.slow

# Unpacks the program, runs it and prints the stream, packed: dom0's agent carries text only.
_RUN = """
import base64, os, subprocess, sys, zlib
with open("/tmp/save", "wb") as program:
    program.write(zlib.decompress(base64.b64decode(sys.argv[1])))
os.chmod("/tmp/save", 0o755)
done = subprocess.run(["/tmp/save"], capture_output=True)
sys.stderr.write(done.stderr.decode())
sys.stdout.write(base64.b64encode(zlib.compress(done.stdout)).decode())
sys.exit(done.returncode)
"""


def compiled(image: Image, folder: Path) -> str:
    """save_domain.c for the image's Xen, packed for a command line."""
    target = folder / "save_domain"
    subprocess.run(
        ["gcc", "-O1", "-I", str(image.sdk / "include"), "-o", str(target),
         str(HERE / "save_domain.c"), "-L", str(image.sdk / "lib"), "-lxenctrl", "-lxenguest",
         "-Wl,--allow-shlib-undefined"],
        check=True, timeout=60,
    )  # fmt: skip
    return base64.b64encode(zlib.compress(target.read_bytes())).decode()


@pytest.mark.parametrize(("suite", "release"), [("", "4.17"), ("trixie", "4.20")])
def test_a_domain_that_libxc_saved(tmp_path: Path, suite: str, release: str) -> None:
    """The stream's policy is the one that this Xen gives an HVM guest, and nothing is damaged."""
    try:
        image = prepare(suite)
        if image.release != release:
            pytest.skip(f"this machine's apt has Xen {image.release}, not {release}")
        app = build_wheel(image, tmp_path)
    except Unavailable as error:
        pytest.skip(f"no Xen can be booted here: {error}")
    with Machine(image, app, "EPYC") as machine:
        ran = machine.run("python", "-c", _RUN, compiled(image, tmp_path))
        host = capture.load(machine.run("python", "/probe.py", "capture").stdout)
    assert ran.code == 0, ran.stderr
    path = tmp_path / "saved"
    path.write_bytes(zlib.decompress(base64.b64decode(ran.stdout)))
    found = inputs.read(path)
    assert not found.damage
    assert found.vm is not None
    assert found.vm.guest.name == "HVM"
    assert f"saved by Xen {release}" in found.vm.source
    assert found.featureset == host.featuresets.hvm_default

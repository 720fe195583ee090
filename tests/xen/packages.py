"""Debian's packages by apt: which ones make a Xen with a dom0, and getting them.

Nothing is installed but QEMU, and that only by root. A suite other than the machine's own (trixie
on bookworm, for another release of Xen) has an apt of its own beside the machine's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from attrs import frozen

DOWNLOAD_SECONDS = 900
LIBRARIES = (
    "libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1",
    "libxengnttab1", "libxentoolcore1", "libxentoollog1", "libffi8", "libc6", "zlib1g",
    "libexpat1", "liblzma5", "libzstd1", "busybox-static",
)  # fmt: skip


class Unavailable(Exception):
    """This machine cannot put the image together; the text says what is missing."""


@frozen
class Apt:
    """apt with `options`: none for the machine's own suites."""

    options: tuple[str, ...] = ()

    def versions(self) -> dict[str, str]:
        """Package to version of all that is needed, as apt has them now. Raises Unavailable."""
        found = self._choose()
        if found is None and (self.options or os.geteuid() == 0):
            done(["apt-get", *self.options, "update"])
            found = self._choose()
        if found is None:
            raise Unavailable(
                "apt knows no xen-hypervisor-*-amd64 or no linux-image-amd64: run apt-get update, "
                "on Debian for amd64"
            )
        names = [*found, *LIBRARIES]
        policy = self._ask("policy", *names)
        versions = dict(re.findall(r"^(\S+):\n.*\n  Candidate: (\S+)$", policy, re.MULTILINE))
        absent = [name for name in names if versions.get(name, "(none)") == "(none)"]
        if absent:
            raise Unavailable(f"apt has no package {', '.join(absent)}")
        return versions

    def download(self, packages: dict[str, str], folder: Path) -> None:
        """The packages' files into a folder. Raises Unavailable."""
        wanted = [f"{name}={version}" for name, version in packages.items()]
        ran = subprocess.run(
            ["apt-get", *self.options, "download", *wanted],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
        if ran.returncode != 0:
            raise Unavailable(f"apt-get download failed: {ran.stderr.strip()[-300:]}")

    def _choose(self) -> list[str] | None:
        """The packages whose names have a version in them; None where one is unknown."""
        releases = [
            tuple(map(int, match[1].split(".")))
            for name in self._ask("pkgnames", "xen-hypervisor-").split()
            if (match := re.fullmatch(r"xen-hypervisor-(4\.\d+)-amd64", name))
        ]
        kernel = re.search(r"Depends: (linux-image-\S+)", self._ask("depends", "linux-image-amd64"))
        python = re.search(
            r"Depends: python(3\.\d+)-minimal", self._ask("depends", "python3-minimal")
        )
        if not releases or kernel is None or python is None:
            return None
        xen = ".".join(map(str, max(releases)))
        return [
            kernel[1],
            f"xen-hypervisor-{xen}-amd64",
            f"xen-utils-{xen}",
            f"libxenmisc{xen}",
            "libxen-dev",
            f"python{python[1]}-minimal",
            f"libpython{python[1]}-minimal",
            f"libpython{python[1]}-stdlib",
        ]

    def _ask(self, *words: str) -> str:
        return _output(["apt-cache", *self.options, *words])


def check_tools() -> None:
    """That apt is here, and QEMU: root installs that. Raises Unavailable."""
    for tool in ("apt-get", "apt-cache", "dpkg"):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is missing: the image is made from Debian's packages")
    if shutil.which("qemu-system-x86_64") is None:
        install = ["apt-get", "install", "-y", "--no-install-recommends", "qemu-system-x86"]
        root = os.geteuid() == 0
        if not root or not (done(install) or (done(["apt-get", "update"]) and done(install))):
            raise Unavailable(
                "qemu-system-x86_64 is missing: "
                "apt-get install --no-install-recommends qemu-system-x86 (as root)"
            )


def apt_of(suite: str, folder: Path) -> Apt:
    """An apt for a suite of the archive that the machine itself uses; its state is in `folder`.

    Raises Unavailable.
    """
    archives = _output(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)",
         "Created-By: Packages"]
    )  # fmt: skip
    main = re.search(r"^Debian main (\S+/debian/)$", archives, re.MULTILINE)
    if main is None:
        raise Unavailable("apt has no archive of Debian's to take another suite from")
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    keys = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    signed = f"[signed-by={keys}] " if keys.exists() else ""
    (folder / "sources.list").write_text(f"deb {signed}{main[1]} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
    }
    return Apt(
        tuple(word for pair in settings.items() for word in ("-o", "=".join(map(str, pair))))
    )


def done(command: list[str]) -> bool:
    """Run it without questions, and whether it worked."""
    ran = subprocess.run(
        command,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=DOWNLOAD_SECONDS,
        check=False,
    )
    return ran.returncode == 0


def _output(command: list[str]) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ran.stdout if ran.returncode == 0 else ""

"""A bootable Xen with a small dom0, put together from Debian's packages.

Packages are downloaded and unpacked, never installed, and the image is kept between runs:
`$XDG_CACHE_HOME/xenops-cpu/xen` (or ~/.cache/...), one folder a set of package versions. dom0 is an
initramfs with busybox, Python, Xen's libraries and xen-cpuid; this project and its dependencies
are added at each boot (see machine).
"""

from __future__ import annotations

import compileall
import contextlib
import gzip
import hashlib
import lzma
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attrs import frozen

from tests.xen.cpio import Cpio
from tests.xen.packages import DOWNLOAD_SECONDS, Apt, Unavailable, apt_of, check_tools

# Raise it when this module puts together something else from the same packages.
RECIPE = 6
DEPENDENCIES = ("attrs", "cffi", "defusedxml")
# What dom0 needs to make hypercalls and to be called; with all that these depend on.
MODULES = ("xen-privcmd", "virtio_pci", "virtio_net")
# What Python in dom0 does not need; it would only be carried into memory.
UNWANTED = re.compile(
    r"/(test|idlelib|tkinter|ensurepip|lib2to3|pydoc_data|distutils|turtledemo|share)/"
)
# An image that nobody has used for so long is of old packages.
UNUSED_DAYS = 30


@frozen
class Image:
    """`xen` and `kernel` as QEMU wants them, `dom0` without the project, `sdk` with Xen's headers
    and libraries for the compiler, `python` the version in dom0.
    """

    xen: Path
    kernel: Path
    dom0: Path
    sdk: Path
    release: str
    python: str


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "xenops-cpu" / "xen"


def prepare(suite: str = "") -> Image:
    """The image, made if this set of package versions has none yet. Raises Unavailable.

    `suite`: another suite of Debian's than this machine's own, such as trixie.
    """
    check_tools()
    cache_folder().mkdir(parents=True, exist_ok=True)
    apt = apt_of(suite, cache_folder() / f"apt-{suite}") if suite else Apt()
    packages = apt.versions()
    key = hashlib.sha256(f"{RECIPE} {sorted(packages.items())}".encode()).hexdigest()[:16]
    folder = cache_folder() / key
    if not folder.exists():
        made = Path(tempfile.mkdtemp(dir=cache_folder(), prefix="making-"))
        try:
            _make(made, apt, packages)
            with contextlib.suppress(OSError):  # somebody else was faster
                made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        _prune()
    os.utime(folder)
    release, python = (folder / "versions").read_text().split()
    return Image(
        xen=folder / "xen",
        kernel=folder / "vmlinux",
        dom0=folder / "dom0.cpio.gz",
        sdk=folder / "sdk",
        release=release,
        python=python,
    )


def _prune() -> None:
    oldest = time.time() - UNUSED_DAYS * 24 * 3600
    for folder in cache_folder().iterdir():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, apt: Apt, packages: dict[str, str]) -> None:
    """Download, unpack and put together. Raises Unavailable."""
    debs, unpacked = folder / "debs", folder / "unpacked"
    debs.mkdir()
    apt.download(packages, debs)
    # dom0 gets all of its libraries and Python, and only single files of the others.
    trees = {name: unpacked / name for name in ("kernel", "xen", "tools", "headers", "dom0")}
    for deb in debs.iterdir():
        tree = trees[_tree(deb.name)]
        tree.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg", "-x", deb, tree], check=True, timeout=300)
    hypervisor = next(trees["xen"].glob("boot/xen-4.*.gz"))
    release = hypervisor.name.split("-")[1]
    (folder / "xen").write_bytes(gzip.decompress(hypervisor.read_bytes()))
    kernel = next(trees["kernel"].glob("boot/vmlinuz-*"))
    (folder / "vmlinux").write_bytes(_vmlinux(kernel.read_bytes()))
    python = next(trees["dom0"].glob("usr/bin/python3.*")).name.removeprefix("python")
    compile_python(trees["dom0"], python)
    _sdk(folder / "sdk", trees["headers"], trees["dom0"])
    _dom0(folder / "dom0.cpio.gz", trees, python)
    (folder / "versions").write_text(f"{release} {python}\n")
    shutil.rmtree(debs)
    shutil.rmtree(unpacked)


def _tree(deb: str) -> str:
    """Where a package is unpacked, by the name of its file."""
    starts = {"linux-": "kernel", "xen-hyp": "xen", "xen-utils": "tools", "libxen-dev": "headers"}
    return next((tree for start, tree in starts.items() if deb.startswith(start)), "dom0")


def _vmlinux(bzimage: bytes) -> bytes:
    """The kernel inside a bzImage; Xen would need four seconds for it under emulation."""
    for start in (match.start() for match in re.finditer(rb"\xfd7zXZ\x00", bzimage)):
        try:
            image = lzma.LZMADecompressor().decompress(bzimage[start:])
        except lzma.LZMAError:
            continue
        if image.startswith(b"\x7fELF"):
            return image
    return bzimage  # another compression: Xen knows it


def _sdk(target: Path, dev: Path, root: Path) -> None:
    """Headers, and the libraries under the names that the linker asks for."""
    shutil.copytree(dev / "usr" / "include", target / "include")
    (target / "lib").mkdir()
    for library in root.rglob("libxen*.so.*"):
        if library.is_symlink():
            continue
        stem, _, version = library.name.partition(".so.")
        shutil.copy(library, target / "lib" / library.name)
        soname = re.match(r"4\.\d+|\d+", version)
        for name in (f"{stem}.so", f"{stem}.so.{soname[0] if soname else version}"):
            if not (target / "lib" / name).exists():
                (target / "lib" / name).symlink_to(library.name)


def _dom0(target: Path, trees: dict[str, Path], python: str) -> None:
    """The initramfs: everything below usr, as merged systems have it."""
    archive = Cpio()
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.symlink(name, f"usr/{name}")
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "var/lib/xcp", "etc", "modules"):
        archive.directory(folder)
    archive.device("dev/console", 5, 1)
    root = trees["dom0"]
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        name = name if name.startswith("usr/") else f"usr/{name}"
        if UNWANTED.search(f"/{name}/") or name.startswith("usr/etc"):
            continue
        if path.is_symlink():
            link = os.readlink(path)
            archive.symlink(name, link if not link.startswith("/") else f"/usr{link}"
                            if not link.startswith("/usr") else link)  # fmt: skip
        elif path.is_file():
            archive.file(name, path.read_bytes(), path.stat().st_mode)
    tool = next(trees["tools"].glob("usr/lib/xen-*/bin/xen-cpuid"))
    archive.file("usr/bin/xen-cpuid", tool.read_bytes(), 0o755)
    for number, (module, content) in enumerate(_modules(trees["kernel"]).items()):
        archive.file(f"modules/{number:02}-{module}.ko", content)
    with tempfile.TemporaryDirectory(prefix="xenops-cpu-dom0-") as folder:
        _dependencies(Path(folder), python)
        archive.tree("app", Path(folder))
    target.write_bytes(gzip.compress(archive.content(), 1))


def _modules(kernel: Path) -> dict[str, bytes]:
    """MODULES and all they depend on, in an order in which they load; what is built in is not."""
    files = {
        path.name.partition(".ko")[0].replace("-", "_"): path for path in kernel.rglob("*.ko*")
    }
    found: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name not in files or name in found:
            return
        content = files[name].read_bytes()
        content = lzma.decompress(content) if files[name].suffix == ".xz" else content
        depends = re.search(rb"\0depends=([^\0]+)\0", content)
        for needed in depends[1].decode().split(",") if depends else ():
            add(needed.replace("-", "_"))
        found[name] = content

    for module in MODULES:
        add(module.replace("-", "_"))
    return found


def compile_python(folder: Path, python: str) -> None:
    """Leave bytecode beside the sources, if this Python writes what dom0's reads.

    Compiling costs dom0 ten seconds under emulation. Bytecode is taken as it is ("unchecked"):
    the archive keeps no times.
    """
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        compileall.compile_dir(
            folder,
            quiet=2,
            workers=0,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def _dependencies(folder: Path, python: str) -> None:
    """This project's dependencies for dom0's Python, which need not be the one that runs here."""
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile",
        "--disable-pip-version-check", "--only-binary", ":all:", "--implementation", "cp",
        "--python-version", python, "--platform", "manylinux2014_x86_64",
        "--target", str(folder), *DEPENDENCIES,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
    )
    if done.returncode != 0:
        raise Unavailable(f"pip cannot get {DEPENDENCIES}: {done.stderr.strip()[-300:]}")
    compile_python(folder, python)

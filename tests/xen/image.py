"""A bootable Xen with a small dom0, put together from Debian's packages.

Packages are downloaded and unpacked, never installed, and the image is kept between runs:
`$XDG_CACHE_HOME/xenops-cpu/xen` (or ~/.cache/...), one folder a set of package versions. dom0 is an
initramfs with busybox, Python, Xen's libraries and xen-cpuid; this project and its dependencies
are added at each boot (see machine).
"""

from __future__ import annotations

import compileall
import gzip
import hashlib
import lzma
import os
import py_compile
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

# Raise it when this module puts together something else from the same packages.
RECIPE = 5
DEPENDENCIES = ("attrs", "cffi", "defusedxml")
# What dom0 needs to make hypercalls and to be called; with all that these depend on.
MODULES = ("xen-privcmd", "virtio_pci", "virtio_net")
LIBRARIES = (
    "libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1",
    "libxengnttab1", "libxentoolcore1", "libxentoollog1", "libffi8", "libc6", "zlib1g",
    "libexpat1", "liblzma5", "libzstd1", "busybox-static",
)  # fmt: skip
# What Python in dom0 does not need; it would only be carried into memory.
UNUSED = re.compile(
    r"/(test|idlelib|tkinter|ensurepip|lib2to3|pydoc_data|distutils|turtledemo|share)/"
)
DOWNLOAD_SECONDS = 900


class Unavailable(Exception):
    """This machine cannot put the image together; the text says what is missing."""


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


def prepare() -> Image:
    """The image, made if this set of package versions has none yet. Raises Unavailable."""
    for tool in ("apt-get", "apt-cache", "dpkg", "qemu-system-x86_64"):
        if shutil.which(tool) is None and not (tool.startswith("qemu") and _install_qemu()):
            raise Unavailable(f"{tool} is missing" + _remedy(tool))
    packages = _packages()
    key = hashlib.sha256(f"{RECIPE} {sorted(packages.items())}".encode()).hexdigest()[:16]
    folder = cache_folder() / key
    if not (folder / "complete").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as made:
            _make(Path(made), packages)
            shutil.rmtree(folder, ignore_errors=True)
            (Path(made) / "complete").touch()
            shutil.copytree(made, folder, symlinks=True)
    release, python = (folder / "versions").read_text().split()
    return Image(
        xen=folder / "xen",
        kernel=folder / "vmlinux",
        dom0=folder / "dom0.cpio.gz",
        sdk=folder / "sdk",
        release=release,
        python=python,
    )


def _remedy(tool: str) -> str:
    if tool.startswith("qemu"):
        return ": apt-get install --no-install-recommends qemu-system-x86"
    return ": the image is made from Debian's packages, on Debian or a relative of it"


def _install_qemu() -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    command = ["apt-get", "install", "-y", "--no-install-recommends", "qemu-system-x86"]
    return _try(command) or (_try(["apt-get", "update"]) and _try(command))


def _try(command: list[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=DOWNLOAD_SECONDS,
        check=False,
    )
    return done.returncode == 0


def _ask(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else ""


def _packages() -> dict[str, str]:
    """Package to version, as apt has them now. Raises Unavailable."""
    found = _choose()
    if found is None and os.geteuid() == 0:
        _try(["apt-get", "update"])
        found = _choose()
    if found is None:
        raise Unavailable("apt knows no xen-hypervisor-*-amd64 or no linux-image-amd64 package")
    names = [*found, *LIBRARIES]
    policy = _ask(["apt-cache", "policy", *names])
    versions = dict(re.findall(r"^(\S+):\n.*\n  Candidate: (\S+)$", policy, re.MULTILINE))
    absent = [name for name in names if versions.get(name, "(none)") == "(none)"]
    if absent:
        raise Unavailable(f"apt has no package {', '.join(absent)}")
    return versions


def _choose() -> list[str] | None:
    names = set(_ask(["apt-cache", "pkgnames", "xen-hypervisor-"]).split())
    releases = [
        tuple(map(int, match[1].split(".")))
        for name in names
        if (match := re.fullmatch(r"xen-hypervisor-(4\.\d+)-amd64", name))
    ]
    kernel = re.search(
        r"Depends: (linux-image-\S+)", _ask(["apt-cache", "depends", "linux-image-amd64"])
    )
    python = re.search(
        r"Depends: python(3\.\d+)-minimal", _ask(["apt-cache", "depends", "python3-minimal"])
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


def _make(folder: Path, packages: dict[str, str]) -> None:
    """Download, unpack and put together. Raises Unavailable."""
    debs = folder / "debs"
    debs.mkdir()
    if os.geteuid() == 0:
        shutil.chown(debs, "_apt")  # or apt says that it had to download as root
        folder.chmod(0o755)
    wanted = [f"{name}={version}" for name, version in packages.items()]
    done = subprocess.run(
        ["apt-get", "download", *wanted],
        cwd=debs,
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"apt-get download failed: {done.stderr.strip()[-300:]}")
    unpacked = folder / "unpacked"
    for deb in debs.iterdir():
        name = deb.name.partition("_")[0]
        kind = name if name.startswith(("linux", "xen-")) else "sdk"
        kind = "kernel" if kind.startswith("linux") else kind
        tree = unpacked / ("root" if name in packages and kind == "sdk" else kind)
        tree = unpacked / "dev" if name == "libxen-dev" else tree
        tree.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg", "-x", deb, tree], check=True, timeout=300)
    hypervisor = next((unpacked).glob("xen-hypervisor-*/boot/xen-*.gz"))
    (folder / "xen").write_bytes(gzip.decompress(hypervisor.read_bytes()))
    kernel = next((unpacked / "kernel" / "boot").glob("vmlinuz-*"))
    (folder / "vmlinux").write_bytes(_vmlinux(kernel.read_bytes()))
    root = unpacked / "root"
    python = next(root.glob("usr/bin/python3.*")).name
    release = next(n for n in packages if n.startswith("xen-hypervisor-")).split("-")[2]
    compile_python(root, python.removeprefix("python"))
    _sdk(folder / "sdk", unpacked / "dev", root)
    _dom0(folder / "dom0.cpio.gz", unpacked, root, python.removeprefix("python"))
    (folder / "versions").write_text(f"{release} {python.removeprefix('python')}\n")
    shutil.rmtree(debs)
    shutil.rmtree(unpacked)


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


def _dom0(target: Path, unpacked: Path, root: Path, python: str) -> None:
    """The initramfs: everything below usr, as merged systems have it."""
    archive = Cpio()
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.symlink(name, f"usr/{name}")
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "var/lib/xcp", "etc", "modules"):
        archive.directory(folder)
    archive.device("dev/console", 5, 1)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        name = name if name.startswith("usr/") else f"usr/{name}"
        if UNUSED.search(f"/{name}/") or name.startswith("usr/etc"):
            continue
        if path.is_symlink():
            link = os.readlink(path)
            archive.symlink(name, link if not link.startswith("/") else f"/usr{link}"
                            if not link.startswith("/usr") else link)  # fmt: skip
        elif path.is_file():
            archive.file(name, path.read_bytes(), path.stat().st_mode)
    tool = next(unpacked.glob("xen-utils-*/usr/lib/xen-*/bin/xen-cpuid"))
    archive.file("usr/bin/xen-cpuid", tool.read_bytes(), 0o755)
    for number, (module, content) in enumerate(_modules(unpacked / "kernel").items()):
        archive.file(f"modules/{number:02}-{module}.ko", content)
    archive.tree("app", _dependencies(python))
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


def _dependencies(python: str) -> Path:
    """This project's dependencies for dom0's Python, which need not be the one that runs here."""
    folder = Path(tempfile.mkdtemp(prefix="xenops-cpu-dom0-"))
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
    return folder


class Cpio:
    """An initramfs archive (newc format, Linux: Documentation/driver-api/early-userspace)."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._made: set[str] = set()
        self._number = 0

    def file(self, name: str, content: bytes, mode: int = 0o644) -> None:
        self._parents(name)
        self._entry(name, stat.S_IFREG | stat.S_IMODE(mode), content)

    def symlink(self, name: str, target: str) -> None:
        self._parents(name)
        self._made.add(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def directory(self, name: str) -> None:
        self._parents(f"{name}/")

    def device(self, name: str, major: int, minor: int) -> None:
        self._parents(name)
        self._entry(name, stat.S_IFCHR | 0o600, b"", (major, minor))

    def tree(self, name: str, folder: Path, suffixes: Iterable[str] = ()) -> None:
        """All files below a folder, or those with one of the suffixes."""
        wanted = tuple(suffixes)
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder).as_posix()
            if path.is_file():
                if wanted and not inside.endswith(wanted):
                    continue
                self.file(f"{name}/{inside}", path.read_bytes(), path.stat().st_mode)

    def content(self) -> bytes:
        trailer = _newc_header(0, 0, b"", "TRAILER!!!", (0, 0)) + _padded(b"TRAILER!!!\0", 110)
        return b"".join(self._parts) + trailer

    def _parents(self, name: str) -> None:
        parts = name.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            parent = "/".join(parts[:end])
            if parent not in self._made:
                self._made.add(parent)
                self._entry(parent, stat.S_IFDIR | 0o755, b"")

    def _entry(
        self, name: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)
    ) -> None:
        self._number += 1
        self._parts.append(_newc_header(self._number, mode, content, name, device))
        self._parts.append(_padded(name.encode() + b"\0", 110))
        self._parts.append(_padded(content, 0))


def _newc_header(
    number: int, mode: int, content: bytes, name: str, device: tuple[int, int]
) -> bytes:
    numbers = (
        number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name.encode()) + 1, 0,
    )  # fmt: skip
    return b"070701" + b"".join(b"%08X" % value for value in numbers)


def _padded(content: bytes, before: int) -> bytes:
    """To the next multiple of four, counted from where the header began."""
    return content + b"\0" * (-(before + len(content)) % 4)

"""A release: what it writes, what it refuses, and a whole one that is only tried."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from release_tools import __main__ as release_tools
from release_tools.texts import (
    DEBIAN_SIGNATURE,
    TEXTS,
    ReleaseError,
    changelog,
    debian,
    readme,
    spec,
)
from tests import ROOT

LOG = """# Changelog

## [Unreleased]

### Added
- A thing.

## [0.2.0] - 2026-11-27

### Added
- The service.
"""


def test_what_is_unreleased_gets_the_version() -> None:
    """An empty section stays for what comes next."""
    assert changelog(LOG, "0.3.0", "2026-12-01") == LOG.replace(
        "## [Unreleased]\n", "## [Unreleased]\n\n## [0.3.0] - 2026-12-01\n"
    )


@pytest.mark.parametrize(
    ("text", "version", "date", "reason"),
    [
        (LOG, "0.2.0", "2026-12-01", "0.2.0 already"),
        (LOG.replace("### Added\n- A thing.\n", "", 1), "0.3.0", "2026-12-01", "nothing under"),
        (LOG.replace("## [Unreleased]\n", ""), "0.3.0", "2026-12-01", "no section"),
        (LOG, "0.3.0", "2026-02-30", "no date"),
    ],
)
def test_a_changelog_that_says_nothing_is_refused(
    text: str, version: str, date: str, reason: str
) -> None:
    """The reason is in the error."""
    with pytest.raises(ReleaseError, match=reason):
        changelog(text, version, date)


def test_the_packages_get_an_entry() -> None:
    """In the forms of deb-changelog(5) and of RPM, with the right day of the week."""
    entry = debian((ROOT / "packaging/debian/changelog").read_text(), "0.99.0", "2026-12-01")
    assert entry.startswith("xenops-cpu (0.99.0-1) unstable; urgency=medium\n")
    assert ">  Tue, 01 Dec 2026 00:00:00 +0000\n\nxenops-cpu (" in entry
    text = spec((ROOT / "packaging/rpm/xenops-cpu.spec").read_text(), "0.99.0", "2026-12-01")
    assert text.startswith("%global usver 0.99.0\n%global xsver 1\n")
    assert "%changelog\n* Tue Dec 01 2026 xenops_cpu maintainers - 0.99.0-1\n" in text
    for change, older in ((debian, entry), (spec, text)):
        with pytest.raises(ReleaseError, match=r"has 0\.99\.0 already"):
            change(older, "0.99.0", "2026-12-01")
        with pytest.raises(ReleaseError, match="no entry whose signature"):
            change("", "0.99.0", "2026-12-01")


def test_the_readme_gets_the_version() -> None:
    """Without the patch, in its one place; a README with none or two is refused."""
    text = (ROOT / "README.md").read_text()
    assert "this is 0.99. " in readme(text, "0.99.3", "2026-12-01")
    for other in ("", text + text):
        with pytest.raises(ReleaseError, match="and not once"):
            readme(other, "0.99.3", "2026-12-01")


def test_one_maintainer() -> None:
    """Debian's changelog is signed by the maintainer of its control file, in every entry."""
    control = (ROOT / "packaging/debian/control").read_text()
    entries = DEBIAN_SIGNATURE.findall((ROOT / "packaging/debian/changelog").read_text())
    assert set(entries) == set(re.findall(r"^Maintainer: (.+)$", control, re.MULTILINE))


def test_all_texts_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that cannot be written keeps the others as they are."""
    for path in TEXTS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "CHANGELOG.md").write_text(LOG)
    broken = (tmp_path / "packaging/rpm/xenops-cpu.spec").read_text().replace("%changelog", "%log")
    (tmp_path / "packaging/rpm/xenops-cpu.spec").write_text(broken)
    assert release_tools.main("0.99.0", "2026-12-01", tmp_path) == 2
    assert "0 lines" in capsys.readouterr().err
    assert (tmp_path / "CHANGELOG.md").read_text() == LOG


def test_the_packages_have_the_programs_version() -> None:
    """The newest entries are of the version that the program says it is, and so is the README."""
    from xenops_cpu import __version__ as version

    text = (ROOT / "README.md").read_text()
    assert readme(text, version, "2026-12-01") == text

    assert (ROOT / "packaging/debian/changelog").read_text().startswith(f"xenops-cpu ({version}-")
    assert f"%global usver {version}\n" in (ROOT / "packaging/rpm/xenops-cpu.spec").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own, of the files as they are now, with something to release."""
    tree = tmp_path / "xenops_cpu"
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("there is no git here, or this is no checkout")
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    log = (tree / "CHANGELOG.md").read_text()
    heading, rest = log.split("## [Unreleased]\n")
    (tree / "CHANGELOG.md").write_text(f"{heading}## [Unreleased]\n\n### Added\n- A thing.\n{rest}")
    git(tree, "init", "--quiet", "--initial-branch=main")
    git(tree, "config", "core.looseCompression", "0")  # it is thrown away
    git(tree, "config", "user.name", "A developer")
    git(tree, "config", "user.email", "developer@example.org")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "All of it")
    return tree


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    ).stdout


def release(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    return subprocess.run(
        [str(tree / "scripts/release"), *words], env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), '"" is not a version'),
        (("1.0",), '"1.0" is not a version'),
        (("1.0.0", "1.0.1"), "one version"),
        (("1.0.0", "--dry"), "no option --dry"),
        (("1.0.0", "--date", "today"), '"today" is not a date'),
    ],
)
def test_wrong_usage(words: tuple[str, ...], reason: str) -> None:
    """It ends with 2 and says what would be right, before anything is done."""
    process = release(ROOT, *words)
    assert (process.returncode, process.stdout) == (2, "")
    assert reason in process.stderr


def test_a_checkout_with_changes_is_refused(checkout: Path) -> None:
    """What is not committed would not be in the release; nor is a version released twice."""
    git(checkout, "tag", "v0.98.0")
    assert "the tag v0.98.0 is there" in release(checkout, "0.98.0").stderr
    (checkout / "README.md").write_text("other\n")
    process = release(checkout, "0.99.0")
    assert process.returncode == 2
    assert "not committed" in process.stderr


@pytest.mark.slow
def test_a_release_is_tried_and_made(checkout: Path) -> None:
    """A dry run gives all files and changes nothing; the real one commits and tags."""
    before = git(checkout, "rev-parse", "HEAD")
    process = release(checkout, "0.99.0", "--dry-run", "--check", "wheel", "--date", "2026-12-01")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "0.99.0 could be released" in process.stdout
    assert (git(checkout, "rev-parse", "HEAD"), git(checkout, "tag")) == (before, "")
    assert git(checkout, "status", "--porcelain") == ""
    files = {path.name for path in (checkout / "dist/0.99.0").iterdir()}
    assert {"SHA256SUMS", "xenops-cpu.pyz", "xenops_cpu-0.99.0.tar.gz"} < files
    assert any(name.endswith(".whl") for name in files)

    process = release(checkout, "0.99.0", "--check", "wheel", "--date", "2026-12-01")
    assert process.returncode == 0, process.stdout + process.stderr
    assert git(checkout, "tag") == "v0.99.0\n"
    assert git(checkout, "log", "-1", "--format=%s") == "Release 0.99.0\n"
    assert '"0.99.0"' in (checkout / "xenops_cpu/version.py").read_text()
    assert "## [0.99.0] - 2026-12-01" in (checkout / "CHANGELOG.md").read_text()
    assert (checkout / "idl/released/0.99.0.openrpc.json").is_file()

"""README and docs: what they tell a reader to type works, and prints what they show.

Every block of commands is run in a folder with the files that the pages name, beside a running
service, and so is every block of Python (tests/support/desk.py). tests/support/pages.py says how a
page names what is run elsewhere.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_cli import run
from tests.support.desk import Desk
from tests.support.pages import PAGES, Block, Command, Kind, every_block
from xenops_cpu.inputs import live

BLOCKS = every_block()
# What only a real Xen host, another machine or a release can run.
AT_MOST_NOWHERE = 18


def of_kind(*kinds: Kind) -> pytest.MarkDecorator:
    chosen = [block for block in BLOCKS if block.kind in kinds]
    return pytest.mark.parametrize("block", chosen, ids=[block.name for block in chosen])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path_factory.mktemp("docs"), stack)


@pytest.fixture
def folder(desk: Desk, block: Block, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this page's commands are typed."""
    place = desk.copy(block.page)
    monkeypatch.chdir(place)
    live.forget()
    return place


def test_every_block_is_run_by_something() -> None:
    """A block that is neither run nor said to be nothing to run has no place on a page: it has a
    language or a comment (tests/support/pages.py).
    """
    assert [block.name for block in BLOCKS if block.kind is Kind.UNKNOWN] == []


@pytest.mark.slow
@of_kind(Kind.RUN)
def test_commands_work(desk: Desk, folder: Path, block: Block) -> None:
    """Each ends with 0, or with the exit code that the page says, and prints what is shown.

    A line shown stands in the output, in order; ... stands for what is left out.
    """
    for command in block.commands():
        code, printed = done(desk, folder, command)
        printed = desk.unplaced(printed)
        assert code == command.exit, f"{block.name}: {command.text}\n{printed}"
        assert "Traceback" not in printed
        if command.shown is not None:
            pattern = "".join(
                r"(?:.*\n)*?" if line.strip() == "..." else line_pattern(line)
                for line in command.shown
            )
            assert re.match(pattern, printed), f"{block.name} shows another output than\n{printed}"


def done(desk: Desk, folder: Path, command: Command) -> tuple[int, str]:
    """The exit code and what is printed: in this process where no shell is needed."""
    text = desk.placed(command.text)
    words = plain_words(text)
    if words is None or words[0] != "xenops-cpu":
        shell = subprocess.run(
            ["bash", "-o", "pipefail", "-c", text],
            cwd=folder,
            env=desk.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return shell.returncode, shell.stdout + shell.stderr
    if goes_on(words):
        if words[1] == "serve":  # beside the service that is there; the last one counts
            words += ["--socket", str(desk.root / "another")]
        code, printed = desk.stop(desk.start(words[1:], folder))
        return (0 if words[1] != "serve" and code == 130 else code), printed  # 130: by Ctrl-C
    process = run(*words[1:], **desk.environment)
    return process.returncode, process.stdout + process.stderr


def goes_on(words: list[str]) -> bool:
    """Whether a command runs until it is ended."""
    return (
        words[1] == "watch"
        or "--follow" in words
        or (words[1] == "serve" and not {"--dump-config", "--help"} & set(words))
    )


def plain_words(text: str) -> list[str] | None:
    """The words of a command that needs no shell, else None."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>()`$")
    lexer.whitespace_split, lexer.commenters = True, ""
    words = list(lexer)
    special = set("|&;<>()`$")
    plain = shlex.split(text)
    return plain if not any(set(word) <= special for word in words) else None


@of_kind(Kind.PYTHON)
def test_python_works(
    desk: Desk, folder: Path, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block of a page runs behind those before it."""
    for name, text in desk.environment.items():
        monkeypatch.setenv(name, text)
    names = desk.names(block.page)
    source = desk.placed("\n".join(block.lines))
    exec(compile(source, block.name, "exec"), names)


@of_kind(Kind.ELSEWHERE)
def test_a_script_has_the_very_lines(block: Block) -> None:
    """What cannot be run here is run by the script that the page names, as it stands."""
    match = re.search(r"run by:? (\S+)", block.mark)
    assert match
    script = (ROOT / match[1]).read_text("utf-8")
    for command in block.commands():
        assert command.text in script, f"{block.name}: {match[1]} does not run {command.text}"


def test_few_commands_can_be_run_nowhere() -> None:
    """Each says why, and they do not become many."""
    nowhere = [block for block in BLOCKS if block.kind is Kind.NOWHERE]
    assert len(nowhere) <= AT_MOST_NOWHERE, [block.name for block in nowhere]
    assert all(len(block.mark.split()) > 5 for block in nowhere)


def anchors(page: Path) -> set[str]:
    """Of headings, as GitHub and the site make them, and of <a id> marks."""
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    names: list[str] = []
    for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        count = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", name) is not None for name in names)
        names.append(f"{slug}-{count}" if count else slug)
    return {*names, *re.findall(r'<a id="([^"]+)"', text)}


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "idl/REFERENCE.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file of the project, and a heading that is in it."""
    text = re.sub(r"`[^`\n]*`", "", page.read_text("utf-8"))
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", text):
        if "://" in target:
            continue
        file = (page.parent / target) if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} links to {target}#{anchor}"


def line_pattern(line: str) -> str:
    """A line as it stands; a trailing ... stands for its rest."""
    if line.endswith("..."):
        return re.escape(line.removesuffix("...").rstrip()) + r".*\n"
    return re.escape(line) + r"[ ]*\n"


def test_the_picture_is_what_comes_out() -> None:
    """The README's picture says what its command prints today."""
    script = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "picture"), "--check"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert script.returncode == 0, script.stdout + script.stderr

"""Change the code in small ways, one at a time, and see whether a test of its package fails.

    scripts/mutate                          the packages that facts are decided in: an hour or more
    scripts/mutate pools                    one package, by the tests in tests/pools alone
    scripts/mutate pools/forecast           a package in it, by the same tests
    scripts/mutate pools --only 'level*'    its modules that match
    scripts/mutate pools --only split --tests test_split    by the tests of some files
    scripts/mutate pools --again            what survived the last time, after a change of tests

What survives is printed as a change of a function. It is a gap of the tests, and is closed by one;
or it changes nothing that anybody can see: then it stands in tests/equivalent_mutants.txt with the
reason. mutmut makes the mutants and runs the tests, in .mutation/PACKAGE.

Exit codes: 0 only equivalent ones survived, 1 others did, 2 wrong use, 3 mutmut failed.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / ".mutation"
EQUIVALENT = ROOT / "tests" / "equivalent_mutants.txt"
PACKAGES = ("features", "cpuid", "hosts", "pools", "pools/forecast")
# mutmut leaves functions with decorators alone; these can be put on afterwards.
UNDONE = ("property", "cache", "cached_property")
# What mutmut writes of a mutant: the exit code of pytest, or one of its own.
KILLED = {1, 3}
TIME_OUT = {-24, 24, 36, 152, 255}
PYPROJECT = """
[tool.pytest.ini_options]
addopts = "-m 'not slow' -p mutation_plugin -p no:cacheprovider"
markers = ["slow: takes more than a few seconds"]
filterwarnings = ["ignore"]

[tool.mutmut]
source_paths = ["xenops_cpu"]
only_mutate = ["xenops_cpu/{package}/{only}.py"]
do_not_mutate = ["xenops_cpu/{package}/*/*"]
also_copy = ["mutation_plugin.py", "docs"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
on_dependency_change = "ignore"
"""

Change = tuple[str, tuple[str, ...]]


def main() -> int:
    arguments = options()
    known = equivalent()
    failed = False
    for package in arguments.packages or PACKAGES:
        work = WORK / package.replace("/", ".")
        names = [name for name, code in results(work) if code not in KILLED | TIME_OUT]
        if not arguments.again:
            shutil.rmtree(work, ignore_errors=True)
            names = []
        elif not names:
            print(f"{package}: there is no survivor of a run before this one", file=sys.stderr)
            continue
        prepare(work, package, arguments.only, arguments.tests)
        command = [str(Path(sys.executable).with_name("mutmut")), "run", *names]
        with (work / "log").open("w") as log:
            done = subprocess.run(command, cwd=work, stdout=log, stderr=log)
        if done.returncode:
            print((work / "log").read_text()[-3000:], file=sys.stderr)
            return 3
        failed |= bool(report(work, package, known))
    return int(failed)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/mutate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="of xenops_cpu")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="modules of the package")
    parser.add_argument("--tests", default="", metavar="PATTERN", help="files in tests/PACKAGE")
    parser.add_argument("--again", action="store_true", help="only what survived the last time")
    return parser.parse_args()


def prepare(work: Path, package: str, only: str, tests: str) -> None:
    """A copy of the project in which decorators are no hindrance; `tests`: "" for all."""
    folder = f"tests/{Path(package).parts[0]}"
    files = [f"{folder}/{path.name}" for path in (ROOT / folder).glob(f"{tests}.py")]
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("tests", "docs"):
        shutil.rmtree(work / "mutants" / name, ignore_errors=True)
        shutil.copytree(ROOT / name, work / name, ignore=ignore, dirs_exist_ok=True)
    shutil.copy(Path(__file__).with_name("plugin.py"), work / "mutation_plugin.py")
    (work / "pyproject.toml").write_text(
        PYPROJECT.format(package=package, only=only, tests=json.dumps(sorted(files) or [folder]))
    )
    if not (work / "xenops_cpu").exists():
        shutil.copytree(ROOT / "xenops_cpu", work / "xenops_cpu", ignore=ignore)
        for file in (work / "xenops_cpu" / package).rglob("*.py"):
            file.write_text(undecorated(file.read_text()))


def undecorated(source: str) -> str:
    """`@property def f` as `def f` and `f = property(f)` after it, and so on."""
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: node.lineno, reverse=True):
        names = [each.id for each in node.decorator_list if isinstance(each, ast.Name)]
        if len(node.decorator_list) == 1 and names and names[0] in UNDONE:
            assert node.end_lineno is not None
            indent = " " * node.col_offset
            lines.insert(node.end_lineno, f"{indent}{node.name} = {names[0]}({node.name})")
            del lines[node.decorator_list[0].lineno - 1]
    return "\n".join(lines) + "\n"


def results(work: Path) -> Iterator[tuple[str, int | None]]:
    """Each mutant of the last run, by mutmut's name, with its exit code."""
    for file in sorted((work / "mutants").rglob("*.meta")):
        yield from json.loads(file.read_text())["exit_code_by_key"].items()


def report(work: Path, package: str, known: dict[Change, str]) -> list[Change]:
    """Print what survived and what was killed; those that are not known to be equivalent."""
    counts: Counter[str] = Counter()
    survivors = []
    for name, code in results(work):
        if code in KILLED | TIME_OUT:
            counts["killed"] += 1
            continue
        change = change_of(work, name)
        if change in known:
            counts["equivalent"] += 1
            continue
        counts["survived"] += 1
        survivors.append(change)
        print(f"{change[0]}    {name}", *change[1], sep="\n  ", end="\n\n")
    total = sum(counts.values())
    share = counts["killed"] / (total - counts["equivalent"] or 1)
    print(
        f"{package}: {total} mutants, {counts['killed']} killed, {share:.1%} of those that can be; "
        f"{counts['equivalent']} equivalent, {counts['survived']} survived"
    )
    return survivors


def change_of(work: Path, name: str) -> Change:
    """Function and changed lines, which stay the same when others come and go."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    os.chdir(work)
    # mutmut would look for the file by the settings of the first package that it was asked about.
    path = Path(*name.partition("__mutmut_")[0].split(".")[:-1]).with_suffix(".py")
    diff = get_diff_for_mutant(name, path=path)
    changed = tuple(
        f"{line[0]} {line[1:].strip()}"
        for line in diff.splitlines()
        if line[:1] in "-+" and line[:3] not in ("---", "+++") and line[1:].strip()
    )
    module, _, function = name.partition("__mutmut_")[0].removeprefix("xenops_cpu.").rpartition(".")
    function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return f"{module}.{function}", changed


def equivalent() -> dict[Change, str]:
    """Changes that nobody can see, with the reason why."""
    known = {}
    for block in EQUIVALENT.read_text().split("\n\n"):
        lines = [line.strip() for line in block.splitlines() if not line.startswith("#")]
        if lines:
            changed = tuple(line for line in lines[1:] if line[0] in "-+")
            known[lines[0], changed] = " ".join(line for line in lines[1:] if line[0] not in "-+")
    return known


if __name__ == "__main__":
    sys.exit(main())

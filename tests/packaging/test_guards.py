"""What is held before a commit is what CI holds."""

import re

import yaml

from tests import ROOT


def test_pre_commit_has_the_guards_of_ci() -> None:
    """The hooks are the commands of scripts/ci/lint, in the same order."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (local,) = config["repos"]
    guards = re.findall(r"^guard (.+)$", (ROOT / "scripts/ci/lint").read_text(), re.MULTILINE)
    assert len(guards) > 5
    assert [hook["entry"] for hook in local["hooks"]] == guards
    assert {(hook["language"], hook["pass_filenames"]) for hook in local["hooks"]} == {
        ("system", False)
    }


def test_ci_runs_what_it_lists() -> None:
    """Each step that .ci/run does without arguments is a function of it, and each script that
    those call is there.
    """
    text = (ROOT / ".ci/run").read_text()
    (steps,) = re.findall(r"steps=\((\w[^)]*)\)", text)
    functions = re.findall(r"^(\w+)\(\) \{", text, re.MULTILINE)
    assert set(steps.split()) <= set(functions)
    for script in re.findall(r"\bscripts/[\w./-]+", text):
        assert (ROOT / script).is_file(), script

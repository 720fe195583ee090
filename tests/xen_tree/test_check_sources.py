"""scripts/check-sources: the source of each step, held to a tree of Xen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import xen_tree as made_up
from xen_tree.check_sources import main, places, release_of, wrong
from xen_tree.functions import defined
from xen_tree.tree import tree


def test_what_is_a_definition() -> None:
    """A name with a body after its parameters; no call, declaration or comment."""
    assert defined(made_up.POLICY) == {"calculate_pv_max_policy"}
    assert defined("void\nalone(void)\n{\n}\n") == {"alone"}
    assert defined("#define macro(x) \\\n{ x }\nint f(int a)\n{\n    g(a);\n}\n") == {"f"}
    assert defined("") == frozenset()


def test_places() -> None:
    """A file is below xen/arch/x86 unless it says xen/ or tools/; its functions follow."""
    assert list(places("xen/lib/a.c f(); cpu/b.c g(), h(); tools/c.c i()")) == [
        ("xen/lib/a.c", ("f",)),
        ("xen/arch/x86/cpu/b.c", ("g", "h")),
        ("tools/c.c", ("i",)),
    ]


def _plant(root: Path) -> Path:
    """A tree in which Xen 4.17 would be all wrong, but for one function."""
    return made_up.plant(root, Makefile=made_up.MAKEFILE.replace("99", "17"))


def test_wrong_places_are_named(tmp_path: Path) -> None:
    """A file that is missing, and a function that the file does not define; the rest is right."""
    source = tree(_plant(tmp_path))
    assert release_of(source) == "4.17"
    found = list(wrong(source, "4.17"))
    assert "tsx.ctrl-write: there is no xen/arch/x86/tsx.c" in found
    assert "host.da1: xen/arch/x86/cpu-policy.c does not define recalculate_xstate()" in found
    assert "libxc.always: " not in "".join(found)
    assert "libxc.featureset: there is no tools/libs/guest/xg_cpuid_x86.c" in found
    assert (
        "recalc.limits: xen/arch/x86/cpu-policy.c does not define recalculate_cpuid_policy()"
        in (found)
    )
    assert not [sentence for sentence in found if sentence.startswith("pv-max.mask")]


def test_steps_of_other_releases_are_not_looked_at(tmp_path: Path) -> None:
    """Only what the release has is held to the tree: 4.13 has no maximum."""
    found = "\n".join(wrong(tree(_plant(tmp_path)), "4.13"))
    assert "one.mask: there is no xen/arch/x86/cpuid.c" in found
    assert "pv-max." not in found


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1 where places are wrong, 2 for no tree, an unknown release, or one without a derivation."""
    root = _plant(tmp_path / "xen")
    assert main([str(root)]) == 1
    assert "wrong places" in capsys.readouterr().out.splitlines()[-1]
    assert main([str(tmp_path)]) == 2
    assert main([str(root), "--release", "4.12"]) == 2
    assert main([str(root), "--release", "none"]) == 2
    said = capsys.readouterr().err
    assert "has no xen/Makefile" in said
    assert "4.12 has no derivation" in said
    assert '"none" is not a Xen release' in said


@pytest.mark.skipif("XEN_TREE" not in os.environ, reason="XEN_TREE names no tree of Xen's source")
def test_a_real_tree_has_every_function(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a real tree no place is wrong (XEN_TREE=... pytest)."""
    assert main([os.environ["XEN_TREE"]]) == 0, capsys.readouterr().out

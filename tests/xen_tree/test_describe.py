"""scripts/describe-xen: the tables of features of a Xen release, out of its source."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.support import xen_tree as made_up
from xen_tree.describe import describe, main
from xen_tree.tree import TreeError, tree


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    return made_up.plant(tmp_path / "xen")


def of(root: Path) -> dict[str, Any]:
    return describe(tree(root))


def test_words_and_features(planted: Path) -> None:
    """Each heading is a register, each line a feature with its letters."""
    found = of(planted)
    assert [word.get("leaf", word.get("msr")) for word in found["words"]] == [
        "00000001", "0000000d", "80000001", "000010a",
    ]  # fmt: skip
    assert [word.get("subleaf") for word in found["words"]] == [None, 1, None, None]
    assert [(f["name"], f["number"], f["annotation"]) for f in found["features"]][:4] == [
        ("FPU", 0, "A"), ("VME", 1, "S"), ("HTT", 28, "!A"), ("3DNOW", 63, "a"),
    ]  # fmt: skip
    verw = found["features"][6]
    assert (verw["special"], verw["simple_or"], verw["exposure"]) == (True, True, "A")


def test_masks_follow_the_letters(planted: Path) -> None:
    """A capital is given by default, a small letter at most, and each type has all of the one
    before it.
    """
    masks = of(planted)["masks"]
    assert masks["pv_def"] == ["10000001", "00000000", "00000000", "00000005"]
    assert masks["pv_max"] == ["10000001", "80000000", "00000000", "00000005"]
    assert masks["hvm_shadow_def"] == ["10000003", "00000000", "00000000", "00000005"]
    assert masks["hvm_hap_max"] == ["10000003", "80000000", "20000000", "00000005"]
    assert masks["known"][3] == "00000025"
    assert masks["special"] == ["10000000", "00000000", "00000000", "00000005"]
    assert masks["simple_or"] == ["00000000", "00000000", "00000000", "00000004"]


def test_dependencies_are_closed(planted: Path) -> None:
    """What rests on a feature through another one is there; a range is of bits or of names."""
    deep = of(planted)["deep_deps"]
    assert deep["FPU"]["features"] == ["3DNOW", "LONG_MODE"]
    assert deep["VME"]["features"] == ["RDCL_NO", "VERW"]
    assert deep["VME"]["unnamed_bits"] == [97, 99]
    assert deep["HTT"]["features"] == ["RDCL_NO", "VERW", "SECRET"]
    assert deep["HTT"]["unnamed_bits"] == []
    assert deep["FPU"]["mask"] == ["00000000", "80000000", "20000000", "00000000"]


def test_the_tool_prints_as_its_source_says(planted: Path) -> None:
    """Names of words and bits, comments left out, ranges and shifted tables read."""
    found = of(planted)["xen_cpuid_tool"]
    assert found["words"][0]["bits"][:3] == ["fpu", "vme", None]
    assert found["words"][0]["bits"][27:] == [None, "REZ", "REZ", "REZ", "REZ"]
    assert found["words"][3]["bits"][:2] == [None, "far"]
    assert found["separators_accepted"] == [":", "-"]
    assert (found["column_width"], found["options"]) == (24, "hidvp::")
    assert found["dynamic_set_names"] == {"raw": "Raw", "pv_max": "PV Max"}
    assert found["static_set_names"] == ["Known"]


def test_names_may_come_from_the_header(tmp_path: Path) -> None:
    """From 4.19 the tool has no names of its own: AMD's copies of leaf 1 have leaf 1's."""
    text = made_up.XEN_CPUID.replace("decodes[] =\n", "leaf_info[] = ")
    text = text.replace(", str_1d", "").replace(", str_Da1", "").replace(", str_e1d", "")
    text = text.replace(", str_caps + 32", "") + "names[] = INIT_FEATURE_VAL_TO_NAME;\n"
    words = of(made_up.plant(tmp_path, xen_cpuid_c=text))["xen_cpuid_tool"]["words"]
    assert words[0]["bits"][28] == "htt"
    assert words[1]["bits"][31] == "3dnow"
    assert words[2]["bits"][:2] == ["fpu", "vme"]
    assert words[2]["bits"][29] == "long-mode"


def test_the_release_is_the_makefile_s(planted: Path) -> None:
    """The version names the release, a git checkout its branch and commit as well."""
    assert of(planted)["xen"] == "4.99"
    assert of(planted)["git_ref"] == "Xen 4.99.1"
    assert of(planted)["commit"] is None
    git = ["git", "-C", str(planted), "-c", "user.name=n", "-c", "user.email=e"]
    for arguments in (["init", "-q", "-b", "stable-4.99"], ["add", "."], ["commit", "-qm", "All"]):
        subprocess.run([*git, *arguments], check=True)
    found = of(planted)
    assert (found["git_ref"], found["describe"]) == ("stable-4.99", "All")
    assert len(found["commit"]) == 40


def test_unstable_is_master(tmp_path: Path) -> None:
    """What calls itself unstable is master here."""
    makefile = made_up.MAKEFILE.replace(".1$", "-unstable$")
    assert of(made_up.plant(tmp_path, Makefile=makefile))["xen"] == "master"


def test_words_kept_free(tmp_path: Path) -> None:
    """XenServer's patches add words at the end, which are reserved."""
    text = made_up.GEN_CPUID + "    state.nr_entries += 4\n"
    found = of(made_up.plant(tmp_path, gen_cpuid_py=text))
    assert found["nr_words"] == 8
    assert [word["type"] for word in found["words"][4:]] == ["reserved"] * 4
    assert len(found["masks"]["known"]) == 8


def test_an_old_tool_is_python_2(tmp_path: Path) -> None:
    """Up to 4.10 gen-cpuid.py has long integers, and no small letters up to 4.13."""
    text = made_up.GEN_CPUID.replace("self.raw = {", "self.raw_old = {") + (
        "    try:\n        bitmap = 1L << 3\n    except Fail, error:\n        pass\n"
    )
    found = of(made_up.plant(tmp_path, gen_cpuid_py=text))
    assert not found["max_default_split"]
    assert found["masks"]["simple_or"] is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Makefile": "all:\n"}, "does not say XEN_VERSION"),
        ({"cpufeatureset_h": "nothing\n"}, "names no feature"),
        ({"cpufeatureset_h": made_up.HEADER.replace("/*A  x87 */", "// x87")}, "cannot read the"),
        ({"cpufeatureset_h": made_up.HEADER.replace("word 1 */", "word 7 */")}, "word 7 stands"),
        ({"cpufeatureset_h": made_up.HEADER.replace("0*32+ 1)", "0*32+ 0)")}, "0*32+0 twice"),
        ({"cpufeatureset_h": made_up.HEADER.replace("0x10a.eax", "somewhere")}, "the register of"),
        ({"cpufeatureset_h": made_up.HEADER.replace("3*32+ 5", "9*32+ 5")}, "beyond word 3"),
        ({"gen_cpuid_py": made_up.GEN_CPUID.replace("[_3DNOW]", "[NOVEL]")}, "NOVEL is no feature"),
        ({"gen_cpuid_py": made_up.GEN_CPUID.replace("[_3DNOW]", "set(x)")}, "cannot read 'set(x)'"),
        ({"gen_cpuid_py": made_up.GEN_CPUID.replace("[LONG_MODE]", "[FPU]")}, "rests on itself"),
        ({"gen_cpuid_py": "def ("}, "gen-cpuid.py cannot be read"),
        ({"xen_cpuid_c": made_up.XEN_CPUID.replace("str_Da1 }", "str_new }")}, "no table str_new"),
        ({"xen_cpuid_c": made_up.XEN_CPUID.replace("COL_ALIGN", "WIDTH")}, "nothing looks like"),
        ({"sysctl_h": "\n"}, "does not say XEN_SYSCTL_INTERFACE_VERSION"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    """A tree with something new or broken is an error that names the file and what is in it."""
    root = made_up.plant(tmp_path, **changed)
    with pytest.raises(TreeError, match=said.replace("*", r"\*").replace("(", r"\(")
                       .replace(")", r"\)").replace("+", r"\+")):  # fmt: skip
        of(root)


def test_the_command(planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes JSON, to a file or standard output; a folder that is no Xen is exit code 1."""
    output = tmp_path / "xen-4.99.json"
    assert main([str(planted), "--output", str(output)]) == 0
    assert main([str(planted), "--name", "mine"]) == 0
    assert json.loads(capsys.readouterr().out)["xen"] == "mine"
    assert json.loads(output.read_text())["nr_words"] == 4
    assert main([str(tmp_path)]) == 1
    assert "has no xen/Makefile" in capsys.readouterr().err


def test_import_features_reads_it(planted: Path) -> None:
    """The product's own table comes of the description."""
    importer = runpy.run_path(str(ROOT / "scripts" / "import-features"))
    table = importer["compact"](of(planted))
    assert table["features"]["3DNOW"] == [63, "a"]
    assert table["deep_deps"]["VME"] == ["RDCL_NO", "VERW", 97, 99]
    assert table["words"][3] == ["m10Al", "000010a", "lo"]
    assert table["cmdline"]


@pytest.mark.skipif("XEN_TREE" not in os.environ, reason="XEN_TREE names no tree of Xen's source")
def test_a_real_tree_describes_the_release_that_is_here() -> None:
    """Of a real tree, the tables are those of the project (XEN_TREE=... pytest)."""
    importer = runpy.run_path(str(ROOT / "scripts" / "import-features"))
    description = of(Path(os.environ["XEN_TREE"]))
    table = importer["compact"](description)
    path = ROOT / "xenops_cpu" / "data" / "features" / f"{description['xen']}.json"
    ours = json.loads(path.read_text())
    assert {key: value for key, value in table.items() if key != "source"} == {
        key: value for key, value in ours.items() if key != "source"
    }

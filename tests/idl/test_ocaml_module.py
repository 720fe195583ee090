"""idl/xenops_cpu_interface.ml: its types hold in OCaml, and rpclib reads golden calls by them."""

from __future__ import annotations

import re
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from idl_tools import ocaml
from idl_tools.contract import ContractError, load
from tests import ROOT
from xenops_cpu.wire.dispatch import document

HERE = Path(__file__).parent
MODULE = ROOT / "idl" / "xenops_cpu_interface.ml"
# Rather long matches, labels and shadowed constructors are no mistakes in generated code.
WARNINGS = "+a-4-9-40-41-42-44-45-70"
DERIVED = re.compile(
    r"^(?P<indent> *)type (?P<name>\w+) =.*?\[@@deriving rpcty\]\n", re.DOTALL | re.MULTILINE
)

needs_ocaml = pytest.mark.skipif(
    not shutil.which("ocamlc"), reason="OCaml's compiler is not installed"
)


def has_rpclib() -> bool:
    if not shutil.which("ocamlfind"):
        return False
    query = ["ocamlfind", "query", "rpclib.core", "rpclib.json", "rpclib.xml", "ppx_deriving_rpc"]
    return subprocess.run(query, capture_output=True, check=False).returncode == 0


def type_check(module: str, folder: Path) -> str:
    """What OCaml's compiler says of an interface, with rpclib_stand_in for rpclib and its ppx."""

    def definition(match: re.Match[str]) -> str:
        name, indent = match["name"], match["indent"]
        value = f'{{name= "{name}"; description= []; ty= Rpc.Types.Derived}}'
        return f"{match[0]}{indent}let {name} : {name} Rpc.Types.def = {value}\n"

    names = ["rpc.ml", "rpcmarshal.ml", "idl.ml"]
    for name in names:
        shutil.copy(HERE / "rpclib_stand_in" / name, folder)
    (folder / MODULE.name).write_text(DERIVED.sub(definition, module), "utf-8")
    command = ["ocamlc", "-w", WARNINGS, "-c", *names, MODULE.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (folder / "xenops_cpu_interface.cmo").exists()
    return done.stdout + done.stderr


@needs_ocaml
def test_it_type_checks(tmp_path: Path) -> None:
    """OCaml's compiler takes the module without a warning."""
    assert type_check(MODULE.read_text("utf-8"), tmp_path) == ""


@needs_ocaml
def test_the_stand_in_is_no_yes_man(tmp_path: Path) -> None:
    """A type that is not there, and a method that returns another than it says, are refused."""
    text = MODULE.read_text("utf-8")
    assert "Unbound type constructor hypervizor" in type_check(
        text.replace("hypervisor: hypervisor ", "hypervisor: hypervizor "), tmp_path
    )
    (tmp_path / "2").mkdir()
    assert "This expression has type" in type_check(
        text.replace("returning host_p err", "returning host_p host_p"), tmp_path / "2"
    )


def wider() -> dict[str, Any]:
    """The contract with what is hard on OCaml: its words, every type, modules in turns."""
    contract: dict[str, Any] = deepcopy(document())
    schemas = contract["components"]["schemas"]
    text = {"type": "string", "description": "d"}
    whole = {"type": "integer", "format": "int64"}
    pair = {"type": "array", "items": [{"type": "number"}, whole], "minItems": 2, "maxItems": 2}
    schemas["Late"] = {
        "x-ocaml": "Host.late",
        "description": 'Comes after "Pool" (* and is in Host *).',
        "type": "object",
        "properties": {
            "type": text,
            "end": {"type": "array", "items": pair, "description": "d"},
            "by_name": {"type": "object", "additionalProperties": pair, "description": "d"},
        },
        "required": ["type"],
    }
    contract["methods"].append(
        {
            "name": "HOST.end",
            "summary": "s",
            "description": "d",
            "paramStructure": "by-name",
            "params": [
                {"$ref": "#/components/contentDescriptors/debug_info"},
                {"name": "method", "description": "d", "required": False, "schema": pair},
            ],
            "result": {
                "name": "late",
                "description": "d",
                "schema": {"$ref": "#/components/schemas/Late"},
            },
            "errors": [{"$ref": "#/components/errors/Failure"}],
        }
    )
    return contract


def test_words_of_ocaml_keep_their_names_on_the_wire() -> None:
    """A member that is a word of OCaml has another name there, and its own on the wire."""
    module = ocaml.render(load(wider()))
    assert '{ type_: string [@key "type"]  (** d *)' in module
    assert '; end_: (float * int64) list option [@key "end"]  (** d *)' in module
    assert 'Param.mk ~name:"method"' in module
    assert "let end_ =\n" in module


def test_a_module_stands_in_one_place() -> None:
    """Types and methods of a module stand together: a second one would hide the first."""
    module = ocaml.render(load(wider()))
    for name in ("Host", "Pool", "HOST", "POOL"):
        assert module.count(f"module {name} = struct") == 1
    assert module.index("type late") < module.index("module Pool")
    assert module.index('declare "HOST.end"') < module.index("module POOL")


@needs_ocaml
def test_a_wider_contract_type_checks(tmp_path: Path) -> None:
    """Every kind of type, options, words of OCaml and late members of a module type-check."""
    assert type_check(ocaml.render(load(wider())), tmp_path) == ""


def test_modules_that_use_each_other_are_refused() -> None:
    """OCaml would need them to be recursive."""
    contract = wider()
    schemas = contract["components"]["schemas"]
    schemas["PoolHost"]["properties"]["late"] = {
        "$ref": "#/components/schemas/Late",
        "description": "d",
    }
    schemas["HostStat"]["properties"]["pool"] = {
        "$ref": "#/components/schemas/PoolVm",
        "description": "d",
    }
    with pytest.raises(ContractError, match=r"x-ocaml: modules use each other: .*Host, Pool"):
        ocaml.render(load(contract))


def test_a_featureset_is_a_string_to_ocaml() -> None:
    """No abstract type: generators of rpclib cannot show one."""
    module = MODULE.read_text("utf-8")
    assert "type featureset = string\n[@@deriving rpcty]" in module
    assert "Abstract" not in module


@pytest.mark.skipif(not has_rpclib(), reason="OCaml's rpclib with its ppx is not installed")
@pytest.mark.slow
def test_rpclib_reads_every_golden_call(tmp_path: Path) -> None:
    """The genuine rpclib reads each golden file by its types and writes the same value."""
    for path in (MODULE, HERE / "rpclib" / "read_calls.ml"):
        shutil.copy(path, tmp_path)
    packages = "rpclib.core,rpclib.json,rpclib.xml,ppx_deriving_rpc"
    command = ["ocamlfind", "ocamlopt", "-package", packages, "-linkpkg", "-o", "read_calls"]
    subprocess.run([*command, MODULE.name, "read_calls.ml"], cwd=tmp_path, check=True)
    for wire in ("xmlrpc", "jsonrpc"):
        folder = ROOT / "idl" / "test_data" / wire
        done = subprocess.run(
            [tmp_path / "read_calls", wire, folder], capture_output=True, text=True, check=False
        )
        files = sum(path.is_file() for path in folder.rglob("*"))
        assert done.stdout == f"{files} files read, 0 not\n"

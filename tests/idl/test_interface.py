"""idl/ and xenops_cpu.interface: what is generated follows from the contract, and is current."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
from attrs import fields

from idl_tools import contract as contracts
from idl_tools.contract import ContractError, load
from idl_tools.model import Member, Record, Tag, Variant
from idl_tools.schemas import BASIC
from tests import ROOT
from xenops_cpu import interface
from xenops_cpu.features.release import LINES, NEWEST, RELEASES, UPSTREAM, release_name
from xenops_cpu.interface import METHODS, Client, CpuInfo, Error, Service, XenopsError
from xenops_cpu.wire import jsonrpc
from xenops_cpu.wire.dispatch import document

# Host.cpu_info of xapi-idl, August 2026, in order of declaration.
UPSTREAM_CPU_INFO = [
    *("cpu_count", "socket_count", "threads_per_core", "nr_nodes"),
    *("vendor", "speed", "modelname", "family", "model", "stepping", "flags"),
    *("features", "features_pv", "features_hvm", "features_pv_host", "features_hvm_host"),
]
# Errors.error of xapi-idl's xenops_interface.ml, August 2026: how many values a payload has.
UPSTREAM_ERRORS = {
    "Already_exists": 2,
    "Does_not_exist": 2,
    "Unimplemented": 1,
    "Domain_not_built": 0,
    "Invalid_vcpus": 1,
    "Bad_power_state": 2,
    "Failed_to_acknowledge_shutdown_request": 0,
    "Failed_to_acknowledge_suspend_request": 0,
    "Failed_to_shutdown": 2,
    "Failed_to_suspend": 2,
    "Device_is_connected": 0,
    "Device_not_connected": 0,
    "Device_detach_rejected": 3,
    "Media_not_ejectable": 0,
    "Media_present": 0,
    "Media_not_present": 0,
    "No_bootable_device": 0,
    "Bootloader_error": 2,
    "Cannot_free_this_much_memory": 2,
    "Vms_failed_to_cooperate": 1,
    "IO_error": 0,
    "Failed_to_contact_remote_service": 1,
    "Hook_failed": 4,
    "Not_enough_memory": 1,
    "Cancelled": 1,
    "Storage_backend_error": 2,
    "PCIBack_not_loaded": 0,
    "Failed_to_run_script": 1,
    "Failed_to_start_emulator": 3,
    "Ballooning_timeout_before_migration": 0,
    "Internal_error": 1,
    "Unknown_error": 0,
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """scripts/generate-interface, in the Python that runs the tests."""
    command = [sys.executable, "-m", "idl_tools.generate", *arguments]
    path = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"}
    return subprocess.run(command, env=path, capture_output=True, text=True, check=False)


def test_generated_files_are_current() -> None:
    """Every generated file is what the contract makes; --check says so by its exit code."""
    pytest.importorskip("yaml", reason="the generator reads the contract with PyYAML")
    done = run("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_needs_no_yaml() -> None:
    """The JSON copy that the service answers is the contract."""
    yaml = pytest.importorskip("yaml", reason="the contract is written in YAML")
    contract = (ROOT / "idl" / "xenops_cpu.openrpc.yaml").read_text("utf-8")
    assert document() == yaml.safe_load(contract)


def test_every_field_of_upstream_is_there() -> None:
    """The record has upstream's sixteen members in upstream's order."""
    assert [field.name for field in fields(CpuInfo)] == UPSTREAM_CPU_INFO


def test_every_error_of_upstream_is_there() -> None:
    """The error variant has upstream's tags in upstream's order, each with its payload."""
    classes = get_args(Error)
    assert {cls.tag: len(fields(cls)) for cls in classes} == UPSTREAM_ERRORS
    assert [cls.tag for cls in classes] == list(UPSTREAM_ERRORS)
    assert all(issubclass(cls, XenopsError) and cls.__doc__ for cls in classes)


@pytest.mark.parametrize("cls", [Service, Client])
def test_service_and_client_have_the_methods(cls: type) -> None:
    """Each method of the table is a method of both classes, with its parameters but for unit."""
    for method in METHODS.values():
        wanted = ["self", *[param.name for param in method.params if param.type is not None]]
        assert list(inspect.signature(getattr(cls, method.python_name)).parameters) == wanted


def test_an_error_prints_as_one_line() -> None:
    """An error's text is its tag and its payload."""
    assert str(interface.DoesNotExist("VM", "1")) == "Does_not_exist: VM, 1"
    assert str(interface.DomainNotBuilt()) == "Domain_not_built"


def test_an_error_can_be_raised_and_carry_notes() -> None:
    """Frozen as they are, errors take the traceback, cause and notes that raising gives them."""
    with pytest.raises(interface.InternalError) as raised:
        raise interface.InternalError("x") from ValueError("cause")
    raised.value.add_note("note")
    assert isinstance(raised.value.__cause__, ValueError)


@pytest.mark.slow
def test_methods_and_schemas_agree_with_the_golden_files() -> None:
    """Each golden JSON reply's value validates against the schema that the contract publishes."""
    jsonschema = pytest.importorskip("jsonschema", reason="validates JSON Schema")
    published = document()
    folder = ROOT / "idl" / "test_data" / "jsonrpc" / "responses"
    checked = 0
    for method in published["methods"]:
        results = validator(jsonschema, published, method["result"]["schema"])
        errors = validator(jsonschema, published, {"$ref": "#/components/schemas/Error"})
        for path in folder.glob(f"{method['name']}.response.*"):
            reply = jsonrpc.parse_response(path.read_bytes())
            (results if reply.success else errors).validate(reply.value)
            checked += 1
        with pytest.raises(jsonschema.ValidationError):
            results.validate(["Internal_error", 5])
    assert checked == len(list(folder.iterdir()))


def validator(jsonschema: Any, published: Any, schema: Any) -> Any:
    return jsonschema.Draft7Validator({**schema, "components": published["components"]})


def test_the_ocaml_module_has_it_all() -> None:
    """The OCaml module declares every method and has every type, tag and member."""
    text = (ROOT / "idl" / "xenops_cpu_interface.ml").read_text("utf-8")
    contract = load(document())
    for method in contract.methods:
        assert f'declare "{method.name}"' in text
        assert all(f'~name:"{param.name}"' in text for param in method.params)
    assert text.count("[@@deriving rpcty]") == len(contract.types)
    for type_ in contract.types:
        if isinstance(type_, Record):
            assert all(f" {member.name}: " in text for member in type_.members)
        elif isinstance(type_, Variant):
            assert all(f"| {tag.name}" in text for tag in type_.tags)


@pytest.mark.skipif(not shutil.which("ocamlc"), reason="OCaml's compiler is not installed")
def test_the_ocaml_module_parses(tmp_path: Path) -> None:
    """OCaml's own parser takes the module, each comment and literal of it."""
    path = tmp_path / "xenops_cpu_interface.ml"
    path.write_bytes((ROOT / "idl" / path.name).read_bytes())
    command = ["ocamlc", "-stop-after", "parsing", "-w", "+a", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_reference_has_it_all() -> None:
    """The reference explains every method, parameter, type, member and tag."""
    text = (ROOT / "idl" / "REFERENCE.md").read_text("utf-8")
    contract = load(document())
    for name in [*METHODS, *(made.name for made in contract.types)]:
        assert f"\n### {name}\n" in text
    for made in contract.types:
        parts: tuple[Member, ...] | tuple[Tag, ...] = ()
        if isinstance(made, Record):
            parts = made.members
        elif isinstance(made, Variant):
            parts = made.tags
        for part in parts:
            assert f"| `{part.name}` |" in text
            assert part.description in text


# ---- malformed contracts ----------------------------------------------------------------------

Spoil = Callable[[dict[str, Any]], Any]


def schemas(made: dict[str, Any]) -> Any:
    return made["components"]["schemas"]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda d: d.pop("methods"), "the document: methods is missing"),
        (lambda d: d.update(openrpc="2"), 'openrpc: "2" is not a version'),
        (lambda d: d.update(servers=[]), 'the document: "servers" is not one of'),
        (
            lambda d: d["methods"][0]["params"].pop(0),
            "method query: the first parameter has to be debug_info",
        ),
        (
            lambda d: d["methods"][0].pop("paramStructure"),
            "method query: paramStructure has to be by-name",
        ),
        (lambda d: d["info"].update(title="xenops_cpu"), 'info: title: "xenops_cpu" is not cap'),
        (lambda d: d["info"].update(version="1.2"), 'info: version: "1.2" is not three numbers'),
        (lambda d: d["methods"][0].pop("summary"), "method query: summary is missing"),
        (
            lambda d: d["methods"][0].update(summary="xapi's query"),
            'method query: summary: "\'" in "xapi\'s query" makes Python that does not parse',
        ),
        (
            lambda d: d["methods"][0]["params"][1].update(description="100 %"),
            'method query: parameter unit: description: "%" in "100 %"',
        ),
        (
            lambda d: d["methods"][1]["result"].update(description="a \\ b"),
            'method HOST.stat: result: description: "\\" in "a \\ b"',
        ),
        (
            lambda d: d["methods"][1]["result"].update(name="debug_info"),
            "method HOST.stat: result: debug_info is a parameter as well",
        ),
        (
            lambda d: d["methods"][0].update(name="host.stat"),
            'method host.stat: "host.stat" is not a name of the form Module.method',
        ),
        (
            lambda d: d["methods"][0].update(name="Host.stat"),
            "method HOST.stat: is there twice",
        ),
        (
            lambda d: d["methods"][0].update(name="import"),
            'method import: "import" cannot be a name in Python and OCaml',
        ),
        (
            lambda d: schemas(d)["CpuInfo"].update({"x-ocaml": "Host.t"}),
            'components.schemas.HostStat: x-ocaml: "Host.t" is CpuInfo already',
        ),
        (
            lambda d: schemas(d)["CpuInfo"].update({"x-ocaml": "Host.type"}),
            'components.schemas.CpuInfo: x-ocaml: "Host.type" is not of the form Module.type',
        ),
        (
            lambda d: schemas(d)["GuestType"]["oneOf"].append(
                {
                    "type": "array",
                    "items": [{"const": "Other"}, {"type": "string", "title": "name"}],
                    "minItems": 2,
                    "maxItems": 2,
                    "description": "d",
                }
            ),
            "components.schemas.GuestType: only an error may carry values: Other",
        ),
        (
            lambda d: schemas(d)["CpuInfo"]["properties"].update(
                pairs={
                    "type": "array",
                    "items": {
                        "type": "array",
                        "items": [{"type": "string"}, {"type": "integer"}],
                        "minItems": 2,
                        "maxItems": 2,
                    },
                    "description": "d",
                }
            ),
            "components.schemas.CpuInfo.pairs: rpclib takes a list of pairs",
        ),
        (lambda d: d["methods"][0].update(summary=" "), "method query: summary has to be text"),
        (lambda d: d["methods"][0].update(errors=[]), "method query: errors: one reference"),
        (
            lambda d: d["methods"].append(d["methods"][1]),
            "method HOST.stat: is there twice",
        ),
        (
            lambda d: d["methods"][1].update(name="HOST-stat"),
            'method HOST-stat: "HOST-stat" is not',
        ),
        (
            lambda d: d["methods"][1]["params"].append(d["methods"][1]["params"][0]),
            "method HOST.stat: params[1]: debug_info is there twice",
        ),
        (
            lambda d: d["methods"][1]["result"]["schema"].update({"$ref": "#/x"}),
            'method HOST.stat: result: "#/x" is not a reference',
        ),
        (
            lambda d: d["methods"][1]["params"][0].update({"$ref": "#/components/nothing"}),
            'method HOST.stat: params[0]: there is nothing at "#/components/nothing"',
        ),
        (
            lambda d: d["x-left-to-xenopsd"].append("HOST.stat"),
            "x-left-to-xenopsd[98]: 'HOST.stat' is also a method here",
        ),
        (
            lambda d: schemas(d)["CpuInfo"]["properties"]["speed"].update(type="date"),
            "components.schemas.CpuInfo.speed: type 'date' with format None is none of rpclib's",
        ),
        (
            lambda d: schemas(d)["CpuInfo"]["properties"]["speed"].update(pattern="x"),
            'components.schemas.CpuInfo.speed: "pattern" is not one of',
        ),
        (
            lambda d: schemas(d)["CpuInfo"]["properties"]["speed"].pop("description"),
            "components.schemas.CpuInfo.speed: description is missing",
        ),
        (
            lambda d: schemas(d)["CpuInfo"]["required"].append("colour"),
            'components.schemas.CpuInfo.required: there is no property "colour"',
        ),
        (
            lambda d: schemas(d)["CpuInfo"]["properties"].update({"class": {}}),
            'components.schemas.CpuInfo.class: "class" cannot be a name',
        ),
        (
            lambda d: schemas(d)["CpuInfo"].update({"x-ocaml": "cpu-info"}),
            'components.schemas.CpuInfo: x-ocaml: "cpu-info" is not of the form',
        ),
        (
            lambda d: schemas(d)["HostStat"]["properties"]["cpu_info"].update(
                {"$ref": "#/components/schemas/HostStat"}
            ),
            "components.schemas.HostStat: refers to itself",
        ),
        (
            lambda d: schemas(d)["Error"]["oneOf"].append(
                {"const": "internal_ERROR", "description": "x"}
            ),
            'components.schemas.Error.oneOf[32]: "internal_ERROR" is not a tag',
        ),
        (
            lambda d: schemas(d)["Error"]["oneOf"].append(
                {"const": "Internal_Error", "description": "x"}
            ),
            "components.schemas.Error: the tag Internal_error is there twice",
        ),
        (
            lambda d: schemas(d)["Error"].update({"x-default": "Internal_error"}),
            "components.schemas.Error: x-default: 'Internal_error' is not a tag without payload",
        ),
        (
            lambda d: schemas(d)["Error"]["oneOf"][0].update(maxItems=3),
            "components.schemas.Error.oneOf[0]: a tuple says minItems and maxItems 2",
        ),
    ],
)
def test_a_malformed_contract_is_refused_by_name(spoil: Spoil, text: str) -> None:
    """A mistake in the contract is an error that starts with its place."""
    spoiled = deepcopy(document())
    spoil(spoiled)
    with pytest.raises(ContractError) as raised:
        load(spoiled)
    assert str(raised.value).startswith(text)


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """YAML would keep the last of two keys in silence; the generator does not."""
    pytest.importorskip("yaml", reason="the generator reads the contract with PyYAML")
    from idl_tools.generate import read_contract

    path = tmp_path / "contract.yaml"
    path.write_text("openrpc: 1.2.6\ninfo: {}\nopenrpc: 1.2.5\n")
    with pytest.raises(ContractError, match="line 1: the key 'openrpc' is there twice"):
        read_contract(path)
    path.write_text("{")
    with pytest.raises(ContractError, match="is not YAML"):
        read_contract(path)


def test_every_kind_of_type_is_generated() -> None:
    """Options, dicts, tuples and floats, which today's records do not have, are generated too."""
    pytest.importorskip("yaml", reason="the generator's modules import it")
    from idl_tools import ocaml, package, reference

    wider = deepcopy(document())
    properties = schemas(wider)["Hypervisor"]["properties"]
    properties["uptime"] = {"type": "number", "description": "d"}
    properties["by_name"] = {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "d",
    }
    pair = [{"type": "string"}, {"type": "integer", "format": "int64"}]
    properties["pair"] = {
        "type": "array",
        "items": pair,
        "minItems": 2,
        "maxItems": 2,
        "description": "d",
    }
    limit = {"type": "integer"}
    wider["methods"][1]["params"].append(
        {"name": "limit", "description": "d", "required": False, "schema": limit}
    )
    contract = contracts.load(json.loads(json.dumps(wider)))
    text = "".join(package.render(contract).values())
    for name, module in package.render(contract).items():
        compile(module, name, "exec")
    assert "    uptime: float | None\n" in text
    assert "    by_name: dict[str, str] | None\n" in text
    assert "    pair: tuple[str, Int64] | None\n" in text
    assert "def host_stat(self, debug_info: str, limit: int | None = None) -> HostStat:" in text
    assert 'Param("limit", int | None),' in text
    module = ocaml.render(contract)
    assert "pair: (string * int64) option" in module
    assert "by_name: (string * string) list option" in module
    assert "ty= Types.Option (Types.Basic Types.Int)" in module
    assert "map from string to string, optional" in reference.render(contract)


def test_the_page_for_callers_lists_the_methods() -> None:
    """Its table has a row for each method, in the contract's order, that leads to the reference."""
    rows = re.findall(
        r"^\| \[`(.+)`\]\(\.\./idl/REFERENCE\.md#(.+)\) \| (.+) \|$",
        (ROOT / "docs/callers.md").read_text("utf-8"),
        re.MULTILINE,
    )
    methods = load(document()).methods
    assert [(name, summary) for name, _, summary in rows] == [(m.name, m.summary) for m in methods]
    assert all(anchor == name.lower().replace(".", "") for name, anchor, _ in rows)


def test_a_page_without_its_marks_is_refused() -> None:
    """The generator does not guess where the table goes."""
    pytest.importorskip("yaml", reason="the generator's modules import it")
    from idl_tools import reference

    contract = load(document())
    assert reference.listed(contract, f"a\n{reference.BEGIN}old\n{reference.END}b").startswith(
        f"a\n{reference.BEGIN}| method | what it answers |\n"
    )
    for page in ("", reference.BEGIN, reference.END, reference.END + reference.BEGIN):
        with pytest.raises(ContractError, match="there is no line <!-- methods -->"):
            reference.listed(contract, page)


def test_releases_in_texts_are_those_of_the_table() -> None:
    """The contract names the releases that the tables have, and no other."""
    published = document()
    text = json.dumps(published)
    release = published["components"]["schemas"]["PoolHost"]["properties"]["release"]
    lines = [line for line in LINES if not line.endswith("retrofit")]
    assert release["description"].startswith(
        f"Its Xen release: {UPSTREAM[0]} to {UPSTREAM[-2]}, {NEWEST}, {' or '.join(lines)}, "
    )
    named = re.findall(r"\b(?:4\.\d+(?:\.\d+)?|xenserver-\d+(?:\.\d+)?)\b", text)
    assert len(named) >= 5
    for name in named:
        assert release_name(name) in RELEASES


def test_the_tables_of_types_say_what_the_generator_takes() -> None:
    """The comment on top of the contract names every type that a schema may have."""
    comment = (ROOT / "idl" / "xenops_cpu.openrpc.yaml").read_text("utf-8").partition("openrpc:")[0]
    for kind, form in BASIC:
        assert kind in comment
        assert form is None or f"format {form}" in comment
    for word in ("record", "list", "tuple", "dict", "variant"):
        assert f"\n#   {word} " in comment

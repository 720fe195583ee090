"""xenops_cpu.inputs: what xe and xl print, xapi's records of VMs, xapi's database."""

import json
from pathlib import Path

import pytest

from tests.support.reports import CPU_INFO, XL_INFO, database, xe_map
from xenops_cpu import inputs
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts.host import UNTOLD
from xenops_cpu.inputs import InputError
from xenops_cpu.inputs.records import database as database_reader
from xenops_cpu.inputs.records import xe
from xenops_cpu.sources.printed import xl_info

HOST = f"""uuid ( RO)                     : 6f6f
              name-label ( RW): xs-01
                cpu_info (MRO): {xe_map(CPU_INFO)}
        software-version (MRO): product_version: 8.3.0; xen: 4.17.3-4
"""
VM = """uuid ( RO)                        : 7c3b
                    name-label ( RW): web-01
                   domain-type ( RW): hvm
           last-boot-CPU-flags ( RO): vendor: AuthenticAMD; features: 178bfbfd-f6f83203
"""


def read(tmp_path: Path, text: str, name: str = "x.txt") -> inputs.Input:
    path = tmp_path / name
    path.write_text(text)
    return inputs.read(path)


def lines(values: dict[str, str]) -> str:
    """As xe host-cpu-info prints them."""
    return "".join(f"{key:>17}: {value}\n" for key, value in values.items())


@pytest.mark.parametrize("text", [HOST, lines(CPU_INFO), json.dumps(CPU_INFO)])
def test_a_stored_record_of_a_host(tmp_path: Path, text: str) -> None:
    """host-param-list, host-cpu-info and JSON: four sets, the CPU's identity, the rest not told."""
    found = read(tmp_path, text)
    assert found.kind == "host"
    host = found.host
    assert host is not None
    sets = host.featuresets
    assert str(sets.pv_default) == CPU_INFO["features_pv_host"]
    assert str(sets.hvm_default) == CPU_INFO["features_hvm_host"]
    assert str(sets.pv_max) == CPU_INFO["features_pv"]
    assert str(sets.hvm_max) == CPU_INFO["features_hvm"]
    assert sets.raw == sets.host == UNTOLD
    assert "not told: the sets raw, host" in host.notes
    assert (host.processor.vendor, host.processor.modelname) == ("AuthenticAMD", "AMD EPYC 7763")
    assert (host.topology.cpu_count, host.topology.socket_count) == (64, 2)
    assert found.stored[0].cpu_info["features_pv"] == CPU_INFO["features_pv"]


def test_the_version_comes_with_the_hosts_parameters(tmp_path: Path) -> None:
    """software-version has Xen's."""
    host = read(tmp_path, HOST).host
    assert host is not None
    assert host.xen.version == "4.17.3-4"
    assert host.release.name == "4.17"


def test_names_can_be_shown_and_typed_again(tmp_path: Path) -> None:
    """Of hosts and of VMs, wherever they are read."""
    found = read(tmp_path, HOST.replace("xs-01", "xs\x1b[2J") + "\n" + VM.replace("web", "we\x07b"))
    assert found.host_names == ("xs?[2J",)
    assert [vm.name for vm in found.vms] == ["we?b-01"]
    assert read(tmp_path, XL_INFO.format(name="x\x06")).host_names == ("x?",)


def test_a_count_of_5000_digits(tmp_path: Path) -> None:
    """It is no count: the rest is read without it, or JSON with such a number is refused."""
    digits = "9" * 5000
    info = CPU_INFO | {"cpu_count": digits}
    texts = [
        lines(info), json.dumps(info), database(1).replace("'64'", f"'{digits}'"),
        XL_INFO.format(name="x").replace(": 64", f": {digits}"),
    ]  # fmt: skip
    for text in texts:
        host = read(tmp_path, text).host
        assert host is not None
        assert host.topology.cpu_count == 0
    for document in (json.dumps(info).replace(f'"{digits}"', digits), f"[{digits}]"):
        with pytest.raises(InputError, match=r"JSON with a number of more than 4,300 digits$"):
            read(tmp_path, document)


def test_several_hosts_and_a_pool(tmp_path: Path) -> None:
    """Records follow each other; a pool's record is stored, and is no host."""
    pool = HOST.replace("xs-01", "pool").replace("software-version", "default-SR")
    found = read(tmp_path, HOST + "\n" + HOST.replace("xs-01", "xs-02") + "\n\n" + pool)
    assert found.host_names == ("xs-01", "xs-02")
    assert [(record.kind, record.name) for record in found.stored] == [
        ("host", "xs-01"), ("host", "xs-02"), ("pool", "pool"),
    ]  # fmt: skip


def test_a_record_of_before_the_split(tmp_path: Path) -> None:
    """Without _host keys the one set counts for boot as well, and a note says so."""
    old = {key: value for key, value in CPU_INFO.items() if not key.endswith("_host")}
    host = read(tmp_path, lines(old)).host
    assert host is not None
    assert host.featuresets.pv_default == host.featuresets.pv_max
    assert any("features_hvm_host is missing" in note for note in host.notes)


def test_four_words_of_xenserver_6(tmp_path: Path) -> None:
    """Put in Xen's order: 1d, 1c, e1d, e1c."""
    old = {"cpu_count": "8", "vendor": "GenuineIntel",
           "features": "77bee3ff-bfebfbff-00000001-2c100800"}  # fmt: skip
    host = read(tmp_path, lines(old)).host
    assert host is not None
    assert str(host.featuresets.host) == "bfebfbff-77bee3ff-2c100800-00000001"
    assert any("XenServer 6.x" in note for note in host.notes)


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        (VM, "web-01", "hvm"),
        (VM.replace("domain-type ( RW): hvm", "domain-type ( RW): pv"), "web-01", "pv"),
        (VM.replace("hvm", "pv_in_pvh"), "web-01", "hvm"),
        ("vendor: AuthenticAMD; features: 178bfbfd-f6f83203\n", "x.txt", "unknown"),
        ('{"vendor": "AuthenticAMD", "features": "178bfbfd-f6f83203"}', "VM", "unknown"),
        (
            '{"OpaqueRef:1": {"name_label": "web-01", "domain_type": "hvm", "last_boot_CPU_flags":'
            ' {"vendor": "AuthenticAMD", "features": "178bfbfd-f6f83203"}}}',
            "web-01",
            "hvm",
        ),
        (
            '{"name_label": "web-01", "HVM_boot_policy": "BIOS order", "last_boot_CPU_flags":'
            ' {"vendor": "AuthenticAMD", "features": "178bfbfd-f6f83203"}}',
            "web-01",
            "hvm",
        ),
    ],
)
def test_what_xapi_remembers_of_a_vm(tmp_path: Path, text: str, name: str, kind: str) -> None:
    """vm-param-list, the flags alone, JSON of one VM or of all."""
    found = read(tmp_path, text)
    vm = found.vm
    assert found.kind == "vm"
    assert vm is not None
    assert (vm.name, vm.vendor) == (name, "AuthenticAMD")
    assert (vm.guest.name.lower() if vm.typed else "unknown") == kind
    assert vm.features == found.featureset == Featureset.parse("178bfbfd-f6f83203")


def test_a_vm_that_never_ran_remembers_nothing(tmp_path: Path) -> None:
    """It has seen nothing yet, as JSON and among other VMs, and keeps nothing from being read."""
    new = read(tmp_path, '{"name_label": "new", "last_boot_CPU_flags": {}}').vm
    assert new is not None
    assert (new.name, new.features) == ("new", None)
    never = VM.partition("vendor:")[0].replace("web-01", "web-02") + "\n"
    both = read(tmp_path, VM + "\n" + never).vms
    assert [(vm.name, vm.features is None) for vm in both] == [("web-01", False), ("web-02", True)]


def test_a_bad_featureset_is_named(tmp_path: Path) -> None:
    """Which key, which word."""
    with pytest.raises(InputError, match=r'features_pv: featureset word 1: "f6d8320g"'):
        read(tmp_path, lines({**CPU_INFO, "features_pv": "178bfbfd-f6d8320g"}))
    with pytest.raises(InputError, match="no featureset"):
        read(tmp_path, "cpu_info (MRO): cpu_count: 4; vendor: GenuineIntel\n")


def test_xl_info() -> None:
    """Version, capabilities, command line, counts, HVM and IOMMU."""
    text = XL_INFO.format(name="xs-01")
    assert xl_info.recognises(text)
    told = xl_info.parse(text)
    assert (told.name, told.version, told.hvm, told.iommu) == ("xs-01", "4.17.7", True, True)
    assert told.commandline == "dom0_mem=2048M,max:2048M spec-ctrl=no-gds-mit"
    assert told.topology is not None
    assert (told.topology.socket_count, told.topology.nr_nodes) == (2, 2)


def test_the_database(tmp_path: Path) -> None:
    """Hosts with Xen's version, the pool's record, VMs that remember a featureset."""
    found = read(tmp_path, database())
    assert found.host_names == ("xs-01", "xs-02")
    assert found.hosts[0].host.xen.version == "4.17.3"
    assert found.hosts[0].host.processor.modelname == "AMD EPYC 7763"
    assert [record.kind for record in found.stored] == ["host", "host", "pool"]
    assert found.stored[2].cpu_info == CPU_INFO
    assert [(vm.name, vm.features is None) for vm in found.vms] == [
        ("web 01", False),
        ("never started", True),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (database()[:-30].encode(), "not the XML of a xapi database"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><database>', "not the XML"),
        (b'<database><table name="host"><row x="' + b"y" * (3 << 20), "a row of more than 2 MiB"),
        (database().replace("178bfbfd-f6d83203", "1-2-g").encode(), "word 2"),
        (b"<?xml version='1.0' encoding='utf-16'?><database>".decode().encode("utf-16"), "not the"),
    ],
)
def test_a_damaged_database_is_refused(data: bytes, words: str) -> None:
    """Cut short, with entities, with an endless tag, with a set that is none."""
    chunks = (data[at : at + 65536] for at in range(0, len(data), 65536))
    with pytest.raises(InputError, match=words):
        database_reader.parse(chunks, "xapi-db.xml")


def test_a_database_in_an_encoding_that_nobody_knows() -> None:
    """It is UTF-8 whatever it says."""
    text = database().replace("UTF-8", "UTF-9")
    assert "UTF-9" in text
    assert len(database_reader.parse([text.encode()], "xapi-db.xml").hosts) == 2


def test_a_map_with_quotes_and_blanks() -> None:
    """S-expressions quote a quote with a backslash."""
    text = r"(('a'%.'it\'s%.one')('b' '100%%'))"
    assert database_reader.members(text) == {
        "a": "it's one",
        "b": "100%",
    }


def test_blanks_without_end_cost_nothing() -> None:
    """No line makes the reader of xe try every way to split it."""
    assert not xe.recognises("a" + " " * 2_000_000 + "b")


@pytest.mark.parametrize("joined", ["; ", "\n"])
def test_a_pools_cpu_info_alone(tmp_path: Path, joined: str) -> None:
    """As xe pool-param-get prints it: it has what guests boot with, and no migration set."""
    path = tmp_path / "pool.txt"
    keys = ("vendor", "cpu_count", "features_pv_host", "features_hvm_host")
    path.write_text(joined.join(f"{key}: {CPU_INFO[key]}" for key in keys) + "\n")
    found = inputs.read(path)
    assert [(record.kind, record.cpu_info) for record in found.stored] == [
        ("pool", {key: CPU_INFO[key] for key in keys})
    ]
    assert not found.hosts

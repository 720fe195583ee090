"""Pool.cpu_info as xapi makes it, and the audit of stored records."""

from __future__ import annotations

import pytest

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.pools import audit
from xenops_cpu.pools.audit import differing
from xenops_cpu.pools.records import HostRecord, keys_before_2023, pool_cpu_info
from xenops_cpu.pools.vm import Vm

XEN = release("4.17")


def record(
    cpus: int, sockets: int, hvm: str, pv: str, hvm_host: str = "", pv_host: str = ""
) -> dict[str, str]:
    return {
        "vendor": "Abacus",
        "cpu_count": str(cpus),
        "socket_count": str(sockets),
        "features_hvm": hvm,
        "features_pv": pv,
        "features_hvm_host": hvm_host or hvm,
        "features_pv_host": pv_host or pv,
    }


OLD = {"vendor": "Abacus", "cpu_count": "1", "socket_count": "1", "features": "ffff1111-a5a56666"}
NOBODY = {"vendor": "", "features_hvm_host": "", "features_pv_host": ""}
DUNDEE = {**OLD, "features_hvm": "ffff1111-a5a56666", "features_pv": "00004242"}
ALL = "ffffffff-ffffffff"


# The behaviour that ocaml/tests/test_pool_cpuinfo.ml of xapi asks for.
@pytest.mark.parametrize(
    ("hosts", "pool"),
    [
        ([(record(1, 1, "a", "a"), True)], record(1, 1, "0000000a", "0000000a")),
        (
            [(record(2, 4, "a", "a"), True), (record(1, 1, "a", "a"), True)],
            record(3, 5, "0000000a", "0000000a"),
        ),
        (
            [(record(8, 2, "a", "2"), True), (record(4, 1, "f", "1"), True)],
            record(12, 3, "0000000a", "00000000"),
        ),
        (
            [(record(24, 1, ALL, ALL), True), (record(24, 24, ALL, ALL), True)],
            record(48, 25, ALL, ALL),
        ),
        (  # different lengths
            [
                (record(1, 1, "ffffffff", f"{ALL}-ffffffff"), True),
                (record(1, 1, ALL, ALL), True),
            ],
            record(2, 2, "ffffffff-00000000", f"{ALL}-00000000"),
        ),
        (
            [
                (record(10, 1, "01230123-5a5a5a5a", "2"), True),
                (record(1, 10, "ffff1111-a5a56666", "4242"), True),
            ],
            record(11, 11, "01230101-00004242", "00000002"),
        ),
        (  # one host without HVM
            [
                (record(10, 1, "00000000-00000000", "2"), False),
                (record(1, 10, "ffff1111-a5a56666", "4242"), True),
            ],
            record(11, 11, "ffff1111-a5a56666", "00000002"),
        ),
        (  # one host of before XenServer 7
            [(record(1, 1, "01230123-5a5a5a5a", "2"), True), (OLD, True)],
            record(1, 1, "01230123-5a5a5a5a", "00000002"),
        ),
        (  # one without the _host keys
            [(record(1, 1, "01230123-5a5a5a5a", "2"), True), (DUNDEE, True)],
            record(2, 2, "01230101-00004242", "00000002"),
        ),
        (  # the _host keys are levelled for themselves
            [
                (record(1, 1, "deadbeef-deadbeef", "deadbeef", "01230123-5a5a5a5a", "2"), True),
                (record(1, 1, "01230123-5a5a5a5a", "2"), True),
            ],
            record(2, 2, "00210023-5a081a4a", "00000002", "01230123-5a5a5a5a", "00000002"),
        ),
        ([], {**record(0, 0, "", ""), "vendor": ""}),
    ],
)
def test_as_xapi_did_it_before_2023(
    hosts: list[tuple[dict[str, str], bool]], pool: dict[str, str]
) -> None:
    """Counts added, vendor, PV of all, HVM of those that run it, lengths made equal."""
    records = (HostRecord(*host) for host in hosts)
    assert pool_cpu_info(records, before_2023=True) == pool


def today(cpus: int, sockets: int, hvm: str, pv: str) -> dict[str, str]:
    """A pool's five keys as xapi has made them since 2023."""
    keys = ("vendor", "cpu_count", "socket_count", "features_hvm_host", "features_pv_host")
    made = record(cpus, sockets, "", "", hvm, pv)
    return {key: made[key] for key in keys}


ONLY_BOOT = {
    key: value
    for key, value in record(1, 1, "", "", "01230123-5a5a5a5a", "00000002").items()
    if key not in ("features_hvm", "features_pv")
}


@pytest.mark.parametrize(
    ("hosts", "pool"),
    [
        ([(record(1, 1, "ff", "ff", "a", "a"), True)], today(1, 1, "0000000a", "0000000a")),
        (  # the sets for migration do not count
            [
                (record(8, 2, "ff", "ff", "a", "2"), True),
                (record(4, 1, "0", "0", "f", "3"), True),
            ],
            today(12, 3, "0000000a", "00000002"),
        ),
        (  # one host without HVM
            [
                (record(10, 1, "0", "0", "00000000-00000000", "2"), False),
                (record(1, 10, "0", "0", "ffff1111-a5a56666", "4242"), True),
            ],
            today(11, 11, "ffff1111-a5a56666", "00000002"),
        ),
        (  # hosts without the _host keys are passed over, with their counts
            [(ONLY_BOOT, True), (DUNDEE, True), (OLD, True)],
            today(1, 1, "01230123-5a5a5a5a", "00000002"),
        ),
        ([({**ONLY_BOOT, "vendor": "Bacus"}, True)], {
            **today(1, 1, "01230123-5a5a5a5a", "00000002"), "vendor": "Bacus",
        }),
        ([(DUNDEE, True)], {**today(0, 0, "", ""), **NOBODY}),
        ([], {**today(0, 0, "", ""), **NOBODY}),
    ],
)  # fmt: skip
def test_as_xapi_does_it(hosts: list[tuple[dict[str, str], bool]], pool: dict[str, str]) -> None:
    """Five keys; hosts without a key that is needed are passed over."""
    assert pool_cpu_info(HostRecord(*host) for host in hosts) == pool


def test_each_level_is_combined_host_by_host() -> None:
    """By the function that xapi calls, with the set without words for no host yet."""
    calls: list[tuple[str, str]] = []

    def combine(host: Featureset, pool: Featureset) -> Featureset:
        calls.append((str(host), str(pool)))
        return host if not pool.length else host & pool

    hosts = [HostRecord(record(1, 1, "", "", s, "1"), True) for s in ("3", "6")]
    pool = pool_cpu_info(hosts, combine=combine)
    assert pool["features_hvm_host"] == "00000002"
    assert calls[:2] == [("00000003", ""), ("00000006", "00000003")]


def test_which_keys_a_stored_record_has() -> None:
    """The sets for migration were kept before 2023 only."""
    assert keys_before_2023(record(1, 1, "3", "3"))
    assert keys_before_2023({"features_pv": "3"})
    assert keys_before_2023({"features_hvm": "3"})
    assert not keys_before_2023(today(1, 1, "3", "3"))


def test_real_lengths_are_levelled_by_libxcs_rules() -> None:
    """MD_CLEAR of one host is in the pool's set; AVX goes with XSAVE."""
    one, other = str(names("FPU MD_CLEAR XSAVE AVX")), str(names("FPU AVX"))
    pool = pool_cpu_info([HostRecord(record(1, 1, s, s), True) for s in (one, other)], XEN)
    assert pool["features_hvm_host"] == str(names("FPU MD_CLEAR"))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("cpu_count", "9" * 5000, "is not a whole number of up to 7 digits"),
        ("cpu_count", "some", 'cpu_count: "some" is not a whole number'),
        ("features_pv_host", "1-x", 'features_pv_host: featureset word 1: "x"'),
    ],
)
def test_a_record_that_is_none(key: str, value: str, problem: str) -> None:
    """The error names the key."""
    with pytest.raises(InputError, match=problem):
        pool_cpu_info([HostRecord({**record(1, 1, "1", "1"), key: value}, True)])


def test_an_audit_names_what_differs() -> None:
    """Features by name, other keys by value, missing ones as missing; equal sets are silent."""
    expected = {
        "vendor": "GenuineIntel", "cpu_count": "8", "speed": "2400.0",
        "features_pv": str(names("FPU SSE")), "features_hvm": str(names("FPU")),
        "features_hvm_host": "00000001",
    }  # fmt: skip
    stored = {
        "vendor": "GenuineIntel", "cpu_count": "4", "speed": "1200.0",
        "features_pv": str(names("FPU AVX")), "features_hvm": str(names("FPU")),
    }  # fmt: skip
    lines = [str(finding) for finding in differing("pool", stored, expected, XEN)]
    assert lines == [
        'pool: cpu_count is "4", should be "8"',
        "pool: features_pv has AVX, which is not so any more; lacks SSE",
        "pool: features_hvm_host lacks FPU",
    ]


def test_an_audit_does_not_mind_zero_words() -> None:
    """xapi extends the shorter set with zeros, so a stored set may be shorter or longer."""
    stored = {"features_pv": "00000001-00000000"}
    assert list(differing("pool", stored, {"features_pv": "00000001"}, XEN)) == []
    with pytest.raises(InputError, match="pool: features_pv: featureset word 0"):
        list(differing("pool", {"features_pv": "x"}, {"features_pv": "1"}, XEN))


def test_a_pool_of_recent_xapi_keeps_the_boot_sets_only() -> None:
    """Its record has the _host keys and no others, which is no finding."""
    pool = record(2, 2, "3", "3", "1", "1")
    recent = {key: value for key, value in pool.items() if not key.endswith(("_pv", "_hvm"))}
    assert list(differing("pool", recent, pool, XEN)) == []
    assert [found.key for found in differing("pool", {"vendor": "Abacus"}, pool, XEN)] == [
        "features_hvm",
        "features_pv",
        "features_hvm_host",
        "features_pv_host",
    ]


def test_what_is_not_known_is_no_finding() -> None:
    """A capture or simulation that knows no flags does not call the record's wrong."""
    expected = {"flags": "unknown", "vendor": "Abacus"}
    assert list(differing("h", {"flags": "fpu vme", "vendor": "Abacus"}, expected, XEN)) == []


def test_a_stored_pool_is_held_to_its_hosts() -> None:
    """With the keys that it has, by the rules of its members, or by the function that is given."""
    sets = [str(names(text)) for text in ("FPU SSE", "FPU AVX")]
    hosts = [HostRecord(record(1, 1, each, each), True) for each in sets]
    members = [host("a", "FPU"), host("b", "FPU")]
    recent = pool_cpu_info(hosts, XEN)
    assert list(audit.of_pool("p", recent, hosts, members)) == []
    before_2023 = {**pool_cpu_info(hosts, XEN, before_2023=True), "features_pv": sets[0]}
    assert list(map(str, audit.of_pool("p", before_2023, hosts, members))) == [
        "p: features_pv has SSE, which is not so any more"
    ]

    def all_of_them(host: Featureset, pool: Featureset) -> Featureset:
        return host | pool

    assert list(map(str, audit.of_pool("p", recent, hosts, members, all_of_them))) == [
        "p: features_hvm_host lacks SSE AVX",
        "p: features_pv_host lacks SSE AVX",
    ]


def test_a_stored_pool_of_no_hosts() -> None:
    """Names are those of the newest release; what stands in the record is not so any more."""
    stored = {"vendor": "", "features_pv_host": str(names("FPU"))}
    assert list(map(str, audit.of_pool("p", stored, [], []))) == [
        "p: features_pv_host has FPU, which is not so any more"
    ]


def test_the_rules_of_a_stored_pool_are_its_members() -> None:
    """Not those of the newest release with as many words, whose libxc OR-s VERW_CLEAR."""
    sets = [str(names(text)) for text in ("FPU VERW_CLEAR", "FPU")]
    hosts = [HostRecord(record(1, 1, each, each), True) for each in sets]
    stored = pool_cpu_info(hosts, XEN)
    assert stored["features_hvm_host"] == str(names("FPU"))
    assert list(audit.of_pool("p", stored, hosts, [host("a", "FPU")])) == []
    newer = audit.of_pool("p", stored, hosts, [host("a", "FPU", xen="4.19")])
    assert [finding.gained for finding in newer] == [("VERW_CLEAR",)] * 2


def test_a_key_whose_value_is_wrong_does_not_hide_others() -> None:
    """What is not compared, and what is no featureset, is followed by what is."""
    expected = {
        "speed": "1", "flags": "unknown", "nr_nodes": "1", "vendor": "a", "features_pv": "1",
    }  # fmt: skip
    stored = {"speed": "2", "flags": "fpu", "vendor": "b"}
    assert list(map(str, differing("h", stored, expected, XEN))) == [
        'h: vendor is "b", should be "a"',
        "h: features_pv lacks FPU",
    ]
    (missing,) = differing("h", {"vendor": ""}, {"vendor": "a"}, XEN)
    assert str(missing) == 'h: vendor is missing, should be "a"'
    assert (missing.record, missing.key, missing.stored) == ("h", "vendor", "")
    assert (missing.expected, missing.lost, missing.gained) == ("a", (), ())


def test_a_stored_pool_whose_members_are_not_known() -> None:
    """The rules are those of the longest set: Xen 4.13 has MD_CLEAR only where all hosts have."""
    sets = [str(names(text, "4.13")) for text in ("FPU MD_CLEAR", "FPU")]
    hosts = [HostRecord(record(1, 1, each, each), True) for each in sets]
    stored = pool_cpu_info(hosts, release("4.13"))
    assert list(audit.of_pool("p", stored, hosts, [])) == []


def test_which_vms_are_stranded() -> None:
    """Those that no host takes in, not those with a set of the wrong kind, which a host does."""
    changed, stranded = Vm("changed", PV, names("FPU VME PSE")), Vm("stranded", HVM, names("AVX"))
    found = list(audit.of_vms([changed, stranded], [host("a", "FPU SSE VME PSE")]))
    assert [(finding.vm, finding.stranded) for finding in found] == [
        (changed, False),
        (stranded, True),
    ]

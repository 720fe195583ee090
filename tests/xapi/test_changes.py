"""Differences of features by name, out of batches of records."""

from typing import Any

import pytest

from tests.support.hosts import example, names
from tests.support.xapi_world import pool_info, stored
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.xapi.changes import FeatureChange, Picture
from xenops_cpu.xapi.events import Batch, Change
from xenops_cpu.xapi.pool import Record

INFO = stored(example())


def change(kind: str, reference: str, fields: dict[str, Any]) -> Change:
    return Change(kind, reference, "mod", Record(kind, reference, fields))


def gone(kind: str, reference: str) -> Change:
    return Change(kind, reference, "del", None)


def batch(*changes: Change, everything: bool = False) -> Batch:
    return Batch(changes, everything)


def host(info: dict[str, str] = INFO, name: str = "xs-01") -> Change:
    fields = {
        "uuid": "h",
        "name_label": name,
        "cpu_info": info,
        "software_version": {"xen": "4.17.5"},
    }
    return change("host", "OpaqueRef:h", fields)


def pool(info: dict[str, str], upgrading: str = "") -> Change:
    fields = {
        "uuid": "p",
        "name_label": "pool",
        "master": "OpaqueRef:h",
        "cpu_info": info,
        "other_config": {"rolling_upgrade_in_progress": upgrading} if upgrading else {},
    }
    return change("pool", "OpaqueRef:p", fields)


def vm(features: str, state: str = "Running", **more: Any) -> Change:
    flags = {"vendor": "AuthenticAMD", "features": features}
    fields = {
        "uuid": "v",
        "name_label": "web-01",
        "power_state": state,
        "resident_on": "OpaqueRef:h",
        "last_boot_CPU_flags": flags,
    }
    return change("VM", "OpaqueRef:v", fields | more)


def without(key: str, words: str, info: dict[str, str] = INFO) -> dict[str, str]:
    changed = Featureset.parse(info[key]) - names(words)
    return {**info, key: str(changed)}


@pytest.fixture
def picture() -> Picture:
    made = Picture()
    assert made.update(batch(pool(pool_info(INFO)), host(), everything=True)) == []
    return made


def told(changes: list[FeatureChange]) -> list[tuple[Any, ...]]:
    return [
        (found.kind, found.name, item.key, item.lost, item.gained)
        for found in changes
        for item in found.sets
    ]


def test_what_a_host_loses_and_gains(picture: Picture) -> None:
    """By the names of its release; equal sets are not told of."""
    less = without("features_hvm", "AVX AVX2", without("features_hvm_host", "AVX"))
    changes = picture.update(batch(host(less)))
    assert told(changes) == [
        ("host", "xs-01", "features_hvm_host", ("AVX",), ()),
        ("host", "xs-01", "features_hvm", ("AVX", "AVX2"), ()),
    ]
    assert (changes[0].xen.release.name, changes[0].xen.note) == ("4.17", "")
    assert changes[0].sets[0].title == "HVM guests at boot"
    assert changes[0].sets[0].old - changes[0].sets[0].new == names("AVX")
    assert told(picture.update(batch(host()))) == [
        ("host", "xs-01", "features_hvm_host", (), ("AVX",)),
        ("host", "xs-01", "features_hvm", (), ("AVX", "AVX2")),
    ]


def test_what_the_pool_loses(picture: Picture) -> None:
    """After the hosts, which explain it."""
    less = without("features_hvm_host", "AVX")
    assert told(picture.update(batch(pool(pool_info(less)), host(less)))) == [
        ("host", "xs-01", "features_hvm_host", ("AVX",), ()),
        ("pool", "pool", "features_hvm_host", ("AVX",), ()),
    ]


def test_an_unchanged_record_is_no_change(picture: Picture) -> None:
    """Nor is one with more words, all zero, nor one with another name."""
    longer = {**INFO, "features_hvm": INFO["features_hvm"] + "-00000000"}
    assert picture.update(batch(host(), host(longer), host(longer, "other"))) == []


def test_everything_again_is_compared_with_what_was_known(picture: Picture) -> None:
    """What changed while nobody listened is told, and what is gone is forgotten."""
    less = without("features_hvm_host", "AVX")
    changes = picture.update(batch(host(less), everything=True))
    assert told(changes) == [("host", "xs-01", "features_hvm_host", ("AVX",), ())]
    assert picture.pool is None
    assert not picture.upgrading


def test_a_host_that_left_and_another_that_came(picture: Picture) -> None:
    """Neither has changed its features."""
    less = without("features_hvm_host", "AVX")
    assert picture.update(batch(gone("host", "OpaqueRef:h"), gone("host", "OpaqueRef:x"))) == []
    assert picture.update(batch(host(less))) == []


def test_a_vm_that_is_started_anew(picture: Picture) -> None:
    """While it is shut down its record is empty, or old: what it had before that counts."""
    first, second = INFO["features_hvm_host"], without("features_hvm_host", "AVX")
    assert picture.update(batch(vm(first))) == []
    assert picture.update(batch(vm("", "Halted"))) == []
    assert picture.update(batch(vm("", "Running"))) == []
    assert told(picture.update(batch(vm(second["features_hvm_host"])))) == [
        ("VM", "web-01", "last_boot_CPU_flags", ("AVX",), ())
    ]


def test_a_vm_that_migrates(picture: Picture) -> None:
    """Its record grows by words of zeros and gets the other host's vendor: no change."""
    first = INFO["features_hvm_host"]
    assert picture.update(batch(vm(first), vm(first + "-00000000-00000000"))) == []


def test_vms_that_are_none(picture: Picture) -> None:
    """Templates and control domains have records, and are not told of."""
    first, second = INFO["features_hvm_host"], "1fcbfbff-00000000"
    kinds: list[dict[str, Any]] = [{"is_a_template": True}, {"is_control_domain": True}]
    for more in kinds:
        assert picture.update(batch(vm(first, **more), vm(second, **more))) == []
    assert picture.awake == 0


def test_a_vm_that_was_destroyed_and_made_anew(picture: Picture) -> None:
    """References are not used again, but a pool may be restored: nothing is remembered."""
    picture.update(batch(vm(INFO["features_hvm_host"])))
    assert picture.awake == 1
    picture.update(batch(gone("VM", "OpaqueRef:v")))
    assert picture.update(batch(vm("1fcbfbff-00000000"))) == []


def test_a_vm_somewhere_else(picture: Picture) -> None:
    """A suspended VM is on no host: the coordinator's names are used."""
    first = INFO["features_hvm_host"]
    less = without("features_hvm_host", "AVX")["features_hvm_host"]
    asleep = {"resident_on": "OpaqueRef:NULL", "state": "Suspended"}
    picture.update(batch(vm(first, **asleep)))
    assert told(picture.update(batch(vm(less, **asleep)))) == [
        ("VM", "web-01", "last_boot_CPU_flags", ("AVX",), ())
    ]


def test_a_rolling_upgrade(picture: Picture) -> None:
    """Known by the pool's other_config."""
    assert not picture.upgrading
    picture.update(batch(pool(pool_info(INFO), "true")))
    assert picture.upgrading


def test_damaged_and_missing_records(picture: Picture) -> None:
    """A watch does not end for one of them, and no change is lost in between."""
    damaged = {**INFO, "features_hvm_host": "what?"}
    assert picture.update(batch(host(damaged))) == []
    assert picture.update(batch(host({}))) == []
    assert told(picture.update(batch(host(without("features_hvm_host", "AVX"))))) == [
        ("host", "xs-01", "features_hvm_host", ("AVX",), ())
    ]
    assert picture.update(batch(change("VM_metrics", "OpaqueRef:m", {}))) == []
    lone = Picture()
    lone.update(batch(vm(INFO["features_hvm_host"])))
    assert lone.update(batch(vm(without("features_hvm_host", "AVX")["features_hvm_host"])))

"""Rows: what stands in each, and what cannot be one."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import example, made, names
from tests.support.pools import host
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.fleet.error import FleetError
from xenops_cpu.fleet.row import COLUMNS, WORD_COLUMNS, WORDS, Row, rows
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import Member, member_of, member_of_set


def words(row: Row) -> Featureset:
    """The set of a row."""
    numbers = [row[column] for column in WORD_COLUMNS]
    found = Featureset.of_words(number for number in numbers if isinstance(number, int))
    assert isinstance(row["length"], int)
    return found.cut(row["length"])


def by_set(member: Member) -> dict[tuple[object, object], Row]:
    return {(row["guest"], row["kind"]): row for row in rows(member, "lab", "here")}


def test_a_host_has_a_row_for_each_set() -> None:
    """Raw, host, and boot and migration of each guest type, word for word."""
    read = example("epyc-xen-4.17")
    member = member_of(read, "host-7")
    found = by_set(member)
    assert words(found["", "raw"]) == read.featuresets.raw
    assert words(found["", "host"]) == read.featuresets.host
    for guest in GuestType:
        name = guest.name.lower()
        assert words(found[name, "boot"]) == member.boot(guest)
        assert words(found[name, "migration"]) == member.migration(guest)
    assert len(found) == 6


def test_every_row_has_every_column_with_its_type() -> None:
    """No engine has to guess: the same columns in the same order, none of them empty."""
    for row in rows(host("host-7", "FPU", "RTM"), "lab", "here"):
        assert {name: type(value) for name, value in row.items()} == COLUMNS
        assert list(row) == list(COLUMNS)


def test_a_guest_type_that_does_not_run_has_a_row_without_words() -> None:
    """The host's release counts for the pool all the same."""
    found = by_set(member_of(evolve(made(), hvm=False), "host-7"))
    row = found["hvm", "boot"]
    assert (row["length"], row["w0"], row["release"], row["certain"]) == (0, 0, "4.17", True)
    assert words(found["pv", "boot"]) == names("FPU SSE")


def test_a_release_that_is_taken_by_length_is_not_certain() -> None:
    """A bare featureset does not say whose it is; nor are raw and host known of it."""
    found = by_set(member_of_set(names("FPU", "4.13"), "host-7", GuestType.HVM))
    assert {row["certain"] for row in found.values()} == {False}
    assert set(found) == {(g, k) for g in ("pv", "hvm") for k in ("boot", "migration")}


def test_more_words_than_columns_are_refused() -> None:
    """A set is never cut: its last words could be those that differ."""
    long = Featureset(1, WORDS + 1)
    with pytest.raises(FleetError, match=r"host-7: a featureset of 33 words; a row has 32"):
        rows(member_of_set(long, "host-7", GuestType.HVM), "lab", "here")


def test_names_of_others_are_texts_that_every_engine_takes() -> None:
    """Control characters and halves of a UTF-16 pair become question marks; the rest stays."""
    member = evolve(host("a\x00b\n\ud800é", "FPU"), uuid="\x1b[1m")
    row = rows(member, "p\u202e", "s\t")[0]
    assert (row["name"], row["uuid"]) == ("a?b??é", "?[1m")
    assert (row["pool"], row["source"]) == ("p?", "s?")

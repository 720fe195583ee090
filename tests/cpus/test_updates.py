"""What updates did and would do: history, two states compared, the next release."""

from __future__ import annotations

import pytest

from xenops_cpu.cpus import shipped, updates, wish
from xenops_cpu.cpus.impact import impact
from xenops_cpu.cpus.timeline import Confidence
from xenops_cpu.features.release import release


@pytest.mark.parametrize(
    ("feature", "vendor", "signature", "told"),
    [
        ("RTM", "GenuineIntel", 0x306C3, ["2014-09-13 0000001c −HLE −RTM"]),
        ("RTM", "GenuineIntel", 0x50657, ["2019-11-12 0500002c +TSX_CTRL"]),
        (
            "RTM",
            "GenuineIntel",
            0x906E9,
            [
                "2019-05-14 000000b4 +MD_CLEAR +TSX_FORCE_ABORT",
                "2021-06-08 000000ea +RTM_ALWAYS_ABORT",
            ],
        ),
        ("AVX", "GenuineIntel", 0x50657, ["2023-08-08 05003604 +GDS_CTRL"]),
        ("SBPB", "AuthenticAMD", 0xA00F11, ["2023-07-19 0a0011d1"]),
        ("VERW_CLEAR", "AuthenticAMD", 0xA00F11, ["2025-07-07 0a0011d7"]),
        ("MD_CLEAR", "GenuineIntel", 0x306A9, ["2019-05-14 00000021 +MD_CLEAR"]),
        # With TAA_NO nothing has to be switched off; nothing is known of the last two.
        ("RTM", "GenuineIntel", 0x806F8, []),
        ("RTM", "GenuineIntel", 0x206C1, []),
        ("RTM", "GenuineIntel", 0x12345, []),
    ],
)
def test_history(feature: str, vendor: str, signature: int, told: list[str]) -> None:
    """Which updates gave or took a feature, or what Xen gives or takes because of them."""
    events = updates.history(feature, vendor, signature)
    assert [
        " ".join(
            (
                event.date,
                f"{event.revision:08x}",
                *(f"+{name}" for name in event.added),
                *(f"−{name}" for name in event.removed),
            )
        )
        for event in events
    ] == told


def test_a_meaning_where_the_bit_itself_stays() -> None:
    """TSX_CTRL is not RTM: the event says what Xen does with it, and why it came."""
    (event,) = updates.history("RTM", "GenuineIntel", 0x50657)
    assert str(event) == (
        "2019-11-12, 0500002c: +TSX_CTRL (TAA: TSX_CTRL on MDS_NO parts with TSX): "
        "Xen switches TSX off with this register, against TAA"
    )
    assert event.confidence is Confidence.SEEN


def test_two_states_compared() -> None:
    """Features that come and go, and the events on the way, in both directions."""
    cpu = shipped.get("xeon-silver-4214").cpu
    update = updates.changes(cpu, wish.parse("2022-02"), wish.parse("2023-08"))
    assert update.added == ("SBDR_SSDP_NO", "PSDP_NO", "FB_CLEAR", "RRSBA", "GDS_CTRL")
    assert update.removed == ()
    assert [event.date for event in update.events] == ["2022-05-10", "2023-05-12", "2023-08-08"]
    assert update.confidence is Confidence.INFERRED
    assert str(update).startswith("0500320a (2022-02-07) to 05003604 (2023-08-08): + SBDR_SSDP_NO")
    back = updates.changes(cpu, wish.parse("2023-08"), wish.parse("2022-02"))
    assert back.removed == update.added
    assert back.events == update.events


def test_the_same_state_changes_nothing() -> None:
    """An update between two revisions of one step says so."""
    cpu = shipped.get("xeon-silver-4214").cpu
    update = updates.changes(cpu, wish.parse("2023-08"), wish.parse("2024-08"))
    assert (update.added, update.removed) == ((), ())
    assert str(update).endswith("no word of CPUID changes")


@pytest.mark.parametrize(
    ("signature", "revision", "following"),
    [
        (0x50657, 0x5003604, 0x5003605),
        (0x50657, 0x5003801, 0x5003901),  # from firmware, between two public ones
        (0x50657, 0x5003602, 0x5003604),  # nobody knows it
        (0x50657, 0x5003901, None),
        (0x806F8, 0x2C000271, 0x2C000290),
        (0x12345, 1, None),
    ],
)
def test_the_next_public_release(signature: int, revision: int, following: int | None) -> None:
    """The first that is newer, for that kind of part."""
    found = updates.next_public("GenuineIntel", signature, revision)
    assert (found.revision if found else None) == following


def test_outdated() -> None:
    """A sentence with both dates and what would change; none for what is up to date."""
    assert updates.outdated(shipped.find("xeon-silver-4214+2019-05").cpu) == (
        "microcode 05000021 is of 2019-05-14; 05003901 of 2025-05-12 is public and would change: "
        "+ TSX_CTRL, + MISC_PKG_CTRL, + ENERGY_FILTERING, + SBDR_SSDP_NO, + PSDP_NO, + FB_CLEAR, "
        "+ RRSBA, + GDS_CTRL"
    )
    assert updates.outdated(shipped.get("epyc-9754").cpu) == ""
    assert updates.outdated(shipped.get("xeon-e7-4870").cpu) == ""  # no revision to compare
    assert updates.outdated(shipped.get("xeon-e7450").cpu).endswith(
        "is public, and what it would change is not known here"
    )
    assert updates.outdated(shipped.get("epyc-7742").cpu).endswith("would change no word of CPUID")


def test_the_impact_on_guests() -> None:
    """TSX_CTRL takes RTM from new guests and not from those that come in; GDS_CTRL gives AVX."""
    cpu = shipped.get("xeon-silver-4214").cpu
    told = impact(updates.changes(cpu, wish.AS_DUMPED, wish.NEWEST), release("4.17"))
    xen = told.xen
    assert "RTM" in xen.names(told.lost["hvm_default"])
    assert "RTM" not in xen.names(told.lost["hvm_max"])
    assert "AVX" in xen.names(told.gained["hvm_default"])
    assert "− RTM" in told.words("hvm_default")
    nothing = impact(updates.changes(cpu, wish.NEWEST, wish.NEWEST), release("4.13"))
    assert nothing.words("hvm_default") == ""
    assert "hvm_max" not in nothing.gained
    milan = shipped.get("epyc-7763").cpu
    srso = impact(updates.changes(milan, wish.parse("2023-04"), wish.parse("2023-08")), xen)
    assert srso.words("hvm_default") == "+ SBPB, + IBPB_BRTYPE"


def test_bits_without_a_name() -> None:
    """Are told by their place."""
    assert list(updates.bit_names("10a", 1 << 22 | 1)) == ["RDCL_NO", "MSR 0x0000010a.lo bit 22"]
    assert list(updates.bit_names("10a", 1 << 62)) == ["ITS_NO"]

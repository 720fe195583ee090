"""Firmware settings as words."""

from __future__ import annotations

import pytest

from xenops_cpu.cpus.firmware import USUAL, Firmware, FirmwareError, is_word, parse


@pytest.mark.parametrize(
    ("words", "settings", "text"),
    [
        ("", USUAL, ""),
        ("smt-off", Firmware(smt=False), "SMT off"),
        ("smt-off smt-on", Firmware(smt=True), "SMT on"),
        ("SGX", Firmware(sgx=True), "SGX on"),
        (
            "no-ibrs btc-no",
            Firmware(varying={"ibrs": False, "btc-no": True}),
            "IBRS off, BTC-NO on",
        ),
        ("no-btc-no", Firmware(varying={"btc-no": False}), "BTC-NO off"),
        ("fsrm no-fsrm", Firmware(varying={"fsrm": False}), "FSRM off"),
        ("bios=0x0a0011d5", Firmware(base=0xA0011D5), "0a0011d5 in firmware"),
    ],
)
def test_words(words: str, settings: Firmware, text: str) -> None:
    """Each is a setting, the later counts, and a person is told what is not as usual."""
    assert parse(words.split()) == settings
    assert str(settings) == text


@pytest.mark.parametrize("word", ["smt", "no-sgx", "bios=", "bios=xyz", "bios=123456789", "avx"])
def test_what_is_no_setting(word: str) -> None:
    """An unknown word is an error that lists those there are."""
    with pytest.raises(FirmwareError, match="there are smt-off, smt-on, sgx"):
        parse([word])
    assert not is_word(word)

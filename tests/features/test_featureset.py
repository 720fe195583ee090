"""Featureset: the value, its text forms and its algebra."""

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenops_cpu.features.featureset import MAX_WORDS, Featureset, FeaturesetError

WORDS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=MAX_WORDS)
SETS = WORDS.map(Featureset.of_words)


@given(SETS)
def test_both_text_forms_read_back(featureset: Featureset) -> None:
    """What is printed with - or : reads back as the same value."""
    assert Featureset.parse(featureset.text("-")) == featureset
    assert Featureset.parse(featureset.text(":")) == featureset
    assert str(featureset) == featureset.text("-")


@given(WORDS)
def test_words_go_in_and_come_out(words: list[int]) -> None:
    """The words of a featureset are the words it was made of."""
    assert Featureset.of_words(words).words == tuple(words)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_short_upper_case_words_are_read(first: int, second: int) -> None:
    """One to eight digits of either case are a word, and outer blanks do not count."""
    expected = Featureset.of_words([first, second])
    assert Featureset.parse(f"  {first:X}:{second:x}\n") == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("12345678-12g4", 'word 1: "12g4"'),
        ("12345678-", 'word 1: ""'),
        ("123456789", 'word 0: "123456789"'),
        ("12345678-1:2", 'word 0: "12345678-1"'),
        ("0x1", 'word 0: "0x1"'),
        ("-".join(["0"] * 65), "65 words"),
        ("1_2", 'word 0: "1_2"'),
        ("٣", 'word 0: "٣"'),
    ],
)
def test_what_is_none_is_refused_by_word(text: str, named: str) -> None:
    """The error names the word that is not one."""
    with pytest.raises(FeaturesetError, match=named):
        Featureset.parse(text)


def test_the_empty_text_has_no_words() -> None:
    """xapi's empty string is the featureset of no words, and prints as it."""
    assert Featureset.parse("") == Featureset()
    assert str(Featureset()) == ""


@given(SETS, SETS)
def test_algebra_extends_with_zero_words(left: Featureset, right: Featureset) -> None:
    """Operations on different lengths are those of the zero-extended words."""
    length = max(left.length, right.length)
    a = left.extended(length).words
    b = right.extended(length).words
    assert (left & right).words == tuple(x & y for x, y in zip(a, b, strict=True))
    assert (left | right).words == tuple(x | y for x, y in zip(a, b, strict=True))
    assert (left ^ right).words == tuple(x ^ y for x, y in zip(a, b, strict=True))
    assert (left - right).words == tuple(x & ~y for x, y in zip(a, b, strict=True))
    assert (left <= right) == all(x & ~y == 0 for x, y in zip(a, b, strict=True))
    assert (left >= right) == (right <= left)


@given(SETS)
def test_features_are_numbered_by_word_and_bit(featureset: Featureset) -> None:
    """Iteration gives word * 32 + bit of each set bit, ascending, and len counts them."""
    numbers = [
        word * 32 + bit
        for word, value in enumerate(featureset.words)
        for bit in range(32)
        if value >> bit & 1
    ]
    assert list(featureset) == numbers
    assert len(featureset) == len(numbers)
    assert all(number in featureset for number in numbers)
    assert Featureset.of_features(numbers, featureset.length) == featureset


@given(SETS, st.integers(0, MAX_WORDS))
def test_cut_keeps_the_first_words(featureset: Featureset, length: int) -> None:
    """cut gives the first words, and no more than there are."""
    assert featureset.cut(length).words == featureset.words[:length]


def test_a_length_that_does_not_fit_is_refused() -> None:
    """Bits beyond the length, words beyond 32 bits and absurd lengths are errors."""
    with pytest.raises(FeaturesetError, match="beyond word 0"):
        Featureset(1 << 32, 1)
    with pytest.raises(FeaturesetError, match="more than 32 bits"):
        Featureset.of_words([1 << 32])
    with pytest.raises(FeaturesetError, match="65 words"):
        Featureset(0, MAX_WORDS + 1)


def test_sixty_four_words_are_the_most() -> None:
    """64 words are read in either form and can be made; 65 are no featureset."""
    assert MAX_WORDS == 64
    for separator in "-:":
        assert Featureset.parse(separator.join(["1"] * 64)).length == 64
        with pytest.raises(FeaturesetError, match="65 words: at most 64 are possible"):
            Featureset.parse(separator.join(["1"] * 65))
    assert Featureset(1 << 2047, 64).words[63] == 1 << 31
    with pytest.raises(FeaturesetError, match="65 words: 0 to 64 are possible"):
        Featureset.of_words([0] * 65)
    with pytest.raises(FeaturesetError, match="-1 words: 0 to 64 are possible"):
        Featureset(0, -1)


@pytest.mark.parametrize(
    ("word", "shown"), [("x" * 40, "x" * 40), ("x" * 41, "x" * 40 + "…"), ("g", "g")]
)
def test_a_long_word_is_cut_in_the_message(word: str, shown: str) -> None:
    """40 characters are shown as they are; of more, the first 40 and a sign that there are more."""
    with pytest.raises(FeaturesetError) as refused:
        Featureset.parse(f"1-{word}")
    assert str(refused.value) == f'featureset word 1: "{shown}" is not 1 to 8 hex digits'


def test_longer_and_shorter() -> None:
    """extended only adds zero words and cut only takes words away; else it is the same value."""
    two = Featureset.of_words([1, 0x80000000])
    assert two.extended(1) is two.extended(2) is two
    assert two.extended(3) == Featureset.of_words([1, 0x80000000, 0])
    assert two.cut(3) is two.cut(2) is two
    assert two.cut(1) == Featureset(1, 1)
    assert two.cut(0) == Featureset()


def test_a_featureset_without_features_is_false() -> None:
    """However many words it has; any feature makes it true."""
    assert not Featureset(0, 19)
    assert Featureset(1, 1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "<Featureset without words>"),
        ("00000000", "<Featureset 00000000, 1 word, 0 features>"),
        ("00000001", "<Featureset 00000001, 1 word, 1 feature>"),
        ("1f-0-0", "<Featureset 0000001f-00000000-00000000, 3 words, 5 features>"),
        ("3f-0-0-1", "<Featureset 0000003f-00000000-00000000-…, 4 words, 7 features>"),
    ],
)
def test_for_people(text: str, shown: str) -> None:
    """The first three words, how many there are, and how many features."""
    assert repr(Featureset.parse(text)) == shown


def test_unlike_sets_are_kept_apart() -> None:
    """As keys they are not looked at one by one: by bits and by length."""
    sets = [Featureset(bits, length) for bits in range(50) for length in (2, 3)]
    assert len({hash(each) for each in sets}) == len(sets)


def test_for_notebooks() -> None:
    """A row a word: its number, digits and bits; longer than any release's as well."""
    html = Featureset.parse("00000003-80000001-00000000")._repr_html_()
    rows = [re.findall(r">([^<]*)</t[dh]>", line) for line in html.splitlines() if "<tr>" in line]
    assert "3 words, 4 features</caption>" in html
    assert rows == [
        ["word", "hex", "bits"],
        ["0", "00000003", "0 1"],
        ["1", "80000001", "0 31"],
        ["2", "00000000", ""],
    ]
    longest = Featureset(1 << 32 * 59, 60)._repr_html_()
    last = [re.findall(r">([^<]*)</t[dh]>", line) for line in longest.splitlines()][-2]
    assert last == ["59", "00000001", "0"]


def test_a_featureset_does_not_change() -> None:
    """Neither member can be set or deleted, and a copy in another process is equal."""
    featureset = Featureset.parse("1fc9cbf5-f6f83203")
    with pytest.raises(AttributeError, match="does not change: bits cannot be set"):
        featureset.bits = 0
    with pytest.raises(AttributeError, match="does not change: length cannot be deleted"):
        del featureset.length
    with pytest.raises(AttributeError):
        featureset.other = 1
    again = pickle.loads(pickle.dumps(featureset))
    assert again == featureset
    assert hash(again) == hash(featureset)
    assert featureset != Featureset(featureset.bits, 3)
    assert featureset != featureset.bits

"""Shows which e-mail addresses are taken, in which spelling, and how others are refused."""

from __future__ import annotations

import string

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actions.normalise import email_address
from actions.normalise.email_address import normalise_email
from actions.normalise.folding import first_ignorable
from actions.normalise.refused import Refused, Remarks


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("JOHN.DOE@Example.COM ", "john.doe@example.com"),
        ("\u00a0anna@example.com\n", "anna@example.com"),
        ("anna+news@mail.example.co.uk", "anna+news@mail.example.co.uk"),
        ("a.n.n.a@gmail.com", "a.n.n.a@gmail.com"),
        ("o'brien@example.ie", "o'brien@example.ie"),
        ("x@1und1.de", "x@1und1.de"),
        ("anna@Müller.example", "anna@xn--mller-kva.example"),
        ("anna@xn--mller-kva.example", "anna@xn--mller-kva.example"),
        ("ÄNNA@example.com", "änna@example.com"),
        ("a\u0308nna@example.com", "änna@example.com"),
        ("J\u030ca@example.com", "\u01f0a@example.com"),
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("ANNA@ＥＸＡＭＰＬＥ.com", "anna@example.com"),
        ("a--b@example.com", "a--b@example.com"),
        ("", None),
        ("  ", None),
    ],
)
def test_an_address_has_one_spelling(typed: str, kept: str | None) -> None:
    assert normalise_email(typed) == kept


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("anna", "exactly one @; this one has none"),
        ("anna@b@example.com", "exactly one @; this one has 2, the last at character 7"),
        ("@example.com", "nothing before the @"),
        ("anna@", "nothing after the @"),
        ("an na@example.com", "a blank at character 3"),
        ("anna..s@example.com", "two dots in a row at character 5"),
        (".anna@example.com", "a stray dot at character 1"),
        ("anna.@example.com", "a stray dot at character 5"),
        ("anna@localhost", "The domain, from character 6 on, has no ending"),
        ("anna@server.local", "No mail can be sent"),
        ("anna@-example.com", "No mail can be sent"),
        ("anna@[127.0.0.1]", "No mail can be sent"),
        ('"anna"@example.com', "No mail can be sent"),
        (f"{'a' * 65}@example.com", "No mail can be sent"),
        ("anna@exam_ple.com", "No mail can be sent"),
        ("anna@xn--a.com", "No mail can be sent"),
    ],
)
def test_an_impossible_address_is_refused_with_what_is_wrong_and_where(typed: str, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint.replace("[", r"\[")) as refused:
        normalise_email(typed)

    assert refused.value.code == "EMAIL_INVALID"


@pytest.mark.parametrize("length", [255, 10_000])
def test_an_overlong_address_is_refused_before_anything_looks_at_it(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_address, "_settle", None)
    monkeypatch.setattr(email_address, "_PLAIN", None)

    with pytest.raises(Refused, match=f"has {length} characters; at most 254") as refused:
        normalise_email("a" * (length - 6) + "@b.com")

    assert refused.value.code == "TOO_LONG"


def by_library(text: str) -> str | None:
    try:
        found = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return None
    return f"{found.local_part.lower()}@{found.ascii_domain.lower()}"


parts = st.text(string.ascii_letters + string.digits + "._-+'!#", min_size=1, max_size=70)
domains = st.one_of(
    parts,
    st.lists(
        st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=65), min_size=1, max_size=4
    ).map(".".join),
    st.sampled_from(
        ["example.com", "a.test", "mail.LOCALHOST", "x.onion", "example", "a.b.c.museum", "1.de", "de.1"]
    ),
)


@settings(max_examples=1_000, deadline=None)
@given(st.builds("{}@{}".format, parts, domains))
@example("a@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "." + "e" * 40 + ".com")
@example("a" * 64 + "@" + ("b" * 61 + ".") * 3 + "com")
def test_the_fast_path_accepts_only_what_the_library_accepts(text: str) -> None:
    if len(text) <= email_address.LENGTH and email_address._PLAIN.fullmatch(text) and "--" not in text:
        assert text.lower() == by_library(text)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.emails(), st.builds("{}@{}.com".format, st.text(max_size=12), st.text(max_size=12))))
@example("İ@example.com")
@example("\u212aelvin@example.com")
@example("ß@ß.de")
def test_a_spelling_is_its_own_spelling(text: str) -> None:
    try:
        kept = normalise_email(text)
    except Refused:
        return

    assert kept is None or normalise_email(kept) == kept


@pytest.mark.parametrize(
    ("typed", "kept", "codes"),
    [
        ("ada@example.com\u200b", "ada@example.com", ["INVISIBLE_REMOVED"]),
        ("\ufeff ada@example.com", "ada@example.com", ["INVISIBLE_REMOVED"]),
        ("o\u2019neil@example.com", "o'neil@example.com", ["CHARACTERS_FOLDED"]),
        ("\uff41\uff44\uff41@example.com", "ada@example.com", ["CHARACTERS_FOLDED"]),
        ("ada\uff20example.com", "ada@example.com", ["CHARACTERS_FOLDED"]),
        ("mailto:ada@example.com", "ada@example.com", ["UNWRAPPED"]),
        ("MAILTO:ada@example.com?subject=Hi", "ada@example.com", ["UNWRAPPED"]),
        ("Ada <ada@example.com>", "ada@example.com", ["UNWRAPPED"]),
        ('"Lovelace, Ada" <ada@example.com>', "ada@example.com", ["UNWRAPPED"]),
        ("<ada@example.com>", "ada@example.com", ["UNWRAPPED"]),
        ("ada@example.com,", "ada@example.com", ["UNWRAPPED"]),
        ("ada@example.com;", "ada@example.com", ["UNWRAPPED"]),
        ("ada@example.com.", "ada@example.com", ["UNWRAPPED"]),
        ('"ada@example.com"', "ada@example.com", ["UNWRAPPED"]),
        ("\u200b", None, ["INVISIBLE_REMOVED"]),
    ],
)
def test_what_stands_around_an_address_is_taken_off_and_told(
    typed: str, kept: str | None, codes: list[str]
) -> None:
    remarks: Remarks = []

    assert normalise_email(typed, remarks) == kept
    assert [remark.code for remark in remarks] == codes


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("ada@gmail,com", "a comma at character 10; is it a dot"),
        ("a\u200bda@example.com", "an invisible character \\(U\\+200B\\) at character 2"),
        ("ad\u00ada@example.com", "an invisible character \\(U\\+00AD\\) at character 3"),
        ("ada@example.com, bob@example.com", "two addresses"),
        ("ada@example.com bob@example.com", "two addresses"),
        ("ada@example.com/bob@example.com", "two addresses"),
        ("Ada <ada@example.com>; Bob <bob@example.com>", "two addresses"),
    ],
)
def test_an_address_is_never_guessed(typed: str, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        normalise_email(typed)


def test_every_ignorable_character_inside_an_address_is_refused() -> None:
    ignorable = [chr(code) for code in range(0xE1000) if first_ignorable(chr(code)) is not None]

    accepted = []
    for character in ignorable:
        try:
            normalise_email(f"a{character}da@example.com")
        except Refused:
            continue
        accepted.append(f"U+{ord(character):04X}")

    assert len(ignorable) > 4_000
    assert accepted == []

"""Limits of size, depth and content."""

from __future__ import annotations

import time

import orjson
import pytest

from topics import limits
from topics.failures import DecodeError
from topics.letter import PREFIX


def test_depth_is_judged_in_linear_time_and_brackets_in_texts_do_not_count() -> None:
    limits.check_depth(orjson.dumps({"message": "[{" * 5000}))
    began = time.process_time()
    limits.check_depth(
        b'{"a":"' + b'\\"' * 100_000 + b"[" * 1000
    )  # a text that never ends; the parser refuses it
    assert time.process_time() - began < 5  # quadratic would be minutes


def test_the_deepest_json_is_read_and_one_level_more_is_not() -> None:
    limits.check_depth(b"[" * limits.MAX_DEPTH + b"]" * limits.MAX_DEPTH)
    limits.check_depth(b"[[]]" * limits.MAX_DEPTH)
    with pytest.raises(DecodeError, match=f"at byte {limits.MAX_DEPTH}$"):
        limits.check_depth(b"[" * (limits.MAX_DEPTH + 1))


def test_our_own_events_may_be_larger_than_public_ones() -> None:
    value = b"x" * (limits.MAX_VALUE + 1)

    limits.check_sizes(value, [], is_public=False)
    with pytest.raises(DecodeError, match=f"{limits.MAX_VALUE + 1} bytes and may have {limits.MAX_VALUE}"):
        limits.check_sizes(value, [], is_public=True)


def test_headers_of_a_letter_do_not_count() -> None:
    large = b"x" * limits.MAX_HEADERS

    limits.check_sizes(b"", [(PREFIX + "stacktrace", large)], is_public=True)
    with pytest.raises(DecodeError, match="the headers have"):
        limits.check_sizes(b"", [("x", large)], is_public=True)


def test_what_fits_a_letter_is_counted_with_key_names_and_framing() -> None:
    left = limits.MAX_LETTER - len(b"key") - len("name") - 12

    assert limits.fits_a_letter(b"key", b"x" * left, [("name", None)])
    assert not limits.fits_a_letter(b"key", b"x" * (left + 1), [("name", None)])
    assert limits.fits_a_letter(None, None, [])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [{"b": "x\x1b"}]}, r"a\[0\]\.b has control character U\+001B at position 1"),
        ({"a\x00": 1}, "a field name in the value has a control character at position 1"),
        ({"a": 2**53 + 1}, r"a is a number outside \+-2\^53"),
    ],
)
def test_bad_content_is_named_by_its_path(value: object, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        limits.check_content(orjson.dumps(value), value)


def test_tabs_and_line_ends_are_fine_in_texts_and_not_in_attributes() -> None:
    value = {"message": "a\tb\r\n"}

    limits.check_content(orjson.dumps(value), value)
    assert limits.has_control("a\tb")

"""JSON that cannot be read is reported with its place and never with its value."""

from __future__ import annotations

import pytest

from topics.failures import DecodeError
from topics.parsing import as_object, parse_json


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (b'{"email": "jane"', "NOT_JSON", r"is not JSON: .* at line 1, column 1\d"),
        (b'{\n"a": jane}', "NOT_JSON", "at line 2, column 6"),
        (b'{"a": "jane\xff"}', "NOT_UTF8", "not UTF-8 at byte 11"),
        (b'{"a": "\\ud83d jane"}', "LONE_SURROGATE", "a lone surrogate at character"),
    ],
)
def test_broken_json_has_a_code_and_a_place(value: bytes, code: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message) as caught:
        parse_json(value)

    assert (caught.value.code, caught.value.failure_class) == (code, "poison")
    assert "jane" not in caught.value.message


@pytest.mark.parametrize(("parsed", "kind"), [([], "list"), ("x", "str"), (1, "int"), (None, "NoneType")])
def test_another_json_value_is_no_object(parsed: object, kind: str) -> None:
    with pytest.raises(DecodeError, match=f"data is a JSON {kind} and must be an object") as caught:
        as_object(parsed, "data")

    assert (caught.value.code, caught.value.failure_class) == ("NOT_AN_OBJECT", "invalid")

"""Normalises phone numbers to E.164; where no e-mail is given that is the identity of a contact."""

from __future__ import annotations

import re
from unicodedata import category, normalize

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from actions.normalise.folding import without_ignorable
from actions.normalise.phone_plans import affirm
from actions.normalise.refused import Refused, Remark, Remarks, too_long

LENGTH = 100
"""Characters of a phone number with everything that people write around it."""

_SHORTENED = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+?\d{1,2}")
_AS_A_DECIMAL = re.compile(r"(\+?\d{6,})[.,]0+")
_OF_A_SPREADSHEET = re.compile(r"""=?"(.+)"|['\u2019](\+?\d.*)""")
_URI = re.compile(r"(?:tel|phone|callto|sms|whatsapp)\s*:\s*(?://)?", re.IGNORECASE)
_PARAMETERS = re.compile(r";(?:phone-context|isub|npdi|cic|rn|tgrp)=.*", re.IGNORECASE)
_SEPARATORS = re.compile(r"[;,|&\n]+|\s+/\s+|\s+(?:or|oder|ou|o|and|und|et|y)\s+", re.IGNORECASE)
_ENDING = re.compile(r"\s*/\s*\d{1,4}(?:\s*/\s*\d{1,4})*\s*\Z")
_EXTENSION = re.compile(
    r"\s*(?:;?ext[.:=]*|extn?\.?|extension|x|#|durchwahl|dw\.?|poste|anexo|interno|int\.)\s*[.:=]?\s*(\d{1,7})#?\s*\Z",
    re.IGNORECASE,
)
_LABELS = frozenset({
    "tel", "telefon", "telefono", "teléfono", "téléphone", "telephone", "phone", "ph", "mobile", "mobil", "móvil",
    "movil", "portable", "cell", "cellular", "cellphone", "handy", "work", "office", "business", "büro", "buero",
    "geschäftlich", "dienstlich", "home", "privat", "private", "personal", "main", "direct", "number", "nr", "no",
    "fax", "whatsapp", "wa", "sms", "call", "rufnummer", "telefonnummer", "celular", "fijo", "landline", "trabajo",
    "casa", "bureau", "domicile", "t", "m", "p", "f", "h", "w", "c", "o",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+\.?", re.UNICODE)
_NO_DIGIT = re.compile(r"\D+")
_LETTER = re.compile(r"[^\W\d_]", re.UNICODE)
_VANITY = frozenset({
    PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.UAN,
})  # fmt: skip
_FEWEST_DIGITS = 6
"""A part of a cell with as many digits may be a number of its own."""


def normalise_phone(
    text: str, region: str | None, remarks: Remarks | None = None, *, is_region_given: bool = False
) -> str | None:
    """Return a number as E.164, e.g. `+491701234567`; None when blank.

    A national number is read as dialled in `region` (alpha-2), which `is_region_given` when the lead names it. `00` is
    read as `+` unless the region dials otherwise. Letters are digits in vanity numbers only (`1-800-FLOWERS`). A number
    without `+` that is valid as a national and as an international one is refused, as are two numbers in one text.
    Labels and an extension are dropped: E.164 has none, and kept separately it would outlive its number; `remarks`
    gets what was done. Raises `Refused` (TOO_LONG, PHONE_INVALID, PHONE_AMBIGUOUS, PHONE_SHORTENED, SEVERAL_PHONES).
    """
    text = text.strip()
    if not text:
        return None
    if len(text) > LENGTH:
        raise too_long(len(text), LENGTH)
    number = affirm(text, region)
    if number is not None and "/" not in text and (text[0] == "+" or not _rivals(text, number)):
        return number
    return _read(text, region, [] if remarks is None else remarks, is_region_given=is_region_given)


def is_international(text: str) -> bool:
    """Whether the number has its country code."""
    return text.startswith(("+", "\uff0b", "00"))


def _rivals(text: str, national: str) -> bool:
    """Whether the digits of a national number, with a plus before them, may be another valid number."""
    if "(" in text or not _may_be_international(text):
        return False
    return affirm("+" + _NO_DIGIT.sub("", text), None) not in {None, national}


def _may_be_international(text: str) -> bool:
    # No calling code begins with 0, and almost all national numbers with a trunk prefix do.
    digits = text.lstrip("( ")
    return not digits.startswith("0")


def _read(text: str, region: str | None, remarks: Remarks, *, is_region_given: bool) -> str | None:
    plain = _plain(text, remarks)
    if not plain:
        return None
    if _SHORTENED.fullmatch(plain):
        raise Refused(
            "PHONE_SHORTENED",
            "A spreadsheet shortened this number to a power of ten, its last digits are lost; format the column as "
            "text and export it again.",
        )
    _refuse_several(plain, region)
    bare = _without_extension(_without_ending(_without_labels(plain, remarks), region, remarks), remarks)
    if not _digits(bare):
        raise Refused("PHONE_INVALID", _complaint(bare, region))
    if _LETTER.search(bare):
        number = _vanity(bare, region)
        if number is None:
            raise Refused(
                "PHONE_INVALID",
                "The phone number has letters, which are digits in vanity numbers only; write digits alone.",
            )
        return number
    number = _number(bare, region, remarks, is_region_given=is_region_given)
    if number is None:
        raise Refused("PHONE_INVALID", _complaint(bare, region))
    return number


def _plain(text: str, remarks: Remarks) -> str:
    """Return the text in plain characters, without what a spreadsheet or a link wrote around it."""
    plain = text
    if not text.isascii():
        plain = without_ignorable(normalize("NFKC", without_ignorable(text)))
        # Spaces of every width, dashes of every length: what people paste from web pages.
        plain = "".join(_ascii(character) for character in plain).strip()
    match = _OF_A_SPREADSHEET.fullmatch(plain)
    if match is not None:
        plain = (match.group(1) or match.group(2)).strip()
    match = _AS_A_DECIMAL.fullmatch(plain)
    if match is not None:
        plain = match.group(1)
        remarks.append(
            Remark(
                "UNWRAPPED", "A spreadsheet wrote the number as a decimal; what follows the point was cut."
            )
        )
    uri = _URI.match(plain)
    if uri is not None:
        plain = _PARAMETERS.sub("", plain[uri.end() :])
    return plain.strip()


def _ascii(character: str) -> str:
    kind = category(character)
    if kind == "Nd":
        return str(int(character))
    return {"Zs": " ", "Pd": "-", "Cf": ""}.get(kind, character)


def _refuse_several(text: str, region: str | None) -> None:
    parts = [part for part in _SEPARATORS.split(text) if _digits(part) >= _FEWEST_DIGITS]
    if len(parts) > 1 or text.count("+") > 1:
        raise Refused("SEVERAL_PHONES", "The cell has two phone numbers; send one, or choose one.")
    left, slash, right = text.partition("/")
    if slash and _is_number(left, region) and _is_number(right, region):
        raise Refused("SEVERAL_PHONES", "The cell has two phone numbers; send one, or choose one.")


def _without_ending(text: str, region: str | None, remarks: Remarks) -> str:
    """Return `030 1234567` of `030 1234567/68`: the slash names another line of the same office."""
    ending = _ENDING.search(text)
    if ending is None or not _is_number(text[: ending.start()], region):
        return text
    remarks.append(Remark("PHONE_CUT", "What follows the slash names another line and was cut."))
    return text[: ending.start()]


def _without_labels(text: str, remarks: Remarks) -> str:
    """Return the number without words around it, such as `Tel.:` and `(mobile)`."""
    if not _LETTER.search(text):
        return text
    kept = text
    words = [word for word in _WORD.finditer(text) if word.group().rstrip(".").lower() in _LABELS]
    for word in reversed(words):
        before, after = kept[: word.start()].rstrip(" ([-:"), kept[word.end() :].lstrip(" )]-:.")
        if not _digits(before) or not _digits(after):
            kept = f"{before}{after}" if not _digits(before) else before + _closing(after)
    if kept != text:
        remarks.append(Remark("LABEL_DROPPED", "Words around the phone number were dropped."))
    return kept.strip()


def _closing(rest: str) -> str:
    return "" if not rest.strip(" )]") else f" {rest}"


def _without_extension(text: str, remarks: Remarks) -> str:
    match = _EXTENSION.search(text)
    if match is None or _digits(text[: match.start()]) < _FEWEST_DIGITS:
        return text
    remarks.append(Remark("EXTENSION_DROPPED", "The extension was dropped: E.164 has none."))
    return text[: match.start()]


def _vanity(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in _VANITY:
        return None
    # Letters end a vanity number, behind the digits of its service; anything else is a text with digits in it.
    if re.fullmatch(r"[+0-9()\-. ]*[A-Za-z][A-Za-z0-9\-. ]*", text) is None:
        return None
    return _e164(number)


def _number(text: str, region: str | None, remarks: Remarks, *, is_region_given: bool) -> str | None:
    national = _parse(text, region)
    if text.startswith("00") and national is None:
        return _parse(f"+{text[2:]}", None)
    # Nobody puts a calling code into parentheses without a plus.
    if text.startswith("+") or "(" in text or not _may_be_international(text):
        return national
    abroad = _parse(f"+{text}", None)
    if abroad is None:
        return national
    if national is None or (abroad == national and not national.startswith("+1")):
        said = "The number is valid with its calling code alone; the plus was added."
        remarks.append(Remark("PLUS_ADDED", said))
    if national not in {None, abroad} and not _is_plainly_national(
        text, national or "", abroad, region, is_region_given=is_region_given
    ):
        raise Refused(
            "PHONE_AMBIGUOUS",
            "The number is valid as a national one and, with a plus, as an international one; write it with +.",
        )
    return national or abroad


def _is_plainly_national(
    text: str, national: str, abroad: str, region: str | None, *, is_region_given: bool
) -> bool:
    """Whether the national reading is the only one a person would think of, although a plus gives a valid number, too.

    It is where the region dials no trunk prefix (in Germany, a national number begins with 0; in the USA with its
    area code), and the number is grouped otherwise than after the other reading's calling code.
    """
    metadata = None if region is None else PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or (metadata.national_prefix == "0" and not _drops_trunk(metadata)):
        return False
    own = f"+{metadata.country_code}"
    if abroad.startswith(own):
        return False  # the number begins with the region's own calling code
    first = re.match(r"\d+", text)
    is_grouped = first is not None and first.group() != _NO_DIGIT.sub("", text)
    code = str(phonenumbers.parse(abroad, None).country_code)
    if is_grouped and first is not None:
        return first.group() != code
    return is_region_given or national.startswith("+1")


def _drops_trunk(metadata: PhoneMetadata) -> bool:
    return metadata.national_prefix_for_parsing is None


def _is_number(text: str, region: str | None) -> bool:
    plain = text.strip()
    return bool(plain) and _digits(plain) >= _FEWEST_DIGITS and _parse(plain, region) is not None


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def _parse(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return _e164(number) if phonenumbers.is_valid_number(number) else None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _complaint(text: str, region: str | None) -> str:
    if not any(character.isdigit() for character in text):
        return "The phone number has no digits; write it with + and the country's calling code."
    if is_international(text):
        return "No such phone number can exist; check its calling code and its number of digits."
    where = "in the lead's country" if region else "without a country"
    return (
        f"No such phone number can exist {where}; check its digits, or write it with + and the calling code."
    )

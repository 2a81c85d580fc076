"""Normalises e-mail addresses; the result is also the identity of a contact."""

from __future__ import annotations

import re
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

from actions.normalise.folding import IGNORABLE, first_ignorable
from actions.normalise.refused import Refused, Remark, Remarks, too_long

LENGTH = 254
"""Characters that fit into an SMTP path (RFC 5321, 4.5.3.1.3, less the angle brackets)."""

LOCAL_OCTETS = 64
"""Bytes of the part before the @ (RFC 5321, 4.5.3.1.1; in UTF-8 by RFC 6531)."""

# Settles what nearly everybody types, in one pass without backtracking (possessive quantifiers). It only ever
# says yes, and only where email-validator says yes too: a test compares them. "--" is left to the library, as
# it may be an encoded label (xn--), and so are the names that never receive mail.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}+@)"
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++)*+@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?+\.)++"
    r"(?!(?i:arpa|invalid|local|localhost|onion|test)\Z)[A-Za-z]{2,63}+"
)
_BLANK = re.compile(r"\s")


def normalise_email(text: str, remarks: Remarks | None = None) -> str | None:
    """Return an address in its one spelling: lower case, NFC, the domain in ASCII (IDNA); None when blank.

    The part before the @ is lowered, too: hardly any mail service distinguishes `John` from `john`, and two contacts
    for one person are worse than the rare service that does. Dots and `+tags` count. What people and programs write
    around an address goes (`mailto:`, a name with angle brackets, quotes, a comma at the end, invisible characters),
    and compatibility characters and typographic apostrophes become plain ones; `remarks` gets what was done.
    Raises `Refused` (TOO_LONG, EMAIL_INVALID).
    """
    text = text.strip()
    if not text:
        return None
    if len(text) <= LENGTH and _PLAIN.fullmatch(text) and "--" not in text:
        return text.lower()
    if len(text) > _RAW_LENGTH:
        raise too_long(len(text), LENGTH)
    text = _bare(text, [] if remarks is None else remarks)
    if not text:
        return None
    if len(text) > LENGTH:
        raise too_long(len(text), LENGTH)
    if _PLAIN.fullmatch(text) and "--" not in text:
        return text.lower()
    local, domain = _settle(text)
    folded = normalize("NFC", local.lower())
    if folded != local and not folded.isascii():
        _settle(f"{folded}@{domain}")  # lowering can change letters and the length
    return f"{folded}@{domain}"


_RAW_LENGTH = 1_000
"""Characters of an address with everything that is written around it."""
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u2032", "'"))
_IN_BRACKETS = re.compile(r"[^<>@]*<([^<>\s]*)>")
_QUOTED_NAME = re.compile(r'"[^"]*"\s*(?=<)')
_AROUND = (('"', '"'), ("'", "'"), ("(", ")"), ("[", "]"), ("<", ">"))
_SEVERAL = re.compile(r"@[^@]*[\s,;/|&]+[^@]*[^\s@,;/|&<]+@")


def _bare(text: str, remarks: Remarks) -> str:
    """Return the one address in the text; add what was taken off it to `remarks`. Raises `Refused`."""
    plain = _plain(text, remarks)
    if _SEVERAL.search(_QUOTED_NAME.sub("", plain)):
        raise Refused("EMAIL_INVALID", "The cell has two addresses; send one lead for each, or choose one.")
    bare = plain
    named = _IN_BRACKETS.fullmatch(_QUOTED_NAME.sub("", bare.rstrip(" ,;.")))
    if named is not None:
        bare = named.group(1)
    if bare[:7].lower() == "mailto:":
        bare = bare[7:].partition("?")[0]
    bare = bare.strip(" ,;").removesuffix(".")
    for opening, closing in _AROUND:
        if len(bare) > 2 and bare[0] == opening and bare[-1] == closing:  # noqa: PLR2004 - the two marks
            bare = bare[1:-1].strip()
    if bare != plain:
        remarks.append(Remark("UNWRAPPED", "Taken out of what was written around the address."))
    return bare


def _plain(text: str, remarks: Remarks) -> str:
    if text.isascii():
        return text
    plain = text
    hidden = first_ignorable(plain)
    if hidden is not None:
        plain = _EDGES.sub("", plain).strip()
        hidden = first_ignorable(plain)
        if hidden is not None:
            raise Refused(
                "EMAIL_INVALID",
                f"The e-mail address has an invisible character (U+{ord(plain[hidden]):04X}) at character "
                f"{hidden + 1}; write it without.",
            )
        remarks.append(
            Remark("INVISIBLE_REMOVED", "Invisible characters before or after the address were removed.")
        )
    folded = normalize("NFKC", plain).translate(_APOSTROPHES).strip()
    if folded != normalize("NFC", plain):
        remarks.append(
            Remark(
                "CHARACTERS_FOLDED", "Full-width or typographic characters of the address became plain ones."
            )
        )
    return folded


_EDGES = re.compile(rf"\A[{IGNORABLE}\s]+|[{IGNORABLE}\s]+\Z")


def _settle(text: str) -> tuple[str, str]:
    try:
        found = validate_email(
            text,
            allow_smtputf8=True,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            check_deliverability=False,
            globally_deliverable=True,
            strict=True,
        )
    except EmailNotValidError:
        raise Refused("EMAIL_INVALID", _complaint(text)) from None
    if len(found.local_part.encode()) > LOCAL_OCTETS:
        raise Refused("EMAIL_INVALID", f"The part before the @ has more than {LOCAL_OCTETS} bytes in UTF-8.")
    if found.ascii_domain[-2:-1] == ".":
        raise Refused(
            "EMAIL_INVALID", "The domain ends with one letter, and no top-level domain has only one."
        )
    return found.local_part, found.ascii_domain.lower()


def _complaint(text: str) -> str:
    """Return the fault and its place in our own words, because the library's may quote the address."""
    comma = text.find(",")
    if comma >= 0:
        return f"The e-mail address has a comma at character {comma + 1}; is it a dot?"
    blank = _BLANK.search(text)
    if blank:
        return f"The e-mail address has a blank at character {blank.start() + 1}; write it without."
    ats = text.count("@")
    if ats != 1:
        found = f"has {ats}, the last at character {text.rindex('@') + 1}" if ats else "has none"
        return f"An e-mail address has exactly one @; this one {found}. Write it like name, @, domain."
    return _complaint_about(*text.split("@"))


def _complaint_about(local: str, domain: str) -> str:
    at = len(local) + 1
    if not local or not domain:
        return f"The e-mail address has nothing {'after' if local else 'before'} the @; write it in full."
    dots = f"{local}@{domain}".find("..") + 1
    if dots:
        return f"The e-mail address has two dots in a row at character {dots}; leave one out."
    if local.startswith(".") or local.endswith("."):
        place = 1 if local.startswith(".") else len(local)
        return f"The e-mail address has a stray dot at character {place}, before the @; leave it out."
    if "." not in domain.strip("."):
        return f"The domain, from character {at + 1} on, has no ending such as a country's; add it."
    return (
        "No mail can be sent to this e-mail address; "
        f"check the name before the @ (character {at}) and the domain after it."
    )

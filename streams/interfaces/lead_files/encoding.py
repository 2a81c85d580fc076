"""Decides about the encoding of a whole file, before the first lead of it goes anywhere."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from streams.interfaces.lead_files.source import LeadFileError, Source, StoppedError

_BOMS = (
    # UTF-32's mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LABELS = {
    **{f"cp{number}": f"windows-{number}" for number in range(1250, 1259)},
    "cp932": "shift_jis", "mac_roman": "macintosh",
}  # fmt: skip
"""Names as people know them; Python reads them too."""
_LIKELY = (
    "cp1252", "cp1250", "cp1251", "cp1254", "cp1253", "cp1257", "mac_roman", "cp850", "iso8859_15", "iso8859_2",
    "koi8_r", "shift_jis", "gb18030", "euc_kr", "big5", "cp1255", "cp1256", "cp874",
)  # fmt: skip
"""Encodings that spreadsheets and exports write, the most frequent first."""
_NO_ENCODINGS = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap", "utf-7"}
)
_C1 = re.compile("[\x80-\x9f]")
_SAMPLE = 1 << 16
_LONGEST_SHOWN = 1 << 16
_LOOKED_AT = 4096
_MISREAD_BOM = "\u00ef\u00bb\u00bf"
"""UTF-8's mark after a program took it for windows-1252 and wrote it as UTF-8."""


class Encoding(NamedTuple):
    """How to decode a file."""

    codec: str
    bom: int
    """Number of bytes of its mark, which are no text."""
    warning: str | None = None

    @property
    def label(self) -> str:
        """Name for people."""
        return label_of(self.codec)


class Place(NamedTuple):
    """Where bytes cannot be decoded."""

    byte: int
    """Counted from 1."""
    line: int
    before: str
    """What stands before it in its line, at most 64 KiB."""


class UndecodableError(LeadFileError):
    """The file is not in the encoding it should be in."""

    def __init__(self, codec: str, place: Place, likely: tuple[str, ...]) -> None:
        """`likely` are encodings that could read the file, the most likely first."""
        super().__init__(f"not {label_of(codec)} at byte {place.byte}")
        self.codec = codec
        self.place = place
        self.likely = likely


def label_of(codec: str) -> str:
    """Return an encoding's name as people know it."""
    name = codecs.lookup(codec).name
    return "UTF-8" if name == "utf-8" else _LABELS.get(name, name)


def decide(source: Source, given: str | None) -> Encoding:
    """Return the encoding of a file all of which can be decoded. Raise `LeadFileError`, `UndecodableError`."""
    head = source.head()
    bom, marked = next(((len(mark), name) for mark, name in _BOMS if head.startswith(mark)), (0, None))
    wanted = None if given is None else _codec_of(given)
    if wanted is not None and marked is not None and not _is_same(wanted, marked):
        raise LeadFileError(
            f"the file begins with the byte order mark of {label_of(marked)}; leave out --encoding {given}"
        )
    codec = marked or wanted or "utf-8"
    if marked is None and wanted is None and (hidden := _without_mark(head)) is not None:
        raise LeadFileError(
            f"the file looks like {hidden} without a byte order mark; --encoding {hidden} reads it"
        )
    bad = _first_undecodable(source, codec, bom)
    if bad is not None:
        likely = _likely(source, bom) if codec == "utf-8" else ()
        raise UndecodableError(codec, _place(source, codec, bom, bad), likely)
    warning = None
    if wanted is not None and codecs.lookup(codec).name not in ("utf-8", "utf-16-le", "utf-16-be", "ascii"):
        warning = _misreading(source, codec)
    return Encoding(codec, bom, warning)


def texts(source: Source, encoding: Encoding) -> Iterator[str]:
    """Yield the decoded text of a file in pieces, without marks at its start. Raise `LeadFileError`, `StoppedError`."""
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    is_begun = False
    try:
        for chunk in source.chunks(encoding.bom):
            text = decoder.decode(chunk)
            if not is_begun:
                text = without_marks(text)
                is_begun = bool(text)
            yield text
        if source.is_stopped:
            raise StoppedError
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise LeadFileError("the file was changed while it was read; publish it again") from None


def head_text(source: Source, encoding: Encoding) -> str:
    """Return the text of the first bytes, without a character that is cut off."""
    decoder = codecs.getincrementaldecoder(encoding.codec)(errors="replace")
    return without_marks(decoder.decode(source.head()[encoding.bom :]))


def without_marks(text: str) -> str:
    """Return a text without the byte order marks at its beginning, of which careless programs write several."""
    return text.lstrip("\ufeff").removeprefix(_MISREAD_BOM)


def _codec_of(given: str) -> str:
    try:
        found = codecs.lookup(given)
    except (LookupError, ValueError):
        found = None
    is_text = (
        found is not None
        and getattr(found, "_is_text_encoding", True)
        and found.incrementaldecoder is not None
    )
    if (
        found is None
        or not is_text
        or found.name.replace("_", "-") in {n.replace("_", "-") for n in _NO_ENCODINGS}
    ):
        raise LeadFileError(
            f"--encoding: {given[:60]!r} is no encoding that is known here; for example: utf-8, windows-1252, utf-16-le"
        )
    return "utf-8" if found.name == "utf-8-sig" else found.name


def _is_same(wanted: str, marked: str) -> bool:
    return wanted == marked or wanted == marked.rpartition("-")[0]


def _without_mark(head: bytes) -> str | None:
    beginning = head[:_LOOKED_AT]
    if not beginning.count(0) * 4 >= len(beginning) > 1:
        return None
    places = [beginning[place::4].count(0) for place in range(4)]
    quarter = len(beginning) // 4 * 0.5
    is_zero = [count > quarter for count in places]
    known = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    return known.get((is_zero[0], is_zero[1], is_zero[2], is_zero[3]))


def _first_undecodable(source: Source, codec: str, bom: int) -> int | None:
    """Return the place of the first byte that cannot be decoded, counted from 0 within the file."""
    decoder = codecs.getincrementaldecoder(codec)()
    is_lenient = not codec.startswith("utf")
    done = bom
    chunk = b""
    try:
        for chunk in source.chunks(bom):
            text = decoder.decode(chunk)
            # Where these bytes are no characters but controls, the file is in another encoding.
            if is_lenient and not text.isascii() and (control := _C1.search(text)):
                return done + len(text[: control.start()].encode(codec))
            done += len(chunk)
        chunk = b""
        if not source.is_stopped:
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return done - (len(error.object) - len(chunk)) + error.start
    return None


def _place(source: Source, codec: str, bom: int, bad: int) -> Place:
    decoder = codecs.getincrementaldecoder(codec)(errors="replace")
    ends, before, left, was_return = 0, "", bad - bom, False
    for chunk in source.chunks(bom):
        text = decoder.decode(chunk[:left])
        left -= len(chunk)
        ends += (
            text.count("\n") + text.count("\r") - text.count("\r\n") - (was_return and text.startswith("\n"))
        )
        was_return = text.endswith("\r")
        at = max(text.rfind("\n"), text.rfind("\r")) + 1
        before = (text[at:] if at else before + text)[-_LONGEST_SHOWN:]
        if left <= 0:
            break
    return Place(bad + 1, ends + 1, before)


def _likely(source: Source, bom: int) -> tuple[str, ...]:
    """Return names of encodings that may be the file's, at most two."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - only a file that is refused needs it

    sample = _lines_that_are_not_ascii(source, bom)
    matches = from_bytes(sample, cp_isolation=list(_LIKELY))
    found: dict[str, tuple[int, float, int]] = {}
    for match in matches:
        # Encodings that read the sample alike are one match.
        for name in {match.encoding, *match.could_be_from_charset}:
            codec = codecs.lookup(name).name.replace("-", "_")
            if name in _LIKELY and name not in found:
                found[name] = (
                    _oddities(sample.decode(codec, "replace")),
                    round(match.chaos, 1),
                    _LIKELY.index(name),
                )
    ranked = sorted(found, key=lambda name: found[name])
    best = [name for name in ranked if found[name][:2] == found[ranked[0]][:2]]
    readable = [name for name in best or ["cp1252"] if _first_undecodable(source, name, bom) is None]
    return tuple(label_of(name) for name in readable[:2])


def _lines_that_are_not_ascii(source: Source, bom: int) -> bytes:
    kept, size = [], 0
    for chunk in source.chunks(bom):
        if chunk.isascii():
            continue
        for line in re.split(rb"[\r\n]+", chunk):
            if not line.isascii():
                kept.append(line)
                size += len(line)
        if size > _SAMPLE:
            break
    return b"\n".join(kept)[:_SAMPLE]


def _oddities(text: str) -> int:
    """Return how many characters look as if they were decoded wrongly: signs and capitals within words."""
    odd = 0
    for before, character in zip(" " + text, text, strict=False):
        if not character.isascii():
            odd += not character.isalpha() or (character.isupper() and before.islower())
    return odd


def _misreading(source: Source, codec: str) -> str | None:
    """Return a warning when the file is UTF-8 beyond ASCII, so that another encoding misreads it."""
    if (
        all(chunk.isascii() for chunk in source.chunks())
        or _first_undecodable(source, "utf-8", 0) is not None
    ):
        return None
    return f"the whole file is valid UTF-8; {label_of(codec)} probably misreads its letters beyond ASCII"

"""Read e-mail addresses for SMTP, and keep them out of error messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr

import idna

_UNSAFE = re.compile(r'[\x00-\x20\x7f-\x9f<>",;:()\\\[\]]')
"""Characters that could end an address on an SMTP line or in a header. They exclude quoted local parts, which nobody
uses."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox in SMTP's form: `local`@`domain`, the domain in its ASCII form."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `local@domain`. Raise ValueError whose message does not contain the address."""
        local, _, domain = text.rpartition("@")
        if not local or not domain or _UNSAFE.search(text) or "@" in local:
            raise ValueError("the address is not of the form name@domain")
        if not domain.isascii():
            try:
                domain = idna.encode(domain, uts46=True).decode()
            except idna.IDNAError:
                raise ValueError("the address has a domain that no name server can know") from None
        return cls(local, domain)

    @property
    def text(self) -> str:
        """Return `local@domain`."""
        return f"{self.local}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """Whether a server without SMTPUTF8 can take it."""
        return self.local.isascii()


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of our mails: a mailbox, and the name shown with it."""

    address: Address
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Sender:
        """Read `hello@acme.example` or `Acme <hello@acme.example>`; raise ValueError with an example."""
        name, address = parseaddr(text)
        if not name and " " in text.strip():
            address = ""
        try:
            return cls(Address.parse(address), name)
        except ValueError:
            raise ValueError(
                f"the sender {text!r} is not an address; write it like 'Acme <hello@acme.example>'"
            ) from None


_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"',;:]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
LONGEST = 200
"""How many characters of a server's answer we repeat at most."""


def redacted(text: str, *private: str) -> str:
    """Return a server's answer on one line, with addresses and the `private` words replaced, cut to `LONGEST`."""
    text = _ADDRESS.sub("<address>", _CONTROL.sub(" ", text))
    for word in private:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "<address>", text, flags=re.IGNORECASE)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

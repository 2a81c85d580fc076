"""Read e-mail addresses for SMTP, and keep them out of error messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr

import idna

_UNSAFE = re.compile(r'[\x00-\x20\x7f-\x9f<>",;:()\\\[\]]')
"""What could end an address on an SMTP line or in a header. Quoted local parts fall with it: nobody has one."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox as SMTP wants it: `local`@`domain`, the domain in its ASCII form."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `local@domain`. Raises ValueError without the address in it."""
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
        """`local@domain`."""
        return f"{self.local}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """False when only a server with SMTPUTF8 can take it."""
        return self.local.isascii()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mails come from: a mailbox, and the name shown with it."""

    address: Address
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Sender:
        """Read `hello@acme.example` or `Acme <hello@acme.example>`; ValueError says what to write."""
        name, address = parseaddr(text)
        if not name and " " in text.strip():
            address = ""
        try:
            return cls(Address.parse(address), name)
        except ValueError:
            raise ValueError(
                f"the sender {text!r} is no address; write it like 'Acme <hello@acme.example>'"
            ) from None


_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"',;:]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
LONGEST = 200
"""Characters of a server's answer that we repeat."""


def redacted(text: str, *private: str) -> str:
    """Return a server's answer on one line, without anything like an address and without the `private` words."""
    text = _ADDRESS.sub("<address>", _CONTROL.sub(" ", text))
    for word in private:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "<address>", text, flags=re.IGNORECASE)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

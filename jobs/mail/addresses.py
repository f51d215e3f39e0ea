"""Parses exactly one e-mail address: no lists, groups, comments or control characters.

The standard library accepts `a@b.example, evil@z.example` and group syntax as two recipients and
lets NUL pass, so an address is matched here before the library sees it.
"""

from __future__ import annotations

import re
import unicodedata
from email.headerregistry import Address

LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3, without the angle brackets
LONGEST_LOCAL_PART = 64  # RFC 5321 4.5.3.1.1

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+[A-Za-z0-9-]*[A-Za-z0-9]")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
ENCODED_WORD = "=?"
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Unsendable(ValueError):
    """The letter cannot become a mail; the text says why, for a person."""


class Altered(Unsendable):
    """The built mail is not what was approved; the text names the parts that differ."""


class MailTooLarge(Unsendable):
    """The mail would be refused for its size; it may go without its files."""


def bare(text: str) -> str:
    """The address in `text`, its domain in ASCII (IDNA).

    Raises Unsendable for anything that is not exactly one address.
    """
    header(text, "the address")
    local, at, domain = text.partition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local) > LONGEST_LOCAL_PART:
        raise Unsendable("the address is not exactly one e-mail address")
    address = f"{local}@{_ascii_domain(domain)}"
    if len(address) > LONGEST_ADDRESS:
        raise Unsendable("the address is too long")
    return address


def named(text: str) -> Address:
    """`Jane Doe <ar@acme.example>` or a bare address as one header address.

    Raises Unsendable like `bare`.
    """
    header(text, "the address")
    match = _NAMED.fullmatch(text.strip())
    if match is None:
        return Address(addr_spec=bare(text))
    name = match["name"].strip().removeprefix('"').removesuffix('"')
    return Address(display_name=name, addr_spec=bare(match["address"]))


def clean(text: str, what: str) -> None:
    """Raise Unsendable for control, invisible and direction-changing characters."""
    if any(unicodedata.category(letter) in _UNSEEN for letter in text):
        raise Unsendable(f"{what} holds a control character or an invisible one")


def header(text: str, what: str) -> str:
    """The text, if it may be used in a header. Raises Unsendable.

    `=?` starts an encoded word (RFC 2047): Python up to 3.12 decodes it on input, line breaks and
    all, so a name could inject headers and a text of its own.
    """
    clean(text, what)
    if ENCODED_WORD in text:
        raise Unsendable(f"{what} holds “{ENCODED_WORD}”, which mail programs read as code")
    return text


def _ascii_domain(domain: str) -> str:
    try:
        name = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not _DOMAIN.fullmatch(name):
        raise Unsendable("the address has no valid domain")
    return name

"""The e-mail addresses of a customer in the ledger, and which domains belong to it alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from jobs.rules.facts.facts import Customer, Facts, Invoice

ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)
"""One mailbox as plain SMTP allows it (RFC 5321 4.1.2), without quotes or other scripts."""
LONGEST = 254
EVERYWHERE = frozenset(
    {
        *("aol", "bluemail", "fastmail", "gmail", "gmx", "googlemail", "hotmail", "hushmail"),
        *("icloud", "live", "mailbox", "msn", "outlook", "posteo", "proton", "protonmail"),
        *("rocketmail", "t-online", "tiscali", "tuta", "tutanota", "yahoo", "yandex", "ymail"),
        *("zoho", "zohomail"),
    }
)
"""Providers with many endings: yahoo.com, yahoo.co.uk, yahoo.de."""
FREE_MAIL = frozenset(
    {
        *("126.com", "163.com", "1und1.de", "aim.com", "arcor.de", "att.net", "bellsouth.net"),
        *("bigpond.com", "bigpond.net.au", "bluewin.ch", "btinternet.com", "btopenworld.com"),
        *("cableone.net", "centurylink.net", "charter.net", "comcast.net", "cox.net", "duck.com"),
        *("earthlink.net", "eircom.net", "email.com", "email.de", "free.fr", "freenet.de"),
        *("frontier.com", "frontiernet.net", "hey.com", "home.nl", "inbox.com", "juno.com"),
        *("kabelmail.de", "kpnmail.nl", "laposte.net", "libero.it", "mac.com", "magenta.de"),
        *("mail.com", "mail.de", "mail.ru", "me.com", "mindspring.com", "mnet-online.de"),
        *("mweb.co.za", "neuf.fr", "netcologne.de", "netscape.net", "netzero.net", "ntlworld.com"),
        *("online.de", "optimum.net", "optonline.net", "optusnet.com.au", "orange.fr"),
        *("pacbell.net", "pm.me", "prodigy.net", "qq.com", "roadrunner.com", "rogers.com"),
        *("rr.com", "sbcglobal.net", "sfr.fr", "shaw.ca", "sky.com", "skynet.be", "snet.net"),
        *("spectrum.net", "suddenlink.net", "swbell.net", "sympatico.ca", "talktalk.net"),
        *("telenet.be", "telus.net", "unitybox.de", "upcmail.nl", "verizon.net", "virgilio.it"),
        *("virginmedia.com", "vodafone.de", "wanadoo.fr", "web.de", "windstream.net"),
        *("wowway.com", "xs4all.nl", "xtra.co.nz", "ziggo.nl"),
    }
)
"""Providers at which anybody can have an address: two of theirs have nothing in common."""


def ledger_addresses(facts: Facts) -> tuple[str, ...]:
    """The ledger's addresses as spelled there, each once: BillEmail, else the customer's e-mail."""
    on_invoices = [i.email for i in facts.invoices if i.email.strip()]
    entries = [part for text in on_invoices or [facts.customer.email] for part in entries_in(text)]
    return tuple({entry.lower(): entry for entry in reversed(entries)}.values())[::-1]


def addresses_on(invoices: Iterable[Invoice], customers: Iterable[Customer]) -> dict[str, set[str]]:
    """Customer → the entries on its record and on its open invoices, in lower case."""
    found: dict[str, set[str]] = defaultdict(set)
    fields = [(i.customer, i.email) for i in invoices if i.is_open]
    for id, email in (*fields, *((c.id, c.email) for c in customers)):
        found[id] |= {entry.lower() for entry in entries_in(email)}
    return found


def entries_in(text: str) -> list[str]:
    """The entries of an e-mail field in the ledger, split at commas and semicolons, as spelled."""
    return [part.strip(" ") for part in re.split("[,;]", text) if part.strip(" ")]


def is_address(text: str) -> bool:
    """Whether a mail server would accept it as one mailbox."""
    return len(text) <= LONGEST and ADDRESS.fullmatch(text) is not None


def own_domain(address: str) -> str:
    """The domain of an address in lower case, or empty if anybody can have an address there."""
    domain = address.rpartition("@")[2].lower().rstrip(".")
    name, dot, _ = domain.partition(".")
    return domain if dot and name not in EVERYWHERE and domain not in FREE_MAIL else ""

"""Which e-mail domains belong to one customer, and which to everybody."""

from __future__ import annotations

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


def own_domain(address: str) -> str:
    """The domain of an address in lower case, or empty if anybody can have an address there."""
    domain = address.rpartition("@")[2].lower().rstrip(".")
    name, dot, _ = domain.partition(".")
    return domain if dot and name not in EVERYWHERE and domain not in FREE_MAIL else ""

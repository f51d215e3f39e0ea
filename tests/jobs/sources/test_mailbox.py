"""The finance mailbox over IMAP, read from a real server: whose mail, what kind, and no harm."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest

from jobs.reasoning.cleaning import visible
from jobs.rules.facts.evidence import Unreadable
from jobs.rules.facts.findings import Account, Down, Findings, Fresh
from jobs.sources import mailbox as module
from jobs.sources.imap import Fetched, ImapServer
from jobs.sources.inbound import parse
from jobs.sources.mailbox import Mailbox, Us
from jobs.sources.source import SourceError
from tests.jobs.mail.test_smtp import certificate
from tests.jobs.rules.world import policy
from tests.sandbox.faults import Fault, Kind
from tests.sandbox.mail.inbox import ADDRESS, PASSWORD, Inbox, running
from tests.sandbox.world import World

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)
US = Us(Address("Brass Fern Supply", addr_spec=ADDRESS))
OURS = "<overdue.0123456789abcdef0123456789abcdef@brass-fern.example>"
ADDRESSES = frozenset({"dana@acme.example", "acme.books@gmail.com"})
ACME = Account("1", "Acme", ADDRESSES, frozenset({OURS}))
BIRD = Account("2", "Birdseed", frozenset({"tweety@birdseed.example"}))
POLICY = policy()
HEAD = b"From: dana@acme.example\r\nTo: accounts@brass-fern.example\r\nSubject: Bill\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Inbox]:
    """One server for all tests."""
    with running(Inbox(World(lambda: NOW))) as inbox:
        yield inbox


@pytest.fixture
def inbox(server: Inbox, request: pytest.FixtureRequest) -> Iterator[Inbox]:
    """The server, reading an empty folder named for the test."""
    server.folder = f"Tests & Ärger/{abs(hash(request.node.name))}"
    server.put(HEAD.replace(b"acme", b"nobody") + b"\r\nold\r\n", SINCE - timedelta(days=30))
    server.world.requests.clear()
    yield server
    server.world.faults.clear()


def source(inbox: Inbox, **limits: Any) -> Mailbox:
    """The mailbox as the settings would name it."""
    return Mailbox(ImapServer.from_url(inbox.url, **limits), US)


def read(inbox: Inbox, *customers: Account) -> Mapping[str, Findings]:
    """What it says about these customers; all of it must be readable."""
    found = source(inbox).read(customers or (ACME, BIRD), SINCE, NOW, POLICY)
    assert all(one.freshness == Fresh(NOW) for one in found.values()), found
    return found


def said(found: Findings) -> list[tuple[str, str]]:
    """Kind and text of each document."""
    return sorted((one.kind, one.text) for one in found.documents)


def commands(inbox: Inbox, name: str) -> int:
    """How often the server was given this command."""
    return sum(seen.path == name for seen in inbox.world.requests)


def test_mail_is_matched_by_address_domain_and_answer(inbox: Inbox) -> None:
    """Free mail only by the whole address; an answer to our message whoever writes it."""
    for sender, text in [
        ("Dana <DANA@acme.example>", "exact"),
        ("bob@acme.example", "domain"),
        ("acme.books@gmail.com", "free mail"),
        ("other@gmail.com", "a stranger"),
        ("x@acme.example.evil.example", "a longer domain"),
        ("Tweety <tweety@birdseed.example>", "another customer"),
    ]:
        inbox.receive({"from": sender, "text": text})
    inbox.receive({"from": "kate@books.example", "text": "an answer", "in_reply_to": OURS})
    inbox.receive({"from": "dana@acme.example", "text": "old"}, SINCE - timedelta(hours=1))
    found = read(inbox, ACME, BIRD, Account("3", "Nobody", frozenset()))
    theirs = ["domain", "exact", "free mail"]
    assert said(found["1"]) == [*(("mail", text) for text in theirs), ("reply", "an answer")]
    assert said(found["2"]) == [("mail", "another customer")]
    assert all(not one.doubtful for one in found.values())
    # who may be chosen for copies: nobody at a free mail host, and no stranger who answered
    assert found["1"].people == {"dana@acme.example", "bob@acme.example"}
    assert [one.known for one in found.values()] == [True, True, False]
    assert {(one.source, one.at) for one in found["1"].documents} == {("mailbox", NOW)}


def test_what_may_belong_to_several_is_doubtful(inbox: Inbox) -> None:
    """An address that two customers share, a copy, and a colleague's mail that names two."""
    shared = Account("3", "Acme's bookkeeper's other", frozenset({"dana@acme.example"}))
    inbox.receive({"from": "dana@acme.example", "text": "for both"})
    found = read(inbox, ACME, shared)
    assert "several customers" in found["1"].doubtful
    assert "several customers" in found["3"].doubtful
    inbox.receive(
        {
            "from": "kate@books.example",
            "text": "a copy",
            "headers": {"Cc": "tweety@birdseed.example"},
        }
    )
    named = "Both dana@acme.example and tweety@birdseed.example complain"
    inbox.receive({"from": "sales@brass-fern.example", "text": named})
    found = read(inbox)
    assert said(found["2"]) == [("mail", "a copy")]
    assert "in copy" in found["2"].doubtful
    assert all("names several" in one.doubtful for one in found.values())


def test_an_address_of_ours_identifies_no_customer(inbox: Inbox) -> None:
    """An entry for trials with the finance mailbox as its address gets no mail of others."""
    trial = Account("9", "ZZ Test", frozenset({ADDRESS, "me@brass-fern.example"}), frozenset())
    other = Account("8", "ZZ Other", frozenset({ADDRESS, "zz@zz.example"}), frozenset())
    inbox.receive({"from": "dana@acme.example", "text": "No pallet came."})
    inbox.receive({"from": "stranger@unknown.example", "text": "Hello"})
    inbox.receive({"from": "marc@brass-fern.example", "text": "Dana <dana@acme.example> called."})
    inbox.receive({"from": "zz@zz.example", "text": "mine"})
    found = read(inbox, ACME, trial, other)
    theirs = {"No pallet came.", "Dana <dana@acme.example> called."}
    assert {text for _, text in said(found["1"])} == theirs
    assert said(found["8"]) == [("mail", "mine")]
    assert (said(found["9"]), found["9"].known, found["9"].doubtful) == ([], False, "")
    new = source(inbox).arrived([ACME, trial, other], None, SINCE, NOW).findings
    assert [len(new[id].documents) for id in "189"] == [2, 1, 0]


def test_a_colleague_passes_on_or_has_just_written(inbox: Inbox) -> None:
    """A forward is about whom it names; what one of us wrote is no document, only a time."""
    forward = (
        "FYI\n\n---------- Forwarded message ---------\nFrom: Dana <dana@acme.example>\n\nNo pallet"
    )
    inbox.receive({"from": "sales@brass-fern.example", "subject": "Fwd: Bill", "text": forward})
    inbox.receive(
        {"from": "sales@brass-fern.example", "to": "tweety@birdseed.example", "text": "Hi"},
        NOW - timedelta(days=2),
    )
    sent = HEAD.replace(b"dana@acme", b"accounts@brass-fern", 1).replace(
        b"To: ", b"Cc: dana@acme.example\r\nTo: "
    )
    inbox.put(sent + b"\r\nHi\r\n", NOW - timedelta(days=1), "Sent Items")
    inbox.put(sent + f"Message-ID: {OURS}\r\n\r\nOurs\r\n".encode(), NOW, "Sent Items")
    lost = sent.replace(b"dana@acme.example", b"ap@cage.example")
    inbox.put(lost + b"Message-ID: <overdue.ff@x>\r\n\r\nOurs\r\n", NOW, "Sent Items")
    cage = Account("3", "Cage", frozenset({"ap@cage.example"}), frozenset({"<overdue.ee@x>"}))
    found = read(inbox, ACME, BIRD, cage)
    ((kind, text),) = said(found["1"])
    assert (kind, "No pallet" in text) == ("forward", True)
    assert (found["3"].documents, found["3"].we_wrote_at) == ((), NOW), "not on record"
    assert found["1"].we_wrote_at == NOW - timedelta(days=1)
    assert (found["2"].documents, found["2"].we_wrote_at) == ((), NOW - timedelta(days=2))


QUOTING = {
    "a reply-all": (
        "Hi Dana, we look into it.\n\nOn Monday Dana <dana@acme.example> wrote:\n"
        "> We dispute invoice 1037."
    ),
    "without an address": "I see.\n\nOn Monday Dana Reyes wrote:\n> We dispute invoice 1037.",
    "as Outlook quotes": (
        "I see.\n\nFrom: Dana Reyes\nSent: Monday\nTo: Accounts\nSubject: Bill\n\n"
        "We dispute invoice 1037."
    ),
}
NOT_QUOTING = {
    "own words": "Hi Dana, here is the copy.",
    "our own letter": (
        f"Hi Dana, see this:\n\nOn Monday Brass Fern Supply <{ADDRESS}> wrote:\n> Please pay."
    ),
    "our own letter, all of it": f"On Monday Brass Fern Supply <{ADDRESS}> wrote:\n> Please pay.",
}


def test_a_colleagues_answer_does_not_hide_the_dispute_that_it_quotes(inbox: Inbox) -> None:
    """The quote is read, in an answer to our own message too; our words never are, whether a
    colleague quotes them, this product sent them, or they lie among what we sent."""
    colleague = {"from": "kate@brass-fern.example", "to": "dana@acme.example"}
    answer = {"subject": "Re: Bill", "in_reply_to": OURS}
    for text in (*QUOTING.values(), *NOT_QUOTING.values()):
        inbox.receive(colleague | answer | {"text": text})
    quoting = QUOTING["a reply-all"]
    sent = HEAD.replace(b"dana@acme", b"accounts@brass-fern", 1).replace(
        b"To: ", b"Cc: dana@acme.example\r\nTo: "
    )
    inbox.put(sent + f"\r\n{quoting} Again.\r\n".encode(), NOW, "Sent Items")
    inbox.put(sent + f"Message-ID: {OURS}\r\n\r\n{quoting} Ours.\r\n".encode())
    found = read(inbox)["1"]
    assert found.we_wrote_at == NOW
    assert sorted(text for _, text in said(found)) == sorted(QUOTING.values())
    assert {(one.author, one.sender) for one in found.documents} == {
        ("colleague", "kate@brass-fern.example")
    }
    # the customer's own mail is there, too, in other lines: once is enough
    inbox.receive({"from": "dana@acme.example", "text": "Hi. We dispute\ninvoice 1037. Dana"})
    found = read(inbox)["1"]
    assert [(one.author, one.sender) for one in found.documents] == [
        ("customer", "dana@acme.example")
    ]
    inbox.receive(colleague | answer | {"text": f"{quoting}\n> And a pallet is missing."})
    (missing,) = (one for one in read(inbox)["1"].documents if one.author == "colleague")
    assert "a pallet is missing" in missing.text
    # a colleague's own words to the others stay, without the quote; a mere quote says nothing
    for own in ("Do not chase her: she told me that it arrived damaged.", ""):
        aside = f"{own}\n\nOn Monday, dana@acme.example wrote:\n> We dispute invoice 1037."
        inbox.receive(
            {"from": "tom@brass-fern.example", "subject": f"AW: {own[:6]}", "text": aside}
        )
    (tom,) = (one for one in read(inbox)["1"].documents if one.sender.startswith("tom@"))
    assert tom.text == "AW: Do not\nDo not chase her: she told me that it arrived damaged."
    both = colleague | {"headers": {"Cc": "tweety@birdseed.example"}, "text": quoting}
    inbox.receive(both | {"subject": "Both"})
    found_ = read(inbox)
    assert len(found_["1"].documents) == 3
    assert all("names several" in one.doubtful for one in found_.values())


KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "a mail": ({"subject": "Bill"}, "mail"),
    "an answer": ({"subject": "Re: Bill", "in_reply_to": OURS}, "reply"),
    "out of office": ({"headers": {"Auto-Submitted": "auto-replied"}}, "automatic_reply"),
    "old style": ({"headers": {"X-Autoreply": "yes"}}, "automatic_reply"),
    "older style": ({"headers": {"Precedence": "auto_reply"}}, "automatic_reply"),
    "with a comment": ({"headers": {"Auto-Submitted": "auto-replied; x=y"}}, "automatic_reply"),
    "Die Ware ist nie angekommen": ({"headers": {"Precedence": "bulk"}}, "mail"),
    "from a list": ({"headers": {"Precedence": "list"}, "in_reply_to": OURS}, "reply"),
    "by its subject": ({"subject": "Abwesenheitsnotiz: Bill"}, "automatic_reply"),
    "not automatic": ({"headers": {"Auto-Submitted": "no"}}, "mail"),
    "away, with a question?": ({"headers": {"Auto-Submitted": "auto-replied"}}, "automatic_reply"),
    "away until Monday; we dispute it": ({"headers": {"Auto-Submitted": "auto-replied"}}, "mail"),
    "your invoice needs a PO number": ({"headers": {"Auto-Submitted": "auto-generated"}}, "mail"),
    "The pumps were never on our dock": (
        {"headers": {"Auto-Submitted": "auto-generated"}, "in_reply_to": OURS},
        "reply",
    ),
    "from a daemon": ({"from": "postmaster@acme.example"}, "automatic_reply"),
    "a forward": ({"subject": "WG: Bill"}, "forward"),
}


def test_kinds_of_mail_are_told_apart(inbox: Inbox) -> None:
    """Answers, automatic ones and forwards; all of them are read."""
    for name, (mail, _) in KINDS.items():
        inbox.receive({"from": "dana@acme.example", "text": name} | mail)
    found = {text.split("\n")[-1]: kind for kind, text in said(read(inbox)["1"])}
    assert found == {name: kind for name, (_, kind) in KINDS.items()}


def bounce(action: str = "failed", status: str = "5.1.1", to: str = "dana@acme.example") -> bytes:
    """What a server reports about our message (RFC 3464)."""
    return f"""From: MAILER-DAEMON@mx.example
To: {ADDRESS}
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x

The mail system could not deliver.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}

--x
Content-Type: message/rfc822

From: {ADDRESS}
To: {to}
Message-ID: {OURS}

Invoice 1037 is overdue.
--x--
""".replace("\n", "\r\n").encode()


def test_bounces_say_which_address_does_not_work(inbox: Inbox) -> None:
    """For good, not for now; of our message, without its text; and only the customer's own."""
    inbox.put(bounce())
    found = read(inbox)
    assert found["1"].bounced == {"dana@acme.example"}
    assert said(found["1"]) == [("bounce", "Undelivered\nThe mail system could not deliver.")]
    assert not found["2"].documents
    inbox.put(bounce("delayed", "4.4.1", "acme.books@gmail.com"))
    inbox.put(bounce("failed", "4.2.2", "acme.books@gmail.com"))
    inbox.put(bounce(to="stranger@acme.example"))
    inbox.put(
        b"From: postmaster@mx.example\r\nX-Failed-Recipients: tweety@birdseed.example\r\n"
        b"Subject: failed\r\n\r\ntweety@birdseed.example does not exist\r\n"
    )
    found = read(inbox)
    assert found["1"].bounced == {"dana@acme.example"}
    assert found["2"].bounced == {"tweety@birdseed.example"}
    kinds = sorted(kind for kind, _ in said(found["1"]))
    assert kinds == ["bounce", "bounce", "delay"]


LEFT = (
    "Dana no longer works for Acme.",
    "I have left the company; please write to Lee.",
    "This mailbox is no longer monitored.",
    "Frau Reyes ist nicht mehr für unser Haus tätig.",
    "Dieses Postfach wird nicht mehr gelesen.",
)
STILL_THERE = (
    "I am out of office until Monday.",
    "I no longer work on Fridays.",
    "Ich bin bis Montag nicht im Büro.",
    "Your mail has been received.",
)


def test_who_has_left_says_so_by_an_automatic_reply(inbox: Inbox) -> None:
    """Of the address itself: nobody else can put an end to it, nor an ordinary mail."""
    automatic = {"subject": "Automatic reply: Bill", "headers": {"Auto-Submitted": "auto-replied"}}
    inbox.receive({"from": "boss@acme.example", "text": LEFT[0]} | automatic)
    inbox.receive({"from": "dana@acme.example", "text": LEFT[0]})
    assert read(inbox)["1"].left == {}
    inbox.receive({"from": "Dana@acme.example", "text": LEFT[0]} | automatic)
    assert read(inbox)["1"].left == {"dana@acme.example": NOW}
    assert all(map(says_left, LEFT))
    assert not any(map(says_left, STILL_THERE))


def says_left(text: str) -> bool:
    """Whether an automatic reply with these words says that nobody reads its sender's mail."""
    raw = b"Auto-Submitted: auto-replied\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    raw += text.encode()
    mail = parse(Fetched(1, NOW, len(raw), raw), (), ())
    assert mail is not None
    return mail.says_left


def test_quotes_of_ours_are_left_out(inbox: Inbox) -> None:
    """In plain text and in HTML, English and German; what only one of the two says stays."""
    quoted = "> Please pay\n> Thanks"
    texts = [
        f"One\n\nOn Monday Brass Fern Supply <{ADDRESS}> wrote:\n{quoted}",
        f"Two\n\nAm Montag schrieb Brass Fern Supply <{ADDRESS}>:\n{quoted}",
    ]
    for text in texts:
        inbox.receive(
            {"from": "dana@acme.example", "subject": "Re: x", "text": text, "in_reply_to": OURS}
        )
    html = "<p>Three<span style='display:none'>Hidden</span></p><p>We dispute it</p>"
    inbox.receive({"from": "dana@acme.example", "text": "Three", "html": html})
    assert [text for _, text in said(read(inbox)["1"])] == ["Three\nWe dispute it", "One", "Two"]


MIXED = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
PDF = b'Content-Type: application/pdf; name="=?utf-8?q?sc=C3=A4n.pdf?="'
BROKEN: dict[str, tuple[bytes, str]] = {
    "unknown charset": (
        b"Content-Type: text/plain; charset=klingon\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n",
        "Bill\nGrüße",
    ),
    "wrong charset": (
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xfc\xdfe\r\n",
        "Bill\nGrüße",
    ),
    "broken base64": (
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"Hello all") + b"%%!\r\n",
        "Bill\nHello all",
    ),
    "no boundary": (b"Content-Type: multipart/mixed\r\n\r\nHello\r\n", "Bill\nHello"),
    "no end": (
        MIXED + b"\r\nHello\r\n",
        "Bill\nHello",
    ),
    "no headers for a part": (
        MIXED + b"Hello\r\n--x--\r\n",
        "Bill\nHello",
    ),
    "an attached mail": (
        b"Content-Type: message/rfc822\r\n\r\nFrom: bob@acme.example\r\n\r\nNo pallet\r\n",
        "Bill\nNo pallet",
    ),
    "a file": (
        MIXED + b"\r\nHello\r\n--x\r\n" + PDF + b"\r\n\r\nx\r\n--x--\r\n",
        "Bill\nHello\n[attached: scän.pdf]",
    ),
    "hidden characters": (
        "Content-Type: text/plain; charset=utf-8\r\n\r\npa\u200bid\u202e\r\n".encode(),
        "Bill\npaid",
    ),
}


def test_only_ids_that_can_be_kept_are_read() -> None:
    """The last ones of a header, without control characters: PostgreSQL refuses a NUL."""
    ids = b" ".join(b"<%d@acme.example>" % number for number in range(80))
    raw = HEAD + b"References: <a\x00b@c> <e\x1ff@g> " + ids + b"\r\n\r\nText\r\n"
    mail = parse(Fetched(1, NOW, len(raw), raw), (), ())
    assert mail is not None
    assert mail.answers == {f"<{number}@acme.example>" for number in range(30, 80)}


def test_broken_mails_are_read_as_far_as_they_go(inbox: Inbox) -> None:
    """No charset, boundary or encoding hides what somebody wrote."""
    for number, (rest, _) in enumerate(BROKEN.values()):
        inbox.put(HEAD + f"Message-ID: <{number}@acme.example>\r\n".encode() + rest)
    found = sorted(text for _, text in said(read(inbox)["1"]))
    assert found == sorted(text for _, text in BROKEN.values())


def test_a_mail_that_we_fail_at_is_said_and_the_others_are_read(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its customer is down: it may hold a dispute. Reading the folder goes on behind it."""

    def failing(html: str) -> str:
        if "fail" in html:
            raise AssertionError("a mistake of a library")
        return visible(html)

    monkeypatch.setattr("jobs.sources.inbound.visible", failing)
    inbox.put(HEAD.replace(b"dana@acme", b"tweety@birdseed") + HTML + b"<p>fail</p>\r\n")
    inbox.receive({"from": "dana@acme.example", "text": "We dispute it."})
    for found in (
        source(inbox).read([ACME, BIRD], SINCE, NOW, POLICY),
        source(inbox).arrived([ACME, BIRD], None, SINCE, NOW).findings,
    ):
        assert said(found["1"]) == [("mail", "We dispute it.")]
        assert found["1"].freshness == Fresh(NOW)
        assert isinstance(down := found["2"].freshness, Down)
        assert "is damaged" in down.reason


SIGNED = b"Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
HTML = b"Content-Type: text/html\r\n\r\n"
SEE_IT = b"Hello,\r\nfor everything that we have to say about it please see the attached letter."
LONG = b"Hello,\r\nthe driver brought the goods on Monday, and all of them are in the store by now."


def beside(file: bytes, text: bytes) -> bytes:
    """A mail of a text and a file."""
    return MIXED + b"\r\n" + text + b"\r\n--x\r\n" + file + b"\r\n\r\nx\r\n--x--\r\n"


WHOLE: dict[str, tuple[bytes, Unreadable | None]] = {
    "a text": (b"\r\nHello\r\n", None),
    "an empty mail": (b"\r\n\r\n", Unreadable.TEXT),
    "only a picture": (HTML + b"<p><img src='cid:1'></p>\r\n", Unreadable.TEXT),
    "an image": (b"Content-Type: image/png\r\n\r\nx\r\n", Unreadable.TEXT),
    "only a file": (MIXED + PDF + b"\r\n\r\nx\r\n--x--\r\n", Unreadable.TEXT),
    "a picture and a text": (
        SIGNED + HTML + b"Hello\r\n--x\r\nContent-Type: image/png\r\n\r\nx\r\n--x--\r\n",
        None,
    ),
    "encrypted": (
        MIXED.replace(b"mixed", b"encrypted") + b"\r\nYou need a key.\r\n--x--\r\n",
        Unreadable.TEXT,
    ),
    "S/MIME": (b"Content-Type: application/pkcs7-mime\r\n\r\nx\r\n", Unreadable.TEXT),
    "armoured": (b"\r\nHi\r\n-----BEGIN PGP MESSAGE-----\r\nx\r\n", Unreadable.TEXT),
    "a file that is referred to": (beside(PDF, SEE_IT), Unreadable.FILE),
    "im Anhang": (
        beside(PDF, SEE_IT.replace(b"see the attached letter", b"siehe Anhang")),
        Unreadable.FILE,
    ),
    "hardly a word": (beside(PDF, b"Hi Cora,\r\nregards, Dana"), Unreadable.FILE),
    "a file that says nothing new": (beside(PDF, LONG), None),
    "a logo": (beside(b"Content-Type: image/png; name=logo.png\r\nContent-ID: <1>", SEE_IT), None),
    "a signature": (beside(b"Content-Type: application/pkcs7-signature; name=s.p7s", SEE_IT), None),
    "a file that is mail": (beside(b"Content-Type: message/rfc822; name=a.eml", SEE_IT), None),
    "too long": (b"\r\n" + b"Hello\r\n" * 10_000, Unreadable.REST),
    "too much before it": (b"\r\n" + b"\r\n" * 60_000 + b"We dispute it\r\n", Unreadable.REST),
    "too much markup": (HTML + b"<p>Hello</p>" + b"<b></b>" * 40_000, Unreadable.REST),
}


def test_what_only_a_person_can_read_is_said() -> None:
    """A picture, a file, what is encrypted, and the end of what is too long."""
    for name, (rest, missing) in WHOLE.items():
        raw = HEAD + rest
        mail = parse(Fetched(1, NOW, len(raw), raw), US.names, ())
        assert mail is not None
        assert (mail.missing, mail.whole) == (missing, True), name
    report = parse(Fetched(1, NOW, 1, bounce()), US.names, ())
    assert report is not None
    assert report.missing is None
    ours = b"From: cora@" + US.domain.encode() + b"\r\n" + beside(PDF, SEE_IT)
    own = parse(Fetched(1, NOW, len(ours), ours), US.names, ())
    assert own is not None
    assert own.missing is None, "what a colleague attaches is known here"


def test_large_mails_are_read_to_the_end_of_their_text(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file behind the text stays on the server; for a text behind a file more is read."""
    parts = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n%s\r\n--x\r\n%s\r\n--x--\r\n"
    file = b"Content-Type: application/pdf\r\n\r\n" + b"x" * 100_000
    inbox.put(HEAD + parts % (b"\r\nText first", file))
    inbox.put(HEAD + parts % (file, b"\r\nFile first"))
    inbox.put(HEAD + b"\r\n" + b"word " * 8_000 + b"end\r\n")
    found = [text for _, text in said(read(inbox)["1"])]
    assert [text.split()[-2:] for text in found] == [
        ["File", "first"],
        ["Text", "first"],
        ["word", "end"],
    ]
    for number in range(module.LONG_AT_ONCE):
        words = f"No. {number}\r\n".encode() + b"word " * 7_000
        inbox.put(HEAD.replace(b"dana@acme", b"tweety@birdseed") + b"\r\n" + words)
    assert len(read(inbox)["2"].documents) == module.LONG_AT_ONCE, "more than in one answer"
    monkeypatch.setattr(module, "ALL", 40_000)
    found_ = source(inbox).read([ACME, BIRD], SINCE, NOW, POLICY)
    assert isinstance(down := found_["1"].freshness, Down)
    assert "too large" in down.reason
    assert found_["2"].freshness == Fresh(NOW)


def test_many_customers_take_few_commands(inbox: Inbox) -> None:
    """A hundred customers: fewer than one search for each five, and each mail in its place."""
    many = [
        Account(
            str(n), "", frozenset({f"ap@customer{n}.example"}), frozenset({f"<overdue.{n:032}@x>"})
        )
        for n in range(100)
    ]
    for n in range(0, 100, 20):
        inbox.receive({"from": f"ap@customer{n}.example", "text": f"from {n}"})
    inbox.world.requests.clear()
    found = read(inbox, *many)
    assert {id: said(one)[0][1] for id, one in found.items() if one.documents} == {
        str(n): f"from {n}" for n in range(0, 100, 20)
    }
    assert commands(inbox, "SEARCH") <= 20
    assert commands(inbox, "LOGIN") == 1
    assert commands(inbox, "SEARCH") + commands(inbox, "FETCH") <= 50


def test_one_customer_may_have_any_number_of_addresses(inbox: Inbox) -> None:
    """Over several searches; without an address, answers to our messages still count."""
    names = frozenset(f"shop{n}.of.acme@gmail.com" for n in range(90))
    inbox.receive({"from": "shop89.of.acme@gmail.com", "text": "from the last"})
    inbox.receive({"from": "kate@books.example", "text": "an answer", "in_reply_to": OURS})
    found = read(
        inbox, Account("1", "Acme", names), Account("2", "", frozenset(), frozenset({OURS, ""}))
    )
    assert said(found["1"]) == [("mail", "from the last")]
    assert said(found["2"]) == [("reply", "an answer")]


def test_nothing_is_marked_as_read(inbox: Inbox) -> None:
    """Flags are the same afterwards, and the folder is only examined."""
    inbox.receive({"from": "dana@acme.example", "text": "new"})
    inbox.put(HEAD + b"\r\nread\r\n", seen=True)
    read(inbox)
    assert commands(inbox, "EXAMINE") > 0
    assert commands(inbox, "SELECT") + commands(inbox, "STORE") == 0
    session = source(inbox).server
    with session.session() as opened:
        opened.open(inbox.folder)
        assert len(opened.search("UNSEEN")) == 2
        assert len(opened.search("SEEN")) == 1


FAULTS: list[tuple[Kind, str, str]] = [
    ("refuse", "CONNECT", "broke off"),
    ("garbage", "CONNECT", "broke off"),
    ("status", "LOGIN", "refused the login"),
    ("status", "EXAMINE", "cannot open the folder"),
    ("late", "SEARCH", "broke off"),
    ("reset", "SEARCH", "broke off"),
    ("html", "SEARCH", "broke off"),
    ("status", "SEARCH", "did not search"),
    ("late", "FETCH", "broke off"),
    ("status", "FETCH", "did not give"),
    ("stall", "FETCH", "too long"),
]


def test_whatever_fails_is_down_and_never_clean(inbox: Inbox) -> None:
    """A server that refuses, cuts, stalls or speaks nonsense, at each command, and then heals."""
    inbox.receive({"from": "dana@acme.example", "text": "We dispute it"})
    for kind, command, reason in FAULTS:
        mailbox = source(inbox, command_seconds=1.0 if kind == "stall" else 30.0)
        inbox.world.faults.add(Fault("imap", command, kind))
        found = mailbox.read([ACME, BIRD], SINCE, NOW, POLICY)
        down = found["1"].freshness
        assert isinstance(down, Down), (kind, command)
        assert (reason in down.reason, down.since) == (True, NOW), down.reason
        assert found["2"].freshness == down
        assert PASSWORD not in down.reason
        with contextlib.suppress(SourceError):  # the doctor may not need that command
            assert "mails in" in mailbox.check(NOW, POLICY)
        inbox.world.faults.clear()
    assert said(read(inbox)["1"]) == [("mail", "We dispute it")]


def test_a_session_ends_in_time(inbox: Inbox) -> None:
    """A server that always says a little more does not hold the worker."""
    inbox.world.faults.add(Fault("imap", "SEARCH", "stall"))
    mailbox = source(inbox, longest_seconds=0.3)
    found = mailbox.read([ACME], SINCE, NOW, POLICY)
    assert isinstance(found["1"].freshness, Down)


def test_doctor_says_what_could_be_read(inbox: Inbox) -> None:
    """Folder, number and age, or what is wrong."""
    inbox.receive({"from": "dana@acme.example", "text": "new"})
    assert (
        source(inbox)
        .check(NOW, POLICY)
        .startswith(f"2 mails in {inbox.folder}, the oldest of July 23, 2026")
    )
    wrong = replace(source(inbox).server, password="wrong")
    with pytest.raises(SourceError, match="refused the login"):
        Mailbox(wrong, US).check(NOW, POLICY)
    with pytest.raises(SourceError, match="IMAP_URL has no password"):
        Mailbox(replace(wrong, password=""), US).check(NOW, POLICY)
    with pytest.raises(SourceError, match="cannot open the folder Nowhere"):
        Mailbox(replace(source(inbox).server, folder="Nowhere"), US).check(NOW, POLICY)


AT = 'INTERNALDATE "20-Nov-2026 10:00:00 +0000"'
ASKED = "From: dana@acme.example\r\n\r\nHi"
GOOD = f"* 1 FETCH (UID 1 {AT} RFC822.SIZE 29 BODY[]<0> {{29}}\r\n{ASKED})"
LIES = {
    "as it should be": (GOOD, ""),
    "the attributes last": (
        f"* 1 FETCH (BODY[]<0> {{29}}\r\n{ASKED} RFC822.SIZE 29 {AT} UID 1)",
        "",
    ),
    "news of another mail": (f"* 7 FETCH (FLAGS (\\Seen))\r\n{GOOD}\r\n* 9 EXISTS", ""),
    "an empty mail": (f'* 1 FETCH (UID 1 {AT} RFC822.SIZE 0 BODY[]<0> "")', ""),
    "not the mail": ("* 9 EXISTS", "did not give its mails: some that it had found"),
    "another mail": (GOOD.replace("UID 1", "UID 2"), "did not give its mails"),
    "no attributes": (f"* 1 FETCH (BODY[]<0> {{29}}\r\n{ASKED})", "not IMAP"),
    "no such day": (GOOD.replace("20-Nov", "99-Nov"), "not IMAP"),
    "endless": ("* 1 FETCH (BODY[] {99999999999}\r\n", "broke off"),
    "one long line": ("* " + "x" * 2_000_000, "did not give its mails"),
    "half": (GOOD[:-20], "broke off"),
}


class Liar(socketserver.StreamRequestHandler):
    """An IMAP server that has one mail, and answers FETCH as it is told."""

    answer = ""

    def handle(self) -> None:
        self.say("* OK [CAPABILITY IMAP4rev1] ready")
        for line in self.rfile:
            tag, command, *words = line.decode().split()
            if words[:1] == ["FETCH"]:
                self.say(self.answer)
                if self.answer.startswith("* 1 FETCH") and not self.answer.endswith(")"):
                    return
            said = {"CAPABILITY": "* CAPABILITY IMAP4rev1", "EXAMINE": "* 1 EXISTS"}.get(
                command, ""
            )
            self.say("\r\n".join(filter(None, [said or self.searched(words), f"{tag} OK done"])))

    def searched(self, words: list[str]) -> str:
        return "* SEARCH 1" if words[:1] == ["SEARCH"] else ""

    def say(self, line: str) -> None:
        with contextlib.suppress(ConnectionError):
            self.wfile.write(f"{line}\r\n".encode())


def test_a_server_that_lies_is_not_believed() -> None:
    """Whatever order and form the protocol allows is read; anything else is Down."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Liar) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"imap://a:b@127.0.0.1:{server.server_address[1]}/"
        mailbox = Mailbox(ImapServer.from_url(url), US)
        for name, (answer, reason) in LIES.items():
            Liar.answer = answer
            freshness = mailbox.read([ACME], SINCE, NOW, POLICY)["1"].freshness
            if reason:
                assert isinstance(freshness, Down), name
                assert reason in freshness.reason, (name, freshness.reason)
            else:
                assert freshness == Fresh(NOW), name
        server.shutdown()


def test_only_a_trusted_server_is_given_the_password(tmp_path: Path) -> None:
    """Over TLS, and never to somebody whose certificate nobody vouches for."""
    with certificate(tmp_path) as (server, client), running(Inbox(World(), tls=server)) as inbox:
        trusted = ImapServer.from_url(inbox.url, tls=client)
        assert "0 mails" in Mailbox(trusted, US).check(NOW, POLICY)
        with pytest.raises(SourceError, match="cannot be trusted"):
            Mailbox(ImapServer.from_url(inbox.url), US).check(NOW, POLICY)
        assert commands(inbox, "LOGIN") == 1

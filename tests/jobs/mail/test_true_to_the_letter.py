"""What a mail server gets is what was approved, whatever stands in the ledger, an edit, a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import compat32, default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.mail import compose
from jobs.mail.addresses import Altered, Unsendable, named
from jobs.mail.results import Sent
from jobs.mail.smtp import Smtp
from jobs.rules import drafts
from jobs.rules.case import Proposal
from jobs.rules.facts.past import Past
from jobs.rules.letters.html import HtmlText
from jobs.rules.letters.letter import Envelope, Letter
from jobs.rules.states import CaseClass, Stage
from tests.jobs.mail.letters import AT, PDF, letter, ours
from tests.jobs.rules.world import facts, invoice, policy
from tests.sandbox.mail.mailbox import Mailbox, running
from tests.sandbox.world import World

PIECES = (
    "=?utf-8?q?=0ABcc:_evil=40evil.example?=",
    "=?utf-8?b?CkJjYzogZXZpbEBldmlsLmV4YW1wbGU=?=",
    "=?utf-8?q?=0D=0A=0D=0APay_evil.example?=",
    "=?iso-8859-1?q?=E9?=",
    "\r\nBcc: evil@evil.example",
    "\nContent-Type: text/html\n\n<b>",
    "--=_boundary",
    "\x00",
    "\u2028",
    "\u202e",
    "é",
    "=?",
    "?=",
    "=",
    "<",
    ">",
    ",",
    ";",
    '"',
    "@evil.example",
    "[pay link 99]",
    "{total_open}",
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), min_size=1, max_size=6).map(
    "".join
)


@pytest.fixture(scope="module")
def sink() -> Iterator[Mailbox]:
    """A mail server that takes anything."""
    with running(Mailbox(World(), permissive=True)) as mailbox:
        yield mailbox


def accepted(sink: Mailbox, one: Letter, files: list[compose.File]) -> bytes | None:
    """What the server got of this letter; None where it cannot become a mail."""
    sink.mails.clear()
    try:
        built = compose.message(one, {}, files, case_id="412", at=AT, domain="ours.example")
    except (Unsendable, drafts.PayLinkError):
        # Altered among them: then Python itself could not write this subject
        return None
    result = Smtp.from_url(sink.url).send(named(one.sender).addr_spec, [one.to], built, ours)
    assert isinstance(result, Sent)
    (mail,) = sink.mails
    return mail.raw


def is_true(raw: bytes, one: Letter, names: list[str]) -> None:
    """Read the mail by the old rules and the new: they agree with the letter."""
    mail = message_from_bytes(raw, policy=default)
    assert str(mail["Subject"]).lstrip() == one.subject
    assert [str(mail["From"]), str(mail["To"])] == [str(named(one.sender)), one.to]
    expected = ["date", "from", "message-id", "mime-version", "reply-to", "subject", "to"]
    assert sorted(name.lower() for name in mail) == sorted([*expected, "content-type"])
    assert len(message_from_bytes(raw, policy=compat32).items()) == len(mail.items())
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == one.body + "\n"
    html = mail.get_body(("html",))
    assert html is not None
    shown = HtmlText(html.get_content())
    assert (shown.text, shown.hrefs) == (" ".join(one.body.split()), [])
    assert [part.get_filename() for part in mail.iter_attachments()] == names


@given(
    number=HOSTILE,
    customer=HOSTILE,
    person=HOSTILE,
    purchase_order=HOSTILE,
    model=st.none() | st.tuples(HOSTILE, HOSTILE),
    stage=st.sampled_from(Stage),
)
def test_no_ledger_field_and_no_model_adds_a_header_or_a_word(
    sink: Mailbox,
    number: str,
    customer: str,
    person: str,
    purchase_order: str,
    model: tuple[str, str] | None,
    stage: Stage,
) -> None:
    """Document number, names, PO number and a model's text, in every template."""
    found = facts(invoice(number, po_number=purchase_order), stage=stage)
    found = replace(found, customer=replace(found.customer, name=customer, contact=person))
    subject, sentences = (model[0], (model[1],)) if model else ("", ())
    proposal = Proposal(
        CaseClass.ROUTINE_REMINDER, "high", (), "Late.", subject, sentences, "a model"
    )
    one = drafts.compose(
        found,
        stage,
        "412",
        policy(),
        Past(),
        Envelope("Cora Lindqvist <ar@ours.example>", "ar@ours.example", "billing@acme.example"),
        proposal=proposal,
        deadline=found.today if stage >= Stage.FIRM else None,
    )
    files = [compose.File(file.file_name, b"%PDF") for file in one.attachments]
    raw = accepted(sink, one, files)
    if raw is not None:
        is_true(raw, one, [file.name for file in files])


@given(subject=HOSTILE, body=HOSTILE)
def test_no_edit_adds_a_header_or_a_word(sink: Mailbox, subject: str, body: str) -> None:
    """What a person types is sent as they typed it, or not at all."""
    one = drafts.edited(replace(letter(), attachments=()), f"Re {subject}", f"Hello\n{body}")
    raw = accepted(sink, one, [])
    if raw is not None:
        is_true(raw, one, [])


@pytest.mark.parametrize("piece", PIECES[:4])
def test_an_encoded_word_is_never_sent(piece: str) -> None:
    """In a subject, a name, a file name or an address it is refused before anything is built."""
    for changed in (
        {"subject": f"Invoice {piece}"},
        {"sender": f"{piece} <ar@ours.example>"},
        {"reply_to": f"{piece} <ar@ours.example>"},
        {"to": f"{piece}@acme.example"},
    ):
        one = letter(**changed, attachments=())
        with pytest.raises(Unsendable):
            compose.message(one, {}, [], case_id="412", at=AT, domain="ours.example")


def test_what_was_built_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part that could differ is named, whatever made it differ."""
    one = letter()
    good = compose.message(one, {}, [PDF], case_id="412", at=AT, domain="ours.example")
    headers = {"date", "from", "reply-to", "to", "subject", "message-id"}
    headers |= {"mime-version", "content-type"}
    compose.check(good, one, {}, [PDF], headers)
    table = {
        "its headers": good.replace(b"Date:", b"Bcc: evil@evil.example\r\nDate:", 1),
        "From": good.replace(b"From: Dana", b"From: Dona", 1),
        "To": good.replace(b"To: billing@", b"To: paying@", 1).replace(b"Reply-paying", b"", 1),
        "the subject": good.replace(b"Subject: Invoice 1037", b"Subject: Invoice 1038", 1),
        "the text": good.replace(b"is open", b"is paid", 1),
        "the HTML part": b"is paid".join(good.rsplit(b"is open", 1)),
        "the files": good.replace(b"Invoice 1037.pdf", b"Invoice 1038.pdf"),
    }
    for part, bad in table.items():
        assert bad != good, part
        with pytest.raises(Altered, match=part):
            compose.check(bad, one, {}, [PDF], headers)
    longer = replace(one, body=f"{one.body} more")
    with pytest.raises(Altered, match="the text, the HTML part"):
        compose.check(good, longer, {}, [PDF], headers)

"""Letters: what they say, what they leave out, and what a value can never do to them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.rules.case import Proposal
from jobs.rules.drafts import (
    PayLinkError,
    compose,
    deadline_for,
    edited,
    fill_pay_links,
    note_text,
    pay_links_in,
    template,
)
from jobs.rules.facts.facts import Customer, Facts
from jobs.rules.facts.past import Past
from jobs.rules.figures import Money
from jobs.rules.letters.letter import Envelope, Letter
from jobs.rules.policy.policy import Policy
from jobs.rules.states import CaseClass, Stage
from tests.jobs.rules.world import contact, credit, facts, invoice, missed, policy, usd

DEADLINE = date(2026, 10, 23)
LINK = "https://pay.intuit.com/scs-v1-abc"


def letter(
    about: Facts,
    stage: Stage = Stage.REMINDER,
    past: Past | None = None,
    rules: Policy | None = None,
    **more: Any,
) -> Letter:
    """The letter of a case, from the billing mailbox to its recipient."""
    return compose(
        about,
        stage,
        "412",
        rules or policy(),
        past or Past(),
        Envelope("billing@harbor.example", "billing@harbor.example", "ap@cooper.example"),
        **more,
    )


def proposal(*sentences: str, class_: CaseClass = CaseClass.ROUTINE_REMINDER) -> Proposal:
    """What a model proposed."""
    subject = "A word about {invoices}" if sentences else ""
    return Proposal(class_, "high", (), "A summary.", subject, sentences, "some-model")


def named(name: str) -> Facts:
    """The usual facts, the customer called `name`."""
    return facts(customer=Customer("58", name, "", usd(0)))


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage.REMINDER, ["been overlooked", "please ignore this message"]),
        (Stage.FOLLOW_UP, ["$845.00", "When can we expect the"]),
        (Stage.FIRM, ["by October 23, 2026", "call me directly on +1 555 010 7788", "holding up"]),
        (Stage.FINAL, ["Dear Cooper", "last reminder", "will call you", "by October 23, 2026"]),
    ],
)
def test_each_stage_says_what_it_is_for(stage: Stage, said: list[str]) -> None:
    """The tone of a stage, in the words that make it."""
    body = letter(facts(), stage, deadline=DEADLINE).body
    assert all(words in body for words in said)
    assert "\n\n1037   due Oct 2, 2026   $845.00\n\n" in body
    assert body.endswith("Dana Reyes\nAccounts Receivable, Harbor Supply\n+1 555 010 7788")


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("class_", CaseClass)
def test_no_template_leaves_a_slot_or_ages(stage: Stage, class_: CaseClass) -> None:
    """Nothing in a letter speaks of today or of days that pass; no slot is left standing."""
    text = letter(facts(), stage, proposal=proposal(class_=class_), deadline=DEADLINE)
    both = text.subject + text.body
    assert "{" not in both
    assert "today" not in both
    assert " days" not in both
    assert "October 14" not in both


@pytest.mark.parametrize(
    ("class_", "questions"),
    [
        (CaseClass.LIKELY_DISPUTE, 1),
        (CaseClass.PAYMENT_PLAN_CANDIDATE, 1),
        (CaseClass.HIGH_TOUCH_ESCALATION, 1),
        (CaseClass.ROUTINE_REMINDER, 1),
    ],
)
def test_a_message_asks_one_question(class_: CaseClass, questions: int) -> None:
    """One thing is asked for, so that it can be answered in one line."""
    body = letter(facts(), Stage.FOLLOW_UP, proposal=proposal(class_=class_)).body
    assert body.count("?") == questions


def test_a_likely_dispute_sets_no_deadline_and_no_pressure() -> None:
    """It asks what is missing and offers a copy, without a word on when or how to pay."""
    about = facts(invoice(online=True))
    text = letter(
        about, Stage.FIRM, proposal=proposal(class_=CaseClass.LIKELY_DISPUTE), deadline=DEADLINE
    )
    assert "October 23" not in text.body
    assert "pay link" not in text.body
    assert "copy" in text.body


def test_a_personal_note_is_never_the_stage_text() -> None:
    """Whatever the stage, Personal touch has its own short words."""
    own = proposal(class_=CaseClass.HIGH_TOUCH_ESCALATION)
    bodies = {letter(facts(), stage, proposal=own, deadline=DEADLINE).body for stage in Stage}
    assert len(bodies) == 1
    assert len(bodies.pop()) < 700


NETTED = """Hello Cooper & Sons,

Two invoices are now past due, $612.40 in total:

1037        due Oct 2, 2026    $512.40   ($332.60 of $845.00 already paid or credited, thank you)
B-9         due Oct 13, 2026   $155.00   (PO 4711)
Payment     of Oct 5, 2026     -$50.00
Credit      of Oct 5, 2026      -$5.00
Total due                      $612.40

When can we expect the $612.40? If something is holding it up, just reply and \
I will sort it out. If you have paid in the meantime, thank you; please tell me the date and I \
will look for it. Copies of the invoices are attached.

You can pay online here: [pay link B-9]

Thank you and kind regards,
Dana Reyes
Accounts Receivable, Harbor Supply
+1 555 010 7788"""


def test_a_letter_reads_as_a_person_writes() -> None:
    """Two paragraphs around a table whose columns line up, which asks for the net amount.

    A part payment is thanked for, and what is on account stands as lines of its own.
    """
    about = facts(
        invoice(open_="512.40", total=usd("845.00")),
        invoice("B-9", "155.00", po_number="4711", due=date(2026, 10, 13), online=True),
        credits=(credit("50.00"), credit("5.00", "credit_memo", "9")),
    )
    body = letter(about, Stage.FOLLOW_UP).body
    assert body.replace("You can pay online here:\nInvoice B-9:", "You can pay online here:") == (
        NETTED
    )


def test_money_that_covers_everything_is_not_netted() -> None:
    """That is a stop; whoever drafts anyway knows that the money is for something else."""
    about = facts(credits=(credit("845.00"),))
    assert about.asked == usd("845.00")
    assert "Payment" not in letter(about).body


@pytest.mark.parametrize("own", [(), ("It is good to work with you.", "May I call you?")])
def test_the_personal_letter_has_its_table(own: tuple[str, ...]) -> None:
    """No letter names an amount without the invoices and dates behind it."""
    personal = proposal(*own, class_=CaseClass.HIGH_TOUCH_ESCALATION)
    body = letter(facts(invoice(), invoice("1038", "155.00")), proposal=personal).body
    assert "1038    due Oct 2, 2026     $155.00\nTotal                     $1,000.00\n\n" in body


def test_two_invoices_with_one_number_are_told_apart() -> None:
    """By their dates, at last by their amounts; their files by their ids."""
    same = [invoice("T-1", "70.00", id="1"), invoice("T-1", "80.00", id="2")]
    later = invoice("T/1", "90.00", id="3", txn_date=date(2026, 9, 9))
    told = letter(facts(*same, later))
    first, second = (f"T-1 of September 2, 2026 for ${n}.00" for n in (70, 80))
    assert told.subject == f"A quick reminder about invoices {first}, {second} and T/1"
    assert f"\n{first}   due" in told.body
    files = [f"Invoice-T-1-{n}.pdf" for n in (1, 2, 3)]
    assert [a.file_name for a in told.attachments] == files


@pytest.mark.parametrize(
    ("count", "subject"),
    [
        (1, "invoice 1"),
        (2, "invoices 1 and 2"),
        (3, "invoices 1, 2 and 3"),
        (11, "invoices 1, 2, 3 and 8 more"),
    ],
)
def test_the_subject_names_the_invoices(count: int, subject: str) -> None:
    """Up to three by number."""
    about = facts(*(invoice(str(n + 1)) for n in range(count)))
    assert letter(about).subject == f"A quick reminder about {subject}"


def test_an_invoice_without_a_number_goes_by_its_date() -> None:
    """It is named by its own date, and its pay link by its id."""
    about = facts(invoice("", id="742", online=True), invoice("1038"))
    text = letter(about)
    assert "invoice 1038 and the invoice of September 2, 2026" in text.subject
    assert "Invoice of September 2, 2026   due Oct 2, 2026     $845.00" in text.body
    assert pay_links_in(text.body) == ("#742",)


def test_a_deadline_is_for_the_invoices_that_reached_the_stage() -> None:
    """An invoice behind the others is in the table, but no deadline is set for it."""
    about = facts(invoice("1"), invoice("2"), invoice("3"))
    about = replace(about, stages={"71": Stage.FIRM, "72": Stage.REMINDER, "73": Stage.FIRM})
    body = letter(about, Stage.FIRM, deadline=DEADLINE).body
    assert "Please pay invoices 1 and 3 by October 23, 2026." in body


def test_the_final_message_tells_the_history_on_record() -> None:
    """Only days on which we wrote about these invoices, in the company's zone."""
    past = Past(contacts=(contact(20), contact(12), contact(9, "other")))
    body = letter(facts(), Stage.FINAL, past, deadline=DEADLINE).body
    assert "we wrote to you about it on September 24, 2026 and October 2, 2026." in body


def test_without_a_history_the_final_message_claims_none() -> None:
    """A message speaks only of contacts that are on record."""
    assert "we wrote to you" not in letter(facts(), Stage.FINAL, deadline=DEADLINE).body


def test_pay_links_are_for_online_invoices_and_a_policy_that_wants_them() -> None:
    """One token each, and none where payment is not online or the policy says no."""
    about = facts(invoice("1", online=True), invoice("2"))
    assert pay_links_in(letter(about).body) == ("1",)
    assert pay_links_in(letter(about, rules=policy("[message]\npay_links=false", "")).body) == ()


def test_a_number_that_two_invoices_share_is_no_key() -> None:
    """Their links stand under their ids."""
    about = facts(invoice("1", id="7", online=True), invoice("1", id="8", online=True))
    assert pay_links_in(letter(about).body) == ("#7", "#8")


def test_how_to_pay_stands_word_for_word() -> None:
    """The policy's fixed text is in the letter as it was written."""
    words = "By transfer to Harbor Bank,\\naccount 00 11 22 33."
    rules = policy(f'[message]\nhow_to_pay = "{words}"', "")
    assert "By transfer to Harbor Bank,\naccount 00 11 22 33." in letter(facts(), rules=rules).body


def test_an_unnamed_sender_is_the_company() -> None:
    """Without a name in the policy the company signs, and no call is offered."""
    body = letter(facts(), Stage.FIRM, rules=policy("", ""), deadline=DEADLINE).body
    assert body.endswith("\n\nThank you and kind regards,\nHarbor Supply")
    assert "call me" not in body


def test_the_contact_is_greeted_where_one_is_known() -> None:
    """By name, else the company by its name."""
    about = facts(customer=Customer("58", "Cooper & Sons", "", usd(0), contact="Lee Cooper"))
    assert letter(about).body.startswith("Hello Lee Cooper,\n")
    assert letter(facts()).body.startswith("Hello Cooper & Sons,\n")


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Bean\nBcc: all", "Hello Bean Bcc: all,"),
        ("Bean\nBcc: all@example.org", "Hello there,"),
        ("Ben \u202eevil\u202c", "Hello Ben evil,"),
        ("a\x00b\u200bc\ud800d", "Hello abcd,"),
        ("<b>" * 200, "Hello there,"),
        ("Abc" * 200, "Hello " + ("Abc" * 200)[:79] + "…,"),
        ("{total_open}", "Hello there,"),
        ("  two \t spaces ", "Hello two spaces,"),
    ],
)
def test_a_name_is_one_clean_short_line(name: str, greeting: str) -> None:
    """Breaks, controls and bidi marks go; it is cut; what is no name is left out."""
    assert letter(named(name)).body.splitlines()[0] == greeting


@pytest.mark.parametrize(
    ("locale", "currency", "written"),
    [
        ("en_US", "USD", "$1,200.50"),
        ("en_US", "CAD", "CA$1,200.50"),
        ("en_CA", "CAD", "$1,200.50"),
        ("en_GB", "USD", "US$1,200.50"),
        ("de_DE", "EUR", "1.200,50 €"),
        ("en_US", "JPY", "¥1,200"),
        ("en_US", "KWD", "KWD 1,200.500"),
        ("fr_CH", "CHF", "CHF 1’200.50"),
    ],
)
def test_amounts_follow_the_customs_of_the_customer(
    locale: str, currency: str, written: str
) -> None:
    """Symbol, grouping and decimals as in the customer's country."""
    amount = Money(Decimal("1200.50"), currency)
    about = facts(invoice(open=amount, total=amount))
    rules = policy(f'[[customer]]\nid = "58"\nlocale = "{locale}"')
    assert written in letter(about, rules=rules).body.replace("\xa0", " ")


def test_dates_follow_the_customs_of_the_customer() -> None:
    """In an English letter too: day first in Germany, if an English letter is asked for there."""
    rules = policy('[[customer]]\nid = "58"\nlocale = "en_DE"')
    assert "due 2 Oct 2026" in letter(facts(), rules=rules).body


GERMAN = """
[[customer]]
id = "58"
locale = "de_DE"
[language.de]
sender_title = "Debitorenbuchhaltung"
how_to_pay = "Bitte überweisen Sie auf unser Konto bei der Hausbank."
"""


GERMAN_REMINDER = """
Sehr geehrte Damen und Herren,

zwei Rechnungen sind fällig und nach unseren Unterlagen noch offen, insgesamt 2.045,50 $:

1037           fällig am 2. Okt. 2026     845,00 $   (Bestellung 4711)
1038           fällig am 2. Okt. 2026   1.200,50 $
Gesamtbetrag                            2.045,50 $

Sicherlich handelt es sich nur um ein Versehen. Falls Sie die Zahlung bereits veranlasst haben, \
betrachten Sie diese Nachricht bitte als gegenstandslos; vielen Dank. Bei Fragen antworten Sie \
einfach auf diese E-Mail, ich helfe Ihnen gern weiter. Kopien der Rechnungen sind beigefügt.

Sie können online bezahlen:
Rechnung 1037: [pay link 1037]
Bitte überweisen Sie auf unser Konto bei der Hausbank.

Vielen Dank und freundliche Grüße
Dana Reyes
Debitorenbuchhaltung, Harbor Supply
+1 555 010 7788
"""


def test_a_german_customer_gets_a_german_letter() -> None:
    """Greeting, text, table, dates, amounts, pay links, signature and file, all of it."""
    about = facts(invoice(online=True, po_number="4711"), invoice("1038", "1200.50"))
    text = letter(about, rules=policy(GERMAN))
    assert text.language == "de"
    assert text.subject == "Freundliche Erinnerung: Rechnungen 1037 und 1038"
    assert text.attachments[0].file_name == "Rechnung-1037.pdf"
    assert text.body.replace("\xa0", " ") == GERMAN_REMINDER.strip()


def test_swiss_german_has_no_sharp_s() -> None:
    """In our words; a name keeps its own spelling, and amounts are the country's."""
    lee = Customer("58", "Groß & Söhne", "", usd(0), contact="Lee Groß")
    text = letter(facts(customer=lee), rules=policy(GERMAN.replace("de_DE", "de_CH")))
    assert "Vielen Dank und freundliche Grüsse\n" in text.body
    assert text.body.startswith("Guten Tag Lee Groß,")


def test_every_text_of_every_language_is_filled() -> None:
    """No slot is left, no English word stands in a German letter, and a person is greeted."""
    lee = Customer("58", "Cooper & Sons", "", usd(0), contact="Lee Cooper")
    past = Past(contacts=(contact(20), contact(12)))
    for stage in Stage:
        for class_ in CaseClass:
            own = Proposal(class_, "high", (), "", "", (), "template")
            text = letter(
                facts(customer=lee),
                stage,
                past,
                policy(GERMAN),
                deadline=DEADLINE if stage >= Stage.FIRM else None,
                proposal=own,
            )
            said = f"{text.subject}\n{text.body}"
            assert not re.search(
                r"[{}]|\b(?:the|and|is|you|please|invoices?|thank)\b", said, re.IGNORECASE
            )
            assert text.body.startswith("Guten Tag Lee Cooper,\n\n")
            assert text.body.split("\n\n")[1][0].islower()


def test_a_models_german_goes_on_after_the_greeting() -> None:
    """With a small letter where German has one; a noun and "Sie" keep theirs."""
    for said, begins in (
        ("Mir ist aufgefallen, dass Folgendes offen ist.", "mir ist"),
        ("Folgendes ist offen.", "Folgendes ist"),
        ("Sie haben Folgendes noch offen.", "Sie haben"),
    ):
        own = proposal(said, "Könnten Sie nachsehen?")
        body = letter(facts(), rules=policy(GERMAN), proposal=own).body
        assert body.split("\n\n")[1].startswith(begins)
        assert "Könnten Sie nachsehen?" in body


def test_a_models_sentences_get_their_frame_from_us() -> None:
    """Greeting, table, files, how to pay and signature are added where the text has none."""
    about = facts(invoice(online=True))
    said = ("We miss {total_open}.", "Could you look?", "I will help.")
    body = letter(about, proposal=proposal(*said)).body
    assert body.split("\n\n")[:5] == [
        "Hello Cooper & Sons,",
        "We miss $845.00.",
        "1037   due Oct 2, 2026   $845.00",
        "Could you look? I will help. A copy of the invoice is attached.",
        "You can pay online here: [pay link 1037]",
    ]


def test_a_table_in_a_sentence_becomes_a_paragraph() -> None:
    """Wherever a model puts it, a table stands alone and once."""
    body = letter(facts(), proposal=proposal("This is open: {invoice_table}. Thank you.")).body
    assert "open:\n\n1037   due Oct 2, 2026   $845.00\n\nThank you. A copy" in body
    assert body.count("1037") == 1


def test_a_slot_nobody_can_fill_is_left_for_the_verifier() -> None:
    """A model that speaks of a promise which nobody made is not helped along."""
    assert "{promise_date}" in letter(facts(), proposal=proposal("Since {promise_date}.")).body
    past = Past(broken=(missed(date(2026, 10, 9)),))
    body = letter(facts(), past=past, proposal=proposal("You named {promise_date}.")).body
    assert "You named October 9, 2026." in body


def test_a_models_subject_names_the_invoices_too() -> None:
    """Where it did not, they are added."""
    own = replace(proposal("Hello."), subject="A friendly word")
    assert letter(facts(), proposal=own).subject == "A friendly word (invoice 1037)"


def test_a_case_about_nothing_new_has_the_same_hash() -> None:
    """A day later the same facts give the same letter, byte for byte."""
    about = facts()
    later = replace(about, as_of=about.as_of + timedelta(days=1))
    assert letter(about).sha256() == letter(later).sha256()


def test_the_letter_states_what_is_hashed() -> None:
    """Invoices with number, amount and due date, the note, and the files."""
    text = letter(facts(invoice("A/7 1")))
    assert [(i.number, i.open, i.due) for i in text.invoices] == [
        ("A/7 1", usd("845.00"), date(2026, 10, 2))
    ]
    assert [a.file_name for a in text.attachments] == ["Invoice-A-7-1.pdf"]
    assert text.note == note_text("412", Stage.REMINDER)
    assert text.note == (
        "[Overdue 412] reminder 1 e-mailed to the billing contact, approved in Slack"
    )


def test_without_attachments_none_are_promised() -> None:
    """The policy's switch takes away the files and the sentence."""
    text = letter(facts(), rules=policy("[message]\nattach_pdf=false", ""))
    assert text.attachments == ()
    assert "attached" not in text.body


@pytest.mark.parametrize(
    ("stage", "kept", "deadline"),
    [
        (Stage.FOLLOW_UP, None, None),
        (Stage.FIRM, None, date(2026, 10, 23)),
        (Stage.FIRM, date(2026, 10, 19), date(2026, 10, 19)),
        (Stage.FIRM, date(2026, 10, 18), date(2026, 10, 23)),
        (Stage.FINAL, date(2026, 10, 1), date(2026, 10, 23)),
    ],
)
def test_a_deadline_is_kept_while_five_days_remain(
    stage: Stage, kept: date | None, deadline: date | None
) -> None:
    """Seven working days from the day of the draft, from stage 3 on."""
    today = date(2026, 10, 14)
    assert deadline_for(stage, CaseClass.ROUTINE_REMINDER, today, kept, policy()) == deadline


def test_only_routine_reminders_set_deadlines() -> None:
    """No pressure in a likely dispute, a plan or a personal word."""
    for class_ in set(CaseClass) - {CaseClass.ROUTINE_REMINDER}:
        assert deadline_for(Stage.FINAL, class_, date(2026, 10, 14), None, policy()) is None


def test_an_edit_keeps_everything_but_the_text() -> None:
    """Subject on one line, nothing invisible in the body, the rest untouched."""
    before = letter(facts())
    after = edited(before, "A\nword ", "Hello\r\n\u202ethere \n")
    assert (after.subject, after.body) == ("A word", "Hello\nthere")
    assert replace(after, subject=before.subject, body=before.body) == before


def test_pay_links_are_filled_from_the_fresh_read() -> None:
    """Each token becomes its link, and a link that looks like a token stays as it is."""
    body = "[pay link 1037] and [pay link #742]"
    links = {"1037": LINK, "#742": LINK + "/1037"}
    assert fill_pay_links(body, links) == f"{LINK} and {LINK}/1037"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://pay.intuit.com/x",
        "https://intuit.com.evil.example/x",
        "https://evilintuit.com/x",
        "https://pay.intuit.com@evil.example/x",
        "https://pay.intuit.com/x https://evil.example",
        "https://somebody@pay.intuit.com/x",
        "https://pay.intuit.com:8443/x",
        "https://pay.intuit.com:443@evil.example/x",
        "https://evil.example\\@pay.intuit.com/x",
        "https://evil.example#.intuit.com/x",
        "https://evil.example/.intuit.com/x",
        "https://pay.intuit.com.",
        "https://pay.intuit.com",
        "https://pay\u3002intuit.com/x",
        "https://pay.\u0131ntuit.com/x",
        "https://pay.intuit.com/x\n.evil.example",
        "https://pay.intuit.com/<script>",
        "//pay.intuit.com/x",
        "https:pay.intuit.com/x",
        "https://pay.intuit.com/" + "x" * 2000,
        "javascript:alert(1)",
    ],
)
def test_a_link_that_is_missing_or_not_intuits_stops_the_letter(url: str) -> None:
    """Nothing is sent, and the error does not repeat the link."""
    with pytest.raises(PayLinkError) as caught:
        fill_pay_links("[pay link 1037]", {"1037": url})
    assert "1037" in str(caught.value)
    assert not url or url not in str(caught.value)


def test_all_missing_links_are_named_at_once() -> None:
    """Nobody approves a letter once for each link that it lacks."""
    with pytest.raises(PayLinkError) as caught:
        fill_pay_links("[pay link 1] [pay link 2] [pay link 3]", {"2": LINK, "3": "http://x"})
    assert caught.value.keys == {"1", "3"}


def test_many_missing_links_are_a_short_sentence() -> None:
    """It is read on a card."""
    with pytest.raises(PayLinkError) as caught:
        fill_pay_links(" ".join(f"[pay link {n}]" for n in range(200)), {})
    assert len(caught.value.keys) == 200
    assert "for invoice 2. The same for 197 more." in str(caught.value)


def test_many_invoices_bring_no_files() -> None:
    """Up to twenty invoices go along as files; a mail with more would be refused."""
    twenty = tuple(invoice(str(n)) for n in range(20))
    few = letter(facts(invoices=twenty))
    assert len(few.attachments) == 20
    assert "attached" in few.body
    many = letter(facts(invoices=(*twenty, invoice("21"))))
    assert many.attachments == ()
    assert "attached" not in many.body


def test_every_stage_and_class_has_a_template() -> None:
    """A subject and paragraphs, all with words."""
    for stage in Stage:
        for class_ in CaseClass:
            subject, paragraphs = template(stage, class_)
            assert "{invoices}" in subject
            assert all(paragraphs)

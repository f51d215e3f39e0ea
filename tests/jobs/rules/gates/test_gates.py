"""The rules: what waits, what needs more people, what stops, and what must never go out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.rules.facts.evidence import Document, Reading, Stance
from jobs.rules.facts.facts import Customer, Facts, Gap
from jobs.rules.facts.findings import Context, Down, Findings, Fresh, Ticket
from jobs.rules.facts.past import AddressContact, Contact, Hold, HoldKind, Past
from jobs.rules.figures import Money
from jobs.rules.gates import about_texts
from jobs.rules.gates.gates import approvals, judge
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import Mark
from jobs.rules.rulings import Kind, Ruling, strictest
from jobs.rules.states import CaseClass, Stage
from jobs.rules.verification.violations import violation
from tests.jobs.rules.world import NOW, contact, credit, facts, invoice, policy, usd

NONE = Past()


def rulings(
    about: Facts | None = None,
    past: Past = NONE,
    *readings: Reading,
    stage: Stage = Stage.REMINDER,
    rules: Policy | None = None,
    **more: Any,
) -> tuple[Ruling, ...]:
    """What the rules say about a case at NOW."""
    return judge(about or facts(), stage, past, readings, rules or policy(), NOW, **more)


def names(found: tuple[Ruling, ...]) -> list[tuple[Kind, str]]:
    """Kind and name of each ruling."""
    return [(ruling.kind, ruling.rule) for ruling in found]


def reading(stance: Stance, document: str = "memo:71037") -> Reading:
    """What a reader made of a document."""
    return Reading(document, stance, (1,), "phrases")


def marked(mark: str) -> Policy:
    """A policy in which the customer carries a mark."""
    return policy(f'[[customer]]\nid = "58"\n{mark} = true\n')


def hold(kind: HoldKind, invoice_id: str = "", days: int = 3) -> Hold:
    """A hold that ends so many days after NOW."""
    return Hold(
        "5", kind, invoice_id, NOW.date() + timedelta(days=days), "ULEAD1", "spoke by phone"
    )


def test_a_plain_overdue_invoice_passes() -> None:
    """Where nothing speaks against a reminder, no rule fires and one person approves."""
    assert rulings() == ()
    assert approvals((), facts(), Stage.REMINDER, policy()).count == 1


@pytest.mark.parametrize(
    ("about", "past", "rule", "said"),
    [
        (facts(invoice(email=""), customer=Customer("58", "Bo", "", usd(0))), NONE,
         "no_recipient", "QuickBooks has no e-mail address for Bo."),
        (facts(invoice(email="ap at cooper")), NONE, "no_recipient", "not an e-mail address"),
        (facts(invoice(email="a@x.example, b@x.example")), NONE,
         "several_recipients", "a@x.example, b@x.example"),
        (facts(invoice("1", email="a@x.example"), invoice("2", email="b@x.example")), NONE,
         "several_recipients", "Pick one"),
        (facts(), Past(bounced=frozenset({"ap@cooper.example"})),
         "address_bounced", "came back"),
        (facts(), Past(known_addresses=frozenset({"old@cooper.example"})),
         "address_changed", "old@cooper.example was known before"),
        (facts(), Past(contacts=(contact(20, to="old@cooper.example"),)),
         "address_changed", "our message of September 24, 2026 went to old@cooper.example"),
        (facts(), Past(confirmed_address="other@else.example"),
         "address_not_in_ledger", "QuickBooks no longer has it"),
    ],
)  # fmt: skip
def test_a_doubtful_recipient_is_never_written_to(
    about: Facts, past: Past, rule: str, said: str
) -> None:
    """No address, several, a changed, a bounced or a foreign one: the cause has to change."""
    [ruling] = rulings(about, past)
    assert (ruling.kind, ruling.rule) == (Kind.NEVER, rule)
    assert said in ruling.reason
    assert ruling.evidence[0] == "customer:58"


@pytest.mark.parametrize(
    ("mark", "kind", "rule"),
    [
        ("do_not_chase", Kind.NEVER, "do_not_chase"),
        ("consumer", Kind.NEVER, "consumer"),
        ("disputed", Kind.STOP, "dispute"),
        ("key_account", Kind.GATE, "key_account"),
    ],
)
def test_marks_of_a_customer_decide(mark: str, kind: Kind, rule: str) -> None:
    """The reason says where the mark is written."""
    [ruling] = rulings(rules=marked(mark))
    assert (ruling.kind, ruling.rule) == (kind, rule)
    assert "the policy file" in ruling.reason


@pytest.mark.parametrize(
    ("stance", "kind", "rule"),
    [
        (Stance.HARDSHIP, Kind.NEVER, "hardship_wording"),
        (Stance.DISPUTE, Kind.STOP, "dispute"),
        (Stance.PAID_CLAIM, Kind.STOP, "paid_claim"),
        (Stance.BANK_CHANGE, Kind.STOP, "bank_details_mentioned"),
        (Stance.UNCLEAR, Kind.GATE, "likely_dispute"),
        (Stance.UNHAPPY, Kind.GATE, "unhappy_customer"),
        (Stance.PLAN_REQUEST, Kind.GATE, "plan_request"),
        (Stance.PROMISE, Kind.GATE, "promise_mentioned"),
        (Stance.NEW_CONTACT, Kind.GATE, "new_contact"),
        (Stance.QUESTION, Kind.GATE, "open_question"),
    ],
)
def test_what_was_read_makes_us_more_careful(stance: Stance, kind: Kind, rule: str) -> None:
    """Every stance but none has a rule, with its document as evidence."""
    [ruling] = rulings(None, NONE, reading(stance), reading(stance), reading(stance, "ticket:9"))
    assert (ruling.kind, ruling.rule) == (kind, rule)
    assert ruling.evidence == ("memo:71037", "ticket:9")
    assert ruling.reason.startswith("The memo on invoice 1037 (and 1 more) ")


def test_a_document_that_says_nothing_changes_nothing() -> None:
    """No stance, no rule."""
    assert rulings(None, NONE, reading(Stance.NONE)) == ()


def test_every_stance_is_ruled_on() -> None:
    """A stance that somebody adds cannot be forgotten here."""
    for stance in set(Stance) - {Stance.NONE}:
        assert rulings(None, NONE, reading(stance))


@pytest.mark.parametrize(
    ("credits", "rules"),
    [
        ((), []),
        ((credit("100.00"),), []),
        ((credit("844.99"),), []),
        ((credit("845.00"),), ["possibly_paid"]),
        ((credit("845.00", "credit_memo", "77"),), ["covered_by_credits"]),
        ((credit("900.00"), credit("45.00", "credit_memo", "77")),
         ["possibly_paid", "covered_by_credits"]),
        ((credit("500.00"), credit("345.00", "credit_memo", "77")),
         ["possibly_paid", "covered_by_credits"]),
    ],
)  # fmt: skip
def test_money_on_account_stops_what_it_covers(credits: tuple[Any, ...], rules: list[str]) -> None:
    """An unapplied payment or an open memo that could pay an invoice is looked at first."""
    assert [r.rule for r in rulings(facts(credits=credits))] == rules


def test_the_stop_names_the_payment() -> None:
    """The person reads which payment, how much and from when."""
    [ruling] = rulings(facts(credits=(credit("845.00"),)))
    assert "a payment of $845.00 from October 5, 2026" in ruling.reason
    assert "may cover all of $845.00" in ruling.reason
    assert ruling.evidence == ("payment:811",)


def test_a_stop_says_what_its_records_make() -> None:
    """Each kind of record by itself; where only both together cover something, it says so."""
    together = facts(credits=(credit("300.00"), credit("545.00", "credit_memo", "77")))
    paid, credited = rulings(together)
    assert "payment of $300.00 from October 5, 2026 not yet applied. With the other" in paid.reason
    assert "that makes $845.00, which may cover all of $845.00." in paid.reason
    assert "credit memo of $545.00" in credited.reason
    two = (invoice("1", "200.00"), invoice("2", "639.00"))
    memo = credit("539.00", "credit_memo", "77")
    paid, _ = rulings(facts(*two, credits=(credit("200.00"), credit("100.00", id_="812"), memo)))
    assert "$300.00 in all, which may cover at least one of these invoices." in paid.reason


def test_a_payment_that_fits_one_of_several_invoices_stops() -> None:
    """Nobody is asked for an invoice that may have been paid."""
    about = facts(invoice("1", "100.00"), invoice("2", "900.00"), credits=(credit("150.00"),))
    [ruling] = rulings(about)
    assert (ruling.rule, "at least one" in ruling.reason) == ("possibly_paid", True)


def test_a_balance_that_does_not_add_up_stops() -> None:
    """Both figures are named, and whose they are."""
    gap = Gap("58", usd("845.00"), usd("800.00"))
    [ruling] = rulings(facts(gaps=(gap,)))
    assert (ruling.kind, ruling.rule) == (Kind.STOP, "balance_does_not_add_up")
    assert "$845.00 for Cooper & Sons" in ruling.reason
    assert "add up to $800.00" in ruling.reason


@pytest.mark.parametrize(
    ("amounts", "rules"),
    [
        (["9999.99"], []),
        (["10000.00"], ["second_approver"]),
        (["24999.99"], ["second_approver"]),
        (["25000.00"], ["above_stop_limit", "second_approver"]),
        (["24000.00", "24000.00", "1999.99"], ["second_approver"]),
        (["24000.00", "24000.00", "2000.00"], ["above_stop_limit", "second_approver"]),
    ],
)
def test_limits_begin_at_their_amount(amounts: list[str], rules: list[str]) -> None:
    """One invoice from 25,000, a total from 50,000, a second person from 10,000."""
    about = facts(*(invoice(str(n), open_) for n, open_ in enumerate(amounts)))
    assert [r.rule for r in rulings(about)] == rules
    assert all(r.reason[0].isupper() for r in rulings(about))


def test_the_second_approver_looks_at_all_the_customer_owes() -> None:
    """Also at what is not due yet, which the message does not mention."""
    about = facts(other_open=(invoice("9", "9500.00"),))
    [ruling] = rulings(about)
    assert (ruling.rule, ruling.approvers, ruling.lead) == ("second_approver", 2, True)
    assert "$10,345.00 open in all; from $10,000.00" in ruling.reason


def test_a_currency_without_a_line_needs_two() -> None:
    """Amounts are never converted: without limits two people look."""
    pounds = Money(Decimal(90000), "GBP")
    about = facts(invoice(open=pounds, total=pounds), customer=Customer("58", "B", "", pounds))
    [ruling] = rulings(about)
    assert (ruling.rule, ruling.approvers) == ("second_approver", 2)
    assert "GBP" in ruling.reason


@pytest.mark.parametrize(
    ("days_ago", "waits"), [(0.1, True), (5.999, True), (6, False), (7, False)]
)
def test_the_gap_is_an_exact_instant(days_ago: float, waits: bool) -> None:
    """Six days of 24 hours, whatever the time of day."""
    past = Past(contacts=(contact(days_ago),))
    found = rulings(None, past)
    assert names(found) == ([(Kind.WAIT, "too_soon")] if waits else [])
    if waits:
        assert found[0].until == past.contacts[0].at + timedelta(days=6)


def test_the_gap_counts_per_address_too() -> None:
    """Another customer with the same address was written to: the later one decides."""
    elsewhere = AddressContact(NOW - timedelta(days=2), "ap@cooper.example", "Bo's Bakery")
    [ruling] = rulings(None, Past(contacts=(contact(5),), last_contact_to_address=elsewhere))
    assert ruling.until == NOW + timedelta(days=4)
    told = "ap@cooper.example was contacted about Bo's Bakery on October 12, 2026."
    assert ruling.reason.startswith(told)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "Cooper & Sons was last contacted on October 13, 2026."),
        (AddressContact(NOW - timedelta(days=1), "ap@cooper.example", "Cooper & Sons"),
         "Cooper & Sons was last contacted on October 13, 2026."),
        (AddressContact(NOW, "ap@cooper.example", ""),
         "ap@cooper.example was contacted about another customer on October 14, 2026."),
    ],
)  # fmt: skip
def test_the_gap_names_what_was_written_to(address: AddressContact | None, said: str) -> None:
    """The customer only where the message was about it; an address that others share, otherwise."""
    past = Past(contacts=(contact(1),), last_contact_to_address=address)
    [ruling] = rulings(None, past)
    assert ruling.reason.startswith(said)


@pytest.mark.parametrize(
    ("kind", "invoice_id", "days", "expected"),
    [
        (HoldKind.PROMISE, "", 3, [(Kind.WAIT, "on_hold")]),
        (HoldKind.QUIET, "71037", 3, [(Kind.WAIT, "on_hold")]),
        (HoldKind.PLAN, "another", 3, []),
        (HoldKind.PLAN, "", 0, []),
        (HoldKind.DISPUTE, "", 3, [(Kind.STOP, "dispute")]),
        (HoldKind.DISPUTE, "71037", -3, [(Kind.STOP, "dispute")]),
    ],
)
def test_holds_wait_and_disputes_stop(
    kind: HoldKind, invoice_id: str, days: int, expected: list[tuple[Kind, str]]
) -> None:
    """A hold ends on its day; a dispute only when somebody lifts it."""
    assert names(rulings(None, Past(holds=(hold(kind, invoice_id, days),)))) == expected


def test_a_hold_waits_until_its_day_begins_in_the_companys_zone() -> None:
    """Midnight in New York is four in the morning, UTC."""
    [ruling] = rulings(None, Past(holds=(hold(HoldKind.PROMISE),)))
    assert ruling.until == datetime(2026, 10, 17, 4, tzinfo=UTC)
    assert "(spoke by phone)" in ruling.reason


@pytest.mark.parametrize(
    ("stage", "rules"),
    [
        (Stage.REMINDER, []),
        (Stage.FOLLOW_UP, []),
        (Stage.FIRM, ["manager_first"]),
        (Stage.FINAL, ["stage_four"]),
    ],
)
def test_the_late_stages_need_more_people(stage: Stage, rules: list[str]) -> None:
    """The account manager first, and two people for the last one."""
    assert [r.rule for r in rulings(stage=stage)] == rules


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("marked", [(Kind.GATE, "text_breaks_a_rule")]),
        ("money", [(Kind.NEVER, "unsafe_text")]),
        ("marked_wording", [(Kind.GATE, "marked_wording")]),
        ("link", [(Kind.NEVER, "unsafe_text")]),
    ],
)
def test_a_text_with_violations_needs_two_or_never_goes(
    kind: str, expected: list[tuple[Kind, str]]
) -> None:
    """Links, bank details and wrong figures cannot be insisted on; terms marked as such can."""
    assert names(about_texts.of_draft((violation(kind, "x"),))) == expected


def test_draft_anyway_sets_aside_stops_but_no_never() -> None:
    """Only the very stops that were named; the same rule on another ground stops again."""
    about = facts(invoice(open_="12000.00"))

    def ruled(allowed: tuple[Ruling, ...], *readings: Reading) -> list[str]:
        past, rules = Past(allowed_anyway=allowed), marked("do_not_chase")
        return [r.rule for r in rulings(about, past, *readings, rules=rules)]

    claim, dispute = reading(Stance.PAID_CLAIM), reading(Stance.DISPUTE)
    named = rulings(about, Past(), claim, rules=marked("do_not_chase"))
    assert ruled(named, claim, dispute) == ["do_not_chase", "dispute", "second_approver"]
    elsewhere = replace(claim, document="memo:another")
    assert ruled(named, elsewhere) == ["do_not_chase", "paid_claim", "second_approver"]
    assert ruled(named, claim, elsewhere) == ["do_not_chase", "paid_claim", "second_approver"]


@pytest.mark.parametrize(
    ("emailed", "contacts", "said"),
    [
        ([True, None], (), ""),
        ([False, True], (), "Invoice 1 has never been e-mailed from QuickBooks, and no message"),
        ([False, False], (), "Invoice 1 and invoice 2 have never been e-mailed"),
        ([False] * 5, (), "Invoice 1, invoice 2, invoice 3 and 2 more have never"),
        ([False, False], (contact(20, "71"),), "Invoice 2 has never been e-mailed"),
        ([False, False], (contact(20, "71"), contact(10, "72")), ""),
    ],
)  # fmt: skip
def test_an_invoice_that_was_never_emailed_is_a_gate_on_first_contact(
    emailed: list[bool | None], contacts: tuple[Contact, ...], said: str
) -> None:
    """Where QuickBooks says so, and until a message of ours has named it; nobody else is asked."""
    numbered = [invoice(str(n), emailed=told) for n, told in enumerate(emailed, 1)]
    found = rulings(facts(*numbered), Past(contacts=contacts))
    assert names(found) == ([(Kind.GATE, "never_emailed")] if said else [])
    if said:
        assert found[0].reason.startswith(said)
        assert (found[0].approvers, found[0].lead, found[0].manager_first) == (1, False, False)


TESTS = ("Test", "TEST customer 2", "zz-test", "Demo GmbH", "Sample Company", "Max Mustermann")
REAL = ("Speed Test Labs", "Example Design Studio", "Testa & Sons", "Demos Bakery", "A. Doe")


def test_a_record_made_for_testing_is_for_a_lead() -> None:
    """By its whole name, or an address that nobody can have; a name with such a word is fine."""
    named = {name: facts(customer=Customer("58", name, "", usd(845))) for name in (*TESTS, *REAL)}
    addressed = [facts(invoice(email=one)) for one in ("a@example.com", "x@y.test", "test1@z.de")]
    for about in (*(named[name] for name in TESTS), *addressed):
        [ruling] = rulings(about)
        assert (ruling.kind, ruling.rule, ruling.lead) == (Kind.GATE, "looks_like_a_test", True)
    assert all(rulings(named[name]) == () for name in REAL)


def test_the_strictest_comes_first() -> None:
    """Never, stop, wait, gate."""
    past = Past(contacts=(contact(1),))
    found = rulings(
        facts(credits=(credit("9000.00"),)),
        past,
        reading(Stance.UNHAPPY),
        rules=marked("consumer"),
    )
    assert [r.kind for r in found] == [Kind.NEVER, Kind.STOP, Kind.WAIT, Kind.GATE]
    assert strictest(found) is Kind.NEVER


def test_every_reason_is_a_sentence() -> None:
    """It begins with a capital, ends with a full stop, and stays on one line."""
    messy = Customer("58", "Bad\nName", "", usd(0))
    about = facts(customer=messy, credits=(credit("900"),), gaps=(Gap("58", usd(1), usd(2)),))
    found = rulings(
        about,
        Past(contacts=(contact(1),), holds=(hold(HoldKind.QUIET), hold(HoldKind.DISPUTE))),
        *(reading(stance) for stance in Stance),
        stage=Stage.FINAL,
        rules=marked("key_account"),
    )
    found += about_texts.of_draft((violation("marked", "$1"),))
    assert len(found) > 14
    for ruling in found:
        assert ruling.reason[0].isupper() or ruling.reason[0] == "“"
        assert ruling.reason.endswith(".")
        assert "\n" not in ruling.reason


@pytest.mark.parametrize(
    ("class_", "stage", "mark", "expected"),
    [
        (CaseClass.ROUTINE_REMINDER, Stage.REMINDER, "", (1, False, False)),
        (CaseClass.LIKELY_DISPUTE, Stage.REMINDER, "", (1, False, False)),
        (CaseClass.PAYMENT_PLAN_CANDIDATE, Stage.REMINDER, "", (1, True, False)),
        (CaseClass.HIGH_TOUCH_ESCALATION, Stage.REMINDER, "", (1, True, True)),
        (CaseClass.ROUTINE_REMINDER, Stage.FIRM, "", (1, False, True)),
        (CaseClass.ROUTINE_REMINDER, Stage.FINAL, "", (2, True, True)),
        (CaseClass.ROUTINE_REMINDER, Stage.REMINDER, "key_account", (2, True, True)),
    ],
)
def test_who_has_to_approve(
    class_: CaseClass, stage: Stage, mark: str, expected: tuple[int, bool, bool]
) -> None:
    """How many, whether a finance lead, and whether the account manager goes first."""
    rules = marked(mark) if mark else policy()
    needed = approvals((), facts(), stage, rules, class_)
    assert (needed.count, needed.lead, needed.manager_first) == expected


def test_approvals_count_what_the_rulings_ask() -> None:
    """A gate that only a reading or a text raised is counted too."""
    found = about_texts.of_draft((violation("marked", "$1"),))
    assert approvals(found, facts(), Stage.REMINDER, policy()).count == 2


def test_an_empty_case_can_be_judged() -> None:
    """All its invoices are paid or held: the rules still answer."""
    assert rulings(replace(facts(), invoices=(), stages={})) == ()


def doc(id: str, text: str) -> Document:
    """A text of the help desk."""
    return Document(id, "help desk", "ticket", NOW, text)


def ticket(subject: str, open_: bool = True) -> Ticket:
    """Ticket 88."""
    return Ticket("ticket:88", subject, open_, NOW)


def down(minutes: int) -> Findings:
    """A source that has not answered for so long."""
    return Findings(Down(NOW - timedelta(minutes=minutes), "It\nanswered 503."))


FRESH = Fresh(NOW)
FOUND: list[tuple[Findings, list[tuple[Kind, str]], str]] = [
    (Findings(FRESH), [], ""),
    (down(0), [(Kind.WAIT, "source_away")], "The help desk cannot be read right now: It answered"),
    (down(239), [(Kind.WAIT, "source_away")], ""),
    (down(240), [(Kind.STOP, "source_down")], "has not been readable since October 14, 2026: It a"),
    (
        Findings(FRESH, doubtful="Two companies share its address."),
        [(Kind.GATE, "doubtful_match")],
        "what the help desk has is about Cooper & Sons: Two companies share its address.",
    ),
    (
        Findings(FRESH, tickets=(ticket("Wrong invoice\nagain"),)),
        [(Kind.STOP, "open_ticket")],
        "Ticket 88 (“Wrong invoice again”) is open and is about the bill.",
    ),
    (Findings(FRESH, tickets=(ticket("Wrong invoice", open_=False),)), [], ""),
    (Findings(FRESH, tickets=(ticket("Login"),), documents=(doc("ticket:8", "My bill"),)), [], ""),
    (Findings(FRESH, tickets=(ticket("Login"),), documents=(doc("ticket:881", "1037"),)), [], ""),
    (
        Findings(FRESH, tickets=(ticket("Hi"),), documents=(doc("ticket:88:2", "about 1037?"),)),
        [(Kind.STOP, "open_ticket")],
        "",
    ),
    (Findings(FRESH, tickets=(ticket("Hi"),), documents=(doc("ticket:88", "21037"),)), [], ""),
    (
        Findings(FRESH, tickets=(ticket("Die Rechnungsnummer fehlt"),)),
        [(Kind.STOP, "open_ticket")],
        "",
    ),
    (
        Findings(FRESH, marks=(Mark(kind="key_account", source="the CRM"),)),
        [(Kind.GATE, "key_account")],
        "",
    ),
    (
        Findings(FRESH, marks=(Mark(kind="our best friend", source="the CRM"),)),
        [(Kind.GATE, "unknown_mark")],
        "",
    ),
]


@pytest.mark.parametrize(("found", "fires", "says"), FOUND)
def test_what_a_source_says(found: Findings, fires: list[tuple[Kind, str]], says: str) -> None:
    """A source that is down waits, then stops; a doubt gates; an open ticket on the bill stops."""
    ruled = rulings(findings={"help desk": found})
    assert names(ruled) == fires
    assert says in " ".join(ruling.reason for ruling in ruled)


def test_an_outage_is_looked_at_again_soon() -> None:
    """In a quarter of an hour, and when its four hours are over; its words do not change."""
    first, last = (rulings(findings={"CRM": down(minutes)})[0] for minutes in (10, 230))
    assert first.until == NOW + timedelta(minutes=15)
    assert last.until == NOW + timedelta(minutes=10)
    early, late = (rulings(findings={"CRM": down(minutes)})[0] for minutes in (300, 310))
    assert early.fingerprint == late.fingerprint


def test_a_mark_elsewhere_never_hides_one_of_the_policy() -> None:
    """Both count, and the policy file is named first."""
    found = {"CRM": Findings(FRESH, marks=(Mark(kind="key_account", source="the CRM"),))}
    ruled = rulings(rules=marked("do_not_chase"), findings=found)
    assert names(ruled) == [(Kind.NEVER, "do_not_chase"), (Kind.GATE, "key_account")]
    (twice,) = rulings(rules=marked("key_account"), findings=found)
    assert "policy file" in twice.reason
    assert "(and 1 more)" in twice.reason


def test_texts_under_one_id_count_as_one() -> None:
    """A source that uses an id twice hides nothing behind the other text."""
    both = (doc("ticket:88", "Hello"), doc("ticket:88", "We dispute it."), doc("ticket:9", "Bye"))
    context = Context(facts(), {"help desk": Findings(FRESH, documents=both)})
    assert [d.text for d in context.documents] == ["Hello\nWe dispute it.", "Bye"]
    assert context.sources_of(context.documents) == ("help desk",)


@pytest.mark.parametrize(
    ("heard", "reader", "silent"),
    [
        ((Stance.NONE,), "phrases", True),
        ((Stance.PROMISE,), "phrases", True),
        ((Stance.QUESTION, Stance.NEW_CONTACT), "phrases", True),
        ((Stance.PROMISE, Stance.UNCLEAR), "phrases", False),
        ((Stance.UNHAPPY,), "phrases", False),
        ((Stance.NONE,), "a model", False),
        ((Stance.PROMISE,), "a model", False),
    ],
)
def test_a_weak_phrase_is_no_reading(heard: tuple[Stance, ...], reader: str, silent: bool) -> None:
    """To the phrases it may be a promise that nothing is paid this week, since nothing ever came:
    two people approve."""
    mail = Document("mail:7", "mailbox", "mail", NOW, "?")
    said = [Reading(mail.id, stance, (1,), reader) for stance in heard]
    where = {"mailbox": Findings(Fresh(NOW), documents=(mail,))}
    found = rulings(None, NONE, *said, findings=where)
    assert ((Kind.GATE, "unread_text") in names(found)) is silent
    assert (approvals(found, facts(), Stage.REMINDER, policy()).count == 2) is silent

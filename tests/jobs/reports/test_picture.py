"""The read side: a case in each of its states, and a company at a glance."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement, String, cast, insert, literal, select, update

from jobs.reports import picture, worklist
from jobs.rules.case import CaseView, Decision, Proposal, Reason
from jobs.rules.crossings import Crossing
from jobs.rules.facts.facts import Customer, Invoice, InvoiceStatus
from jobs.rules.figures import Money
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import OPEN, CaseClass, Stage, State
from jobs.store import cases, companies, crossings, drafts, outbox, people, sends
from jobs.store.cases import Case
from jobs.store.customers import families
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import crossings as crossings_table
from jobs.store.database.tables import invoices as invoices_table
from jobs.store.database.tables import messages
from jobs.store.database.types import Amount, Rate, Utc
from jobs.store.drafts import Draft
from jobs.store.intake import ledger
from jobs.store.outbox import MessageKind
from jobs.store.reports import case_lists
from tests.jobs.rules.world import facts, invoice, policy, usd
from tests.jobs.store import copies, record
from tests.jobs.store.record import NOW, REALM

database = copies.database

POLICY = policy('[people]\ncollectors = ["UCOLLECT"]\nfinance_leads = ["ULEAD1"]\ndeputies = []\n')
WORKSPACE = "https://harbor.slack.example/"
TODAY = date(2026, 10, 14)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def a_company(database: Database) -> None:
    record.company(database, swept_at=NOW - timedelta(hours=1))


def view(database: Database, case: Case) -> CaseView:
    with database.reading() as conn:
        return picture.case_view(conn, POLICY, case.id, NOW)


def drafted(
    database: Database,
    state: State,
    customer: str = "58",
    proposal: Proposal | None = None,
    **columns: Any,
) -> tuple[Case, Draft]:
    """A case with its facts and a draft, put into `state`."""
    begun = record.case(database, State.WAITING, customer, **columns)
    record.judge(database, begun, facts=facts(), proposal=proposal)
    written = record.draft(database, begun)
    with database.writing() as conn:
        mine = cases_table.c.id == begun.id
        conn.execute(update(cases_table).where(mine).values(state=state))
    return record.read(database, begun.id), written


def test_every_state_can_be_shown(database: Database) -> None:
    """With its letter, its facts and who may still have to approve."""
    for number, state in enumerate(State):
        ended: dict[str, Any] = {} if state in OPEN else {"closed_at": NOW}
        case, written = drafted(database, state, str(number), due_at=NOW + DAY, **ended)
        seen = view(database, case)
        assert (seen.state, seen.letter, seen.draft_hash) == (state, written.letter, written.sha256)
        assert (seen.draft_id, seen.draft_version, seen.author) == (written.id, 1, "template")
        assert seen.facts == facts()
        assert seen.approvals is not None
        assert seen.approvals.missing == 1
        assert seen.send_at == (NOW + DAY if state is State.APPROVED else None)
        assert seen.outcome is None


def test_a_case_that_never_had_a_draft_can_be_shown(database: Database) -> None:
    """Stopped, or not looked at yet: the mirror has enough for a card."""
    for number, state in enumerate(State):
        with database.writing() as conn:
            theirs = invoice(id=f"i{number}", customer=str(number))
            ledger.put_invoices(conn, REALM, [theirs], NOW)
        seen = view(database, record.case(database, state, str(number)))
        assert (seen.letter, seen.approvals, seen.draft_id) == (None, None, "")
        assert [i.id for i in seen.facts.invoices] == [f"i{number}"]
        assert (seen.state, seen.judged_by) == (state, "template")


def test_a_card_says_what_its_case_knows(database: Database) -> None:
    """Class, summary, reasons, decisions, approvals and what changed."""
    reason, told = Reason("A mail says so.", ("mail:1",)), "Says the goods never came."
    made = Proposal(CaseClass.LIKELY_DISPUTE, "high", (reason,), told, "", (), "model-1/p3")
    case, old = drafted(database, State.WAITING, proposal=made, end_reason="The approval lapsed.")
    with database.writing() as conn:
        written = drafts.rewrite_draft(conn, old, NOW, ["Invoice 1037 was paid in part."])
        mine = cases_table.c.id == case.id
        conn.execute(update(cases_table).where(mine).values(draft=written.id))
        people.put_user(conn, "UCOLLECT", "Cora", "", NOW)
        decision = Decision("approve", "UCOLLECT", NOW)
        drafts.record(conn, case, decision, written, "p")
    seen = view(database, case)
    assert (seen.class_, seen.summary) == (CaseClass.LIKELY_DISPUTE, "Says the goods never came.")
    assert seen.reasons == (reason,)
    assert seen.changed == ("Invoice 1037 was paid in part.",)
    assert seen.end_reason == "The approval lapsed."
    assert seen.decisions == (decision,)
    assert seen.approvals is not None
    assert seen.approvals.given == (decision,)


@pytest.mark.parametrize("state", ["sent", "refused", "not_sent", "unknown"])
def test_a_card_says_how_the_sending_went(database: Database, state: str) -> None:
    """The latest attempt counts; one that is under way has no outcome yet."""
    case, written = drafted(database, State.SENT)
    record.send(database, written, "refused", NOW - DAY, detail="mailbox full")
    record.send(database, written, state, NOW, ended_at=NOW + timedelta(seconds=2))
    seen = view(database, case).outcome
    assert seen is not None
    assert (seen.state, seen.at) == (state, NOW + timedelta(seconds=2))


def test_a_mail_under_way_has_no_outcome(database: Database) -> None:
    """Nobody can say yet."""
    case, written = drafted(database, State.SENDING)
    record.send(database, written, "in_flight")
    assert view(database, case).outcome is None


@pytest.mark.parametrize("state", ["", "written", "kept", "failed"])
def test_a_card_says_what_became_of_the_note(database: Database, state: str) -> None:
    """An intended note is not mentioned before it is written, kept or failed."""
    case, written = drafted(database, State.SENT)
    with database.writing() as conn:
        sends.intend_note(conn, written, NOW)
        if state:
            sends.conclude_note(conn, case.id, state, NOW, detail="The books are closed.")
    seen = view(database, case)
    assert seen.note_state == state
    assert seen.note_detail == ("The books are closed." if state else "")


def test_a_case_that_is_not_there_is_missing(database: Database) -> None:
    """Asked for by a number nobody gave out."""
    with database.reading() as conn, pytest.raises(cases.Missing):
        picture.case_view(conn, POLICY, "99", NOW)


def due(id: str, days: int, amount: str, currency: str = "USD", customer: str = "58") -> Invoice:
    """An open invoice so many days past due today."""
    money = Money(Decimal(amount), currency)
    return invoice(
        id=id, due=TODAY - days * DAY, total=money, open=money, customer=customer, number=id
    )


def mirror(database: Database, *read: Invoice) -> None:
    with database.writing() as conn:
        ledger.put_invoices(conn, REALM, read, NOW)


def shown(database: Database, most: int = 10) -> picture.Picture:
    with database.reading() as conn:
        return picture.of_company(conn, companies.need(conn, REALM), WORKSPACE, NOW, most)


def test_aging_is_by_currency_and_age(database: Database) -> None:
    """Each edge of a bucket, and never a sum over two currencies; home currency first."""
    days = {"not due": (0, -9), "1–30": (1, 30), "31–60": (31, 60), "61–90": (61, 90)}
    edges = {**days, "over 90": (91, 400)}
    flat = [(name, day) for name, both in edges.items() for day in both]
    mirror(
        database,
        *(due(f"u{n}", day, f"{10 ** (n // 2)}.25") for n, (_, day) in enumerate(flat)),
        due("e1", 5, "700", "EUR"),
        due("a1", 5, "9", "AUD"),
        replace(due("p1", 5, "5000"), status=InvoiceStatus.PAID),
    )
    usd_, aud, eur = shown(database).currencies
    assert (usd_.currency, aud.currency, eur.currency) == ("USD", "AUD", "EUR")
    assert {name: (b.count, b.open) for name, b in usd_.buckets.items()} == {
        "not due": (2, usd("2.50")),
        "1–30": (2, usd("20.50")),
        "31–60": (2, usd("200.50")),
        "61–90": (2, usd("2000.50")),
        "over 90": (2, usd("20000.50")),
    }
    assert usd_.overdue == usd("22222.00")
    assert eur.overdue == Money(Decimal(700), "EUR")
    assert eur.amount("over 90") == Money(Decimal(0), "EUR")


def test_a_day_is_the_companys_day(database: Database) -> None:
    """At three in the morning UTC it is still yesterday in New York."""
    mirror(database, due("1", 0, "10"))
    night = NOW.replace(hour=3) + DAY
    with database.reading() as conn:
        (aging,) = picture.aging(conn, companies.need(conn, REALM), night)
    assert set(aging.buckets) == {"not due"}


def test_an_empty_ledger_is_an_empty_picture(database: Database) -> None:
    """No currency, no case, and as of when."""
    seen = shown(database)
    assert (seen.currencies, seen.cases, seen.more_cases) == ((), (), 0)
    assert (seen.company, seen.as_of) == ("Harbor Supply", NOW - timedelta(hours=1))
    assert (seen.shadow, seen.paused_by) == (False, "")


def test_a_picture_says_how_the_company_is_run(database: Database) -> None:
    """Shadow and pause stand above everything else."""
    with database.writing() as conn:
        companies.change(conn, REALM, mode="shadow", paused_by="ULEAD1", paused_at=NOW)
    seen = shown(database)
    assert (seen.shadow, seen.paused_by, seen.paused_at) == (True, "ULEAD1", NOW)


def about(database: Database, customer: str, *amounts: str, currency: str = "USD") -> Case:
    """A waiting case that talks about invoices of these amounts, twelve days late."""
    case = record.case(database, State.WAITING, customer, currency=currency)
    read = [due(f"{customer}.{n}", 12, a, currency, customer) for n, a in enumerate(amounts)]
    mirror(database, *read)
    with database.writing() as conn:
        cases.talk_about(conn, case, [one.id for one in read])
    return case


def test_the_largest_open_cases_are_listed(database: Database) -> None:
    """The older first where equal; closed ones and other companies' are not there."""
    for customer, amount in {"1": "5", "2": "900", "3": "5", "4": "70"}.items():
        about(database, customer, amount)
    for number, state in enumerate(sorted(set(State) - OPEN)):
        closed = about(database, f"closed{number}", "9999")
        with database.writing() as conn:
            mine = cases_table.c.id == closed.id
            conn.execute(update(cases_table).where(mine).values(state=state, closed_at=NOW))
    with database.writing() as conn:
        people_ = [Customer("2", "Bea & Co", "", usd(0))]
        families.put_customers(conn, REALM, people_, NOW)
    seen = shown(database, most=3)
    assert [c.customer for c in seen.cases] == ["Bea & Co", "4", "1"]
    assert seen.more_cases == 1


def test_no_larger_case_of_a_currency_is_passed_over(database: Database) -> None:
    """Of each currency the largest by what is open today, whatever a case was once worth at home.

    The list is chosen and sorted by the same amount; two currencies are never compared.
    """
    once = {"1": 900, "2": 5, "3": 70, "4": 8000, "5": 7000, "6": 6000, "7": 1}
    usd_, eur = {"1": "10", "2": "300", "3": "20"}, {"4": "4", "5": "50", "6": "60", "7": "700"}
    for customer, amount in usd_.items():
        about(database, customer, amount)
    for customer, amount in eur.items():
        about(database, customer, amount, currency="EUR")
    about(database, "8", "0.10", currency="AUD")
    with database.writing() as conn:
        for customer, rank in once.items():
            mine = cases_table.c.customer == customer
            conn.execute(update(cases_table).where(mine).values(rank=Decimal(rank)))
    assert [c.customer for c in shown(database, most=5).cases] == ["2", "3", "8", "7", "6"]
    assert [c.customer for c in shown(database, most=2).cases] == ["2", "8"]
    everybody = [c.customer for c in shown(database).cases]
    assert everybody == ["2", "3", "1", "8", "7", "6", "5", "4"]


def test_a_listed_case_states_what_it_talks_about(database: Database) -> None:
    """What is still open of it, over everybody billed through the customer, and its oldest days."""
    case = about(database, "58", "100.10", "77", "5000")
    mirror(
        database,
        due("2", 40, "200.20", customer="59"),
        due("3", 90, "1000"),  # held, or not due before: the case does not talk about it
        due("58.1", 12, "33"),
        replace(due("58.2", 95, "5000"), status=InvoiceStatus.PAID),
    )
    with database.writing() as conn:
        cases.talk_about(conn, case, ["58.0", "58.1", "58.2", "2"])
    (listed,) = shown(database).cases
    assert (listed.open, listed.days_overdue) == (usd("333.30"), 40)
    assert (listed.stage, listed.state, listed.link) == (Stage.REMINDER, State.WAITING, "")


def test_a_case_that_is_not_prepared_yet_states_what_opened_it(database: Database) -> None:
    """Each of its invoices once, without what it gave back; and nothing is no reason to hide."""
    case = record.case(database, State.NEW)
    mirror(database, due("1", 12, "100.10"), due("2", 40, "200.20"), due("3", 90, "5000"))
    steps = {"1": Stage.REMINDER, "2": Stage.FOLLOW_UP, "3": Stage.REMINDER}
    crossed = [Crossing(id, 1, stage) for id, stage in steps.items()]
    with database.writing() as conn:
        crossings.cross_all(conn, REALM, {case.id: [*crossed, Crossing("2", 1, Stage.FIRM)]}, NOW)
        third = crossings_table.c.invoice == "3"
        conn.execute(update(crossings_table).where(third).values(released_at=NOW))
    record.case(database, State.NEW, "77")
    first, second = shown(database).cases
    assert (first.open, first.days_overdue) == (usd("300.30"), 40)
    assert (second.open, second.days_overdue) == (usd(0), 0)


def test_own_customers_are_a_picture_of_their_own(database: Database) -> None:
    """Totals, ages and cases of these billed customers and whoever is billed through them."""
    about(database, "58", "100")
    about(database, "61", "7000")
    with database.writing() as conn:
        job = Customer("59", "Job", "", usd(0), parent="58", bills_parent=True)
        families.put_customers(conn, REALM, [job], NOW)
    mirror(database, due("job", 40, "11", customer="59"), due("else", 40, "5", customer="77"))
    with database.reading() as conn:
        company = companies.need(conn, REALM)
        seen = picture.of_company(conn, company, WORKSPACE, NOW, only=frozenset({"58"}))
        nobodys = picture.of_company(conn, company, WORKSPACE, NOW, only=frozenset())
    (aging,) = seen.currencies
    assert aging.overdue == usd(111)
    assert [c.customer for c in seen.cases] == ["58"]
    assert (seen.more_cases, seen.whole, shown(database).whole) == (0, False, True)
    assert (nobodys.currencies, nobodys.cases, nobodys.more_cases) == ((), (), 0)


def test_a_ledger_of_a_hundred_thousand_is_added_up_by_the_database(database: Database) -> None:
    """To the cent, though no invoice of it is ever made an object of ours."""
    count, customers = 100_000, 50
    sized = [("USD", 12, "0.01"), ("USD", 40, "1.25"), ("EUR", 95, "2.50"), ("USD", -3, "9")]
    numbers = select(literal(0).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count - 1))
    with database.writing() as conn:
        for kind, (currency, days, amount) in enumerate(sized):
            n, worth = numbers.c.n, literal(Decimal(amount), Amount)
            row: dict[str, ColumnElement[Any]] = {
                "company": literal(REALM),
                "number": literal(""),
                "id": cast(n, String),
                "customer": cast(n % customers, String),
                "txn_date": literal(TODAY),
                "due": literal(TODAY - days * DAY),
                "currency": literal(currency),
                "total": worth,
                "open": worth,
                "rate": literal(Decimal(1), Rate),
                "status": literal("open"),
                "read_at": literal(NOW, Utc),
            }
            made = select(*row.values()).where(n % 4 == kind)
            conn.execute(insert(invoices_table).from_select(list(row), made))
    case = record.case(database, State.WAITING, "1")
    with database.writing() as conn:
        cases.talk_about(conn, case, [str(n) for n in range(1, count, customers)])
    seen = shown(database)
    dollars, euros = seen.currencies
    assert {n: (b.count, b.open) for n, b in dollars.buckets.items()} == {
        "1–30": (25_000, usd(250)),
        "31–60": (25_000, usd(31_250)),
        "not due": (25_000, usd(225_000)),
    }
    assert euros.overdue == Money(Decimal(62_500), "EUR")
    (listed,) = seen.cases
    assert (listed.open, listed.days_overdue) == (usd(10_250), 40)


def post(database: Database, case: Case, ts: str | None, kind: str = "card") -> None:
    with database.writing() as conn:
        if kind == "card":
            outbox.card(conn, REALM, "C0001", case.id, Decimal(1), True, NOW)
        else:
            outbox.say(conn, case, MessageKind.SEND_UNKNOWN, "x", {"called": []}, NOW)
        mine = (messages.c.case_id == case.id) & (messages.c.kind == kind)
        conn.execute(update(messages).where(mine).values(ts=ts))


def link(database: Database, case: Case, workspace: str = WORKSPACE) -> str:
    with database.reading() as conn:
        return picture.card_link(conn, case.id, workspace)


def test_a_card_has_a_link_once_it_is_posted(database: Database) -> None:
    """Slack's own form: channel, p, and the timestamp without its point."""
    case = record.case(database, State.WAITING)
    assert link(database, case) == ""
    post(database, case, "1760455800.000001", "thread")
    post(database, case, None)
    assert link(database, case) == ""
    post(database, case, "1760455800.000100")
    expected = "https://harbor.slack.example/archives/C0001/p1760455800000100"
    assert link(database, case) == expected
    assert shown(database).cases[0].link == expected
    assert link(database, case, "") == ""


def waiting(database: Database, customer: str, rank: int, *rulings: Ruling, **columns: Any) -> Case:
    """A posted card with a draft that waits for approval."""
    case = record.case(database, State.WAITING, customer, Decimal(rank))
    record.judge(database, case, *rulings)
    draft = record.draft(database, case)
    with database.writing() as conn:
        mine = cases_table.c.id == case.id
        conn.execute(update(cases_table).where(mine).values(**{"draft": draft.id, **columns}))
    post(database, case, f"1.00000{rank}")
    return record.read(database, case.id)


def decide(database: Database, case: Case, kind: str, who: str) -> None:
    with database.writing() as conn:
        decision = Decision(kind, who, NOW, "")
        drafts.record(conn, case, decision, drafts.draft(conn, str(case.draft)), "")


def test_the_next_card_is_the_most_valuable_that_waits(database: Database) -> None:
    """Beside this one; a case without a posted card is passed over, and one that is decided."""
    ours = waiting(database, "1", 9)
    decide(database, ours, "approve", "UCOLLECT")
    record.case(database, State.WAITING, "6", Decimal(8))
    waiting(database, "3", 7, state=State.APPROVED)
    assert following(database, ours) == ""
    small, large = waiting(database, "4", 1), waiting(database, "5", 6)
    assert following(database, ours) == link(database, large)
    decide(database, large, "approve", "UCOLLECT")
    assert following(database, ours) == link(database, small)


def following(database: Database, case: Case, ruling: Policy = POLICY) -> str:
    with database.reading() as conn:
        return worklist.next_card(conn, ruling, case, WORKSPACE, NOW)


@pytest.mark.parametrize("kind", [Kind.NEVER, Kind.STOP])
def test_the_next_card_is_one_that_can_be_acted_on(database: Database, kind: Kind) -> None:
    """Not one that a rule stops, nor one that the account manager has not opened."""
    ours = waiting(database, "1", 9)
    decide(database, ours, "approve", "UCOLLECT")
    waiting(database, "2", 8, draft=None)
    waiting(database, "3", 7, Ruling(kind, "dispute", "They dispute it."))
    first = Ruling(Kind.GATE, "key_account", "Marc sees it first.", manager_first=True)
    later = waiting(database, "4", 6, first, approval_opens_at=NOW + timedelta(hours=1))
    assert following(database, ours) == ""
    decide(database, later, "fine", "ULEAD1")
    assert following(database, ours) == link(database, later)


def test_a_worklist_is_filled_however_many_cannot_be_decided(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More large stopped cases than a worklist has places hide no routine case behind them."""
    monkeypatch.setattr(case_lists, "PAGE", 2)
    monkeypatch.setattr(worklist, "MOST", 3)
    for rank in (9, 8, 7):
        waiting(database, str(rank), rank, Ruling(Kind.STOP, "dispute", "They dispute it."))
    alike = [waiting(database, str(10 + n), 5).id for n in range(3)]
    waiting(database, "1", 1)
    with database.reading() as conn:
        found = worklist.to_decide(conn, POLICY, REALM, "UCOLLECT", NOW)
        assert [one.id for one in found] == alike


def test_the_next_card_is_of_the_approvers_own_customer(database: Database) -> None:
    """An account manager who may approve is led to no other customer; a collector to all."""
    manager = '[[account_manager]]\nslack = "UMANAGER"\ncustomers = ["1", "3"]\n'
    both = policy(f'[people]\ncollectors = ["UCOLLECT"]\nmanagers_approve = true\n{manager}')
    ours = waiting(database, "1", 9)
    larger, own = waiting(database, "2", 8), waiting(database, "3", 7)
    decide(database, ours, "approve", "UMANAGER")
    assert following(database, ours, both) == link(database, own)
    decide(database, ours, "approve", "UCOLLECT")
    assert following(database, ours, both) == link(database, larger)


def test_a_listed_case_says_what_keeps_it(database: Database) -> None:
    """A rule, or a draft that is missing; nothing where it can be approved."""
    merged = Ruling(Kind.NEVER, "merged", "They were merged.")
    waiting(database, "1", 3)
    waiting(database, "2", 2, replace(merged, kind=Kind.GATE), draft=None)
    waiting(database, "3", 1, merged)
    bars = [one.bar for one in shown(database).cases]
    assert bars == [None, Kind.WAIT, Kind.NEVER]

"""Context → rules → reading → rules → `proposal`: a draft or a stop, and the card.

A refresh that finds the same facts and evidence writes nothing and asks no model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Round, Step
from jobs.reasoning import reading
from jobs.reasoning.reading import Readings
from jobs.rules import changes, drafts
from jobs.rules.facts.evidence import Document, Reading
from jobs.rules.facts.facts import Invoice
from jobs.rules.facts.findings import Context, Findings
from jobs.rules.figures import day
from jobs.rules.gates.about_sources import AWAY, DOWN
from jobs.rules.plain import shortened
from jobs.rules.policy.business_days import add_working_days, is_business_day
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import State
from jobs.sources import quickbooks
from jobs.sources.pooled import Inquiry, PooledSource, Together, ask_all
from jobs.sources.quickbooks import Books, CaseFile, RecordReader
from jobs.store import assessments, cases, crossings, outbox, work
from jobs.store import drafts as draft_store
from jobs.store.assessments import Assessment, Judgement
from jobs.store.cases import Case, Move
from jobs.store.customers import heard, history
from jobs.store.services import outages
from jobs.store.work import Claim
from jobs.triage.drafting import before
from jobs.triage.judging import View, judge
from jobs.triage.proposal import ACTOR, Propose, above_cap, judged, next_look, shown_today
from qbo.errors import PoisonedPage, QuickBooksError, ReauthRequired, Unreachable

WIDTH = 160
"""Many at once: their threads mostly wait, and their queries are pooled."""
CLAIMING = timedelta(minutes=3)
"""So wide a step takes a dozen seconds to fill and as long to empty, in which the model is idle.
What is cut off meanwhile has written nothing outside, and is done again."""
MORNING = time(8, 0)
"""When a case that came up on a day off gets its card, in the company's zone."""
OUTAGE = tuple(timedelta(minutes=m) for m in (5, 30, 70, 120, 15))
"""The pauses while the ledger is away: four hours in all, then a person is asked to look."""
NOBODY = "0"
"""An id that no customer has."""
ONCE_MORE = timedelta(seconds=30)
AFTER_OUTAGE = timedelta(hours=1)
SHORTLY = timedelta(seconds=5)


def step(services: Services) -> Step:
    """The triage step; it works on many cases at once, because they wait for networks."""
    together = Together(services.quickbooks, services.sources)
    return Step(
        name="triage",
        table=work.CASES,
        ready=cases.unapproved(),
        load=lambda conn, claim, now: _load(services, together, conn, claim, now),
        give_up=_give_up,
        width=WIDTH,
        claiming=CLAIMING,
    )


def _load(
    services: Services, together: Together, conn: Connection, claim: Claim, now: datetime
) -> Round | None:
    case = cases.of_row(claim.row)
    file = quickbooks.open_file(conn, case, now)
    services = services.asking(file.company).for_case(case.company, case.id)
    if case.state is State.NEW and not is_business_day(file.company.today(now), services.policy):
        work.settle(conn, claim, _next_morning(services, file, now))
        return None
    return Gather(services, file, now, together.of(case.company), together.sources(case.company))


def _next_morning(services: Services, file: CaseFile, now: datetime) -> datetime:
    day = add_working_days(file.company.today(now), 1, services.policy)
    return datetime.combine(day, MORNING, file.company.zone)


@dataclass(frozen=True)
class Gather:
    """Read the ledger."""

    services: Services
    file: CaseFile
    now: datetime
    ledger: RecordReader
    sources: tuple[PooledSource, ...] = ()

    def act(self) -> Books | QuickBooksError:
        """What the ledger says, or an error that may pass. Raises QuickBooksError otherwise."""
        try:
            return quickbooks.read(self.ledger, self.file, self.now)
        except PoisonedPage as error:
            return self._outage() or error
        except QuickBooksError as error:
            if error.permanent and not isinstance(error, ReauthRequired):
                raise
            return error

    def _outage(self) -> QuickBooksError | None:
        """The error, if QuickBooks fails altogether: one bad record alone looks just the same.

        A query for nobody tells the two apart.
        """
        try:
            self.services.quickbooks(self.file.company.realm).customers([NOBODY])
        except QuickBooksError as error:
            return Unreachable(f"QuickBooks is not answering right now: {error.message}")
        return None

    def settle(
        self, conn: Connection, claim: Claim, outcome: Books | QuickBooksError, now: datetime
    ) -> Round | None:
        """End the case if none of its crossed invoices is open; otherwise read its texts."""
        if not work.renew(conn, claim, now):
            return None  # the claim is lost: its new holder reads again
        if isinstance(outcome, PoisonedPage) and claim.attempts > 1:
            _ask_for_a_look(conn, claim, str(outcome), now)
            return None
        if isinstance(outcome, QuickBooksError):
            _wait_for_the_ledger(conn, claim, outcome, now)
            return None
        quickbooks.mirror(conn, self.file, outcome, now)
        file = quickbooks.open_file(conn, self.file.case, now)  # mirroring may start a new round
        without = file.case.without
        facts = without.facts(quickbooks.facts(outcome, file.scope))
        if crossings.crossed(conn, file.case.id).keys().isdisjoint(i.id for i in facts.invoices):
            ended = quickbooks.ended(conn, file, outcome)
            _nothing_left(conn, file.case, ended, facts.invoices, now)
            return None
        services = replace(self.services, policy=without.policy(self.services.policy))
        context = quickbooks.context(outcome, facts)
        if not self.sources:
            outages.remember(conn, file.case.company, file.case.customer, {})
            return _read(services, conn, file, context)
        inquiry = Inquiry(quickbooks.account(conn, file, facts), now, services.policy)
        return AskSources(services, file, context, inquiry, self.sources)


@dataclass(frozen=True)
class AskSources:
    """Read every source besides the ledger."""

    services: Services
    file: CaseFile
    context: Context
    inquiry: Inquiry
    sources: tuple[PooledSource, ...]

    def act(self) -> dict[str, Findings]:
        """What each says, by its name. Never raises: one that does not answer is `Down`."""
        return ask_all(self.sources, self.inquiry)

    def settle(
        self, conn: Connection, claim: Claim, outcome: dict[str, Findings], now: datetime
    ) -> Round | None:
        """Note which sources are down, then read the texts of all of them."""
        if not work.renew(conn, claim, now):
            return None
        case = self.file.case
        found = outages.remember(conn, case.company, case.customer, outcome)
        context = replace(self.context, findings={**self.context.findings, **found})
        return _read(self.services, conn, self.file, context)


def _read(services: Services, conn: Connection, file: CaseFile, context: Context) -> Read:
    known = assessments.known_readings(
        conn, context.documents, reading.reader(services.model), reading.BESIDE
    )
    return Read(services, file, context, known)


def _wait_for_the_ledger(
    conn: Connection, claim: Claim, error: QuickBooksError, now: datetime
) -> None:
    """Count the attempt and wait longer each time: no answer does not mean nothing is owed."""
    pause = OUTAGE[min(claim.attempts, len(OUTAGE)) - 1]
    if isinstance(error, PoisonedPage):
        pause = ONCE_MORE
    said = shortened(str(error), 300)
    work.settle(conn, claim, now + pause, last_error=said, attempts=claim.attempts)


def _nothing_left(
    conn: Connection,
    case: Case,
    ended: tuple[Invoice, ...],
    early: tuple[Invoice, ...],
    now: datetime,
) -> None:
    """Cancel: a message needs an invoice that has crossed. `early` are overdue but have not."""
    reason = changes.why_nothing(ended, early)
    move = Move(State.CANCELLED, "case.cancelled", ACTOR, data={"left": [i.id for i in ended]})
    if cases.move(conn, case, move, now, end_reason=reason):
        crossings.release(conn, case.id, now)
        if case.state is State.SNOOZED:
            history.end_quiet(conn, case.company, case.customer, ACTOR, now)


@dataclass(frozen=True)
class Read:
    """Have each outside text read on its own, unless the same text was read before."""

    services: Services
    file: CaseFile
    context: Context
    known: dict[str, tuple[Reading, ...]]

    @property
    def unread(self) -> tuple[Document, ...]:
        return tuple(d for d in self.context.documents if d.id not in self.known)

    def act(self) -> Readings:
        """Never raises for anything the model does: the phrase rules always answer."""
        names = reading.names(self.context, self.services.policy)
        return reading.read(self.unread, self.services.model, names)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Readings, now: datetime
    ) -> Round | None:
        """Let the rules decide whether there is anything to write and whether to draft it."""
        if not work.renew(conn, claim, now):
            return None
        known = outcome.known(self.unread)
        reader = reading.reader(self.services.model)
        assessments.put_readings(conn, known, outcome.readings, reader, now)
        earlier = tuple(r for known in self.known.values() for r in known)
        said, documents = (*earlier, *outcome.readings), self.context.documents
        heard.note(conn, self.file.case, documents, said, reading.takes_back, self.context.solved)
        view = judge(
            conn,
            self.services.policy,
            self.file,
            self.context,
            said,
            now,
            sender=self.services.sender,
            reply_to=self.services.reply_to,
        )
        return self._go_on(conn, claim, view, now)

    def _go_on(self, conn: Connection, claim: Claim, view: View, now: datetime) -> Round | None:
        """Have something proposed, or say until when the case waits."""
        if view.kind is Kind.WAIT:
            _wait(self.services, conn, claim, view, now)
        elif _same_as_before(self.services, conn, view, now):
            work.settle(conn, claim, next_look(self.services, view, now))
        elif not view.stopped and above_cap(self.services, conn, self.file, now):
            work.settle(conn, claim, None, last_error="above today's cap")
        elif not view.stopped and _others_first(self.services, conn, self.file, now):
            work.settle(conn, claim, now + SHORTLY)
        else:
            return Propose(self.services, view, before(conn, view.file.case.id, view.facts))
        return None


def _wait(services: Services, conn: Connection, claim: Claim, view: View, now: datetime) -> None:
    """Put the case off to a date, without a card; a card already shown says so and is snoozed."""
    latest, until = max(
        ((r, r.until) for r in view.rulings if r.kind is Kind.WAIT and r.until),
        key=lambda wait: wait[1],
    )
    if _only_an_outage(conn, view):
        work.settle(conn, claim, until)
        return
    case, columns = view.file.case, _put_off(services, conn, view, now)
    if case.state is not State.WAITING:
        work.settle(conn, claim, until, **columns)
        return
    rules = [r.rule for r in view.rulings]
    move = Move(State.SNOOZED, "case.waits", ACTOR, until, {"rules": rules, "until": until})
    reason = f"Comes back on {day(until.astimezone(view.file.company.zone).date())}."
    reason = latest.reason if latest.rule == AWAY else reason
    cases.move(conn, case, move, now, **columns, end_reason=reason)


def _only_an_outage(conn: Connection, view: View) -> bool:
    """Whether a card can stay as it is, with the approvals it has, while a source is away for a
    short time: whatever else is known is as it was. The last check reads the source again."""
    case, last = view.file.case, assessments.present(conn, view.file.case)
    said = {ruling.rule for ruling in last.rulings}
    new = [r for r in view.rulings if r.rule != AWAY and r.rule not in said]
    healed = DOWN in said and all(r.rule != DOWN for r in view.rulings)
    if case.state is not State.WAITING or case.reassess or new or healed:
        return False
    before = assessments.facts(conn, case)
    same = before and assessments.fingerprint(before) == assessments.fingerprint(view.facts)
    return bool(same) and not assessments.new_documents(conn, case, view.context.documents)


def _put_off(services: Services, conn: Connection, view: View, now: datetime) -> dict[str, Any]:
    """What the case keeps of a judgement to wait; nothing if it is the same as the last one."""
    last = assessments.present(conn, view.file.case)
    if last.rulings == view.rulings and _no_news(conn, view, last):
        return {}
    # what was proposed before still stands, and so does its draft
    made = replace(view.judgement(services.policy), proposal=last.proposal)
    return judged(conn, view, made, now)


def _same_as_before(services: Services, conn: Connection, view: View, now: datetime) -> bool:
    """Whether the card is still complete, and its deadline still leaves enough time."""
    case, file = view.file.case, view.file
    last = assessments.present(conn, case)
    if case.state is not State.WAITING or not _no_news(conn, view, last):
        return False
    if case.draft is None or last.class_ is None:
        return True
    kept, today = draft_store.draft(conn, case.draft).deadline, file.company.today(now)
    wanted = drafts.deadline_for(view.stage, last.class_, today, kept, services.policy)
    return wanted == kept


def _no_news(conn: Connection, view: View, last: Assessment) -> bool:
    """Whether the last assessment was made from the same facts and texts, and may stay."""
    case = view.file.case
    same = last.sha256 == view.fingerprint() and not case.reassess
    return same and not assessments.new_documents(conn, case, view.context.documents)


def _others_first(services: Services, conn: Connection, file: CaseFile, now: datetime) -> bool:
    """Whether more valuable cases now in progress may use up today's cards."""
    if file.case.state is not State.NEW:
        return False
    ahead = cases.ahead(conn, file.case, now)
    return ahead + shown_today(conn, file, now) >= services.policy.cards_per_day


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """Ask for a look after five failed attempts."""
    _ask_for_a_look(conn, claim, str(claim.row.last_error), now)


def _ask_for_a_look(conn: Connection, claim: Claim, why: str, now: datetime) -> None:
    """Ask a person to look, on a card without a draft; it is tried again in an hour."""
    case = cases.of_row(claim.row)
    file = quickbooks.open_file(conn, case, now)
    reason = f"This case could not be prepared{claim.tried}. {why}"
    ruling = Ruling(Kind.STOP, "needs_a_look", reason)
    move = Move(State.WAITING, "case.needs_a_look", ACTOR, now + AFTER_OUTAGE)
    assessment = assessments.put(conn, case.id, Judgement(case.stage, (ruling,)), now)
    # the next look never finds "same as before", so it draws the card again
    columns = cases.ANEW | {"draft": None, "assessment": assessment}
    if cases.move(conn, case, move, now, **columns):
        channel = file.company.card_channel(shadow=case.shadow)
        outbox.card(conn, case.company, channel, case.id, case.row.rank, False, now)

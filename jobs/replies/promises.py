"""Once an hour, and after each sweep: which promises were kept, and which were broken.

Payments close a promise. A broken one raises its invoices by a stage, in a new round; nothing is
called broken before the whole ledger was read after the last day of grace.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jobs import opening
from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.rules.facts.facts import Invoice, InvoiceStatus
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import total
from jobs.rules.letters.slots import title
from jobs.rules.policy.policy import Policy
from jobs.rules.promises import CustomerPromise, PromiseState, judged
from jobs.store import cases, companies, log, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import promises
from jobs.store.intake import ledger
from jobs.store.outbox import MessageKind
from jobs.store.work import Claim

KIND = "promises"
ACTOR = "system:promises"
EVERY = timedelta(hours=1)
NOT_OWED = frozenset({InvoiceStatus.VOIDED, InvoiceStatus.GONE})
AT_ONCE = 50
"""Promises in one transaction, which must stay short; the rest follow at once."""


def step(services: Services) -> Step:
    """The promises of one company per row."""
    return scheduled(
        KIND,
        lambda conn, claim, now: _look(services, conn, claim, now),
        tries_again(after=EVERY),
        ready=work.swept,
    )


def _look(services: Services, conn: Connection, claim: Claim, now: datetime) -> None:
    company = companies.need(conn, claim.row.company)
    policy = services.for_company(company.realm).policy
    after = work.remembered(conn, claim.id).get("after", "0")
    some = promises.open_ones(conn, company.realm, after, AT_ONCE)
    more = len(some) == AT_ONCE
    if not work.settle(conn, claim, now if more else now + EVERY):
        return
    work.remember(conn, claim.id, {"after": some[-1].id} if more else {})
    for promise in some:
        _judge(conn, policy, company, promise, now)


def _judge(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    promise: CustomerPromise,
    now: datetime,
) -> None:
    mirrored = ledger.mirrored(conn, company.realm, sorted(promise.invoices))
    gone = [m.invoice for m in mirrored.values() if m.invoice.status in NOT_OWED]
    if gone and len(gone) < len(promise.invoices):
        promise = _without(conn, policy, promise, gone, now)
    # what is missing counts from the day on which the ledger was last read as a whole
    seen = company.today(company.swept_at or promise.set_at)
    state = judged(promise, [m.invoice for m in mirrored.values()], seen, policy)
    if state is PromiseState.OPEN or not promises.end(conn, promise, state, now):
        return
    if state is PromiseState.BROKEN:
        promises.raise_stage(conn, promise)
        trigger = f"broken:{promise.id}"
        opening.open_cases(conn, policy, company, [promise.customer], trigger, now)
    cases.look_again(conn, company.realm, [promise.customer], now)
    _tell(conn, promise, state, now)


def _without(
    conn: Connection,
    policy: Policy,
    promise: CustomerPromise,
    gone: Sequence[Invoice],
    now: datetime,
) -> CustomerPromise:
    """Some of its invoices were voided or deleted: it goes on about the others, and says so."""
    ids = sorted(invoice.id for invoice in gone)
    left = promises.take_out(conn, promise, ids, policy, ACTOR, now)
    assert left is not None
    asked = total((one.amount for one in left.instalments), left.currency)
    data: dict[str, Any] = {
        "gone": [title(invoice) for invoice in gone],
        "plan": promise.kind is HoldKind.PLAN,
        "amount": str(asked.amount),
        "currency": left.currency,
        "parts": len(left.instalments),
        "until": left.until.isoformat(),
    }
    case, key = cases.get(conn, promise.case), f"promise:{promise.id}:{','.join(ids)}"
    outbox.say(conn, case, MessageKind.PROMISE_CHANGED, key[:200], data, now)
    told = {"promise": promise.id, "gone": ids}
    log.note(conn, log.Entry(promise.company, "promise.changed", ACTOR, now, promise.case, told))
    return left


def _tell(conn: Connection, promise: CustomerPromise, state: PromiseState, now: datetime) -> None:
    data: dict[str, Any] = {
        "state": state,
        "plan": promise.kind is HoldKind.PLAN,
        "until": promise.until.isoformat(),
        "by": promise.set_by,
    }
    case = cases.get(conn, promise.case)
    outbox.say(conn, case, MessageKind.PROMISE_ENDED, f"promise:{promise.id}", data, now)
    told = {"promise": promise.id, "state": state}
    log.note(conn, log.Entry(promise.company, "promise.ended", ACTOR, now, promise.case, told))

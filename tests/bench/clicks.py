"""Clicks on the real product: 10,000 of them while cards are posted, and a walk through cases."""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import func, select, update

from bot.blockkit.ids import WorklistButton, of_company
from jobs.decide.verbs import Verb
from jobs.rules.states import State
from jobs.store import outbox
from jobs.store.database.tables import cases, channels, decisions
from tests.bench import memory
from tests.bench.load import Answer, Post, steadily
from tests.bench.measures import Figure, answered, in_time, say
from tests.flows.firms import COLLECTOR, OTHER_LEAD, Firm, Owing, firms, record
from tests.sandbox.processes import LEAD, Sandbox
from tests.sandbox.slack.delivery import PATIENCE, signature
from tests.sandbox.slack.kinds import Json, Message
from tests.sandbox.slack.people import APP, TEAM

CLICKS, PER_SECOND, TARGET = 10_000, 50, 0.300
A_DAY = 25
"""The cards that a company gets in a day, unless its policy says otherwise."""
CLICKED, POSTED = 4, 20
"""Companies whose cards are clicked, and others whose cards are posted meanwhile."""
DECIDERS = (COLLECTOR, LEAD)
"""Each card that is clicked takes an approval of both."""
SOON, LATE = -5, 5
"""Days overdue: when a company is connected, and when its cases are wanted."""
PREPARED_SECONDS, SHOWN_SECONDS = 300.0, 10.0
PACE = 1.0
"""Seconds in which a fast person decides about a routine case."""
NO_TITLE_YET = frozenset({"", "One moment"})


def ack(made: Sequence[Firm]) -> list[Figure]:
    """Signed clicks on Approve while a morning's cards of other companies are posted.

    Each card that is clicked takes two people, who press again and again: the first click of each
    is a decision, all others are refused.
    """
    running = made[0].running
    large = [Owing(f"Large {n}", "12400.00", SOON, f"20{n}") for n in range(A_DAY)]
    usual = [Owing(f"Usual {n}", "480.00", SOON, f"30{n}") for n in range(A_DAY)]
    say(f"    {CLICKED + POSTED} companies are connected …")
    clicked = list(firms(running, {f"{n}": large for n in range(CLICKED)}).values())
    morning = list(firms(running, {f"{n}": usual for n in range(POSTED)}).values())
    _wait_with_cards(morning, timedelta(hours=1))
    say(f"    their {A_DAY * (CLICKED + POSTED)} cases are prepared …")
    for firm in (*clicked, *morning):
        _fall_due(firm)
    for firm in (*clicked, *morning):
        _prepared(firm)
    posts = _clicks(clicked)
    say(f"    {CLICKS:,} clicks, {PER_SECOND} a second …")
    before = _taken(running)
    answers = steadily(posts, PER_SECOND, lambda: _wait_with_cards(morning, timedelta(0)))
    began, after = time.time() - CLICKS / PER_SECOND, _taken(running)
    spent = {name: after[name] - before[name] for name in after}
    return [*_acked(morning, answers, spent, began), _decided(clicked)]


def _wait_with_cards(some: Sequence[Firm], span: timedelta) -> None:
    """Nothing new is posted in these channels for so long, as when Slack has asked to wait."""
    until = datetime.now(UTC) + span
    with record(some[0].running) as database, database.writing() as conn:
        for firm in some:
            outbox.close_until(conn, firm.channel, until)
            mine = channels.c.channel == firm.channel
            conn.execute(update(channels).where(mine).values(next_at=until))


def _fall_due(firm: Firm) -> None:
    """What was not due yet is overdue now, and the product looks for it."""
    for number in range(1, A_DAY + 1):
        fields = {"DueDate": f"today-{LATE}"}
        firm.ledger("edit", entity="Invoice", id=f"{number}1", fields=fields, notify=False)
    firm.order("run")


def _prepared(firm: Firm) -> None:
    """Wait until each case of the day has a draft."""
    ready = (cases.c.company == firm.realm) & (cases.c.state == State.WAITING)
    query = select(func.count()).select_from(cases).where(ready, cases.c.draft.is_not(None))
    with record(firm.running) as database:

        def all_there() -> bool:
            with database.reading() as conn:
                return int(conn.execute(query).scalar_one()) == A_DAY

        firm.running.outside.world.changed.until(all_there, PREPARED_SECONDS)


def _cards(firm: Firm) -> list[Message]:
    """The cards of the day, once they are all posted."""
    space = firm.running.outside.slack.space

    def posted() -> list[Message]:
        here = [one for one in space.messages if one.channel == firm.channel]
        found = [one for one in here if _approve(one)]
        return found if len(found) == A_DAY else []

    return firm.running.outside.world.changed.until(posted, PREPARED_SECONDS)


def _approve(card: Message) -> Json:
    """The button as Slack sends it back, with the block that it is in; empty if there is none."""
    rows = (block for block in card.blocks if block["type"] == "actions")
    pressed = ((row["block_id"], each) for row in rows for each in row["elements"])
    found = (each | {"block_id": row} for row, each in pressed if each["action_id"] == "approve")
    return next(found, {})


def _clicks(clicked: Sequence[Firm]) -> list[Post]:
    """Both people on each card, again and again, in no order; signed for when they are due."""
    pairs = [(firm, card, who) for firm in clicked for card in _cards(firm) for who in DECIDERS]
    chosen = pairs * (CLICKS // len(pairs))
    random.Random(CLICKS).shuffle(chosen)
    now = time.time()
    return [_click(*one, at=now + n / PER_SECOND) for n, one in enumerate(chosen)]


def _click(firm: Firm, card: Message, who: str, at: float) -> Post:
    slack = firm.running.outside.slack
    key = slack.space.new_response_url(who, firm.channel, None)
    payload = {
        "type": "block_actions",
        "user": {"id": who, "team_id": TEAM},
        "api_app_id": APP,
        "team": {"id": TEAM},
        "container": {"type": "message", "message_ts": card.ts, "channel_id": firm.channel},
        "channel": {"id": firm.channel},
        "trigger_id": uuid.uuid4().hex,
        "response_url": f"{firm.running.url}/slack/response/{key}",
        "actions": [_approve(card) | {"action_ts": card.ts}],
    }
    body = str(httpx.QueryParams({"payload": json.dumps(payload)})).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": str(int(at)),
        "X-Slack-Signature": signature(slack.keys.signing_secret, str(int(at)), body),
    }
    return Post(f"{firm.running.public_url}/slack/events", body, headers)


def _acked(
    morning: Sequence[Firm], answers: Sequence[Answer], spent: Mapping[str, float], began: float
) -> list[Figure]:
    """How soon they were acked while cards were posted; and whether all of them were in time."""
    space, places = morning[0].running.outside.slack.space, {firm.channel for firm in morning}
    posted = [float(one.ts) for one in space.messages if one.channel in places and _approve(one)]
    seconds = max(posted) - began
    while_posting = answers[: round(seconds * PER_SECOND)]
    assert len(posted) == A_DAY * POSTED, f"only {len(posted)} cards were posted"
    name = f"click's ack, {PER_SECOND}/s while {len(posted)} cards are posted in {seconds:.0f} s"
    late = sum(one.status != 200 or one.seconds > PATIENCE for one in answers)
    each = f"{spent['web'] / CLICKS * 1000:.1f} ms of a processor each"
    return [
        *answered(name, while_posting, TARGET),
        *answered(f"click's ack, {CLICKS:,} at {PER_SECOND}/s", answers, TARGET),
        Figure(f"of {CLICKS:,} clicks, not acked in 3 s", f"{late} ({each})", "0", late == 0),
    ]


def _decided(clicked: Sequence[Firm]) -> Figure:
    """Each person's approval of each card is in the record once, and no other approval is."""
    realms = [firm.realm for firm in clicked]
    ours = select(cases.c.id).where(cases.c.company.in_(realms))
    given = select(decisions.c.case_id, decisions.c.actor).where(decisions.c.case_id.in_(ours))
    with record(clicked[0].running) as database, database.reading() as conn:
        wanted = Counter((id, who) for id in conn.scalars(ours) for who in DECIDERS)
        found = Counter(map(tuple, conn.execute(given.where(decisions.c.kind == Verb.APPROVE))))
    wrong = (wanted - found).total() + (found - wanted).total()
    name = f"of {wanted.total()} decisions clicked {CLICKS // wanted.total()} times, not once there"
    return Figure(name, str(wrong), "0", wrong == 0)


def worklist(made: Sequence[Firm]) -> list[Figure]:
    """Routine cases at the pace of a fast person: signed presses of the worklist's own buttons.

    From the press on Approve until Slack has the next case in the modal.
    """
    running = made[0].running
    routine = [Owing(f"Routine {n}", f"{900 + n}.00", LATE, f"40{n}") for n in range(A_DAY)]
    firm = firms(running, {"routine": routine})["routine"]
    _prepared(firm)
    running.client.post("/_/slack/home", json={"user": OTHER_LEAD}).raise_for_status()
    homes = running.outside.slack.space.homes
    running.outside.world.changed.until(lambda: OTHER_LEAD in homes, SHOWN_SECONDS)
    _pressed(running, WorklistButton.START, place="home", value=of_company(firm.realm))
    say(f"    {A_DAY} cases, one a second …")
    before, took = _taken(running)["web"], []
    for _ in range(A_DAY):
        time.sleep(PACE)
        took.append(_pressed(running, Verb.APPROVE, place="modal"))
    each = (_taken(running)["web"] - before) / A_DAY
    name = f"next of {A_DAY} cases shown after Approve"
    return [
        in_time(f"{name}, median", median(took), TARGET),
        in_time(f"{name}, worst", max(took), 1.0),
        Figure(f"{name}, web process", f"{each * 1000:.0f} ms of a processor", "", good=True),
    ]


def _pressed(running: Sandbox, action: str, **where: str) -> float:
    """Press a button as somebody who has the worklist open; the seconds until it shows more."""
    before, began = _title(running), time.perf_counter()
    body = {"user": OTHER_LEAD, "action_id": action, **where}
    running.client.post("/_/slack/click", json=body).raise_for_status()
    passed = NO_TITLE_YET | {before}
    running.outside.world.changed.until(lambda: _title(running) not in passed, SHOWN_SECONDS)
    return time.perf_counter() - began


def _title(running: Sandbox) -> str:
    """What stands above the modal: the place in the list; empty while there is none."""
    view = running.outside.slack.space.open_view(OTHER_LEAD)
    return str(view.content["title"]["text"]) if view else ""


def _taken(running: Sandbox) -> dict[str, float]:
    """Seconds of a processor that each process of the product has taken, with all its forks."""
    root = {name: process.pid for name, process in running.product.running.items()}
    return {name: sum(map(_seconds, memory.tree(pid))) for name, pid in root.items()}


def _seconds(pid: int) -> float:
    """Of a process, and of those that it has waited for (proc_pid_stat(5), fields 14 to 17)."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0

"""Cards, thread lines and notices: posted once, drawn from the record, paced by channel."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from slack_sdk import WebClient
from sqlalchemy import Connection, select, update

from bot.slack import api, outbox
from bot.surfaces.card import card as cards
from jobs.engine.step import ReadFirst
from jobs.store import cases as cases_store
from jobs.store import outbox as words
from jobs.store import people, work
from jobs.store.database.tables import cases, channels, companies, messages, schedule
from jobs.store.outbox import MessageKind, OtherChannel
from jobs.store.work import Claim
from qbo.pacing import boot_time
from tests.bot.harness import CHANNEL, REALM, START, BotHarness, add_case, bot_harness


@pytest.fixture
def on() -> Iterator[BotHarness]:
    """A record, a Slack and a clock."""
    with bot_harness() as found:
        yield found


def say_in_thread(on: BotHarness, conn: Connection) -> None:
    """Have a line posted in the thread of the case."""
    data = {"called": [], "changed": ["Nobody has to read this."]}
    case = cases_store.get(conn, "1")
    words.say(conn, case, MessageKind.TEXT_DROPPED, "x", data, on.clock())


def test_a_notice_is_posted_once(on: BotHarness) -> None:
    """However often the step runs, a notice stands there once, and is not due again."""
    on.say("hello", "Good morning")
    on.work()
    on.clock.forward(seconds=5)
    on.work()
    assert [one["text"] for one in on.posted()] == ["Good morning"]
    row = on.message()
    assert (row.ts, row.due_at, row.posting) == (on.posted()[0]["ts"], None, None)


def test_a_card_shows_its_case(on: BotHarness) -> None:
    """A card is posted with blocks, a full text, and nothing unfolded from links."""
    add_case(on)
    on.work()
    (card,) = on.posted()
    assert "Acme &amp; Sons" in card["text"]
    assert card["blocks"]
    assert on.message().rendered_version == 1


def test_a_card_is_drawn_again_in_its_place(on: BotHarness) -> None:
    """When its case moves, the same message changes."""
    add_case(on)
    on.work()
    on.change_case(state="cancelled", end_reason="Paid at noon.", closed_at=START)
    on.work()
    (card,) = on.posted()
    assert "Paid at noon" in card["text"]
    assert on.message().rendered_version == 2
    assert (on.calls("chat.postMessage"), on.calls("chat.update")) == (1, 1)


def test_containers_are_used_where_slack_takes_them(on: BotHarness) -> None:
    """It is asked once; a refusal of the drawing itself leads to one without containers."""
    folds = outbox.Containers(lambda: on.client)
    step = outbox.step(lambda: on.policy, lambda: on.client, outbox.Drawing(folds))
    add_case(on)
    on.work(step)
    assert "container" in kinds(on)
    on.slack.space.refused = {"container"}
    on.change_case()
    on.work(step)
    on.clock.forward(minutes=1)
    on.work(step)
    assert "container" not in kinds(on)
    assert on.message().rendered_version == 2
    assert on.calls("blocks.validate") == 1
    assert not outbox.Containers(lambda: on.client)()


def test_slack_is_asked_again_about_containers_until_it_answers(on: BotHarness) -> None:
    """Meanwhile cards do without."""
    on.fault("blocks.validate", "status", status=503, times=1)
    folds = outbox.Containers(lambda: on.client)
    assert [folds(), folds(), folds()] == [False, True, True]
    assert on.calls("blocks.validate") == 2


def kinds(on: BotHarness) -> set[str]:
    """The kinds of blocks of the card."""
    return {block["type"] for block in on.posted()[0]["blocks"]}


def test_a_redraw_is_not_paced(on: BotHarness) -> None:
    """A click is seen at once, even while the channel's second is taken."""
    add_case(on)
    on.work()
    on.change_case(state="snoozed")
    on.work()  # the clock has not moved
    assert on.calls("chat.update") == 1


def test_one_new_message_a_second_and_channel(on: BotHarness) -> None:
    """New messages wait for their channel's second; another channel does not wait for it."""
    on.slack.add_channel("COTHER", "other")
    for number in range(3):
        on.say(f"n{number}")
    on.say("elsewhere", channel="COTHER")
    seen = []
    for _ in range(4):
        on.work()
        seen.append(len(on.posted()))
        on.clock.forward(seconds=1)
    assert seen == [2, 3, 4, 4]


def test_a_card_comes_before_a_notice(on: BotHarness) -> None:
    """The most valuable first, once the channel is known."""
    on.say("earlier")
    on.work()
    on.clock.forward(seconds=1)
    on.say("notice")
    add_case(on)
    on.work()
    assert "Acme" in on.posted()[1]["text"]


def test_an_alarm_comes_before_every_card(on: BotHarness) -> None:
    """It says what has stopped; a morning's cards would keep it for minutes."""
    on.say("earlier")
    on.work()
    on.clock.forward(seconds=1)
    add_case(on)
    on.change_case()  # drawn again before it was ever posted, which ranks high too
    with on.database.writing() as conn:
        cases_store.redraw(conn, "1", on.clock())
        to, data = OtherChannel(REALM, CHANNEL), {"tried": True, "reason": "no route"}
        words.say(conn, to, MessageKind.SWEEP_FAILED, "stopped", data, on.clock())
    on.work()
    assert "could not be read after five tries (no route)" in on.posted()[1]["text"]
    on.clock.forward(seconds=1)
    on.work()
    assert "Acme" in on.posted()[2]["text"]


def test_first_cards_wait_for_the_first_look(on: BotHarness) -> None:
    """Its notice comes before them; one that has met with trouble is not waited for."""
    with on.database.writing() as conn:
        work.ensure(conn, REALM, "first_look", START)
    add_case(on)
    seen = []
    for change in ({}, {"last_error": "a bad page"}, {"last_error": "", "due_at": None}):
        with on.database.writing() as conn:
            conn.execute(update(messages).values(ts=None, posting=None, due_at=START))
            conn.execute(update(schedule).values(**change) if change else select(1))
        on.work()
        seen.append(on.calls("chat.postMessage"))
        on.clock.forward(seconds=2)
    assert seen == [0, 1, 2]


def test_a_thread_line_waits_for_its_card(on: BotHarness) -> None:
    """A line in a thread is posted below the card, once that stands."""
    add_case(on)
    with on.database.writing() as conn:
        say_in_thread(on, conn)
    on.work()
    on.clock.forward(seconds=1)
    on.work()
    card, line = on.posted()
    assert (line["text"], line["thread_ts"]) == ("Nobody has to read this.", card["ts"])


def test_a_thread_line_stands_below_its_card_wherever_the_company_is_now(on: BotHarness) -> None:
    """The company has moved to another channel since the card was posted."""
    on.slack.add_channel("CNEW", "new")
    add_case(on)
    on.work()
    with on.database.writing() as conn:
        conn.execute(update(companies).values(channel="CNEW"))
        say_in_thread(on, conn)
    on.work()
    card, line = on.posted()
    assert (line["channel"], line["thread_ts"]) == (CHANNEL, card["ts"])


def test_a_thread_line_never_comes_before_its_card(on: BotHarness) -> None:
    """Nor beside it, while the card is put off."""
    add_case(on)
    with on.database.writing() as conn:
        say_in_thread(on, conn)
        later = on.clock() + timedelta(minutes=1)
        conn.execute(update(messages).where(messages.c.kind == "card").values(due_at=later))
    on.work()
    assert on.posted() == []


def test_a_post_waits_for_its_second(on: BotHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fraction of a second before the channel is free, the post waits for it."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    on.say("one")
    on.work()
    on.say("two")
    on.clock.forward(seconds=0.75)
    on.work()
    assert waited == [0, pytest.approx(0.25)]
    assert len(on.posted()) == 2


def test_a_lost_answer_is_looked_for_before_posting_again(on: BotHarness) -> None:
    """Slack posted and the answer was lost: the message is found by its metadata, not doubled."""
    add_case(on)
    on.fault("chat.postMessage", "late")
    on.work()
    assert on.message().ts is None
    on.clock.forward(seconds=10)
    on.work()
    (card,) = on.posted()
    assert on.message().ts == card["ts"]
    assert on.message().rendered_version == 1


def test_a_lost_post_is_found_behind_many_later_ones(on: BotHarness) -> None:
    """The bot was down for a while: all that was posted since is looked through."""
    on.say("hello")
    on.fault("chat.postMessage", "late")
    on.work()
    on.clock.forward(minutes=10)
    for number in range(api.PAGE + 1):
        on.client.chat_postMessage(channel=CHANNEL, text=f"Another's message {number}")
        on.clock.forward(seconds=1)
    on.work()
    assert [one["text"] for one in on.posted()].count("Hello") == 1
    assert on.message().ts == on.posted()[0]["ts"]


def test_a_lost_post_is_found_on_a_later_page_of_the_history(on: BotHarness) -> None:
    """A busy channel: more was posted in the same minutes than one page of its history holds."""
    on.say("hello")
    on.fault("chat.postMessage", "late")
    on.work()
    for number in range(api.PAGE + 1):
        on.client.chat_postMessage(channel=CHANNEL, text=f"Another's message {number}")
        on.clock.forward(seconds=1)
    on.work()
    assert on.calls("conversations.history") == 2
    assert [one["text"] for one in on.posted()].count("Hello") == 1
    assert on.message().ts == on.posted()[0]["ts"]


def test_a_lost_thread_line_is_found_in_its_thread(on: BotHarness) -> None:
    """The same for a reply, which the channel's history does not show."""
    add_case(on)
    on.work()
    with on.database.writing() as conn:
        say_in_thread(on, conn)
    on.fault("chat.postMessage", "late")
    for _ in range(3):
        on.clock.forward(seconds=10)
        on.work()
    assert [one["text"] for one in on.posted()[1:]] == ["Nobody has to read this."]


def test_a_post_that_was_held_up_is_not_made(on: BotHarness) -> None:
    """Whoever was stopped for a lease after its intent may have been overtaken."""
    message = api.Message(CHANNEL, "1", "Good morning")
    late = outbox.Post(on.client, outbox.Drawn(message), boot_time() - 31)
    assert late.act() == api.Lost("held_up")
    assert on.calls("chat.postMessage") == 0


def test_nobody_takes_a_message_over_within_a_lease_of_its_intent(on: BotHarness) -> None:
    """Whoever posts trusts the time since its intent, which may come late in its claim.

    Whoever asks for another drawing before the intent gets one.
    """
    on.say("hello")
    step = outbox.step(lambda: on.policy, lambda: on.client)
    assert isinstance(step.load, ReadFirst)
    with on.database.writing() as conn:
        words.looked_at(conn, CHANNEL, False, on.clock())
        (claim,) = work.claim(conn, messages, on.clock(), 1)
    on.clock.forward(seconds=20)
    for asks in (True, False):
        with on.database.reading() as conn:
            load = step.load.read(conn, claim, on.clock())
        if asks:
            with on.database.writing() as conn:
                words.draw_again(conn, REALM, "", on.clock())
                assert load(conn, claim, on.clock()) is None
            on.clock.forward(seconds=2)
            with on.database.writing() as conn:
                (claim,) = work.claim(conn, messages, on.clock(), 1)
    with on.database.writing() as conn:
        assert isinstance(load(conn, claim, on.clock()), outbox.Post)
    on.clock.forward(seconds=29)
    with on.database.writing() as conn:
        assert work.claim(conn, messages, on.clock(), 1) == []


@pytest.mark.parametrize("kind", ["refuse", "reset", "html", "garbage"])
def test_a_post_that_did_not_happen_is_made(on: BotHarness, kind: str) -> None:
    """Nothing arrived, whatever the cut looked like: it is posted once after a look."""
    on.say("hello")
    on.fault("chat.postMessage", kind)
    for _ in range(3):
        on.work()
        on.clock.forward(seconds=10)
    assert len(on.posted()) == 1


def test_what_stood_in_a_backup_as_not_posted_is_looked_for(on: BotHarness) -> None:
    """Brought back, it posts nothing twice, and draws each card as the record has it."""
    add_case(on)
    on.say("hello")
    on.clock.forward(hours=2)
    on.work()
    on.change_case(state="snoozed")
    on.clock.forward(seconds=5)
    on.work()
    drawn, ts = [one["text"] for one in on.posted()], on.message().ts
    on.clock.forward(days=1)
    with on.database.writing() as conn:  # as it was: nothing posted, and the case waiting
        conn.execute(update(cases).values(state="waiting", version=1))
        unposted = {"ts": None, "rendered_version": 0, "due_at": START, "token": None}
        conn.execute(update(messages).values(**unposted))
        words.doubt(conn, REALM, on.clock())
    for _ in range(3):
        on.work()
        on.clock.forward(seconds=5)
    now = [one["text"] for one in on.posted()]
    assert (len(now), now[1], on.message().ts) == (2, drawn[1], ts)
    assert now[0] != drawn[0]


def test_a_crash_between_intent_and_answer_posts_nothing_twice(on: BotHarness) -> None:
    """A process that dies after the intent leaves a row that is looked for first."""
    on.say("hello")
    with on.database.writing() as conn:
        conn.execute(update(messages).values(posting=on.clock()))
    on.work()
    assert on.calls("conversations.history") == 1
    on.work()
    assert len(on.posted()) == 1


def test_slack_asks_to_wait(on: BotHarness) -> None:
    """A 429 moves the channel's next second; nothing is posted there before it."""
    on.say("one")
    on.fault("chat.postMessage", "status", status=429)
    on.work()
    with on.database.reading() as conn:
        next_at = conn.execute(select(channels.c.next_at)).scalar_one()
    assert next_at == START + timedelta(seconds=1)
    on.work()
    assert on.posted() == []
    on.clock.forward(seconds=1)
    on.work()
    assert len(on.posted()) == 1


def test_a_card_that_slack_refuses_becomes_plain_text(
    on: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five refusals the story is posted without blocks; the next version tries blocks."""
    add_case(on)
    monkeypatch.setattr(outbox, "lint", lambda *_: [])
    drawn = cards.card

    def refused(*given: object, **named: object) -> cards.Card:
        made = drawn(*given, **named)  # type: ignore[arg-type]
        return cards.Card(made.text, [{"type": "carrier-pigeon"}])

    monkeypatch.setattr(outbox, "card", refused)
    for _ in range(7):
        on.work()
        on.clock.forward(minutes=11)
    (card,) = on.posted()
    assert card["blocks"] == []
    assert "could not be shown in full" in card["text"]
    monkeypatch.setattr(outbox, "card", drawn)
    on.change_case(state="snoozed")
    on.work()
    assert on.posted()[0]["blocks"]


def test_our_own_linter_spares_the_refusals(
    on: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that our linter finds fault with is plain text at once."""
    add_case(on)
    monkeypatch.setattr(outbox, "lint", lambda *_: ["blocks[0]: wrong"])
    on.work()
    (card,) = on.posted()
    assert card["blocks"] == []


def test_a_refusal_outside_the_message_is_tried_again(on: BotHarness) -> None:
    """The bot is not in the channel: the card keeps its blocks and comes when it is invited."""
    add_case(on)
    members = on.slack.space.channels[CHANNEL].members
    members.remove("UOVERDUE")
    for _ in range(8):
        on.work()
        on.clock.forward(minutes=2)
    assert on.message().last_error in ("channel_not_found", "not_in_channel")
    members.add("UOVERDUE")
    on.work()
    assert on.posted()[0]["blocks"]


def test_a_deleted_card_comes_again_while_its_case_is_open(on: BotHarness) -> None:
    """Somebody deleted it in Slack: nobody could act on the case otherwise."""
    add_case(on)
    on.work()
    on.slack.space.messages[0].deleted = True
    on.change_case(state="snoozed")
    for _ in range(3):
        on.clock.forward(seconds=2)
        on.work()
    assert len(on.posted()) == 1


def test_a_deleted_card_of_a_closed_case_stays_away(on: BotHarness) -> None:
    """There is nothing left to decide."""
    add_case(on)
    on.work()
    on.slack.space.messages[0].deleted = True
    on.change_case(state="cancelled", closed_at=START)
    for _ in range(3):
        on.clock.forward(seconds=2)
        on.work()
    assert on.posted() == []
    assert on.message().due_at is None


def test_a_card_that_may_not_change_is_told_in_its_thread(on: BotHarness) -> None:
    """Slack refuses to change it: its thread says how the case stands."""
    add_case(on)
    on.work()
    on.slack.space.messages[0].user = "USOMEBODY"  # the stand-in's way to say cant_update_message
    on.change_case(state="cancelled", end_reason="Paid at noon.", closed_at=START)
    on.work()
    on.clock.forward(seconds=1)
    on.work()
    assert "Paid at noon" in on.posted()[1]["text"]
    assert on.posted()[1]["thread_ts"] == on.posted()[0]["ts"]


def test_a_case_that_moves_while_it_is_drawn_is_drawn_again(on: BotHarness) -> None:
    """The version that was drawn is compared with the one that stands."""
    add_case(on)
    step = outbox.step(lambda: on.policy, lambda: on.client)
    sent = api.post

    def moving(client: WebClient, message: api.Message) -> object:
        answer = sent(client, message)
        with on.database.writing() as conn:
            conn.execute(update(cases).values(version=2, end_reason="Meanwhile."))
            conn.execute(update(cases).values(state="cancelled", closed_at=START))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "post", moving)
        on.work(step)
    on.work(step)
    assert on.message().rendered_version == 2
    assert "Meanwhile" in on.posted()[0]["text"]


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "on its way"])
def test_an_old_drawing_does_not_stay_over_a_newer_one(
    on: BotHarness, monkeypatch: pytest.MonkeyPatch, sent: bool
) -> None:
    """Whoever draws stands still for a lease; the case goes on, and another one draws it."""
    add_case(on)
    on.work()
    on.change_case(state="snoozed")
    act, drew = outbox.Update.act, api.update

    def overtaken() -> None:
        monkeypatch.setattr(outbox.Update, "act", act)
        monkeypatch.setattr(api, "update", drew)
        on.clock.forward(seconds=31)
        on.change_case(state="cancelled", end_reason="Paid at noon.", closed_at=START)
        on.work()
        assert "Paid at noon" in on.posted()[0]["text"]

    def held_up(update: outbox.Update) -> object:
        overtaken()
        return act(replace(update, drawn=replace(update.drawn, at=update.drawn.at - 31)))

    def late(client: WebClient, message: api.Message, ts: str) -> object:
        overtaken()
        return drew(client, message, ts)

    if sent:
        monkeypatch.setattr(api, "update", late)
    else:
        monkeypatch.setattr(outbox.Update, "act", held_up)
    on.work()
    on.work()
    assert "Paid at noon" in on.posted()[0]["text"]
    assert on.calls("chat.update") == (3 if sent else 1)


def test_who_was_overtaken_takes_the_card_from_nobody(
    on: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes draw one card; the one that has lost it leaves it to the other.

    Otherwise each would take it from the next, until five had it and it became plain text.
    """
    add_case(on)
    on.work()
    drew, held = api.update, list[Claim]()

    def overtaken(client: WebClient, message: api.Message, ts: str) -> object:
        monkeypatch.setattr(api, "update", drew)
        on.change_case(state="cancelled", end_reason="Paid at noon.", closed_at=START)
        with on.database.writing() as conn:
            held.extend(work.claim(conn, messages, on.clock(), 1))
        return drew(client, message, ts)

    on.change_case(state="snoozed")
    monkeypatch.setattr(api, "update", overtaken)
    on.work()
    (other,) = held
    assert (on.message().token, on.message().due_at) == (other.token, other.until)
    on.clock.forward(seconds=31)  # it has ended without a word
    on.work()
    assert "Paid at noon" in on.posted()[0]["text"]
    assert on.posted()[0]["blocks"]
    assert (on.message().due_at, on.calls("chat.update")) == (None, 3)


def test_a_long_text_is_cut(on: BotHarness) -> None:
    """A long text is cut and counted, so that it could still be updated."""
    record = {"entity": "Invoice", "id": "1", "position": 1, "number": "", "unfit": "word " * 200}
    data = {"kept": None, "unfit": {"named": [record] * 20, "more": 0}}
    with on.database.writing() as conn:
        to = OtherChannel(REALM, CHANNEL)
        words.say(conn, to, MessageKind.RECORDS_BROKEN, "long", data, on.clock())
    on.work()
    assert len(on.posted()[0]["text"]) <= 4000


def test_nothing_goes_to_a_channel_that_others_read(on: BotHarness) -> None:
    """No card, no line and no redraw; the finance leads are told once, and it heals by itself."""
    with on.database.writing() as conn:
        for user in ("ULEAD1", "ULEAD2", "UCOLLECT"):
            people.put_user(conn, user, user, "", on.clock())
    add_case(on)
    on.work()
    on.clock.forward(minutes=16)
    channel = on.slack.space.channels[CHANNEL]
    channel.is_pending_ext_shared = True
    on.say("secret", "Acme owes $1,200.50")
    on.change_case(state="cancelled", end_reason="Paid at noon.", closed_at=START)
    for _ in range(5):
        on.work()
        on.clock.forward(minutes=1)
    told = [one for one in on.posted() if one["channel"] != CHANNEL]
    assert sorted(one["channel"] for one in told) == ["DLEAD1", "DLEAD2"]
    assert all("is shared with another organisation" in one["text"] for one in told)
    (card,) = [one for one in on.posted() if one["channel"] == CHANNEL]
    assert "Paid at noon" not in card["text"]
    channel.is_pending_ext_shared = False
    for _ in range(4):
        on.clock.forward(minutes=1)
        on.work()
    texts = [one["text"] for one in on.posted() if one["channel"] == CHANNEL]
    assert len(texts) == 2
    assert "Paid at noon" in texts[0]


def test_a_channel_that_slack_says_nothing_about_waits(on: BotHarness) -> None:
    """Without an answer nothing is posted; with the next one it is."""
    on.fault("conversations.info", "status", status=429)
    on.say("hello", "Good morning")
    on.work()
    assert on.posted() == []
    on.clock.forward(minutes=2)
    on.work()
    assert [one["text"] for one in on.posted()] == ["Good morning"]


def test_slacks_certificates_are_read_once(on: BotHarness) -> None:
    """All calls share them: reading them takes longer than a call, and a click waits for some."""
    patient, again = on.client, on.client
    assert isinstance(patient.ssl, ssl.SSLContext)
    assert patient.ssl is again.ssl is api.hasty(patient).ssl

"""What a mail means, by what was read in it, and what of it a person can settle."""

from __future__ import annotations

from dataclasses import replace

from jobs.rules.facts.evidence import AUTOMATIC, BOUNCE, DELAY, Document, Reading, Stance
from jobs.rules.facts.past import Past
from jobs.rules.gates import about_texts
from jobs.rules.replies import CustomerReply, ReplyKind, kind_of, stances_of
from tests.jobs.rules.world import NOW, facts

MAIL = Document("mail:1", "mailbox", "mail", NOW, "", "dana@acme.example")
SAID = {
    (): "none",
    (Stance.QUESTION,): "question",
    (Stance.QUESTION, Stance.PROMISE): "promise",
    (Stance.PROMISE, Stance.DISPUTE): "dispute",
    (Stance.PAID_CLAIM, Stance.BANK_CHANGE): "bank_change",
    (Stance.DISPUTE, Stance.QUESTION): "dispute",
    (Stance.HARDSHIP, Stance.UNCLEAR): "hardship",
}


def readings(*stances: Stance) -> tuple[Reading, ...]:
    return tuple(Reading(MAIL.id, stance, (1,), "phrases") for stance in (Stance.NONE, *stances))


def test_the_most_careful_thing_said_counts() -> None:
    """What a machine wrote is told apart first, whatever is in it."""
    found = {said: kind_of(MAIL, stances_of(readings(*said)), ()) for said in SAID}
    assert found == {said: ReplyKind(kind) for said, kind in SAID.items()}
    away, late, returned = (replace(MAIL, kind=kind) for kind in (AUTOMATIC, DELAY, BOUNCE))
    assert kind_of(away, (), ()) is ReplyKind.AWAY
    assert kind_of(late, (), ()) is ReplyKind.DELAYED
    assert kind_of(away, (), {"dana@acme.example"}) is ReplyKind.NEW_CONTACT
    assert kind_of(returned, (Stance.DISPUTE,), ()) is ReplyKind.BOUNCE
    assert {*map(str, Stance)} <= {*map(str, ReplyKind)}


def test_only_what_a_person_has_dealt_with_stops_no_more() -> None:
    """Exactly that of exactly this mail; hardship, fraud, "paid" and anger can never be settled."""
    everything = tuple(s for s in Stance if s is not Stance.NONE)
    reply = CustomerReply("1", "1", "58", MAIL.id, ReplyKind.DISPUTE, everything, "7", NOW)
    can = set(reply.unsettled)
    lasting = {Stance.HARDSHIP, Stance.BANK_CHANGE, Stance.PAID_CLAIM, Stance.UNHAPPY}
    assert can == set(everything) - lasting
    assert replace(reply, settled=frozenset(can)).unsettled == ()

    def rules(past: Past) -> set[str]:
        return {r.rule for r in about_texts.of_readings(facts(), past, readings(*everything))}

    settled = Past(settled=frozenset({(MAIL.id, Stance.DISPUTE), ("mail:2", Stance.PROMISE)}))
    assert rules(Past()) - rules(settled) == {"dispute"}

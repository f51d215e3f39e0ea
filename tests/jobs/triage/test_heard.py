"""What a text said counts until a person has settled it, also when the text is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import select

from bot.surfaces.customer_replies import shown
from jobs.decide import look
from jobs.decide.access import Answer
from jobs.decide.look import SetAside
from jobs.reasoning.reading import quote, takes_back
from jobs.rules.facts.evidence import (
    ABOUT_BILLS,
    BY_PHRASES,
    GRAVE,
    Document,
    Evidence,
    HeardText,
    Reading,
    Stance,
    Unreadable,
)
from jobs.rules.facts.past import Past
from jobs.rules.gates.about_texts import STANCES, of_readings
from jobs.rules.gates.heard import settling, still_counts, to_settle
from jobs.store import assessments
from jobs.store.customers import heard as store
from jobs.store.customers import replies as reply_store
from jobs.store.database.tables import replies
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness
from tests.jobs.replies.test_noticing import DANA, poll, with_mailbox
from tests.jobs.rules.world import NOW, facts, invoice


def settle(harness: CompanyHarness, user: str) -> Answer:
    """The finance lead has read what the card quotes."""
    view = harness.view()
    seen = settling(to_settle(view.rulings, view.evidence))
    said: Answer = harness.go(look.settle, user, SetAside(seen, "The filing was withdrawn.")).answer
    return said


def stopped(harness: CompanyHarness, rule: str) -> bool:
    return harness.view().letter is None and rule in harness.rules()


def test_a_stop_outlives_its_text_until_a_lead_settles_it(open_harness: OpenHarness) -> None:
    """The mail is filed away, grows old, or the mailbox is taken out of the settings."""
    harness = open_harness()
    inbox = with_mailbox(harness, "insolvent")
    harness.sweep()
    inbox.receive({"from": DANA, "text": "Hello,\nWe have filed for insolvency."})
    poll(harness)
    assert stopped(harness, "hardship_wording")
    inbox.make("filed-away")
    inbox.folder = "filed-away"
    harness.sources = ()
    with_mailbox(harness, "filed-away")
    harness.time.later(days=3)
    harness.refresh()
    assert stopped(harness, "hardship_wording"), "moved to another folder"
    harness.sources = ()
    harness._make_services()
    harness.time.later(days=3)
    harness.refresh()
    assert stopped(harness, "hardship_wording"), "no mailbox any more"
    harness.time.later(days=92)
    harness.sweep()
    harness.refresh()
    assert stopped(harness, "hardship_wording"), "older than what is read"
    (quoted,) = (one for one in harness.view().evidence if one.stance is Stance.HARDSHIP)
    assert quoted.quote == "We have filed for insolvency."
    assert quoted.label == "November 18, 2026; the text is no longer there"
    assert settle(harness, "UCOLLECT") is Answer.NOT_ALLOWED
    assert settle(harness, "ULEAD1") is Answer.RECORDED
    (entry,) = harness.logged("texts.settled")
    assert entry["data"]["texts"] == [[quoted.id, "hardship"]]
    (reply,) = harness.rows(select(replies))
    assert (reply.settled, reply.settled_by) == (["hardship"], "ULEAD1")
    with harness.database.reading() as conn:
        line = shown("Dana wrote.", reply_store.get(conn, reply.id), {"ULEAD1": "Lena"})
    assert line.text == "Dana wrote.\n:white_check_mark: Dealt with by Lena."
    harness.run("triage")
    assert harness.view().letter is not None
    assert "hardship_wording" not in harness.rules()


def heard(stance: Stance, days_ago: int) -> HeardText:
    """A mail that said so, and is no longer there."""
    document = Document("mail:1", "mailbox", "mail", NOW - timedelta(days=days_ago), "")
    return HeardText(document, (Reading("mail:1", stance, (1,), "a model"),), "f" * 64)


def test_what_was_said_of_bills_ends_with_them() -> None:
    """A dispute counts while a bill is open that was there already; insolvency always does."""
    written = (NOW.date() - facts(invoice()).invoices[0].txn_date).days
    for stance in GRAVE:
        for about, days_ago, counts in (
            (facts(invoice()), written - 1, True),
            (facts(invoice()), written + 2, stance not in ABOUT_BILLS),
            (replace(facts(), invoices=()), 1, stance not in ABOUT_BILLS),
        ):
            text = heard(stance, days_ago)
            assert still_counts(about, (text,), ()) == ((text,) if counts else ()), stance
            assert still_counts(about, (text,), text.readings) == (), "the text itself says so"


def test_a_lead_settles_exactly_what_was_read() -> None:
    """Findings behind the rulings on the card, memos excepted; another line is another finding."""
    for stance in GRAVE:
        readings = heard(stance, 1).readings
        ruled = tuple(of_readings(facts(invoice()), Past(), readings))
        assert [ruling.rule for ruling in ruled] == [STANCES[stance][1]]
        quoted = Evidence("mail:1", "mail", "", "a line", stance)
        others = (replace(quoted, id="memo:1"), replace(quoted, id="mail:2"))
        assert to_settle(ruled, (quoted, *others)) == (quoted,)
        assert settling((quoted,)) != settling((replace(quoted, quote="another"),))
        past = Past(settled=frozenset({("mail:1", stance)}))
        assert tuple(of_readings(facts(invoice()), past, readings)) == ()


def test_only_who_could_hear_it_takes_it_back(open_harness: OpenHarness) -> None:
    """A text that has become harmless releases, and so does a solved ticket; phrases do not take
    back what a model heard, nor does a model while the line stands there, however it is broken or
    quoted; what was settled counts anew once the text has changed."""
    harness = open_harness()
    harness.sweep()
    case, at = harness.case(), harness.now
    ticket = Document("ticket:88", "help desk", "ticket", at, "We dispute this.")
    says = Reading(ticket.id, Stance.DISPUTE, (1,), "a model")
    nothing = replace(says, stance=Stance.NONE, lines=())
    quoted = Evidence(ticket.id, "ticket", "", "We dispute this.", Stance.DISPUTE)
    again = replace(ticket, text="We dispute this again.")
    around = replace(ticket, text="Nothing new.\n> we dispute\n> this AGAIN")
    harmless = replace(ticket, text="All is well.")
    with harness.database.writing() as conn:
        remember = partial(store.note, conn, case, takes_back=takes_back)
        assessments.put_documents(conn, [ticket, again], at)

        def known() -> list[tuple[Stance, bool]]:
            found = store.of(conn, case.company, case.customer)
            return [(r.stance, r.stance in t.settled) for t in found for r in t.readings]

        remember([ticket], [says])
        store.settle(conn, case, [quoted])
        remember([ticket], [says])
        assert known() == [(Stance.DISPUTE, True)]
        remember([ticket], [replace(nothing, reader=BY_PHRASES)])
        remember([], [])
        remember([replace(ticket, missing=Unreadable.REST)], [nothing])
        assert known() == [(Stance.DISPUTE, True)]
        store.inherit(conn, case.company, case.customer, "9")
        assert len(store.of(conn, case.company, "9")) == 1
        remember([again], [says])
        assert known() == [(Stance.DISPUTE, False)]
        remember([again], [nothing])
        remember([around], [nothing])
        assert known() == [(Stance.DISPUTE, False)], "another model is deaf to it"
        remember([harmless], [nothing])
        assert known() == []
        remember([replace(ticket, text="Deleted since.")], [says])
        remember([harmless], [nothing])
        assert known() == [(Stance.DISPUTE, False)], "nobody can compare"
        remember([ticket], [], solved=frozenset({ticket.id}))
        note = replace(says, document="ticket:88:notes")
        remember([replace(ticket, id=note.document)], [note])
        assert known() == [(Stance.DISPUTE, False)]
        remember([replace(ticket, id=note.document)], [note], solved=frozenset({ticket.id}))
        assert known() == []
        memo = replace(ticket, id="memo:71", kind="memo")
        remember([memo], [replace(says, document=memo.id)])
        assert known() == [], "the ledger is read every time"


def test_what_a_cut_text_no_longer_shows_is_kept(open_harness: OpenHarness) -> None:
    """A long ticket still disputes, and the comment about the insolvency is beyond what is read:
    both count, each quoted from the version that said it, and each is settled by itself."""
    harness = open_harness()
    harness.sweep()
    case = harness.case()
    first = Document("ticket:88", "help desk", "ticket", harness.now, "We dispute it.\nInsolvent.")
    later = replace(first, text="We dispute it.\nAnd so on.", missing=Unreadable.REST)
    dispute = Reading(first.id, Stance.DISPUTE, (1,), "a model")
    hardship = replace(dispute, stance=Stance.HARDSHIP, lines=(2,))
    nothing = replace(dispute, stance=Stance.NONE, lines=())
    with harness.database.writing() as conn:
        remember = partial(store.note, conn, case, takes_back=takes_back)

        def quoted() -> set[tuple[Stance, str]]:
            found = store.of(conn, case.company, case.customer)
            return {(r.stance, quote(t.document, r)) for t in found for r in t.readings}

        def settled() -> frozenset[tuple[str, Stance]]:
            return store.settled(conn, case.company, case.customer)

        assessments.put_documents(conn, [first, later], harness.now)
        remember([first], [dispute, hardship])
        store.settle(conn, case, [Evidence(first.id, "ticket", "", "", Stance.DISPUTE)])
        remember([later], [dispute])
        assert quoted() == {
            (Stance.DISPUTE, "We dispute it."),
            (Stance.HARDSHIP, "Insolvent."),
        }
        assert settled() == frozenset(), "the dispute stands in a text that nobody has settled"
        store.settle(conn, case, [Evidence(first.id, "ticket", "", "", Stance.HARDSHIP)])
        assert settled() == {(first.id, Stance.HARDSHIP)}
        whole = replace(later, missing=None)
        remember([whole], [replace(dispute, reader=BY_PHRASES)])
        assert len(quoted()) == 2, "phrases do not take back what the model heard beside it"
        remember([whole], [dispute, nothing])
        assert quoted() == {(Stance.DISPUTE, "We dispute it.")}


def test_what_was_noticed_after_approval_is_asked_before_sending(open_harness: OpenHarness) -> None:
    """The reply came, was noticed and was gone again within the undo window: nothing is sent."""
    harness = open_harness()
    inbox = with_mailbox(harness, "noticed-only")
    harness.sweep()
    assert harness.approve() is Answer.RECORDED
    inbox.receive({"from": DANA, "text": "Hello,\nWe dispute this bill."})
    harness.time.later(seconds=30)
    harness.run("replies")
    harness.sources = ()
    harness._make_services()
    harness.wait_out()
    assert harness.mails == []
    assert "What the customer wrote has to be looked at first" in harness.view().end_reason
    harness.run("triage")
    assert stopped(harness, "dispute")

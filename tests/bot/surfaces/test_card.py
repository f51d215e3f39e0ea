from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.blockkit import ids
from bot.blockkit.ids import AS_PAGE, CUSTOMER, ELSEWHERE, SEND_COPY
from bot.blockkit.lint import lint
from bot.surfaces.card.card import Card, card, case_in_modal, plain, story
from bot.surfaces.card.parts import ShownTo
from bot.surfaces.forms.forms import also
from jobs.decide.verbs import Verb
from jobs.rules.case import Approvals, CaseView, Reason
from jobs.rules.facts.evidence import Evidence
from jobs.rules.facts.facts import Customer
from jobs.rules.policy.rights import Manager
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import OPEN, CaseClass, Stage, State
from tests.bot.views import (
    BODY,
    HOSTILE,
    NOW,
    PEOPLE,
    VIEWS,
    ZONE,
    approved,
    decision,
    facts,
    hostile,
    invoice,
    letter,
    many,
    sent,
    stopped,
    two_needed,
    usd,
    view,
)
from tests.sandbox.slack.blocks import faults_in_blocks, faults_in_view

BOOKS = "https://books.example"


def show(case: CaseView, *, folds: bool = True) -> Card:
    return card(case, NOW, people=PEOPLE, folds=folds, books=BOOKS)


def buttons_of(made: Card) -> dict[str, dict[str, Any]]:
    """Buttons and menus, in rows or beside a section, by action id."""
    rows = [block["elements"] for block in made.blocks if block["type"] == "actions"]
    beside = [block["accessory"] for block in made.blocks if "accessory" in block]
    return {one["action_id"]: one for row in [*rows, beside] for one in row}


def offered(made: Card) -> set[str]:
    """The verbs of all buttons and of what stands behind ⋯."""
    found = buttons_of(made)
    menu = found.pop("more", {"options": []})["options"]
    return found.keys() | {o["value"].split(" ")[0] for o in menu} - {
        "elsewhere",
        "customer",
        "as_page",
    }


def faults(made: Card) -> list[str]:
    """What our own linter and the sandbox's have to say."""
    message = {"text": made.text, "blocks": made.blocks}
    return [*lint(message, "message"), *faults_in_blocks(made.blocks, "message")]


def words(made: Card) -> str:
    """All that a reader of the blocks sees, quotes and all."""
    return "".join(_strings(made.blocks))


def test_a_message_in_another_language_says_so() -> None:
    """Whoever approves it may not read it."""
    german = view(letter=replace(letter(), language="de"))
    assert "Subject (in German): " in words(show(german))
    assert "Message in German to" in show(german).text
    assert "in English" not in words(show(view()))


def _strings(thing: Any) -> list[str]:
    if isinstance(thing, dict):
        return [s for key, part in thing.items() if key != "type" for s in _strings(part)]
    if isinstance(thing, list):
        return [s for part in thing for s in _strings(part)]
    return [thing] if isinstance(thing, str) else []


def quoted(made: Card) -> list[str]:
    """The texts that stand in quotes, chunk by chunk."""
    return [
        "".join(piece["text"] for piece in part["elements"])
        for block in made.blocks
        if block["type"] == "rich_text"
        for part in block["elements"]
        if part["type"] == "rich_text_quote"
    ]


@pytest.mark.parametrize("folds", [True, False])
def test_every_card_is_one_that_slack_takes(folds: bool) -> None:
    """In every state, with hostile and long data, with containers and without."""
    for name, made in VIEWS.items():
        assert faults(show(made(), folds=folds)) == [], name
        assert faults(plain(made(), NOW, people=PEOPLE)) == [], name


def test_without_containers_nothing_is_lost() -> None:
    """What is folded where Slack folds stands below its title where it does not."""
    for name in ("waiting", "stop", "sent", "rejected", "approved", "many"):
        folded, flat = (show(VIEWS[name](), folds=folds) for folds in (True, False))
        assert any(block["type"] == "container" for block in folded.blocks), name
        assert not any(block["type"] == "container" for block in flat.blocks)
        assert folded.text == flat.text
        if VIEWS[name]().letter:
            assert letter().subject in words(folded)
            assert letter().subject in words(flat)


def test_every_case_fits_into_a_modal() -> None:
    """The same parts without buttons, tables and containers, which modals do not take."""
    reader = ShownTo(PEOPLE, ZONE)
    for name, made in VIEWS.items():
        blocks = case_in_modal(made(), NOW, reader)
        view = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": blocks}
        assert lint(view, "modal") == [], name
        assert faults_in_view(view) == [], name
    assert BODY in words(Card("", case_in_modal(VIEWS["waiting"](), NOW, reader)))


def test_a_plain_card_tells_the_whole_story() -> None:
    """From the header to the footer, as the card does, without its buttons."""
    lines = show(view()).text.splitlines()
    missing = set(lines) - set(plain(view(), NOW, people=PEOPLE).text.splitlines())
    assert {line.split(":")[0] for line in missing} == {
        "Buttons",
        "Usually pays 6 days late; 9 of 11 late. Account manager",
    }
    assert "It is drawn again at the next change" in plain(view(), NOW, people=PEOPLE).text


def test_the_head_says_what_matters() -> None:
    """Customer and amount; then what it waits for, how late, which stage, and what is usual."""
    made = show(view())
    assert made.blocks[0]["text"]["text"] == "Acme Ltd · $2,800.00 due"
    line = "".join(piece["text"] for piece in made.blocks[1]["elements"][0]["elements"])
    assert (
        line == "📝 Waiting for approval · 34 days late · follow-up · usually 6 days late, 9 of 11"
    )


def test_a_single_invoice_needs_no_table() -> None:
    """It is named in a line; from two on, or with credits, there is a table."""
    one = show(view(facts=facts((invoice("1041", amount="950.50", paid="450.50"),))))
    assert "Invoice 1041, due Oct 3, 2026, $450.50 of $950.50 paid" in words(one)
    assert not any(block["type"] == "table" for block in one.blocks)
    assert any(block["type"] == "table" for block in show(view()).blocks)


def test_a_decided_card_shrinks() -> None:
    """Head, one line of state with what is left to do beside it, the message folded, its number."""
    for name in ("approved", "sent", "done", "rejected", "held", "snoozed"):
        kinds = [block["type"] for block in show(VIEWS[name]()).blocks]
        assert kinds == ["header", "section", "container", "context"], name
    sending = [block["type"] for block in show(VIEWS["sending"]()).blocks]
    assert sending == ["header", "rich_text", "container", "context"]


def test_nobody_is_mentioned_by_a_card() -> None:
    """Cards name people; who is not known by name is mentioned, or nobody could tell who it was."""
    for name, each in VIEWS.items():
        made = show(each())
        assert "<@" not in words(made), name
        assert '"user"' not in json.dumps(made.blocks), name
    stranger = show(approved(approvals=Approvals(1, (decision("approve", "UNOBODY"),))))
    assert "<@UNOBODY>" in words(stranger)


def test_the_menu_leads_to_the_invoice() -> None:
    """Or to the customer if there are several; behind the last entry where the menu is full."""
    several, one = stopped(), stopped(facts=facts((invoice(),)))
    modals = [also(made, BOOKS)["blocks"][-1]["accessory"] for made in (several, one)]
    links = [button["url"] for button in modals]
    in_menu = buttons_of(show(VIEWS["done"]()))["more"]["options"][-2:]
    assert [one["value"].split(" ")[0] for one in in_menu] == [AS_PAGE, ELSEWHERE]
    more = also(view(), BOOKS)
    assert lint(more, "modal") == []
    assert [block["accessory"]["action_id"] for block in more["blocks"][1:]] == [
        *(CUSTOMER, SEND_COPY, AS_PAGE, ELSEWHERE)
    ]
    assert more["blocks"][4]["accessory"]["url"] == links[0]
    pages = [parse_qs(urlsplit(link).query, strict_parsing=True) for link in links]
    assert [page["pagereq"] for page in pages] == [
        *(["customerdetail?nameId=C1"], ["invoice?txnId=71037"])
    ]
    assert {page["deeplinkcompanyid"][0] for page in pages} == {facts().company.id}, "ids are its"
    assert all(link.startswith(f"{BOOKS}/app/login?") for link in links)


def test_the_message_is_shown_as_it_is() -> None:
    """Body, envelope, attachment and note are on the card word for word."""
    made = show(view())
    assert quoted(made) == [BODY]
    for part in (letter().to, letter().sender, letter().reply_to, letter().subject):
        assert part in words(made)
    assert "Invoice 1037.pdf" in words(made)
    assert letter().note in words(made)


def test_the_usual_sender_is_no_news() -> None:
    """From and Reply-To stand in front only where they differ."""
    usual = letter(sender="Cora <billing@h.example>", reply_to="billing@h.example")
    web_process = [b for b in show(view(letter=usual)).blocks if b["type"] != "container"]
    assert "billing@h.example" not in words(Card("", web_process))


def test_whose_account_it_is() -> None:
    """The account manager and who says so; somebody without an account here is called by name."""
    for manager, told in [
        (Manager("UMANAGER", "CRM", "M."), "Max Anager (CRM)"),
        (Manager("", "CRM", "Mara <!here>"), "Mara &lt;!here&gt; (CRM)"),
    ]:
        assert f"Account manager: {told}" in show(view(manager=manager)).text
    assert "Account manager" not in show(view(manager=None)).text


def test_the_text_tells_the_story() -> None:
    """A screen reader hears customer, amount, days, message, note, buttons and case."""
    told = show(view()).text
    for part in (
        "Acme Ltd · $2,800.00 due.",
        "Waiting for approval · 34 days late · follow-up",
        "Routine reminder · AI summary: Looks like an oversight.",
        "invoice 1041, $500.00 open, $450.50 paid, due Oct 3, 2026",
        "Usually pays 6 days late; 9 of 11 late",
        "Account manager: Max Anager (policy file)",
        "Message to pat@acme.example",
        "Our records show invoice 1037 over $2,300.00 as open",
        "QuickBooks note: [Overdue 412] reminder 2",
        "Buttons: Approve &amp; send, Edit, Reject…, Hold…, Snooze…, Assign…, I'll handle it, More",
        "Case 412, draft 2, as of Nov 6, 2026 10:04 EST, AI draft, not read: &lt;mailbox&gt;",
        "read: QuickBooks, no CRM or help desk connected",
    ):
        assert part in told


def test_a_button_stands_for_exactly_this_draft() -> None:
    """Every button and every option carries case, draft and hash; none is too long."""
    found = buttons_of(show(view()))
    *chosen, _more = found.pop("more")["options"]
    acts = [*found.values(), *({"action_id": "more", "selected_option": one} for one in chosen)]
    assert {ids.pressed(one)[1] for one in acts} == {ids.Binding("412", "88", "a" * 64)}
    assert [ids.pressed(one)[0] for one in acts[3:]] == [*("hold", "snooze", "assign", "takeover")]


OFFERED = {
    "new": "",
    "waiting": "approve edit reject hold snooze assign takeover also",
    "manager first": "fine edit reject hold snooze assign takeover also",
    "stop": "was_paid look_again takeover draft_anyway reject hold assign also",
    "unsafe": "edit reject hold snooze assign takeover also",
    "never": "confirm_address look_again takeover reject hold assign also",
    "no address": "look_again takeover reject hold assign",
    "too long": "edit reject hold snooze assign takeover also",
    "approved": "undo",
    "approved, window over": "",
    "approved, held up": "undo",
    "approved, refused": "undo",
    "sending": "",
    "unknown": "went did_not_go",
    "sent": "",
    "done": "take_back was_wrong",
    "kept": "was_wrong",
    "rejected": "undo",
    "rejected, followed": "",
    "wrong contact": "undo confirm_address",
    "held": "lift",
    "cancelled": "",
}


def test_only_buttons_that_apply_are_there() -> None:
    """Each state offers what may be done in it, and nothing else; never more than four in a row."""
    for name, expected in OFFERED.items():
        assert offered(show(VIEWS[name]())) == set(expected.split()), name
    for name, made in VIEWS.items():
        rows = [b["elements"] for b in show(made()).blocks if b["type"] == "actions"]
        assert all(len(row) <= 4 for row in rows), name


def test_each_stop_has_its_way_out_beside_it() -> None:
    """A button once, beside the first stop that it resolves."""
    rules = ("paid_claim", "possibly_paid", "above_stop_limit", "source_down")
    made = show(stopped(rulings=tuple(Ruling(Kind.STOP, rule, f"{rule}.") for rule in rules)))
    rows = [b for b in made.blocks if b["type"] == "section"]
    assert [row.get("accessory", {}).get("action_id") for row in rows] == [
        *("was_paid", None, "takeover", "look_again")
    ]
    assert buttons_of(made).keys() >= {"draft_anyway", "reject", "more"}


def test_a_dispute_that_a_person_has_set_can_be_lifted() -> None:
    """One that a text or the policy speaks of cannot."""
    held = Ruling(Kind.STOP, "dispute", "Acme Ltd is disputed.", ("customer:C1", "hold:3"))
    assert "lift" in buttons_of(show(stopped(rulings=(held,))))
    assert "lift" not in buttons_of(show(stopped(rule="dispute")))


def test_a_hold_can_be_lifted_once() -> None:
    """The card that was put on hold is the way back, until somebody has taken it."""
    assert buttons_of(show(view(state=State.HELD, decisions=(decision("takeover"),)))).keys() == {
        "lift"
    }
    lifted = show(view(state=State.HELD, decisions=(decision("hold"), decision("take_up"))))
    assert buttons_of(lifted) == {}
    assert "Hold lifted" in lifted.text


@pytest.mark.parametrize(("name", "action"), [("stop", "takeover")])
def test_what_leaves_the_list_in_one_click_asks_first(name: str, action: str) -> None:
    """Taking a case over, and taking a note back, which nothing undoes."""
    assert "confirm" in buttons_of(show(VIEWS[name]()))[action]


def test_who_approves_an_invoice_that_was_never_emailed_confirms_it() -> None:
    """The reason stands on the card, and the button asks once more."""
    reason = "Invoice 1037 has never been e-mailed from QuickBooks."
    card = show(view(rulings=(Ruling(Kind.GATE, "never_emailed", reason, ("invoice:71037",)),)))
    assert reason in card.text
    asked = buttons_of(card)["approve"]["confirm"]
    assert "did the customer get it?" in asked["text"]["text"]
    assert "confirm" not in buttons_of(show(view()))["approve"]


def test_a_name_like_a_web_address_can_be_confirmed() -> None:
    """The gate's own way out, beside a draft that leaves the name out."""
    assert "confirm_name" in offered(show(VIEWS["name like a link"]()))
    assert "confirm_name" not in offered(show(view()))


def test_after_a_bounce_an_address_can_be_confirmed() -> None:
    """That is the way out which its rule names."""
    assert "confirm_address" in buttons_of(show(stopped(Kind.NEVER, "wrong_contact")))


def test_unusual_words_of_an_edit_are_pointed_out() -> None:
    """One quiet line for whoever approves; a text of usual words has none."""
    made = show(view(edited_by="UCOLLECT", unusual_words=("escrow", "<!channel>")))
    line = "Words to look at: escrow, &lt;!channel&gt;"
    assert any(line in str(block) for block in made.blocks if block["type"] == "context")
    assert line in made.text
    assert "Words to look at" not in str(show(view(edited_by="UCOLLECT")))


@pytest.mark.parametrize(
    ("case", "asks"),
    [
        (view(), False),
        (two_needed(), True),
        (view(stage=Stage.FIRM), True),
        (view(edited_by="UCOLLECT"), True),
        (view(approvals=Approvals(2)), True),
    ],
)
def test_only_the_delicate_asks_twice(case: CaseView, asks: bool) -> None:
    """A confirm dialog stands before two-person cases, stages 3 and 4, and edited text."""
    assert ("confirm" in buttons_of(show(case))["approve"]) is asks


@pytest.mark.parametrize(
    ("case", "label", "asks"),
    [
        (two_needed(), "Approve, 1 of 2", "It is sent once another person has approved it too."),
        (two_needed("ULEAD1"), "Approve & send", "This is the last approval needed."),
        (view(shadow=True, approvals=Approvals(2)), "Approve, 1 of 2", "Nothing is sent:"),
    ],
)
def test_the_first_of_two_approvals_sends_nothing(case: CaseView, label: str, asks: str) -> None:
    """Button and confirm dialog say which approval it is, and what follows."""
    button = buttons_of(show(case))["approve"]
    assert button["text"]["text"] == label
    assert asks in button["confirm"]["text"]["text"]


def test_a_card_whose_stops_were_set_aside_is_not_stopped() -> None:
    """Until the draft is there it says so, and does not offer the same thing again."""
    aside = stopped(rulings=(), allowed_anyway=stopped().rulings)
    made = show(replace(aside, decisions=(decision("draft_anyway", "ULEAD1", "I called"),)))
    assert "A draft is being prepared" in made.text
    assert "Set aside for this draft: covered by credits · by Lena Lead" in made.text
    assert "Stopped" not in made.text
    assert "draft_anyway" not in buttons_of(made)


def test_a_confirm_dialog_names_recipient_and_amount() -> None:
    """Who, how much and which stage are in the question."""
    asked = buttons_of(show(two_needed()))["approve"]["confirm"]["text"]["text"]
    assert asked.startswith("To pat@acme.example, for Acme Ltd: $2,800.00 due, stage 4, final.")


def test_a_missing_approval_is_said() -> None:
    """With one approval of two the card names who gave it and which role is missing."""
    told = show(two_needed("UCOLLECT")).text
    assert "Waiting for a finance lead" in told
    assert "Approved by Cora Lector" in told
    assert "Waiting for 2 people, one of them a finance lead" in show(two_needed()).text


def test_a_lead_given_leaves_another_person_missing() -> None:
    """After the finance lead, anybody who may approve is the missing one."""
    first = two_needed("ULEAD1")
    assert first.approvals is not None
    told = show(replace(first, approvals=replace(first.approvals, lead_given=True))).text
    assert "Waiting for another person" in told


def test_undo_says_until_when() -> None:
    """The line above the button, by each reader's clock; the button could show only one."""
    made = show(approved())
    assert buttons_of(made)["undo"]["text"]["text"] == "Undo"
    assert "undo until then" in made.blocks[1]["text"]["text"]
    assert "<!date^" in made.blocks[1]["text"]["text"]


def test_undo_disappears_when_its_window_ends() -> None:
    """At the end of the window there is no Undo."""
    made = card(approved(), NOW + timedelta(seconds=60), people=PEOPLE)
    assert buttons_of(made) == {}


def test_a_shadow_card_says_so_in_words() -> None:
    """The mark stands in blocks and text, and Approve does not promise to send."""
    made = show(view(shadow=True))
    assert "Shadow mode: nothing will be sent" in words(made)
    assert "Shadow mode: nothing will be sent" in made.text
    assert buttons_of(made)["approve"]["text"]["text"] == "Approve (nothing is sent)"


FACES = [
    ("stop", "Stopped: no draft · 34 days late"),
    ("stop", "Covered by credits · Payment 2044"),
    ("never", "Cannot be sent: several e-mail addresses in QuickBooks · 34"),
    ("no address", "Cannot be sent: no e-mail address in QuickBooks · 34"),
    ("wait", "Until Nov 10, 2026"),
    ("needs a look", "Needs a look"),
    ("needs a look", "It is tried again within the hour; press “Look again” to try now."),
    ("approved, refused", "Not sent yet; next try Nov 6, 2026 10:05 EST"),
    ("manager first", "Waiting for the account manager"),
    ("manager first", "Approval opens when Max Anager presses “Looks good”, or Nov 6, 2026"),
    ("template", "template (no model is configured)"),
    ("template", "Routine reminder · looks like an oversight."),
    ("waiting", "AI summary: Looks like an oversight."),
    ("credits", "$300.00 more open, not in this message"),
    ("credits", "Asked for $2,680.00: "),
    ("credits", "Acme Ltd · $2,680.00 due."),
    ("credits", "$2,980.00 open in all"),
    ("voided", "Payment of $500.00 arrived after the approval."),
    ("voided", "Changed since the last version: 1041 is now paid."),
    ("approved", "Approved · by Cora Lector · sends at 10:05:05 EST · undo until then."),
    ("approved, refused", "10:05 EST. Reason: 451 try again later."),
    ("approved, refused", "The approval lapses Nov 7, 2026 10:04 EST."),
    ("approved, refused", "Undo is possible until it is sent."),
    ("approved, shadow", "shadow run starts"),
    ("approved, held up", "Nobody has confirmed that QuickBooks' own reminders are off"),
    ("approved, held up", "Undo is possible until it is sent."),
    ("approved, window over", "sends Nov 6, 2026 10:05 EST."),
    ("new, not connected", "QuickBooks has to be connected again first"),
    ("sending", "Sending · approved by Cora Lector."),
    ("sent", "Sent · Nov 6, 2026 10:04 EST · approved by Cora Lector"),
    ("sent", "QuickBooks note follows."),
    ("done", "QuickBooks note written."),
    ("kept", "is not in QuickBooks: the books are closed."),
    ("note failed", "The QuickBooks note could not be written: QuickBooks said no."),
    ("unknown", "We cannot tell whether the message was sent. Please check the Sent folder"),
    ("went", "Sent · confirmed by Lena Lead"),
    ("rejected", "Rejected: not needed · by Cora Lector, Nov 6, 2026 10:02 EST · no message now;"),
    ("rejected, final", "no message now, and no later stage follows."),
    ("rejected, other", "Rejected: they are moving house"),
    ("held", "On hold: dispute · by Cora Lector, Nov 6, 2026 10:02 EST · until Nov 20, 2026."),
    ("held", "PO missing."),
    ("held, no comment", "On hold: payment plan · by Cora Lector"),
    ("taken over", "On hold · taken over by Cora Lector"),
    ("said to be paid", "Waiting for the payment · rejected by Cora Lector"),
    ("paid on account", "Waiting for the payment to be applied"),
    ("waits", "Waiting · until Nov 10, 2026 10:04 EST. Written to 2 days ago."),
    ("snoozed", "Snoozed · by Cora Lector"),
    ("cancelled", "Acme Ltd · $2,800.00."),
    ("cancelled", "Case 412, draft 2, invoices 1037 and 1041."),
    ("cancelled", "Closed: nothing to do · Invoice 1037 was paid · Nov 6, 2026 10:04 EST."),
    ("covered", "Acme Ltd · $560.00 due, $600.00 on account."),
    ("shadow run", "Shadow run finished: nothing was sent"),
    ("insisted", "a second person has to approve"),
    ("lead", "Waiting for a finance lead"),
    ("edited", "edited by Cora Lector"),
    ("too long", "it cannot be approved here. Shorten it with Edit."),
]


def test_every_state_has_its_face() -> None:
    """Each state says what it means, who acted and what comes next, also in the text."""
    for name, said in FACES:
        assert said in show(VIEWS[name]()).text.replace("\u2060", ""), (name, said)


@pytest.mark.parametrize(
    ("name", "untrue"),
    [
        ("needs a look", "Decided by rules alone"),  # nothing was decided
        ("approved, refused", "sends "),
        ("cancelled", "$2,800.00 due"),  # it was paid
        ("cancelled", " open"),
        ("sent", "$2,800.00 due"),  # that was before, and is told as of then
    ],
)
def test_no_state_says_what_is_not_so(name: str, untrue: str) -> None:
    """What was true of the case earlier is not said of it now."""
    assert untrue not in show(VIEWS[name]()).text


def test_every_verb_that_puts_a_case_off_has_its_words() -> None:
    """Who did it, and which kind of hold it is where the reason does not say it."""
    putting_off = [verb for verb in Verb if verb.row.by]
    assert {Verb.HOLD, Verb.SNOOZE, Verb.TAKEOVER, Verb.REJECT, Verb.PLAN} <= {*putting_off}
    for verb in putting_off:
        held = show(view(state=State.HELD, decisions=(decision(verb, reason="dispute"),))).text
        assert f"On hold: {verb.row.holds or 'dispute'} · {verb.row.by}Cora Lector" in held, verb


def test_a_stopped_card_does_not_speak_for_a_reminder() -> None:
    """What makes a case a routine reminder is left out beside the rule that stops it."""
    told = show(stopped(summary="")).text
    assert "Routine reminder" not in told
    assert "The customer paid late before" not in told
    said = (Reason("The customer paid late before", ("mail:1",)),)
    disputed = stopped(rule="dispute", class_=CaseClass.LIKELY_DISPUTE, reasons=said)
    assert "The customer paid late before" in show(disputed).text


def test_a_machine_is_not_a_person() -> None:
    """What the program decided is not put into somebody's mouth."""
    made = replace(approved(), approvals=Approvals(1, (replace(_first(), actor="system:clock"),)))
    assert "Approved · by Overdue itself" in show(made).text


def _first() -> Any:
    case = approved()
    assert case.approvals is not None
    return case.approvals.given[0]


def test_two_hundred_invoices_are_counted_not_dropped() -> None:
    """The table shows the first ones, says how many more, and its totals are complete."""
    made = show(many())
    rows = next(block["rows"] for block in made.blocks if block["type"] == "table")
    cells = [[cell["text"] for cell in row] for row in rows]
    assert len(cells) == 11
    assert cells[-2] == ["and 192 more", "–", "$19.20", "$19,200.00"]
    assert cells[-1] == ["Total", "–", "$20.00", "$20,000.00"]
    assert "and 192 more" in made.text


def test_a_long_letter_is_shown_to_its_end() -> None:
    """A letter of thousands of characters is split over blocks and nothing of it is missing."""
    body = "\n".join(f"Line {n} of a long letter." for n in range(900))
    pieces = quoted(show(view(letter=letter(body))))
    assert len(pieces) > 1
    assert "\n".join(pieces) == body
    assert "Line 899" in words(show(sent(letter=letter(body))))


def test_a_letter_beyond_a_card_says_how_much_is_missing() -> None:
    """What does not fit is counted and cannot be approved."""
    made = show(VIEWS["too long"]())
    assert "14,000 more characters do not fit" in words(made)


def test_the_text_is_cut_only_in_the_open() -> None:
    """A text over 4000 characters says how long the message is; the rest of the story stays."""
    told = show(many()).text
    assert len(told) <= 4000
    assert "characters in all)" in told
    assert "Buttons:" in told
    assert "Case 412" in told


def test_outside_text_cannot_speak_to_the_channel() -> None:
    """No mention, link, style or hidden character of a customer's name survives in mrkdwn."""
    made = show(hostile())
    mrkdwn = [*_mrkdwn(made.blocks), made.text]
    for text in mrkdwn:
        assert "<!channel>" not in text
        assert "<https" not in text
        assert "*Bold*" not in text
        assert "\u202e" not in text
    assert "\u202e" not in words(made)


def _mrkdwn(blocks: Any) -> list[str]:
    if isinstance(blocks, dict):
        own = [blocks["text"]] if blocks.get("type") == "mrkdwn" else []
        return own + [text for part in blocks.values() for text in _mrkdwn(part)]
    if isinstance(blocks, list):
        return [text for part in blocks for text in _mrkdwn(part)]
    return []


def test_a_long_name_is_given_in_full_below_the_header() -> None:
    """A header of 150 characters cannot hold the name; the line below does."""
    name = "Very Long Name " * 30
    made = show(view(facts=facts(customer=Customer("C1", name, "", usd(0)))))
    assert "…" in made.blocks[0]["text"]["text"]
    assert name.strip() in words(made)


def test_a_hidden_character_in_the_letter_is_made_visible() -> None:
    """Who approves sees what the customer's screen would not show."""
    made = show(view(letter=letter("Pay \u202e1037")))
    assert quoted(made)[0] == "Pay ⟦U+202E⟧1037"


def test_a_line_end_cannot_forge_an_envelope() -> None:
    """A subject with a line end shows it instead of starting a line of its own."""
    made = show(view(letter=letter(subject="Hello\nTo: boss@acme.example")))
    assert "Hello⟦U+000A⟧To: boss@acme.example" in words(made)


def test_invoices_with_one_number_are_told_apart() -> None:
    """In the table, in the words, and in the line of a settled card: by their dates."""
    first = invoice("T-1")
    both = first, replace(first, id="2", txn_date=date(2026, 9, 9))
    for of in (view(), sent()):
        made = show(replace(of, facts=facts(both)))
        assert "T-1 of September 9, 2026" in words(made)
        assert "T-1 of September 9, 2026" in made.text


def test_an_invoice_without_a_number_has_a_name() -> None:
    """It is called by its date."""
    made = show(view(facts=facts((replace(invoice(), number=""),))))
    assert "of September 3, 2026" in words(made)


def test_a_story_of_long_lines_still_fits() -> None:
    """However many lines are long, the text can be updated."""
    assert len(story(["x" * 3000] * 5)) <= 4000


def test_every_class_has_its_words() -> None:
    """The four classes are named in words, never by their keys."""
    for one in CaseClass:
        assert one.value not in show(view(class_=one)).text


def test_sent_text_stays_on_the_card() -> None:
    """Folded, and said so: what was sent, or what was not."""
    (box,) = (b for b in show(sent()).blocks if b["type"] == "container")
    assert (box["title"]["text"], box["default_collapsed"]) == ("Sent to pat@acme.example", True)
    assert box["child_blocks"][0]["text"]["text"] == BODY
    (box,) = (b for b in show(view(state=State.REJECTED)).blocks if b["type"] == "container")
    assert box["title"]["text"] == "Message to pat@acme.example"


def test_a_likely_payment_is_one_click_away() -> None:
    """Where money is on account the way out is called by its name."""
    assert buttons_of(show(stopped()))["was_paid"]["text"]["text"] == "It was paid…"
    assert "was_paid" not in buttons_of(show(VIEWS["disputed"]()))


def test_a_forbidden_text_can_be_mended() -> None:
    """A text that may not be sent is shown with Edit, without Approve."""
    assert "Stopped: this text cannot be sent" in show(VIEWS["unsafe"]()).text


def test_a_stop_offers_draft_anyway_and_a_never_does_not() -> None:
    """Only the cause can lift a never."""
    assert "draft_anyway" in buttons_of(show(stopped()))
    assert "draft_anyway" not in buttons_of(show(VIEWS["never"]()))


AMOUNTS = st.decimals(
    min_value=Decimal("-1e9"), max_value=Decimal("1e9"), places=4, allow_nan=False
)


@given(name=st.text(max_size=600), body=st.text(max_size=5000), amount=AMOUNTS)
def test_any_name_text_and_amount_make_a_card(name: str, body: str, amount: Decimal) -> None:
    """Whatever the ledger and the editor hold, the card is one that Slack takes."""
    one = replace(invoice(name[:40]), total=usd(amount), open=usd(amount))
    who = Customer("C1", name, name, usd(amount))
    made = show(view(facts=facts((one,), customer=who), letter=letter(body, subject=name)))
    assert faults(made) == []


def test_the_hostile_name_is_as_long_as_promised() -> None:
    """500 characters of markup is what the tables above are held against."""
    assert len(HOSTILE) == 500


def test_a_reason_is_said_once() -> None:
    """A summary by rules repeats figures and rules, so the card leaves it out."""
    reason = stopped().rulings[0].reason
    made = show(stopped(summary=f"1 invoice is open for $2,800.00. {reason}"))
    assert made.text.count(reason) == words(made).count(reason) == 1
    assert "1 invoice is open" not in made.text + words(made)


def test_a_line_of_a_mail_is_quoted_once() -> None:
    """However many rules and reasons rest on it, and in how many copies it was read."""
    line = "please send the invoice again"
    mails = tuple(Evidence(f"mail:{n}", "mail", "", line) for n in range(3))
    gates = tuple(
        Ruling(Kind.GATE, rule, f"A mail: {rule}.", ("mail:0", "mail:1"))
        for rule in ("likely_dispute", "open_question")
    )
    reasons = (Reason("Unclear to them", ("mail:0",)), Reason("Another", ("mail:2",)))
    case = view(class_=CaseClass.LIKELY_DISPUTE, evidence=mails, rulings=gates, reasons=reasons)
    told = show(case).text
    assert told.count(line) == 1
    assert "Unclear to them" not in told
    assert "Another — “please send the invoice again”" in told
    assert "Open question · A mail: open_question." in told
    assert "Likely dispute · A mail" not in told  # the class has said it


def test_what_makes_a_case_routine_is_no_reason_for_care() -> None:
    """It stands in the folded part; for any other class the reasons are in front."""
    web_process = [b for b in show(view()).blocks if b["type"] != "container"]
    assert "paid late before" not in words(Card("", web_process))
    assert "paid late before" in words(show(view()))
    dispute = show(view(class_=CaseClass.LIKELY_DISPUTE))
    assert "The customer paid late before — Payment 2041 of Aug 12, 2026" in dispute.text


def test_the_model_is_named_where_nobody_stumbles_over_it() -> None:
    """In front it is an AI draft; which model and prompt is in the folded part."""
    made = show(view())
    assert "AI draft" in made.text
    assert "gpt-5-mini" not in made.text
    assert "Text by gpt-5-mini, propose 3" in words(made)
    assert "no model was asked" in show(stopped()).text
    assert "template" not in show(stopped()).text


def test_a_quote_without_a_label_stands_alone() -> None:
    """No colon without something before it."""
    memo = Evidence("payment:9", "memo", "", "our bank details have changed")
    told = show(stopped(evidence=(memo,))).text
    assert "— “our bank details have changed”" in told


@pytest.mark.parametrize("state", [one for one in State if one not in OPEN])
def test_a_closed_card_promises_nothing_about_shadow_mode(state: State) -> None:
    """After "Shadow mode ended." nothing speaks of shadow mode as going on."""
    made = show(view(state=state, shadow=True, end_reason="Shadow mode ended."))
    assert "will be sent" not in words(made) + made.text


def test_whoever_put_it_off_last_is_named() -> None:
    """Not somebody who snoozed the case before; whatever button led there."""
    for state in (State.SNOOZED, State.HELD):
        for kind, reason, told in [
            ("snooze", "", "by Lena Lead, Nov"),
            ("hold", "promise", "by Lena Lead, Nov 6, 2026 10:02 EST."),
            ("reject", "already_paid", "rejected by Lena Lead, Nov 6, 2026 10:02 EST · already"),
            ("takeover", "", "taken over by Lena Lead"),
        ]:
            made = (decision("snooze", "UCOLLECT"), decision(kind, "ULEAD1", reason))
            text = show(view(state=state, decisions=made)).text
            assert told in text
            assert "Cora Lector, Nov" not in text


def test_what_was_paid_already_waits_for_the_payment() -> None:
    """It was rejected, so nobody reads that it was snoozed."""
    made = decision("reject", "ULEAD1", "already_paid")
    text = show(view(state=State.SNOOZED, decisions=(made,))).text
    assert "Waiting for the payment" in text
    assert "Snoozed" not in text


def test_a_draft_in_spite_of_stops_says_so() -> None:
    """Which stops were set aside for it, by whom, when and why; and nothing once they stand."""
    made = decision("draft_anyway", "ULEAD1", "I spoke to <Pat>")
    stops = tuple(Ruling(Kind.STOP, rule, "So.") for rule in ("paid_claim", "above_stop_limit"))
    case = view(decisions=(made,), allowed_anyway=stops)
    said = (
        "Set aside for this draft: above the stop limit and said to be paid · by Lena Lead, "
        "Nov 6, 2026 10:02 EST · I spoke to &lt;Pat&gt;."
    )
    assert said in show(case).text
    assert lint({"text": "x", "blocks": show(case).blocks}, "message") == []
    assert "Set aside" not in show(replace(case, allowed_anyway=())).text

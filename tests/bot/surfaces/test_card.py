from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.blockkit import ids
from bot.blockkit.lint import lint
from bot.surfaces.card.card import Card, card, plain, story
from jobs.rules.case import Approvals, CaseView
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
from tests.sandbox.slack.blocks import faults_in_blocks


def show(case: CaseView) -> Card:
    return card(case, NOW, people=PEOPLE)


def pressed(made: Card) -> dict[str, dict[str, Any]]:
    rows = [block["elements"] for block in made.blocks if block["type"] == "actions"]
    return {one["action_id"]: one for row in rows for one in row}


def words(made: Card) -> str:
    """All that a reader of the blocks sees, quotes and all."""
    return "".join(_strings(made.blocks))


def test_a_message_in_another_language_says_so() -> None:
    """Whoever approves it may not read it."""
    german = view(letter=replace(letter(), language="de"))
    assert "Message in German, exactly as the customer will read it" in words(show(german))
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


@pytest.mark.parametrize("name", VIEWS)
def test_every_card_is_one_that_slack_takes(name: str) -> None:
    """A card lints clean in every state, by our own limits and by the sandbox's."""
    made = show(VIEWS[name]())
    assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
    assert faults_in_blocks(made.blocks, "message") == []


@pytest.mark.parametrize("name", VIEWS)
def test_every_plain_card_is_one_that_slack_takes(name: str) -> None:
    """The plain form has the story and no blocks, and is short enough to be updated."""
    made = plain(VIEWS[name](), NOW, people=PEOPLE)
    assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
    assert "could not be shown" in made.text
    assert "It is drawn again at the next change" in made.text
    assert "Buttons:" not in made.text


def test_a_plain_card_tells_the_whole_story() -> None:
    """From the header to the footer, as the card does, without its buttons."""
    lines = show(view()).text.splitlines()
    missing = set(lines) - set(plain(view(), NOW, people=PEOPLE).text.splitlines())
    assert missing == {"Buttons: Approve &amp; send, Edit, Reject…, Hold…, Snooze…."}


def test_the_header_says_the_four_things_that_matter() -> None:
    """Customer, what is asked for, days and stage stand in the first line."""
    top = show(view()).blocks[0]["text"]["text"]
    assert top == "Acme Ltd · $2,800.00 due · 34 days overdue · stage 2, follow-up"


def test_the_message_is_shown_as_it_is() -> None:
    """Body, envelope, attachment and note are on the card word for word."""
    made = show(view())
    assert quoted(made) == [BODY, letter().note]
    for part in (letter().to, letter().sender, letter().reply_to, letter().subject):
        assert part in words(made)
    assert "Invoice 1037.pdf" in words(made)


@pytest.mark.parametrize(
    ("manager", "shown", "told"),
    [
        (Manager("UMANAGER", "CRM", "M."), "<@UMANAGER> (CRM)", "Max Anager (CRM)"),
        (
            Manager("", "CRM", "Mara <!here>"),
            "Mara &lt;!here&gt; (CRM)",
            "Mara &lt;!here&gt; (CRM)",
        ),
        (None, "", ""),
    ],
)
def test_whose_account_it_is(manager: Manager | None, shown: str, told: str) -> None:
    """The account manager and who says so; somebody without an account here is called by name."""
    made = show(view(manager=manager))
    lines = [e["text"] for b in made.blocks if b["type"] == "context" for e in b["elements"]]
    assert ("Account manager" in made.text) is bool(manager)
    assert f"Account manager: {told}" in made.text if manager else True
    assert any(line.endswith(f"Account manager: {shown}") for line in lines) is bool(manager)


def test_the_text_tells_the_story() -> None:
    """A screen reader hears customer, amount, days, message, note, buttons and case."""
    told = show(view()).text
    for part in (
        "Acme Ltd · $2,800.00 due · 34 days overdue",
        "Waiting for approval. One person approves.",
        "Routine reminder",
        "Payment 2041 of Aug 12, 2026",
        "invoice 1041, $500.00 open, $450.50 paid, due Oct 3, 2026",
        "Usually pays 6 days late; 9 of 11 late",
        "Account manager: Max Anager (policy file)",
        "Message to pat@acme.example",
        "Our records show invoice 1037 over $2,300.00 as open",
        "QuickBooks note: [Overdue 412] reminder 2",
        "Buttons: Approve &amp; send, Edit, Reject…, Hold…, Snooze….",
        "Case 412, draft 2, as of Nov 6, 2026 10:04 EST",
    ):
        assert part in told


def test_a_button_stands_for_exactly_this_draft() -> None:
    """Every button carries case, draft and hash and nothing else."""
    for one in pressed(show(view())).values():
        assert ids.binding(one["value"]) == ids.Binding("412", "88", "a" * 64)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("new", set()),
        ("waiting", {"approve", "edit", "reject", "hold", "snooze"}),
        ("manager first", {"approve", "fine", "edit", "reject", "hold", "snooze"}),
        ("stop", {"was_paid", "look_again", "takeover", "draft_anyway", "reject", "hold"}),
        ("unsafe", {"edit", "reject", "hold", "snooze"}),
        ("never", {"confirm_address", "look_again", "takeover", "reject", "hold"}),
        ("no address", {"look_again", "takeover", "reject", "hold"}),
        ("too long", {"edit", "reject", "hold", "snooze"}),
        ("approved", {"undo"}),
        ("approved, window over", set()),
        ("approved, held up", {"undo"}),
        ("approved, refused", {"undo"}),
        ("sending", set()),
        ("unknown", {"went", "did_not_go"}),
        ("sent", set()),
        ("done", {"take_back"}),
        ("kept", set()),
        ("rejected", {"undo"}),
        ("rejected, followed", set()),
        ("wrong contact", {"undo", "confirm_address"}),
        ("held", {"lift"}),
        ("cancelled", set()),
    ],
)
def test_only_buttons_that_apply_are_there(name: str, expected: set[str]) -> None:
    """Each state offers what may be done in it, and nothing else."""
    assert set(pressed(show(VIEWS[name]()))) == expected


def test_a_dispute_that_a_person_has_set_can_be_lifted() -> None:
    """One that a text or the policy speaks of cannot."""
    held = Ruling(Kind.STOP, "dispute", "Acme Ltd is disputed.", ("customer:C1", "hold:3"))
    assert "lift" in pressed(show(stopped(rulings=(held,))))
    assert "lift" not in pressed(show(stopped(rule="dispute")))


def test_a_hold_can_be_lifted_once() -> None:
    """The card that was put on hold is the way back, until somebody has taken it."""
    assert pressed(show(view(state=State.HELD, decisions=(decision("takeover"),)))).keys() == {
        "lift"
    }
    lifted = show(view(state=State.HELD, decisions=(decision("hold"), decision("take_up"))))
    assert pressed(lifted) == {}
    assert "Hold lifted" in lifted.text


@pytest.mark.parametrize(("name", "action"), [("stop", "takeover"), ("done", "take_back")])
def test_what_leaves_the_list_in_one_click_asks_first(name: str, action: str) -> None:
    """Taking a case over, and taking a note back, which nothing undoes."""
    assert "confirm" in pressed(show(VIEWS[name]()))[action]


def test_who_approves_an_invoice_that_was_never_emailed_confirms_it() -> None:
    """The reason stands on the card, and the button asks once more."""
    reason = "Invoice 1037 has never been e-mailed from QuickBooks."
    card = show(view(rulings=(Ruling(Kind.GATE, "never_emailed", reason, ("invoice:71037",)),)))
    assert reason in card.text
    asked = pressed(card)["approve"]["confirm"]
    assert "did the customer get it?" in asked["text"]["text"]
    assert "confirm" not in pressed(show(view()))["approve"]


def test_a_name_like_a_web_address_can_be_confirmed() -> None:
    """The gate's own way out, beside a draft that leaves the name out."""
    assert "confirm_name" in pressed(show(VIEWS["name like a link"]()))
    assert "confirm_name" not in pressed(show(view()))


def test_after_a_bounce_an_address_can_be_confirmed() -> None:
    """That is the way out which its rule names."""
    assert "confirm_address" in pressed(show(stopped(Kind.NEVER, "wrong_contact")))


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
    assert ("confirm" in pressed(show(case))["approve"]) is asks


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
    button = pressed(show(case))["approve"]
    assert button["text"]["text"] == label
    assert asks in button["confirm"]["text"]["text"]


def test_a_card_whose_stops_were_set_aside_is_not_stopped() -> None:
    """Until the draft is there it says so, and does not offer the same thing again."""
    aside = stopped(rulings=(), allowed_anyway=stopped().rulings)
    made = show(replace(aside, decisions=(decision("draft_anyway", "ULEAD1", "I called"),)))
    assert "A draft is being prepared." in made.text
    assert "Set aside for this draft: covered by credits · by Lena Lead" in made.text
    assert "Stopped" not in made.text
    assert "draft_anyway" not in pressed(made)


def test_a_confirm_dialog_names_recipient_and_amount() -> None:
    """Who, how much and which stage are in the question."""
    asked = pressed(show(two_needed()))["approve"]["confirm"]["text"]["text"]
    assert asked.startswith("To pat@acme.example, for Acme Ltd: $2,800.00 due, stage 4, final.")


def test_a_missing_approval_is_said() -> None:
    """With one approval of two the card names who gave it and which role is missing."""
    told = show(two_needed("UCOLLECT")).text
    assert "Two different people must approve, one of them a finance lead." in told
    assert "Approved by Cora Lector" in told
    assert "Still needed: a finance lead." in told


def test_a_lead_given_leaves_another_person_missing() -> None:
    """After the finance lead, anybody who may approve is the missing one."""
    first = two_needed("ULEAD1")
    assert first.approvals is not None
    told = show(replace(first, approvals=replace(first.approvals, lead_given=True))).text
    assert "Still needed: another person." in told


def test_undo_says_until_when() -> None:
    """The line above the button, by each reader's clock; the button could show only one."""
    made = show(approved())
    assert pressed(made)["undo"]["text"]["text"] == "Undo"
    assert any('"type": "date"' in json.dumps(block) for block in made.blocks)


def test_undo_disappears_when_its_window_ends() -> None:
    """At the end of the window there is no Undo."""
    made = card(approved(), NOW + timedelta(seconds=60), people=PEOPLE)
    assert pressed(made) == {}


def test_a_shadow_card_says_so_in_words() -> None:
    """The mark stands in blocks and text, and Approve does not promise to send."""
    made = show(view(shadow=True))
    assert "Shadow mode: nothing will be sent" in words(made)
    assert "Shadow mode: nothing will be sent" in made.text
    assert pressed(made)["approve"]["text"]["text"] == "Approve (nothing is sent)"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stop", "Stopped: no draft."),
        ("stop", "Stop: covered by credits"),
        ("never", "Cannot be sent: QuickBooks has several e-mail addresses."),
        ("no address", "Cannot be sent: QuickBooks has no e-mail address."),
        ("wait", "Until Nov 10, 2026"),
        (
            "needs a look",
            "Needs a look. It is tried again within the hour; press “Look again” to try now.",
        ),
        ("approved, refused", "Not sent yet; next try Nov 6, 2026 10:05 EST"),
        ("cancelled", "Invoices 1037, 1041: $2,800.00."),
        ("manager first", "Approval opens when Max Anager presses “Looks good”, or Nov 6, 2026"),
        ("template", "template text (no model is configured)"),
        ("waiting", "AI summary: Looks like an oversight."),
        ("waiting", "AI-generated by gpt-5-mini, propose 3"),
        ("waiting", "no CRM or help backend is connected, not read: &lt;mailbox&gt;"),
        ("credits", "$300.00 more open, not in this message"),
        ("credits", "Asked for $2,680.00: "),
        ("credits", "Acme Ltd · $2,680.00 due ($2,980.00 open in all)"),
        ("voided", "Payment of $500.00 arrived after the approval."),
        ("voided", "Changed since the last version: 1041 is now paid."),
        ("approved", "Approved by Cora Lector"),
        ("approved, refused", "10:05 EST. Reason: 451 try again later."),
        ("approved, refused", "The approval lapses Nov 7, 2026 10:04 EST."),
        ("approved, shadow", "Shadow run starts"),
        ("approved, held up", "Nobody has confirmed that QuickBooks' own reminders are off"),
        ("new, not connected", "QuickBooks has to be connected again first"),
        ("sent", "Accepted by the mail server for pat@acme"),
        ("sent", "The QuickBooks note follows."),
        ("done", "Sent, QuickBooks note written."),
        ("kept", "is not in QuickBooks: the books are closed."),
        ("note failed", "The QuickBooks note could not be written: QuickBooks said no."),
        ("unknown", "We cannot tell whether the message was sent. Please check the Sent folder"),
        ("went", "Confirmed as sent by Lena Lead"),
        ("rejected", "Rejected: not needed. Rejected by Cora Lector"),
        ("rejected", "No message now; comes back at the next stage."),
        ("rejected, final", "No message now, and no later stage follows."),
        ("rejected, other", "Rejected: they are moving house."),
        ("held", "Held by Cora Lector"),
        ("held", "On hold: dispute."),
        ("held", "PO missing."),
        ("held, no comment", "On hold: payment plan."),
        ("taken over", "Taken over by Cora Lector"),
        ("said to be paid", "Waiting for the payment."),
        ("paid on account", "Waiting for the payment to be applied."),
        ("waits", "Waiting. Until Nov 10, 2026"),
        ("snoozed", "Snoozed by Cora Lector"),
        ("cancelled", "Acme Ltd · $2,800.00 · stage 2"),
        (
            "cancelled",
            "Closed: nothing to do. Invoice 1037 was paid. Closed Nov 6, 2026 10:04 EST.",
        ),
        ("covered", "Acme Ltd · covered: $560.00 overdue, $600.00 credit · 34 days overdue"),
        ("approved", "Sends at 10:05:05 EST; undo until then."),
        ("approved, window over", "Sends Nov 6, 2026 10:05 EST."),
        ("approved, held up", "Undo is possible until it is sent."),
        ("approved, refused", "Undo is possible until it is sent."),
        ("shadow run", "Shadow run finished: nothing was sent."),
        ("insisted", "a second person has to approve"),
        ("lead", "A finance lead approves."),
        ("edited", "edited by Cora Lector"),
        ("too long", "it cannot be approved here. Shorten it with Edit."),
    ],
)
def test_every_state_has_its_face(name: str, said: str) -> None:
    """Each state says what it means, who acted and what comes next, also in the text."""
    assert said in show(VIEWS[name]()).text.replace("\u2060", "")


@pytest.mark.parametrize(
    ("name", "untrue"),
    [
        ("needs a look", "Decided by rules alone"),  # nothing was decided
        ("approved, refused", "Sends "),
        ("cancelled", "Overdue $2,800.00"),  # it was paid
        ("cancelled", " open"),
        ("sent", "Overdue $2,800.00"),  # that was before, and is told as of then
    ],
)
def test_no_state_says_what_is_not_so(name: str, untrue: str) -> None:
    """What was true of the case earlier is not said of it now."""
    assert untrue not in show(VIEWS[name]()).text


def test_a_stopped_card_does_not_speak_for_a_reminder() -> None:
    """What makes a case a routine reminder is left out beside the rule that stops it."""
    told = show(stopped(summary="")).text
    assert "Routine reminder" not in told
    assert "The customer paid late before" not in told
    disputed = stopped(rule="dispute", class_=CaseClass.LIKELY_DISPUTE)
    assert "The customer paid late before" in show(disputed).text


def test_a_machine_is_not_a_person() -> None:
    """What the program decided is not put into somebody's mouth."""
    made = replace(approved(), approvals=Approvals(1, (replace(_first(), actor="system:clock"),)))
    assert "Approved by Overdue itself" in show(made).text


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
    assert cells[-2] == ["and 192 more", "–", "$19,219.20", "$19.20", "$19,200.00"]
    assert cells[-1] == ["All 200", "–", "$20,020.00", "$20.00", "$20,000.00"]
    assert "and 192 more" in made.text


def test_a_long_letter_is_shown_to_its_end() -> None:
    """A letter of thousands of characters is split over blocks and nothing of it is missing."""
    body = "\n".join(f"Line {n} of a long letter." for n in range(900))
    *pieces, _note = quoted(show(view(letter=letter(body))))
    assert len(pieces) > 1
    assert "\n".join(pieces) == body


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
    """After the mail went the card still shows what was sent; a closed case does not."""
    assert BODY in quoted(show(sent()))
    assert quoted(show(view(state=State.REJECTED))) == []


def test_a_likely_payment_is_one_click_away() -> None:
    """Where money is on account the way out is called by its name."""
    assert pressed(show(stopped()))["was_paid"]["text"]["text"] == "It was paid…"
    assert "was_paid" not in pressed(show(VIEWS["disputed"]()))


def test_a_forbidden_text_can_be_mended() -> None:
    """A text that may not be sent is shown with Edit, without Approve."""
    assert "Stopped: this text cannot be sent." in show(VIEWS["unsafe"]()).text


def test_a_stop_offers_draft_anyway_and_a_never_does_not() -> None:
    """Only the cause can lift a never."""
    assert "draft_anyway" in pressed(show(stopped()))
    assert "draft_anyway" not in pressed(show(VIEWS["never"]()))


AMOUNTS = st.decimals(
    min_value=Decimal("-1e9"), max_value=Decimal("1e9"), places=4, allow_nan=False
)


@given(name=st.text(max_size=600), body=st.text(max_size=5000), amount=AMOUNTS)
def test_any_name_text_and_amount_make_a_card(name: str, body: str, amount: Decimal) -> None:
    """Whatever the ledger and the editor hold, the card is one that Slack takes."""
    one = replace(invoice(name[:40]), total=usd(amount), open=usd(amount))
    who = Customer("C1", name, name, usd(amount))
    made = show(view(facts=facts((one,), customer=who), letter=letter(body, subject=name)))
    assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
    assert faults_in_blocks(made.blocks, "message") == []


def test_the_hostile_name_is_as_long_as_promised() -> None:
    """500 characters of markup is what the tables above are held against."""
    assert len(HOSTILE) == 500


def test_a_reason_is_said_once() -> None:
    """A summary by rules ends with the reasons of the rules, which stand below it as well."""
    lead, reason = "1 invoice is open for $2,800.00.", stopped().rulings[0].reason
    made = show(stopped(summary=f"{lead} {reason}", author="template"))
    assert made.text.count(reason) == words(made).count(reason) == 1
    assert made.text.count(lead) == 1


def test_a_summary_that_is_all_reason_stays() -> None:
    """Where nothing else would be left, the summary is said as it is."""
    made = show(stopped(summary=stopped().rulings[0].reason))
    assert f"AI summary: {stopped().rulings[0].reason}" in made.text


def test_without_a_text_no_text_is_from_the_template() -> None:
    """A stop that rules summed up says who wrote the summary; a draft says who wrote the draft."""
    assert "summary by rules, without a model" in show(stopped(author="template")).text
    assert "template" not in show(stopped(author="template")).text
    assert "template text" in show(VIEWS["template"]()).text


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


@pytest.mark.parametrize("state", [State.SNOOZED, State.HELD])
@pytest.mark.parametrize(
    ("kind", "reason", "told"),
    [
        ("snooze", "", "Snoozed by Lena Lead"),
        ("hold", "promise", "Held by Lena Lead, Nov 6, 2026 10:02 EST."),
        ("reject", "already_paid", "Rejected by Lena Lead, Nov 6, 2026 10:02 EST. Already paid."),
        ("takeover", "", "Taken over by Lena Lead"),
    ],
)
def test_whoever_put_it_off_last_is_named(state: State, kind: str, reason: str, told: str) -> None:
    """Not somebody who snoozed the case before; whatever button led there."""
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
        "Set aside for this draft: above stop limit and paid claim · by Lena Lead, "
        "Nov 6, 2026 10:02 EST · I spoke to &lt;Pat&gt;."
    )
    assert said in show(case).text
    assert lint({"text": "x", "blocks": show(case).blocks}, "message") == []
    assert "Set aside" not in show(replace(case, allowed_anyway=())).text

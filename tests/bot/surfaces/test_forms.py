from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.blockkit import ids
from bot.blockkit.lint import lint
from bot.surfaces.card.reasons import HOLD, REJECT
from bot.surfaces.forms import edit, fields, forms, modal
from bot.surfaces.forms.cc import chosen_cc
from bot.surfaces.forms.edit import fingerprint
from bot.surfaces.forms.fields import UnusableError
from bot.surfaces.forms.forms import FORMS
from bot.surfaces.forms.modal import Form, Submission
from jobs.decide.edit import Text
from jobs.decide.hold import Holding, Snooze
from jobs.decide.reject import Rejection
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.facts.evidence import Evidence, Stance
from jobs.rules.facts.past import HoldKind
from jobs.rules.gates.heard import having_read, settling
from jobs.rules.policy import policy as policies
from jobs.rules.rulings import Kind, Ruling, stops_seen
from jobs.rules.states import RejectReason, Stage
from jobs.rules.verification.ledger_text import to_confirm
from jobs.rules.verification.violations import violation
from tests.bot.views import BODY, VIEWS, facts, invoice, letter, to_read, view
from tests.sandbox.slack.blocks import faults_in_view

POLICY = policies.load("")
TODAY = date(2026, 11, 6)
LATER = TODAY + timedelta(days=14)
Modal = dict[str, Any]


def like_a_host(case: CaseView) -> CaseView:
    """The case of a customer that is called like its web site."""
    customer = replace(case.facts.customer, name="Overstock.com")
    return replace(case, facts=replace(case.facts, customer=customer))


def _drawn(form: Form, case: CaseView) -> Modal:
    return form.draw(case, POLICY)


MODALS: dict[str, Callable[[CaseView], Modal]] = {
    "edit again": lambda case: edit.edit_again(case, Text("S", "B"), violations=("x" * 900,) * 30),
    "confirm_name of a host": lambda case: forms.confirm_name(like_a_host(case), POLICY),
    **{verb.value: partial(_drawn, form) for verb, form in FORMS.items()},
}


def inputs(made: Modal) -> dict[str, dict[str, Any]]:
    """The inputs of a modal by the name of their field."""
    some = [block for block in made["blocks"] if block["type"] == "input"]
    return {ids.field_of(block["block_id"]): block for block in some}


def filled(made: Modal, case: CaseView | None = None, **entered: Any) -> Submission:
    """What Slack sends back when `entered` was put in and the rest left as it stood."""
    values = {
        block["block_id"]: {name: _state(block["element"], entered.get(name))}
        for name, block in inputs(made).items()
    }
    return Submission(values, ids.opened(made["private_metadata"]).seen, lambda: case or view())


def _state(element: dict[str, Any], value: Any) -> dict[str, Any]:
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": element.get("initial_value") if value is None else value}
    if kind == "datepicker":
        return {"type": kind, "selected_date": value or element.get("initial_date")}
    options = {one["value"]: one for one in element["options"]}
    if kind == "radio_buttons":
        return {"type": kind, "selected_option": options.get(value, element.get("initial_option"))}
    return {"type": kind, "selected_options": [options[one] for one in value or []]}


@pytest.mark.parametrize("modal", MODALS)
def test_every_modal_is_one_that_slack_takes(modal: str) -> None:
    """Each modal lints clean for each case, by our own limits and by the sandbox's."""
    drawn = {name: MODALS[modal](case()) for name, case in VIEWS.items()}
    found = {name: [*lint(made, "modal"), *faults_in_view(made)] for name, made in drawn.items()}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_loading_is_light() -> None:
    """The first modal has nothing to submit and needs no case."""
    made = modal.loading("a")
    assert lint(made, "modal") == []
    assert "submit" not in made


@pytest.mark.parametrize(
    "modal", ["edit", "reject", "hold", "snooze", "draft_anyway", "confirm_address"]
)
def test_a_modal_knows_its_draft(modal: str) -> None:
    """The private metadata is bound to case, draft and hash."""
    found = ids.opened(MODALS[modal](view())["private_metadata"])
    assert found.binding == ids.Binding("412", "88", "a" * 64)


def test_what_somebody_has_to_read_is_there_word_for_word() -> None:
    """By name, with what is left out, and bound to exactly these texts."""
    case = to_read("We *refuse* <https://evil.example|this>.\u202e", "A line of it.\n" * 500, "")
    made = forms.have_read(case, POLICY)
    shown = str(made["blocks"])
    assert "Ticket 0 (help desk)" in shown
    assert "'We *refuse* <https://evil.example|this>.'" in shown
    assert "999 more characters are not shown here." in shown
    assert "Nothing of its text is here." in shown
    read = FORMS[Verb.HAVE_READ].read(filled(made))
    assert read == having_read(case.to_read) != having_read(case.to_read[:2])


def test_edit_begins_with_the_draft() -> None:
    """Subject and body stand in the inputs, and the block ids carry the draft's version."""
    made = edit.edit(view(), POLICY)
    assert edit.edited(filled(made)) == Text("Invoices 1037 and 1041", BODY, cc=())
    assert inputs(made)["body"]["block_id"] == "body:2"
    assert made["submit"]["text"] == "Save"


def test_edit_with_violations_lists_them_and_keeps_the_text() -> None:
    """What the person typed stays; the button says what saving now means."""
    seen = fingerprint("S", "B")
    made = edit.edit_again(view(), Text("S", "B"), violations=("“$9” is no amount",))
    assert edit.edited(filled(made)) == Text("S", "B", insist=True, cc=())
    assert made["submit"]["text"] == "Save anyway"
    assert "“$9” is no amount" in str(made["blocks"])
    assert "a second person must approve" in str(made["blocks"])
    assert ids.opened(made["private_metadata"]).seen == seen


def test_a_fingerprint_is_of_exactly_one_text() -> None:
    """Moving a word from subject to body is another text."""
    assert fingerprint("a", "b") == fingerprint("a", "b")
    assert fingerprint("ab", "") != fingerprint("a", "b")


def test_an_edited_text_is_tidied() -> None:
    """A subject is one line; line ends and hidden characters are not the customer's problem."""
    made = edit.edit(view(), POLICY)
    found = edit.edited(filled(made, subject=" a\nb ", body="\nHello  \r\n\tyou\u202e\n\n"))
    assert found == Text("a b", "Hello\n\tyou", cc=())


@pytest.mark.parametrize(("field", "value"), [("subject", " "), ("body", "\n \n")])
def test_an_empty_text_is_refused_at_its_field(field: str, value: str) -> None:
    """The error stands under the input that has to be mended."""
    made = edit.edit(view(), POLICY)
    with pytest.raises(UnusableError) as told:
        edit.edited(filled(made, None, **{field: value}))
    assert list(told.value.errors) == [f"{field}:2"]


def test_what_nobody_may_save_is_said_at_its_field() -> None:
    """The form stays as it is, with each sentence at the field that holds the words."""
    sent = filled(edit.edit(view(), POLICY), subject="evil.example", body="Pay $9 now")
    found = [violation("link", "evil.example"), violation("money", "$9")]
    told = edit.forbidden(sent, edit.edited(sent), found)
    assert told.keys() == {"subject:2", "body:2"}
    assert "evil.example" in told["subject:2"]
    assert all(
        words.endswith("This cannot be saved. Please correct it and save again.")
        for words in told.values()
    )


def test_after_another_edit_both_texts_are_there() -> None:
    """The present one to read and one's own to be saved over it; without a form, to be copied."""
    made = edit.edit_again(view(), Text("S", "Mine"), meanwhile=True)
    assert edit.edited(filled(made)) == Text("S", "Mine", cc=())
    assert BODY.splitlines()[2] in str(made["blocks"])
    assert "Somebody else has changed this message" in str(made["blocks"])
    assert lint(made, "modal") == []
    lost = edit.not_saved("It was approved.", Text("S", "Mine " * 3000))
    assert lint(lost, "modal") == []
    assert "Mine Mine" in str(lost["blocks"])


def test_every_reject_reason_says_its_consequence() -> None:
    """All six reasons are offered, each with what follows."""
    element = inputs(forms.reject(view(), POLICY))["reason"]["element"]
    assert [one["value"] for one in element["options"]] == list(RejectReason)
    assert all(one["description"]["text"] for one in element["options"])


@pytest.mark.parametrize("words", [*REJECT.values(), *HOLD.values()])
def test_words_of_an_option_fit(words: Any) -> None:
    """Neither label nor consequence would be cut."""
    assert len(words.label) <= 75
    assert len(words.consequence) <= 75


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        ({"reason": "not_needed"}, Rejection(RejectReason.NOT_NEEDED, "", ())),
        (
            {"reason": "already_paid", "invoices": ["71037"]},
            Rejection(RejectReason.ALREADY_PAID, "", ()),
        ),
        (
            {"reason": "disputed", "invoices": ["71041"], "comment": " PO "},
            Rejection(RejectReason.DISPUTED, "PO", ("71041",)),
        ),
        ({"reason": "other", "comment": "why"}, Rejection(RejectReason.OTHER, "why", ())),
    ],
)
def test_a_rejection_is_read(entered: dict[str, Any], expected: Rejection) -> None:
    """Reason, comment and, for a dispute, invoices come back typed."""
    made = forms.reject(view(), POLICY)
    assert forms.rejection(filled(made, **entered)) == expected


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({}, "reason:3"),
        ({"reason": "disputed"}, "invoices:3"),
        ({"reason": "other"}, "comment:3"),
    ],
)
def test_half_a_rejection_is_refused(entered: dict[str, Any], field: str) -> None:
    """The error names the field that is missing."""
    with pytest.raises(UnusableError) as told:
        forms.rejection(filled(forms.reject(view(), POLICY), **entered))
    assert list(told.value.errors) == [field]


def test_numbers_of_the_policy_stand_in_the_form() -> None:
    """What it sets is said as it sets it, and at the last stage no next one is promised."""
    for days, words in ((1, "1 working day"), (8, "8 working days")):
        policy = policies.load(f"[pace]\nalready_paid_working_days = {days}")
        made = forms.reject(view(), policy)
        assert f"Waits {words} for the payment, then asks again." in str(made)
        assert f"asks again after {words}." in str(forms.was_paid(VIEWS["paid claim"](), policy))
    final = str(forms.reject(view(stage=Stage.FINAL), POLICY))
    assert "next stage" not in final


def test_rejecting_what_is_paid_on_account_waits_until_it_is_applied() -> None:
    """The card names the money: no other payment is waited for."""
    on_account, other = forms.reject(VIEWS["stop"](), POLICY), forms.reject(view(), POLICY)
    assert "Waits 5 working days until it is applied, then asks again." in str(on_account)
    assert "for the payment" not in str(on_account)
    assert "Waits 5 working days for the payment, then asks again." in str(other)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("paid claim", "No payment is on record yet."),
        ("stop", "Payment 2041 of Aug 12, 2026 is in QuickBooks but not applied"),
    ],
)
def test_it_was_paid_says_what_it_waits_for(name: str, told: str) -> None:
    """A form of its own: it waits for a payment, or for one that is there to be applied."""
    made = forms.was_paid(VIEWS[name](), POLICY)
    assert made["title"]["text"] == made["submit"]["text"] == "It was paid"
    assert told in str(made)
    assert set(inputs(made)) == {"comment"}
    typed = forms.payment(filled(made, comment="by cheque"))
    assert typed == Rejection(RejectReason.ALREADY_PAID, "by cheque", ())


def test_a_hold_is_read() -> None:
    """Kind, invoices, review date and comment come back typed."""
    made = forms.hold(view(), POLICY)
    entered = filled(made, kind="promise", invoices=["71037"], comment="by mail")
    expected = Holding(HoldKind.PROMISE, LATER, "by mail", ("71037",))
    assert forms.holding(entered) == expected


def test_a_snooze_is_read() -> None:
    """The proposed day is taken unless another was chosen."""
    made = forms.snooze(view(), POLICY)
    assert forms.snoozing(filled(made)) == Snooze(date(2026, 11, 10), "")


@pytest.mark.parametrize("day", ["2026-11-06", "2025-01-01", "soon"])
def test_a_day_that_is_not_ahead_is_refused(day: str) -> None:
    """Today, the past and nonsense are no review dates."""
    with pytest.raises(UnusableError) as told:
        forms.snoozing(filled(forms.snooze(view(), POLICY), until=day))
    assert list(told.value.errors) == ["until:3"]


def test_a_day_beyond_a_year_is_refused() -> None:
    """What is put off for years is forgotten; the field says which day is the last."""
    made = forms.snooze(view(), POLICY)
    year = TODAY + timedelta(days=365)
    assert forms.snoozing(filled(made, until=year.isoformat())).until == year
    with pytest.raises(UnusableError, match="within a year, up to") as refused:
        forms.snoozing(filled(made, until="2036-01-01"))
    assert list(refused.value.errors) == ["until:3"]


def test_draft_anyway_names_the_stops_and_asks_why() -> None:
    """The lead reads what is set aside, and the reason is not optional."""
    made = forms.draft_anyway(VIEWS["stop"](), POLICY)
    assert "Covered by credits" in str(made["blocks"])
    assert ids.opened(made["private_metadata"]).seen == stops_seen(VIEWS["stop"]().rulings)
    assert forms.set_aside(filled(made, comment="They asked for it")).reason == "They asked for it"
    with pytest.raises(UnusableError):
        forms.set_aside(filled(made, comment=" "))


def test_settling_names_the_lines_and_asks_how() -> None:
    """The lead reads what the customer wrote; a card without such a stop opens no form for it."""
    mail = Evidence("mail:1", "mail", "", "We have <filed> for insolvency.", Stance.HARDSHIP)
    never = Ruling(Kind.NEVER, "hardship_wording", "A mail mentions insolvency.", ("mail:1",))
    made = forms.settle(replace(view(), rulings=(never,), evidence=(mail,)), POLICY)
    assert lint(made, "modal") == []
    assert "for insolvency." in str(made["blocks"])
    assert ids.opened(made["private_metadata"]).seen == settling((mail,))
    assert forms.set_aside(filled(made, comment="Withdrawn")).reason == "Withdrawn"
    assert "submit" not in forms.settle(view(), POLICY)


def test_a_confirmed_name_is_the_one_that_was_read() -> None:
    """The form carries its fingerprint, and is not offered for any other name."""
    case = like_a_host(view())
    seen = ids.opened(forms.confirm_name(case, POLICY)["private_metadata"]).seen
    assert seen == to_confirm(case.facts) != ""
    assert "no longer" in str(forms.confirm_name(view(), POLICY))


def test_an_instalment_is_marked_as_one() -> None:
    """The mark comes back typed, stays through a refusal, and is part of what was insisted on."""
    assert not edit.edited(filled(edit.edit(view(), POLICY))).marked
    typed = edit.edited(filled(edit.edit(view(), POLICY), marked=["marked"]))
    assert typed.marked
    again = inputs(edit.edit_again(view(), Text("S", "B", marked=True)))["marked"]["element"]
    assert again["initial_options"] == again["options"]
    assert fingerprint("S", "B", True) != fingerprint("S", "B")


def test_only_the_same_text_once_more_insists() -> None:
    """Saved anyway is what was shown with its violations: the same words, marked the same way."""
    again = filled(edit.edit_again(view(), Text("S", "B")))
    assert edit.edited(replace(again, seen=fingerprint("S", "B"))).insist
    for seen in ("", fingerprint("S", "B", True), fingerprint("S", "b")):
        assert not edit.edited(replace(again, seen=seen)).insist


def test_an_address_is_chosen_from_the_ledger() -> None:
    """A list with commas becomes options; what is submitted is looked up, not believed."""
    several = replace(invoice(), email="pat@acme.example, Kim@Acme.example;pat@ACME.example")
    case = view(facts=facts((several,)))
    options = inputs(forms.confirm_address(case, POLICY))["address"]["element"]["options"]
    by_text = {one["text"]["text"]: one["value"] for one in options}
    assert set(by_text) == {"pat@acme.example", "Kim@Acme.example"}
    assert not any("@" in value for value in by_text.values())
    made = filled(forms.confirm_address(case, POLICY), case, address=by_text["Kim@Acme.example"])
    assert forms.chosen_address(made) == "Kim@Acme.example"
    with pytest.raises(UnusableError):
        forms.chosen_address(replace(made, view=view))


def test_copies_are_chosen_from_known_people() -> None:
    """Those who get one now are ticked; a typed address must be ours; three are enough."""
    people = tuple(f"p{n}@acme.example" for n in range(4))
    case = view(people=people, letter=replace(letter(), cc=("p3@acme.example",)))
    made = edit.edit(case, POLICY)
    assert faults_in_view(made) == []
    boxes = inputs(made)["cc"]["element"]
    assert [one["text"]["text"] for one in boxes["options"]] == [people[3], *people[:3]]
    assert [one["text"]["text"] for one in boxes["initial_options"]] == [people[3]]
    colleague = f"Sales@{letter().sender.rpartition('@')[2].strip('>')}"
    keys = [fields.address_key(one) for one in people]
    for ticked, typed, chosen in (
        (keys[3:], "", (people[3],)),
        (keys[:1], colleague, (people[0], colleague.lower())),
        ([], "", ()),
        (["0" * 16], "", ()),
        ([], "x@evil.example", None),
        (keys, "", None),
    ):
        options = [{"value": one} for one in ticked]
        values: dict[str, Any] = {"cc:1": {"cc": {"selected_options": options}}}
        values |= {"colleague:1": {"colleague": {"value": typed}}}
        sent = Submission(values, "", lambda: case)
        if chosen is not None:
            assert chosen_cc(sent) == chosen
            continue
        with pytest.raises(UnusableError):
            chosen_cc(sent)
    assert chosen_cc(Submission({}, "", view)) is None


def test_more_invoices_than_options_is_said() -> None:
    """A select holds a hundred; the hint says what cannot be chosen."""
    made = inputs(forms.reject(VIEWS["many"](), POLICY))["invoices"]
    assert len(made["element"]["options"]) == 100
    assert "not 100 others" in made["hint"]["text"]


@pytest.mark.parametrize(
    "values", [{}, {"body:2": {}}, {"body:2": {"body": {}}}, {"body:2": {"body": {"value": 7}}}]
)
def test_strange_values_are_a_clear_error(values: Any) -> None:
    """A form that is not ours is refused, never a crash."""
    for form in (edit.edited, forms.rejection, forms.set_aside, forms.holding):
        with pytest.raises(UnusableError):
            form(Submission(values, "", view))


@settings(deadline=None, max_examples=50)
@given(subject=st.text(max_size=300), body=st.text(max_size=4000))
def test_any_text_can_be_edited(subject: str, body: str) -> None:
    """Whatever the draft holds, the modal is one that Slack takes."""
    made = edit.edit(view(letter=letter(body, subject=subject)), POLICY)
    assert lint(made, "modal") == []
    assert faults_in_view(made) == []

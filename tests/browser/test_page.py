"""The sandbox page in a browser, with a small app in the place of the product."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from bot.surfaces.card.card import card as card_of_case
from tests.bot.views import NOW, PEOPLE, VIEWS
from tests.browser.slack_page import EDIT, MARKUP, SlackPage, button, card, plain

pytestmark = pytest.mark.browser


def test_a_message_appears_and_changes_by_itself(slack_page: SlackPage) -> None:
    """Without reloading, in the same place."""
    message = slack_page.post("Acme owes *1,200.00*")
    expect(message).to_contain_text("Acme owes 1,200.00")
    ts = message.get_attribute("data-ts")
    slack_page.client.chat_update(channel="CFINANCE", ts=str(ts), text="Paid")
    expect(message).to_contain_text("Paid")


def test_markup_in_a_text_stays_text(slack_page: SlackPage) -> None:
    """A customer's name can be anything, and is shown as it is."""
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": MARKUP}]}
    blocks = [
        {"type": "header", "text": plain(MARKUP)},
        {"type": "rich_text", "elements": [rich]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": MARKUP}]]},
    ]
    message = slack_page.post("x", blocks=blocks)
    expect(message.locator("h2")).to_have_text(MARKUP)
    expect(message.locator(".rich")).to_have_text(MARKUP)
    expect(message.locator("th")).to_have_text(MARKUP)
    expect(message.locator("img")).to_have_count(0)


def test_mrkdwn_is_drawn(slack_page: SlackPage) -> None:
    """Marks, mentions, dates, links and quotes; entities once."""
    message = slack_page.post(
        "*bold* _it_ ~gone~ `code` <@ULEAD1> <https://example.com/a?b=1&amp;c=2|link> "
        "<!date^1764000000^{date_num}|then> &lt;b&gt; &amp;amp;\n&gt; quoted\nafter"
    )
    expect(message.locator("b", has_text="bold")).to_be_visible()
    expect(message.locator(".mention")).to_have_text("@Lena Brandt")
    expect(message.locator("a")).to_have_attribute("href", "https://example.com/a?b=1&c=2")
    expect(message.locator("time[datetime]")).to_have_text("2025-11-24")
    expect(message.locator("blockquote")).to_have_text("quoted")
    expect(message).to_contain_text("<b> &amp;")


def test_a_link_to_a_script_is_no_link(slack_page: SlackPage) -> None:
    """Only web and mail addresses can be followed."""
    element = {"type": "link", "url": "javascript:alert(1)", "text": "press me"}
    section = {"type": "rich_text_section", "elements": [element]}
    message = slack_page.post("x", blocks=[{"type": "rich_text", "elements": [section]}])
    expect(message).to_contain_text("press me")
    expect(message.locator("a")).to_have_count(0)


def test_a_click_is_that_of_the_person_one_is(slack_page: SlackPage) -> None:
    """The switch decides who presses the button."""
    message = slack_page.post(blocks=card(button("approve")))
    slack_page.at("person-ULEAD2").click()
    slack_page.press(message, "approve")
    assert slack_page.heard(1)[0]["user"]["id"] == "ULEAD2"


def test_a_confirm_dialog_comes_first(slack_page: SlackPage) -> None:
    """Denied, nothing is sent; confirmed, the click goes out."""
    asked = {"title": plain("Sure?"), "text": plain("To Ann"), "confirm": plain("Yes")}
    message = slack_page.post(
        blocks=card(button("approve", confirm={**asked, "deny": plain("No")}))
    )
    slack_page.press(message, "approve")
    expect(slack_page.at("confirm")).to_contain_text("To Ann")
    slack_page.at("confirm-no").click()
    slack_page.press(message, "approve")
    slack_page.at("confirm-yes").click()
    assert len(slack_page.heard(1)) == 1


def test_a_private_answer_is_seen_by_one_person(slack_page: SlackPage) -> None:
    """The guest reads it, the collector does not."""
    message = slack_page.post(blocks=card(button("approve")))
    slack_page.at("person-UGUEST").click()
    slack_page.press(message, "approve")
    url = slack_page.heard(1)[0]["response_url"]
    httpx.post(url, json={"text": "Only finance may approve"})
    private = slack_page.tab.locator(".private")
    expect(private).to_contain_text("Only visible to you")
    expect(private).to_contain_text("Only finance may approve")
    slack_page.at("person-UCOLLECT").click()
    expect(private).to_have_count(0)


def test_an_app_that_fails_leaves_a_warning(slack_page: SlackPage) -> None:
    """Beside the message, for the person who clicked."""
    slack_page.receiver.reply = lambda _: 500
    message = slack_page.post(blocks=card(button("approve")))
    slack_page.press(message, "approve")
    expect(message.get_by_role("alert")).to_contain_text("status code 500")


def test_a_modal_is_filled_in_and_submitted(slack_page: SlackPage) -> None:
    """What was typed arrives, and the modal closes."""
    slack_page.opens(EDIT)
    slack_page.press(slack_page.post(blocks=card(button("edit"))), "edit")
    box = slack_page.at("action-body")
    expect(box).to_have_value("Dear Ann")
    box.fill("Dear Ann,\nplease")
    slack_page.at("modal-submit").click()
    expect(slack_page.at("modal")).to_be_hidden()
    values = slack_page.heard(2)[1]["view"]["state"]["values"]
    assert values["body_1"]["body"]["value"] == "Dear Ann,\nplease"


def test_errors_stand_at_their_input_and_the_text_stays(slack_page: SlackPage) -> None:
    """The person corrects what they wrote."""
    slack_page.opens(EDIT)
    slack_page.press(slack_page.post(blocks=card(button("edit"))), "edit")
    expect(slack_page.at("modal")).to_be_visible()
    refusal = {"response_action": "errors", "errors": {"body_1": "No links, please"}}
    slack_page.receiver.reply = lambda _: refusal
    slack_page.at("action-body").fill("see http://example.com")
    slack_page.at("modal-submit").click()
    expect(slack_page.at("error-body_1")).to_have_text("No links, please")
    expect(slack_page.at("action-body")).to_have_value("see http://example.com")


def test_an_update_of_the_modal_keeps_what_was_typed(slack_page: SlackPage) -> None:
    """As long as the ids stay; a new block_id shows the new text."""
    slack_page.opens(EDIT)
    slack_page.press(slack_page.post(blocks=card(button("edit"))), "edit")
    slack_page.at("action-body").fill("mine")
    view_id = slack_page.slack.snapshot()["modals"]["UCOLLECT"]["id"]
    slack_page.client.views_update(view_id=view_id, view=EDIT | {"title": plain("Checked")})
    expect(slack_page.at("modal").get_by_role("heading")).to_have_text("Checked")
    expect(slack_page.at("action-body")).to_have_value("mine")
    fresh = EDIT | {"blocks": [EDIT["blocks"][0] | {"block_id": "body_2"}]}
    slack_page.client.views_update(view_id=view_id, view=fresh)
    expect(slack_page.at("action-body")).to_have_value("Dear Ann")


def test_escape_closes_a_modal(slack_page: SlackPage) -> None:
    """By keyboard as by its buttons, and the app does not see a submission."""
    slack_page.opens(EDIT)
    slack_page.press(slack_page.post(blocks=card(button("edit"))), "edit")
    expect(slack_page.at("modal")).to_be_visible()
    slack_page.tab.keyboard.press("Escape")
    expect(slack_page.at("modal")).to_be_hidden()
    assert slack_page.slack.snapshot()["modals"] == {}


def test_every_kind_of_input_can_be_used(slack_page: SlackPage) -> None:
    """Each sends its value in the shape Slack gives it."""
    options = [{"text": plain(word), "value": word} for word in ("one", "two")]
    elements: list[dict[str, Any]] = [
        {"type": "static_select", "options": options},
        {"type": "radio_buttons", "options": options},
        {"type": "checkboxes", "options": options},
        {"type": "datepicker"},
        {"type": "users_select"},
        {"type": "conversations_select"},
        {"type": "plain_text_input"},
    ]
    blocks = [
        {
            "type": "input",
            "block_id": one["type"],
            "label": plain(one["type"]),
            "element": one | {"action_id": one["type"]},
        }
        for one in elements
    ]
    slack_page.opens(EDIT | {"blocks": blocks})
    slack_page.press(slack_page.post(blocks=card(button("edit"))), "edit")
    modal = slack_page.at("modal")
    slack_page.at("action-static_select").select_option("two")
    slack_page.at("action-radio_buttons").get_by_label("one").check()
    slack_page.at("action-checkboxes").get_by_label("one").check()
    slack_page.at("action-checkboxes").get_by_label("two").check()
    slack_page.at("action-datepicker").fill("2026-12-01")
    slack_page.at("action-users_select").select_option("ULEAD1")
    slack_page.at("action-conversations_select").select_option("CFINANCE")
    slack_page.at("action-plain_text_input").fill("words")
    slack_page.at("modal-submit").click()
    expect(modal).to_be_hidden()
    values = slack_page.heard(2)[1]["view"]["state"]["values"]
    held = {kind: state[kind] for kind, state in values.items()}
    assert held["static_select"]["selected_option"]["value"] == "two"
    assert held["radio_buttons"]["selected_option"]["value"] == "one"
    chosen = [option["value"] for option in held["checkboxes"]["selected_options"]]
    assert chosen == ["one", "two"]
    assert held["datepicker"]["selected_date"] == "2026-12-01"
    assert held["users_select"]["selected_user"] == "ULEAD1"
    assert held["conversations_select"]["selected_conversation"] == "CFINANCE"
    assert held["plain_text_input"]["value"] == "words"


def test_overflow_and_select_tell_the_app(slack_page: SlackPage) -> None:
    """A choice in a message is an action of its own."""
    options = [{"text": plain(word), "value": word} for word in ("snooze", "hold")]
    more = {"type": "overflow", "action_id": "more", "options": options}
    pick = {"type": "static_select", "action_id": "pick", "options": options}
    message = slack_page.post(blocks=card(more, pick))
    slack_page.press(message, "more")
    message.get_by_test_id("option-hold").click()
    assert slack_page.heard(1)[0]["actions"][0]["selected_option"]["value"] == "hold"
    message.get_by_test_id("action-pick").select_option("snooze")
    assert slack_page.heard(2)[1]["actions"][0]["selected_option"]["value"] == "snooze"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_card_of_ours_folds_and_has_its_menu(slack_page: SlackPage, width: int) -> None:
    """The message is folded until somebody opens it, and the whole menu is in sight."""
    slack_page.tab.set_viewport_size({"width": width, "height": 844})
    made = card_of_case(VIEWS["done"](), NOW, people=PEOPLE, folds=True, books="https://x.example")
    message = slack_page.post(made.text, blocks=made.blocks)
    letter = message.get_by_text("Our records show invoice 1037")
    expect(letter).to_be_hidden()
    message.get_by_text("Sent to pat@acme.example").click()
    expect(letter).to_be_visible()
    slack_page.press(message, "more")
    link = message.get_by_role("menuitem", name="Open in QuickBooks")
    expect(link).to_have_attribute("href", re.compile("^https://x.example/app/.*customerdetail"))
    expect(link).to_be_in_viewport(ratio=1)


def test_a_thread_opens_beside(slack_page: SlackPage) -> None:
    """The replies, not in the channel; closing gives the panels back."""
    message = slack_page.post()
    ts = str(message.get_attribute("data-ts"))
    slack_page.post("edited: version 2", thread_ts=ts)
    slack_page.at(f"thread-{ts}").click()
    expect(slack_page.at("thread")).to_contain_text("edited: version 2")
    expect(slack_page.at("messages")).not_to_contain_text("edited: version 2")
    slack_page.at("thread-close").click()
    expect(slack_page.at("panel")).to_be_visible()


def test_a_command_is_typed_and_answered(slack_page: SlackPage) -> None:
    """By keyboard; the answer is private and in this channel."""
    slack_page.receiver.reply = lambda form: {"text": f"Nothing for {form['text']}"}
    slack_page.at("place-COTHER").click()
    slack_page.at("command").fill("acme")
    slack_page.at("command").press("Enter")
    expect(slack_page.tab.locator(".private")).to_contain_text("Nothing for acme")
    assert slack_page.heard(1)[0]["channel_id"] == "COTHER"
    expect(slack_page.at("command")).to_have_value("")


def test_home_is_opened_and_shown(slack_page: SlackPage) -> None:
    """Opening the tab is an event; what the app publishes appears."""
    blocks = [{"type": "header", "text": plain("Waiting for you")}, *card(button("open"))[1:]]

    def publish(payload: dict[str, Any]) -> None:
        if payload["type"] == "event_callback":
            view = {"type": "home", "blocks": blocks}
            slack_page.client.views_publish(user_id=payload["event"]["user"], view=view)

    slack_page.receiver.reply = publish
    slack_page.at("place-home").click()
    expect(slack_page.at("home")).to_contain_text("Waiting for you")
    slack_page.at("home").get_by_test_id("action-open").click()
    assert slack_page.heard(2)[1]["container"]["type"] == "view"


def test_a_direct_message_is_for_its_person(slack_page: SlackPage) -> None:
    """It appears in their sidebar alone, as unread."""
    slack_page.client.chat_postMessage(channel="UMANAGER", text="A draft for you")
    expect(slack_page.at("place-DMANAGER")).to_have_count(0)
    slack_page.at("person-UMANAGER").click()
    expect(slack_page.at("place-DMANAGER")).to_have_class(re.compile("unread"))
    slack_page.at("place-DMANAGER").click()
    expect(slack_page.at("messages")).to_contain_text("A draft for you")


def test_a_permalink_leads_to_its_message(slack_page: SlackPage) -> None:
    """In another channel too, and marks it."""
    message = slack_page.post("the one")
    ts = str(message.get_attribute("data-ts"))
    link = slack_page.client.chat_getPermalink(channel="CFINANCE", message_ts=ts)["permalink"]
    slack_page.at("place-COTHER").click()
    expect(message).to_have_count(0)
    slack_page.tab.goto(str(link))
    expect(message).to_be_in_viewport()


def test_a_link_to_a_message_opens_it_where_one_is(slack_page: SlackPage) -> None:
    """A card's address in a text is followed on the page, and as an address of its own."""
    message = slack_page.post("the one")
    ts = str(message.get_attribute("data-ts"))
    link = str(slack_page.client.chat_getPermalink(channel="CFINANCE", message_ts=ts)["permalink"])
    slack_page.client.chat_postMessage(channel="COTHER", text=f"See <{link}|case 412>")
    slack_page.at("place-COTHER").click()
    slack_page.at("messages").get_by_role("link", name="case 412").click()
    expect(message).to_be_in_viewport()
    assert slack_page.tab.request.get(link).ok


def test_a_newcomer_is_told_where_to_begin(slack_page: SlackPage) -> None:
    """Each person what they can do there, until it is put away for this tab."""
    slack_page.tab.evaluate("sessionStorage.clear()")
    slack_page.tab.reload()
    expect(slack_page.at("welcome")).to_contain_text("press Approve & send")
    slack_page.at("person-UGUEST").click()
    expect(slack_page.at("welcome")).to_contain_text("what a guest is told")
    slack_page.at("welcome-close").click()
    slack_page.tab.reload()
    expect(slack_page.at("messages")).to_be_visible()
    expect(slack_page.at("welcome")).to_be_hidden()


def test_a_phone_has_room_for_the_cards(slack_page: SlackPage) -> None:
    """Most of the screen is messages; what is beside them opens over them and closes again."""
    slack_page.post("A card")
    slack_page.tab.set_viewport_size({"width": 390, "height": 844})
    room = slack_page.at("messages").bounding_box()
    title = slack_page.at("place-title").bounding_box()
    people = slack_page.at("who").bounding_box()
    assert room is not None
    assert title is not None
    assert people is not None
    assert room["height"] > 844 / 2
    assert title["y"] >= people["y"] + people["height"]
    expect(slack_page.at("mail-0")).to_be_hidden()
    slack_page.at("around").click()
    expect(slack_page.at("mail-0")).to_be_visible()
    slack_page.tab.get_by_label("Back to the conversation").click()
    expect(slack_page.at("mail-0")).to_be_hidden()


@pytest.mark.parametrize(
    ("names", "first", "figure"),
    [
        (
            ["Customer", "Not due", "1-30", "31-60", "61-90", "Open"],
            "Northgate Hospitality Group and its subsidiaries",
            "$1,234,567.89",
        ),
        (
            ["Currency", "Overdue", "1-30", "31-60", "61-90", "over 90", "not due"],
            "USD",
            "$12,359.39 (39)",
        ),
    ],
)
def test_no_column_of_a_table_is_cut(
    slack_page: SlackPage, names: list[str], first: str, figure: str
) -> None:
    """Six or seven columns with figures fit beside the panels of a laptop."""
    figures = [{"type": "raw_text", "text": figure} for _ in names[1:]]
    who = {"type": "raw_text", "text": first}
    rows = [[{"type": "raw_text", "text": name} for name in names], [who, *figures]]
    right = [{"is_wrapped": True}, *({"align": "right"} for _ in figures)]
    table = {"type": "table", "rows": rows, "column_settings": right}
    slack_page.tab.set_viewport_size({"width": 1280, "height": 860})
    drawn = slack_page.post(blocks=[table]).locator(".table")
    expect(drawn).to_be_visible()
    room, needed = drawn.evaluate("box => [box.clientWidth, box.scrollWidth]")
    assert needed <= room


def test_the_panels_fit_on_a_laptop(slack_page: SlackPage) -> None:
    """The tabs with their counts, and with them the whole page, are no wider than the window."""
    slack_page.others.count = 17
    slack_page.tab.set_viewport_size({"width": 1280, "height": 860})
    slack_page.post()
    expect(slack_page.at("tab-mailbox")).to_contain_text("17")
    assert slack_page.tab.evaluate("document.documentElement.scrollWidth") <= 1280


def test_mails_and_notes_are_shown_beside(slack_page: SlackPage) -> None:
    """A mail with its attachment's name, a note with its invoice, as text."""
    expect(slack_page.at("mail-0").locator("h3")).to_have_text(MARKUP)
    expect(slack_page.at("mail-0")).to_contain_text("Invoice 1037.pdf")
    slack_page.at("tab-quickbooks").click()
    expect(slack_page.at("note-9")).to_contain_text("[Overdue 412] reminder")
    expect(slack_page.at("invoice-742")).to_contain_text(MARKUP)


def test_a_person_answers_as_the_customer(slack_page: SlackPage) -> None:
    """Answers stand below our mail, others by themselves; ours is quoted in a new one."""
    expect(slack_page.at("mail-0").get_by_test_id("received")).to_contain_text("Paid")
    expect(slack_page.at("received")).to_have_count(2)
    slack_page.at("mail-0").locator("summary").click()
    slack_page.at("write-mail-<1>").fill("We pay on Friday")
    slack_page.at("add-mail-<1>").click()
    slack_page.until(lambda: bool(slack_page.others.asked))
    (asked,) = slack_page.others.asked
    assert (asked["from"], asked["in_reply_to"]) == ("ann@example.com", "<1>")
    assert asked["text"].startswith("We pay on Friday\n\nOn ")
    assert asked["text"].endswith("us@example.com wrote:\n> Dear Ann")
    slack_page.at("quick-0-Promise").click()
    slack_page.until(lambda: len(slack_page.others.asked) == 2)
    assert slack_page.others.asked[1]["text"].startswith("We will pay all of it on ")
    slack_page.at("quick-0-Out of office").click()
    slack_page.until(lambda: len(slack_page.others.asked) == 3)
    assert slack_page.others.asked[2]["headers"] == {"Auto-Submitted": "auto-replied"}


def test_an_invoice_can_be_paid_from_the_page(slack_page: SlackPage) -> None:
    """In full, and with the webhook that QuickBooks would send."""
    slack_page.at("tab-quickbooks").click()
    slack_page.at("pay-742").click()
    slack_page.until(lambda: bool(slack_page.others.asked))
    assert slack_page.others.asked == [{"invoice": "742", "amount": "1200.00", "notify": True}]


def test_tickets_and_the_crm_are_shown_and_added_to(slack_page: SlackPage) -> None:
    """Every word is text; private comments are told apart; a person can write in both."""
    expect(slack_page.at("tab-customers")).to_contain_text("1")
    slack_page.at("tab-customers").click()
    expect(slack_page.at("ticket-88").locator("h3")).to_have_text(f"88 · {MARKUP}")
    expect(slack_page.at("ticket-88").locator("small").nth(1)).to_contain_text("private")
    expect(slack_page.at("contact-ann@example.com")).to_contain_text(MARKUP)
    for key, text in (("ticket-88", "It is broken."), ("contact-ann@example.com", "Called.")):
        slack_page.at(key).locator("summary").click()
        slack_page.at(f"write-{key}").fill(text)
        slack_page.at(f"add-{key}").click()
    slack_page.until(lambda: len(slack_page.others.asked) == 2)
    assert slack_page.others.asked == [
        {"id": 88, "author": "ann@example.com", "public": True, "text": "It is broken."},
        {"email": "ann@example.com", "text": "Called."},
    ]


def test_the_requests_are_listed(slack_page: SlackPage) -> None:
    """The latest first, with what was answered."""
    slack_page.post()
    slack_page.at("tab-requests").click()
    expect(slack_page.at("panel").locator("tbody tr").first).to_contain_text(
        "/api/chat.postMessage"
    )


def test_an_old_client_is_not_needed_for_a_stale_click(slack_page: SlackPage) -> None:
    """Buttons go with the update of the card."""
    message = slack_page.post(blocks=card(button("approve")))
    expect(message.get_by_test_id("action-approve")).to_be_visible()
    ts = str(message.get_attribute("data-ts"))
    slack_page.client.chat_update(
        channel="CFINANCE", ts=ts, text="Done", blocks=card(button("undo"))
    )
    expect(message.get_by_test_id("action-approve")).to_have_count(0)
    expect(message.get_by_test_id("action-undo")).to_be_visible()

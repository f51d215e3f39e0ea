"""A case, a customer or a company as a page: whole, readable without anything else, and inert."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser

import httpx
import pytest
from click.testing import CliRunner

from bot import logs
from bot.blockkit.ids import AS_PAGE, MORE, Binding, choice
from bot.cli.main import main
from bot.surfaces.handover import page
from jobs.decide import look
from jobs.decide.access import Answer
from jobs.decide.hold import Holding
from jobs.reports.audit import handover
from jobs.rules.facts.evidence import Document, Stance
from jobs.rules.facts.past import HoldKind
from jobs.rules.phone_calls import CallOutcome, LoggedCall
from jobs.rules.replies import CustomerReply, ReplyKind
from jobs.store import assessments, texts
from jobs.store.customers import phone_calls, replies
from tests.bot.listeners.test_forms import backend_in, press
from tests.jobs import fixtures
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

shared, open_harness = fixtures.shared, fixtures.open_harness
EVIL = "</pre><script>alert(1)</script><img src=//evil.example onerror=x>\u202e<b>"
BOOKS = books(
    customer("1", DisplayName="Ada & Sons"),
    invoice("71", "1", "840.00", 12),
    customer("2", DisplayName="Bo <i>Ltd</i>"),
    invoice("72", "2", "90.00", 5),
)


class Parsed(HTMLParser):
    """Which elements and attributes a page has, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def lived(open_harness: OpenHarness) -> CompanyHarness:
    """A message that was sent, a call and a hold with hostile words, and a case that waits."""
    harness = open_harness(BOOKS, swept=True)
    one = harness.case("1")
    assert harness.approve(harness.click("UCOLLECT", one)) is Answer.RECORDED
    harness.time.later(seconds=61)
    harness.run("send", "write_back")
    call = LoggedCall(CallOutcome.AGAIN, EVIL, "UCOLLECT", harness.now)
    mail = Document("mail:1", "mailbox", "mail", harness.now, f"Out of stock.\n{EVIL}")
    wrote = CustomerReply(
        *("", harness.realm, "1", mail.id),
        *(ReplyKind.DISPUTE, (Stance.DISPUTE,), one.id, harness.now),
    )
    with harness.database.writing() as conn:
        phone_calls.put(conn, harness.realm, "1", call)
        assessments.put_documents(conn, [mail], harness.now)
        replies.record(conn, wrote, mail.sha256, harness.now)
    held = Holding(HoldKind.DISPUTE, harness.today + timedelta(30), EVIL)
    assert harness.hold(harness.click("ULEAD1", harness.case("2")), held) is Answer.RECORDED
    return harness


def drawn(harness: CompanyHarness, *ids: str, case: str = "") -> str:
    """The page about these customers, or about one case."""
    policy, now = harness.process.policy, harness.now
    with harness.database.reading() as conn:
        about = (
            handover.of_case(conn, policy, case, now)
            if case
            else handover.of_customers(conn, policy, harness.realm, ids, now)
        )
        return "".join(page(EVIL if not case else f"Case {case}", about))


def test_a_page_has_everything_and_nothing_in_it_acts(open_harness: OpenHarness) -> None:
    """The letter as it was sent, who decided, calls and holds; hostile words are only text. What
    is no longer kept is called pruned."""
    harness = lived(open_harness)
    made = Parsed(drawn(harness, "1", "2"))
    assert not made.tags & {"script", "img", "a", "link", "i", "b", "iframe", "form"}
    outside = {"src", "href", "onerror", "style", "action"}
    assert not made.attributes & outside
    assert "\u202e" not in made.text
    (mail,) = harness.mails
    for words in (
        "Ada & Sons",
        "Bo <i>Ltd</i>",
        str(mail.message["Subject"]),
        "billing@customer1.example",
        "Approved",
        "Ucollect",
        "<script>alert(1)</script>",
        "171",
        "$840.00",
        "[Overdue ",
        "Put on hold",
        "Out of stock.\n</pre><script>",
        "The customer wrote (dispute)",
        "Message to billing@customer1.example: sent",
    ):
        assert words in made.text, words
    (closed,) = [one for one in harness.cases() if one.customer == "1"]
    assert "Bo &lt;" not in drawn(harness, case=closed.id), "another customer's"
    with harness.database.writing() as conn:
        texts.prune(conn, harness.now + timedelta(1), 100, harness.now)
    after = Parsed(drawn(harness, case=closed.id)).text
    assert after.count("pruned") == 4, "quotes, subject, text, the customer's mail"
    assert "Out of stock" not in after
    assert str(mail.message["Subject"]) not in after
    assert "Message to billing@customer1.example: sent" in after


def test_a_case_is_posted_as_a_page_in_its_thread(open_harness: OpenHarness) -> None:
    """From the menu of the card, once a minute for each person, and only by who may act on it."""
    harness = open_harness(BOOKS, swept=True)
    case = harness.case("1")
    harness.greet()
    stranger = harness.go(look.as_page, harness.click("UMANAGER", case))
    assert stranger.answer is Answer.NOT_ALLOWED
    for _ in range(6):  # a channel takes one message a second
        harness.run("first_look", "messages")
        harness.time.later(seconds=5)
    click = harness.click("ULEAD1", case)
    bound = Binding(click.case, click.draft, click.draft_hash)
    backend = backend_in(harness)
    for _ in range(2):
        assert press(harness, backend, MORE, choice(AS_PAGE, bound)).status == 200
        harness.time.later(seconds=2)
    for _ in range(3):
        harness.run("messages")
        harness.time.later(seconds=5)
    found = harness.outside.slack.snapshot()["messages"]
    (posted,) = [one for one in found if one["files"]]
    (card,) = [one for one in found if one["ts"] == posted["thread_ts"]]
    assert "Ada &amp;" in card["text"]
    (file,) = posted["files"]
    assert file["name"] == f"overdue-case-{case.id}.html"
    page = httpx.get(f"{harness.outside.url}/slack/files/{file['id']}").text
    assert "Content-Security-Policy" in page
    assert "Evidence" in page or "Timeline" in page
    assert len(harness.logged("page.asked")) == 2


def test_the_command_line_writes_pages(
    open_harness: OpenHarness,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Of a case, a customer and a company; a mistyped number leaves the file alone."""
    harness = lived(open_harness)
    monkeypatch.setattr(logs, "configure", lambda: None)
    file = tmp_path_factory.mktemp("pages") / "page.html"
    url = harness.database.engine.url.render_as_string(hide_password=False)

    def run(*words: str) -> tuple[int, str]:
        env = {"DATABASE_URL": url, "TOKEN_KEYS": "", "POLICY_FILE": ""}
        result = CliRunner().invoke(main, [*words, "--html", str(file)], env=env)
        return result.exit_code, result.output

    assert run("case", "99")[0] == run("customer", "99")[0] == run("company", "page", "7")[0] == 1
    assert not file.exists()
    for words, there in (
        (("case", harness.case("2").id), "Bo &lt;i&gt;"),
        (("customer", "1"), "Ada &amp;"),
        (("company", "page"), "Brass Fern Supply"),
    ):
        assert run(*words) == (0, "")
        assert there in file.read_text(encoding="utf-8")

"""Mail through Resend: what was built, at most once, and an outcome for everything."""

from collections.abc import Iterator
from functools import partial

import pytest

from jobs.mail.resend import Resend
from jobs.mail.results import HELD_UP, NotSent, Result, Sent, Unknown
from tests.jobs.mail.letters import AT, CUSTOMER, PDF, SENDER, built, letter, ours, parsed
from tests.sandbox.faults import Fault, Kind
from tests.sandbox.mail.mailbox import Mailbox, running
from tests.sandbox.mail.resend import KEY, StandInResend
from tests.sandbox.world import World, serve

EARLIER = "<overdue.1@ours.example>"
MAIL = built(letter(), in_reply_to=EARLIER, references=[EARLIER])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[World, Mailbox, str]]:
    """One stand-in for all tests of this file."""
    world = World()
    with running(Mailbox(world)) as mailbox:
        world.add(StandInResend(mailbox))
        with serve(world.app()) as url:
            yield world, mailbox, f"{url}/resend"


@pytest.fixture
def world(served: tuple[World, Mailbox, str]) -> World:
    """The world around it, without orders of other tests."""
    served[0].faults.clear()
    return served[0]


@pytest.fixture
def mailbox(served: tuple[World, Mailbox, str], world: World) -> Mailbox:
    """What has arrived, empty at first."""
    served[1].mails.clear()
    return served[1]


@pytest.fixture
def resend(served: tuple[World, Mailbox, str]) -> Resend:
    """Our side, with little patience."""
    return Resend(KEY, served[2], seconds=5)


def send(resend: Resend, mail: bytes = MAIL) -> Result:
    """Hand it over."""
    return resend.send(SENDER, [CUSTOMER], mail, ours)


def different(name: str) -> bytes:
    """A mail with a Message-ID, and so a key, of its own."""
    return built(letter(), case_id=name)


def test_copies_are_those_of_the_mail(resend: Resend, mailbox: Mailbox) -> None:
    """To and Cc as built; other recipients than the mail's are refused here."""
    boss = "boss@acme.example"
    copied = built(letter(cc=(boss,)), case_id="copied")
    assert isinstance(resend.send(SENDER, [CUSTOMER, boss], copied, ours), Sent)
    assert parsed(mailbox.mails[-1].raw)["Cc"] == boss
    for to in ([CUSTOMER], [CUSTOMER, "x@evil.example"], [CUSTOMER, boss, "x@evil.example"]):
        assert isinstance(resend.send(SENDER, to, copied, ours), NotSent)


def test_what_arrives_is_the_mail_that_was_built(resend: Resend, mailbox: Mailbox) -> None:
    """Sender, recipient, subject, text, thread and files; Resend adds the rest."""
    result = send(resend)
    assert isinstance(result, Sent)
    assert result.detail.startswith("Accepted by Resend: ")
    (kept,) = mailbox.mails
    there, here = parsed(kept.raw), parsed(MAIL)
    same = ("From", "To", "Subject", "Reply-To", "Message-ID", "In-Reply-To", "References")
    assert [str(there[name]) for name in same] == [str(here[name]) for name in same]
    texts = [mail.get_body(("plain",)) for mail in (there, here)]
    first, second = (str(text.get_content()).splitlines() for text in texts if text)
    assert first == second
    (file,) = there.iter_attachments()
    assert (file.get_filename(), file.get_payload(decode=True)) == (PDF.name, PDF.content)


def test_the_same_mail_goes_once_however_often_it_is_offered(
    resend: Resend, mailbox: Mailbox, world: World
) -> None:
    """A lost answer is asked for again under the same key; a changed mail is a person's matter."""
    mail = different("once")
    world.faults.add(Fault("resend", "POST", "late"))
    assert isinstance(send(resend, mail), Sent)
    assert isinstance(send(resend, mail), Sent)
    assert len(mailbox.mails) == 1
    other = built(letter(), case_id="once", at=AT.replace(day=21))
    assert isinstance(send(resend, other), Sent), "the date is not part of what Resend gets"
    changed = mail.replace(b"Invoice 1037 from", b"Invoice 1038 from")
    result = send(resend, changed)
    assert isinstance(result, Unknown)
    assert "another mail of this draft" in result.reason
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("status", [422, 429])
def test_a_refusal_says_nothing_about_an_attempt_before_it(
    resend: Resend, mailbox: Mailbox, world: World, status: int
) -> None:
    """The first answer was lost after the mail was accepted: it may not be called "not sent"."""
    world.faults.add(Fault("resend", "POST", "late"))
    world.faults.add(Fault("resend", "POST", "status", status=status))
    assert isinstance(send(resend, different(f"refused {status}")), Unknown)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    ("kind", "status", "code", "expected", "permanent"),
    [
        ("status", 401, "missing_api_key", NotSent, False),
        ("status", 403, "restricted_api_key", NotSent, False),
        ("status", 409, "concurrent_idempotent_requests", NotSent, False),
        ("status", 429, "rate_limit_exceeded", NotSent, False),
        ("status", 422, "validation_error", NotSent, True),
        ("status", 500, "application_error", Unknown, None),
        ("status", 503, "", Unknown, None),
        ("reset", None, "", Unknown, None),
        ("late", None, "", Unknown, None),
        ("html", None, "", Unknown, None),
        ("garbage", None, "", Unknown, None),
    ],
)
def test_every_failure_has_its_meaning(
    resend: Resend,
    mailbox: Mailbox,
    world: World,
    kind: Kind,
    status: int | None,
    code: str,
    expected: type[Result],
    permanent: bool | None,
) -> None:
    """A refusal is not sent; what may have been accepted is unknown, never sent blindly again."""
    fault = Fault("resend", "POST", kind, times=None, status=status, code=code)
    world.faults.add(fault)
    result = send(resend, different(f"{kind} {status} {code}"))
    assert isinstance(result, expected)
    assert getattr(result, "permanent", None) is permanent
    assert "ordered" not in str(result) or status in (401, 403, 409, 429, 422)


def test_a_server_that_is_not_there_has_not_sent_it() -> None:
    """Nothing was handed over, so it may be tried again."""
    result = send(Resend(KEY, "http://127.0.0.1:1", seconds=1))
    assert isinstance(result, NotSent)
    assert not result.permanent


def test_the_fence_is_asked_before_each_attempt(
    resend: Resend, mailbox: Mailbox, world: World
) -> None:
    """Whoever is too late sends nothing, and does not repeat what may have gone."""
    assert resend.send(SENDER, [CUSTOMER], different("late"), lambda: False) is HELD_UP
    world.faults.add(Fault("resend", "POST", "reset", times=None))
    once = partial(next, iter([True, False]))
    assert isinstance(resend.send(SENDER, [CUSTOMER], different("twice"), once), Unknown)
    assert mailbox.mails == []


@pytest.mark.parametrize("to", ["b@x.example", "a@x.example, b@x.example"])
def test_the_envelope_is_the_mails_own(resend: Resend, mailbox: Mailbox, to: str) -> None:
    """Another recipient than the one in the mail is refused here."""
    result = resend.send(SENDER, [to], MAIL, ours)
    assert isinstance(result, NotSent)
    assert result.permanent
    assert mailbox.mails == []


def test_a_check_tells_a_good_key_from_a_bad_one(resend: Resend, world: World) -> None:
    """A key that may only send is good enough."""
    assert resend.check().ok
    world.faults.add(Fault("resend", "GET", "status", status=401, code="restricted_api_key"))
    assert resend.check().ok
    bad = Resend("re_wrong", resend.url).check()
    assert (bad.ok, "refused the key: 401" in bad.detail) == (False, True)
    assert "re_wrong" not in repr(Resend("re_wrong")) + bad.detail

"""Every row of the phase table, over real sockets: sent, not sent, or nobody can tell."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from jobs.mail.compose import File
from jobs.mail.oauth import AccessTokens
from jobs.mail.results import HELD_UP, NotSent, Sent, Unknown
from jobs.mail.smtp import COMMAND_SECONDS, FINAL_REPLY_SECONDS, BadUrl, Smtp
from jobs.rules.case import LONGEST_HANDOVER
from tests.jobs.mail.letters import CUSTOMER, PDF, SENDER, built, letter, ours
from tests.sandbox.faults import Fault, Kind
from tests.sandbox.mail.mailbox import Mailbox, running
from tests.sandbox.world import World, serve

MAIL = built(letter())


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server on loopback."""
    with running(Mailbox(World())) as mailbox:
        yield mailbox


def smtp(mailbox: Mailbox, *, patience: float = 5.0) -> Smtp:
    """Our side, with little patience for the answer after the dot where a test asks for that."""
    return Smtp.from_url(mailbox.url, command_seconds=patience, final_reply_seconds=patience)


def order(mailbox: Mailbox, command: str, kind: Kind, status: int | None = None) -> None:
    """Let the server misbehave whenever it comes to that command."""
    mailbox.world.faults.add(Fault("mail", f"SMTP {command}", kind, times=None, status=status))


def test_an_accepted_mail_is_sent_and_arrives_byte_for_byte(mailbox: Mailbox) -> None:
    """The sink has exactly the bytes that were built, once, for the one recipient."""
    result = smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, ours)
    assert result == Sent("Accepted by 127.0.0.1: 2.0.0 kept")
    (kept,) = mailbox.mails
    assert (kept.sender, kept.recipient, kept.raw) == (SENDER, CUSTOMER, MAIL)


def test_a_sender_whose_time_is_over_sends_nothing(mailbox: Mailbox) -> None:
    """It is asked before the first byte, and again when only the text is left to send."""
    for asked, phases in ([False], 0), ([True, False], 4):
        mailbox.world.requests.clear()
        assert smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, partial(next, iter(asked))) is HELD_UP
        assert [seen.path for seen in mailbox.world.requests].count("DATA") == 0
        assert len([s for s in mailbox.world.requests if s.path != "QUIT"]) == phases
    assert mailbox.mails == []


@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "RCPT"])
@pytest.mark.parametrize("kind", ["refuse", "reset", "garbage"])
def test_a_cut_before_the_text_is_definitely_not_sent(
    mailbox: Mailbox, command: str, kind: Kind
) -> None:
    """It may be tried again: nothing of the mail has left."""
    order(mailbox, command, kind)
    result = smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, ours)
    assert isinstance(result, NotSent)
    assert not result.permanent
    assert mailbox.mails == []


@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "RCPT"])
def test_a_server_that_stalls_before_the_text_is_not_sent(mailbox: Mailbox, command: str) -> None:
    """Our patience for a command ends, and nothing has left."""
    order(mailbox, command, "stall")
    result = smtp(mailbox, patience=0.2).send(SENDER, [CUSTOMER], MAIL, ours)
    assert isinstance(result, NotSent)
    assert not result.permanent


@pytest.mark.parametrize("command", ["DATA", "BODY", "END"])
@pytest.mark.parametrize("kind", ["refuse", "reset"])
def test_a_cut_inside_data_is_unknown(mailbox: Mailbox, command: str, kind: Kind) -> None:
    """Our side cannot see whether the final dot went out, so it does not guess."""
    large = built(letter(), files=[File(PDF.name, PDF.content * 2000)])
    order(mailbox, command, kind)
    assert isinstance(smtp(mailbox).send(SENDER, [CUSTOMER], large, ours), Unknown)


def test_an_answer_lost_after_acceptance_is_unknown(mailbox: Mailbox) -> None:
    """The server has the mail, and we cannot know."""
    order(mailbox, "END", "late")
    assert isinstance(smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, ours), Unknown)
    assert len(mailbox.mails) == 1


def test_an_answer_that_comes_too_late_is_unknown(mailbox: Mailbox) -> None:
    """Our patience for the answer after the dot ends first."""
    order(mailbox, "END", "stall")
    assert isinstance(smtp(mailbox, patience=0.3).send(SENDER, [CUSTOMER], MAIL, ours), Unknown)


def test_an_answer_that_makes_no_sense_after_the_dot_is_unknown(mailbox: Mailbox) -> None:
    """Neither a yes nor a no."""
    order(mailbox, "END", "garbage")
    assert isinstance(smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, ours), Unknown)


def test_the_answer_after_the_dot_gets_more_time_than_a_command(mailbox: Mailbox) -> None:
    """A slow server is no doubt: here it answers after our patience for commands has ended."""
    order(mailbox, "END", "stall")
    patient = Smtp.from_url(mailbox.url, command_seconds=0.2, final_reply_seconds=10)
    release = threading.Timer(0.5, mailbox.world.faults.clear)
    release.start()
    assert isinstance(patient.send(SENDER, [CUSTOMER], MAIL, ours), Sent)
    release.join()


@pytest.mark.parametrize("kind", ["refuse", "reset", "garbage"])
def test_what_happens_at_quit_changes_nothing(mailbox: Mailbox, kind: Kind) -> None:
    """After the final 250 the mail is sent."""
    order(mailbox, "QUIT", kind)
    assert isinstance(smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, ours), Sent)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize(("code", "permanent"), [(451, False), (554, True)])
def test_a_refusal_says_whether_it_is_for_good(
    mailbox: Mailbox, command: str, code: int, permanent: bool
) -> None:
    """4xx may be tried again, 5xx not; the code is kept, and nothing arrives."""
    order(mailbox, command, "status", code)
    result = smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, ours)
    assert isinstance(result, NotSent)
    assert (result.code, result.permanent) == (code, permanent)
    assert "ordered by the sandbox" in result.reason
    assert mailbox.mails == []
    assert "DATA" not in after(mailbox, command)


def after(mailbox: Mailbox, command: str) -> list[str]:
    """The commands that the server saw after that one."""
    seen = [request.path for request in mailbox.world.requests]
    return seen[seen.index(command) + 1 :]


@pytest.mark.parametrize("command", ["CONNECT", "EHLO"])
def test_a_server_that_is_closed_is_a_reason_to_try_later(mailbox: Mailbox, command: str) -> None:
    """Even a 5xx before the envelope says nothing about this mail."""
    order(mailbox, command, "status", 554)
    result = smtp(mailbox).send(SENDER, [CUSTOMER], MAIL, ours)
    assert isinstance(result, NotSent)
    assert not result.permanent


def test_nobody_listening_is_not_sent() -> None:
    """A refused connection."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = Smtp.from_url(f"smtp://127.0.0.1:{port}").send(SENDER, [CUSTOMER], MAIL, ours)
    assert isinstance(result, NotSent)
    assert not result.permanent


def test_a_copy_goes_to_all_or_to_nobody(mailbox: Mailbox) -> None:
    """One transaction; if the server refuses the copy, the answer names its address."""
    copied, boss = built(letter(cc=("boss@acme.example",))), "boss@acme.example"
    assert isinstance(smtp(mailbox).send(SENDER, [CUSTOMER, boss], copied, ours), Sent)
    assert [(m.recipient, m.copied) for m in mailbox.mails] == [(CUSTOMER, (boss,))]
    order(mailbox, "COPY", "status", 550)
    refused = smtp(mailbox).send(SENDER, [CUSTOMER, boss], copied, ours)
    assert isinstance(refused, NotSent)
    assert (refused.permanent, refused.address) == (True, boss)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("to", ["a@x.example, b@x.example", "a@x.example>\r\nRCPT TO:<b@x.example"])
def test_no_second_recipient_can_be_slipped_in(mailbox: Mailbox, to: str) -> None:
    """The server is not even asked."""
    result = smtp(mailbox).send(SENDER, [to], MAIL, ours)
    assert isinstance(result, NotSent)
    assert result.permanent
    assert not mailbox.world.requests


def test_two_mails_at_once_do_not_mix(mailbox: Mailbox) -> None:
    """A connection per mail."""
    senders = [
        threading.Thread(
            target=smtp(mailbox).send, args=(SENDER, [f"c{n}@acme.example"], mail_to(n), ours)
        )
        for n in range(5)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(mail.recipient for mail in mailbox.mails) == [
        f"c{n}@acme.example" for n in range(5)
    ]


def mail_to(number: int) -> bytes:
    """A mail to one of several customers."""
    return built(letter(to=f"c{number}@acme.example"))


def test_a_login_is_used_where_the_url_names_one() -> None:
    """User and password are percent-decoded; the server sees them before the mail."""
    with running(Mailbox(World(), users={"ar@ours.example": "p@ss:word"})) as mailbox:
        url = f"smtp://ar%40ours.example:p%40ss%3Aword@127.0.0.1:{mailbox.port}"
        assert isinstance(Smtp.from_url(url).send(SENDER, [CUSTOMER], MAIL, ours), Sent)
        assert mailbox.logins == ["ar@ours.example"]


def test_a_refused_login_says_so_without_the_password() -> None:
    """It can be mended, so the mail is only not sent for now."""
    with running(Mailbox(World(), users={"dana": "right"})) as mailbox:
        wrong = Smtp.from_url(f"smtp://dana:wrong-secret@127.0.0.1:{mailbox.port}")
        result = wrong.send(SENDER, [CUSTOMER], MAIL, ours)
    assert isinstance(result, NotSent)
    assert (result.permanent, result.code) == (False, 535)
    assert "wrong-secret" not in result.reason + repr(wrong)


def test_an_access_token_takes_the_place_of_a_password() -> None:
    """Microsoft 365 and Gmail take no passwords; a refused token is asked for anew next time."""
    given = iter([{"access_token": name, "expires_in": 3600} for name in ("old", "new")])
    provider = Starlette(routes=[Route("/", lambda _: JSONResponse(next(given)), methods=["POST"])])
    with (
        running(Mailbox(World(), tokens={"ar@ours.example": "new"})) as mailbox,
        serve(provider) as at,
    ):
        tokens = AccessTokens(f"{at}/", "app", "secret", "refresh")
        url = f"smtp://ar%40ours.example@127.0.0.1:{mailbox.port}"
        server = replace(Smtp.from_url(url), tokens=tokens)
        first, second = (server.send(SENDER, [CUSTOMER], MAIL, ours) for _ in range(2))
        assert isinstance(first, NotSent)
        assert (first.permanent, first.code) == (False, 535)
        assert isinstance(second, Sent)
        assert server.check().ok
        away = replace(
            server, tokens=AccessTokens("http://127.0.0.1:1", "app", "secret", "refresh")
        )
        third = away.send(SENDER, [CUSTOMER], MAIL, ours)
        assert isinstance(third, NotSent)
        assert "token server gave no answer" in third.reason
        assert len(mailbox.mails) == 1


def test_a_login_that_is_not_offered_is_not_sent(mailbox: Mailbox) -> None:
    """Rather than sending without it."""
    result = Smtp.from_url(f"smtp://dana:secret@127.0.0.1:{mailbox.port}").send(
        SENDER, [CUSTOMER], MAIL, ours
    )
    assert isinstance(result, NotSent)
    assert mailbox.mails == []


@contextlib.contextmanager
def certificate(folder: Path) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    """Contexts of a server on 127.0.0.1 and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "server.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    yield server, ssl.create_default_context(cafile=str(folder / "server.pem"))


@pytest.mark.parametrize(("scheme", "implicit"), [("smtp+starttls", False), ("smtps", True)])
def test_both_kinds_of_tls_carry_a_mail(tmp_path: Path, scheme: str, implicit: bool) -> None:
    """The login travels inside."""
    with certificate(tmp_path) as (server, client):
        box = Mailbox(World(), users={"dana": "secret"}, tls=server, implicit_tls=implicit)
        with running(box) as mailbox:
            url = f"{scheme}://dana:secret@127.0.0.1:{mailbox.port}"
            assert isinstance(
                Smtp.from_url(url, tls=client).send(SENDER, [CUSTOMER], MAIL, ours), Sent
            )
            assert (len(mailbox.mails), mailbox.logins) == (1, ["dana"])


@pytest.mark.parametrize(("scheme", "implicit"), [("smtp+starttls", False), ("smtps", True)])
def test_a_certificate_nobody_vouches_for_is_refused(
    tmp_path: Path, scheme: str, implicit: bool
) -> None:
    """Neither the mail nor the password goes to a stranger."""
    with certificate(tmp_path) as (server, _):
        box = Mailbox(World(), users={"dana": "secret"}, tls=server, implicit_tls=implicit)
        with running(box) as mailbox:
            url = f"{scheme}://dana:secret@127.0.0.1:{mailbox.port}"
            result = Smtp.from_url(url).send(SENDER, [CUSTOMER], MAIL, ours)
            assert (mailbox.mails, mailbox.logins) == ([], [])
    assert isinstance(result, NotSent)
    assert not result.permanent


def test_a_server_without_starttls_gets_no_mail(mailbox: Mailbox) -> None:
    """It is never sent in the clear where TLS was asked for."""
    url = f"smtp+starttls://127.0.0.1:{mailbox.port}"
    assert isinstance(Smtp.from_url(url).send(SENDER, [CUSTOMER], MAIL, ours), NotSent)
    assert mailbox.mails == []


def test_a_check_says_that_the_server_answers(mailbox: Mailbox) -> None:
    """It connects, greets and leaves; it sends no mail."""
    assert smtp(mailbox).check().ok
    assert [seen.path for seen in mailbox.world.requests] == ["CONNECT", "EHLO", "QUIT"]


def test_a_check_says_what_is_wrong() -> None:
    """A refused login, and a server that is not there."""
    with running(Mailbox(World(), users={"dana": "right"})) as mailbox:
        check = Smtp.from_url(f"smtp://dana:wrong@127.0.0.1:{mailbox.port}").check()
    assert (check.ok, "535" in check.detail) == (False, True)
    gone = Smtp.from_url(f"smtp://127.0.0.1:{mailbox.port}").check()
    assert (gone.ok, "not reached" in gone.detail) == (False, True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:port",
        "smtp://mail.example:99999",
        "smtp://mail.example/inbox",
        "smtp://mail.example?tls=no",
        "smtp://dana:p%C3%A4ss-secret@mail.example",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_at_once(url: str) -> None:
    """With a reason that shows no password."""
    with pytest.raises(BadUrl, match="SMTP_URL") as refused:
        Smtp.from_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("scheme", "port"), [("smtp", 25), ("smtp+starttls", 587), ("smtps", 465)])
def test_every_scheme_has_its_usual_port(scheme: str, port: int) -> None:
    """Where the URL names none."""
    assert Smtp.from_url(f"{scheme}://mail.example").port == port


def test_the_slowest_server_is_not_slower_than_people_are_told() -> None:
    """Connecting, the greeting and six commands, then DATA, the text and the last answer."""
    slowest = 8 * COMMAND_SECONDS + 3 * FINAL_REPLY_SECONDS
    assert slowest <= LONGEST_HANDOVER.total_seconds()

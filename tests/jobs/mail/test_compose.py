"""The bytes of a mail: what was approved, for one recipient, with nothing slipped in."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.mail.addresses import Unsendable, bare, named
from jobs.mail.compose import File, message_id
from tests.jobs.mail.letters import AT, CUSTOMER, PDF, SENDER, built, letter, parsed


def text_of(raw: bytes) -> str:
    """The plain text that a reader sees."""
    body = parsed(raw).get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_the_mail_says_what_the_letter_says() -> None:
    """Sender with the person's name, reply-to, recipient, subject, date and text."""
    mail = parsed(built(letter()))
    assert mail["From"] == f"Dana Reyes <{SENDER}>"
    assert (mail["To"], mail["Reply-To"]) == (CUSTOMER, SENDER)
    assert mail["Subject"] == "Invoice 1037 from Ours"
    assert parsedate_to_datetime(mail["Date"]) == AT
    assert text_of(built(letter())) == letter().body + "\n"


def test_a_copy_is_seen_by_everybody() -> None:
    """In Cc, and part of what was approved: a mail without it, or with another, is not built."""
    copied = letter(cc=("boss@acme.example", "sales@ours.example"))
    assert parsed(built(copied))["Cc"] == "boss@acme.example, sales@ours.example"
    assert parsed(built(letter()))["Cc"] is None
    assert copied.sha256() != letter().sha256()
    with pytest.raises(Unsendable):
        built(letter(cc=("a@acme.example, b@evil.example",)))


def test_the_pdf_arrives_byte_for_byte() -> None:
    """Name, type and content of the file."""
    (part,) = parsed(built(letter())).iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == (PDF.name, "application/pdf")
    assert part.get_payload(decode=True) == PDF.content


def test_a_person_approved_it_so_it_is_not_called_automatic() -> None:
    """No Auto-Submitted, no Precedence, no list headers."""
    names = {name.lower() for name in parsed(built(letter()))}
    assert not names & {"auto-submitted", "precedence", "list-unsubscribe", "cc", "bcc"}


def test_the_same_letter_makes_the_same_bytes() -> None:
    """Nothing in a mail is random, also not the boundary between its parts."""
    assert built(letter()) == built(letter())


def test_the_message_id_derives_from_case_and_draft() -> None:
    """The same draft has the same id, every other draft and case another one."""
    assert parsed(built(letter()))["Message-ID"] == message_id(
        "412", letter().sha256(), "ours.example"
    )
    ids = {message_id(case, draft, "ours.example") for case in "12" for draft in ("a", "b")}
    assert len(ids) == 4
    assert all(one.endswith("@ours.example>") for one in ids)


def test_a_follow_up_stays_in_the_thread() -> None:
    """In-Reply-To names our earlier message, References the ones before it too."""
    mail = parsed(built(letter(), in_reply_to="<b@x.example>", references=["<a@x.example>"]))
    assert mail["In-Reply-To"] == "<b@x.example>"
    assert mail["References"] == "<a@x.example> <b@x.example>"
    assert parsed(built(letter()))["References"] is None


def test_the_mail_is_seven_bit_with_whole_line_ends() -> None:
    """Every server takes it: ASCII, CRLF, no line above 998 bytes."""
    raw = built(letter(body="ä☕" * 3000))
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_files_must_be_the_approved_attachments() -> None:
    """A missing, an extra or a renamed file is no mail."""
    for files in ([], [PDF, PDF], [File("other.pdf", PDF.content)]):
        with pytest.raises(Unsendable, match="attachments that were approved"):
            built(letter(), files=files)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "acme",
        "@acme.example",
        "a@",
        "a@acme",
        "a@b@acme.example",
        "a@acme.example, evil@z.example",
        "a@acme.example;evil@z.example",
        "a@acme.example evil@z.example",
        "Friends: a@acme.example, evil@z.example;",
        "a@acme.example (comment)",
        "(evil@z.example) a@acme.example",
        "Ann <a@acme.example>",
        '"a b"@acme.example',
        "a@[127.0.0.1]",
        "a@acme.example\r\nBcc: evil@z.example",
        "a@acme.example\nBcc: evil@z.example",
        "a@acme.example\r",
        "a@acme.example\x00",
        "a@acme.example\u2028Bcc: evil@z.example",
        "a\u200b@acme.example",
        "a@\u202eacme.example",
        "añn@acme.example",
        ".a@acme.example",
        "a..b@acme.example",
        "a@-acme.example",
        "a@acme..example",
        f"{'a' * 65}@acme.example",
        f"a@{'acme.' * 60}example",
    ],
)
def test_what_is_not_exactly_one_address_gets_no_mail(address: str) -> None:
    """Lists, groups, comments, names, control and invisible characters are all refused."""
    with pytest.raises(Unsendable):
        built(letter(to=address))


@pytest.mark.parametrize(
    ("address", "sent_to"),
    [
        ("o'hara+inv@acme.example", "o'hara+inv@acme.example"),
        ("a_b.c-d@mail.acme.example", "a_b.c-d@mail.acme.example"),
        ("rechnung@bücher.example", "rechnung@xn--bcher-kva.example"),
    ],
)
def test_unusual_good_addresses_are_taken(address: str, sent_to: str) -> None:
    """A domain in other letters is written the way mail servers know it."""
    assert parsed(built(letter(to=address)))["To"] == sent_to == bare(address)


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        (SENDER, ""),
        (f"Dana Reyes <{SENDER}>", "Dana Reyes"),
        (f'"Reyes, Dana" <{SENDER}>', "Reyes, Dana"),
        (f"Reyes, Dana <{SENDER}>", "Reyes, Dana"),
        (f"Zoë Çelik 🌱 <{SENDER}>", "Zoë Çelik 🌱"),
    ],
)
def test_the_sender_may_have_any_name(sender: str, name: str) -> None:
    """A comma or a foreign letter in a name makes no second address."""
    (address,) = parsed(built(letter(sender=sender)))["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, SENDER)
    assert named(sender).addr_spec == SENDER


@pytest.mark.parametrize("odd", ["\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\x85", "\u202e"])
@pytest.mark.parametrize("field", ["subject", "sender", "reply_to", "to"])
def test_no_header_can_be_slipped_in(field: str, odd: str) -> None:
    """Line ends and control characters in a header field refuse the whole mail."""
    value = f"x{odd}Bcc: evil@z.example <{SENDER}>"
    with pytest.raises(Unsendable):
        built(letter(**{field: value}))


@pytest.mark.parametrize("field", ["in_reply_to", "domain"])
def test_our_own_fields_are_checked_too(field: str) -> None:
    """A stored Message-ID or a domain with a line end is refused."""
    with pytest.raises(Unsendable):
        built(letter(), **{field: "<a@x.example>\r\nBcc: evil@z.example"})


@pytest.mark.parametrize("subject", ["", "  ", "x" * 1200])
def test_a_subject_has_a_sensible_length(subject: str) -> None:
    """Neither empty nor a page long."""
    with pytest.raises(Unsendable, match="subject"):
        built(letter(subject=subject))


@pytest.mark.parametrize("odd", ["\x00", "\x1b[2J", "\u202e", "\u2028", "\U000e0041"])
def test_the_text_holds_nothing_that_cannot_be_seen(odd: str) -> None:
    """What a person approved is what the customer reads."""
    with pytest.raises(Unsendable, match="text"):
        built(letter(body=f"Hello{odd}"))


def test_a_date_without_a_zone_is_a_mistake_of_ours() -> None:
    """Only aware times become a Date header."""
    with pytest.raises(ValueError, match="time zone"):
        built(letter(), at=datetime(2026, 11, 20))  # noqa: DTZ001 - naive on purpose


@given(
    body=st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), include_characters="\n\t")),
    subject=st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=250),
)
def test_any_visible_text_comes_through_unchanged(body: str, subject: str) -> None:
    """Encoding, folding and dots at the start of a line change no letter of it."""
    raw = built(letter(subject=subject, body=body))
    assert raw.isascii()
    assert text_of(raw).removesuffix("\n") == body.removesuffix("\n")
    assert parsed(raw)["Subject"] == subject

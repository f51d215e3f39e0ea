"""What a mail says itself: our own words are cut from it, and nobody else's."""

import pytest

from jobs.reasoning.cleaning import visible
from jobs.reasoning.replies import own_words

OURS = ("Brass Fern Supply", "accounts@brass-fern.example", "brass-fern.example")
DUE = "Invoice 1037 is 12 days overdue."

MISSING = "The pallet is missing."
OUTLOOK = """The pallet is missing.

________________________________
From: Brass Fern Supply <accounts@brass-fern.example>
Sent: Monday, November 3, 2026 10:00
To: Dana
Subject: Invoice 1037

"""
OUTLOOK_GERMAN = """The pallet is missing.

-----Ursprüngliche Nachricht-----
Von: accounts@brass-fern.example
Gesendet: Montag, 3. November 2026
An: Dana
Betreff: Rechnung 1037

"""
GMAIL_HTML = """<div>The pallet is missing.</div><div class="gmail_quote">
<div>On Mon Brass Fern Supply wrote:<br></div>
<blockquote class="gmail_quote">One<br>Two</blockquote></div>"""
ADDRESS = "<accounts@brass-fern.example>"
WROTE = f"On Mon, Nov 3, 2026 at 10:00 AM Brass Fern Supply\n{ADDRESS} wrote:"
SCHRIEB = f"Am Mo., 3. Nov. 2026 um 10:00 Uhr schrieb Brass Fern Supply {ADDRESS}:"

CUT = {
    "Gmail": f"{MISSING}\n\n{WROTE}\n\n> {DUE}\n> Thanks\n",
    "Gmail, German": f"{MISSING}\n\n{SCHRIEB}\n\n> {DUE}",
    "Gmail, HTML": visible(GMAIL_HTML),
    "Thunderbird": f"Am 03.11.26 um 10:00 schrieb Brass Fern Supply:\n> {DUE}\n\n{MISSING}",
    "Outlook": OUTLOOK + DUE,
    "Outlook, German": OUTLOOK_GERMAN + DUE,
    "without an introduction": f"{MISSING}\n\n> {DUE}\n> Thanks",
    "answers between the lines": f"> {DUE}\n{MISSING}\n> Thanks",
    "no name": f"{MISSING}\nOn Monday somebody wrote:\n{DUE}",
}


@pytest.mark.parametrize("program", CUT)
def test_what_is_quoted_of_ours_is_cut(program: str) -> None:
    """However a mail program introduces it, in English and in German."""
    assert own_words(CUT[program], OURS, answers_us=True) == MISSING


THEIRS = "The pallet never arrived."
BOB = "From: Bob <bob@acme.example>\nSent: Monday\nTo: Dana\n\n"
FROM_US = "From: Brass Fern Supply\nSent: Monday\n\n"
KEPT = {
    "a colleague's mail": f"See our warehouse:\n{BOB}{THEIRS}\n{FROM_US}{DUE}",
    "a forward": f"FYI\n---------- Forwarded message ---------\n{BOB}{THEIRS}",
    "its own": f"As I said:\nOn Monday Dana <dana@acme.example> wrote:\n> {THEIRS}",
    "answers inside": f"My answers are below in red.\n{FROM_US}{DUE}\n{THEIRS}",
    "nothing else": f"On Monday Brass Fern Supply wrote:\n> {DUE}\n> {THEIRS}",
    "indented": visible(f"<p>Hello</p><blockquote>{THEIRS}</blockquote>"),
    "a promise that is no introduction": f"On Friday we pay.\n{THEIRS}",
}


@pytest.mark.parametrize("case", KEPT)
def test_what_others_say_stays(case: str) -> None:
    """A forwarded dispute is a dispute, and an answer inside our text is an answer."""
    assert THEIRS in own_words(KEPT[case], OURS, answers_us=True)


def test_without_an_answer_to_us_only_named_quotes_are_cut() -> None:
    """A quote that does not say whose it is may be the customer's own."""
    assert own_words(f"Hi\n> {THEIRS}", OURS, answers_us=False) == f"Hi\n> {THEIRS}"
    assert DUE not in own_words(KEPT["a colleague's mail"], OURS, answers_us=False)


@pytest.mark.parametrize(
    "text", ["On x\n" * 12_000, "> " * 30_000, "_" * 60_000, "From:\n" * 9_000]
)
def test_a_giant_text_is_read_in_time(text: str) -> None:
    """No pattern starts over at every letter."""
    assert own_words(text, OURS, answers_us=True)

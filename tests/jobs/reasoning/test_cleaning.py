"""Outside text made plain: what a person would see, line by line, and nothing that names one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.reasoning.cleaning import LONGEST_LINE, MOST_LINES, lines, pseudonymised


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("one\r\ntwo\rthree\n\n  four  five ", ("one", "two", "three", "four five")),
        ("ﬁne ⅸ １２３", ("fine ix 123",)),
        ("pa\u200byment", ("payment",)),
        ("\u202eecivnI\u202c", ("ecivnI",)),
        ("hi\U000e0041\U000e0042\x00\x1b[2J", ("hi[2J",)),
        ("a\u2028b\x85c", ("a", "bc")),
        ("", ()),
        ("\u200b\n\x00", ()),
        ("<p>one</p><p>two<br>three</p>", ("one", "two", "three")),
        ("<div>a<!-- hidden -->b</div><!-- <p>hidden</p> -->", ("ab",)),
        ("<p>shown <!-- shown too</p>", ("shown shown too",)),
        ("<p>shown</p><p style='display: none'>hidden</p>", ("shown",)),
        ("<p>shown<span style='font-size:0px'>hidden</span></p>", ("shown",)),
        ("<p>shown<span style='FONT-SIZE: 0.9em'> small</span></p>", ("shown small",)),
        ("<div hidden>hidden</div><div>shown</div>", ("shown",)),
        ("<p>shown<font color='#FFFFFF'>hidden</font></p>", ("shown",)),
        ("<p>shown<i style='color: white'>hidden</i></p>", ("shown",)),
        ("<td style='background:#036'><a style='color:#fff'>shown</a></td>", ("shown",)),
        ("<p>shown<i style='left: -9999px'>hidden</i></p>", ("shown",)),
        ("<style>p{}</style><script>x()</script><p>shown</p>", ("shown",)),
        ("<div style='visibility:hidden'><p>hidden</p></div><p>shown</p>", ("shown",)),
        ("<p>1 &lt; 2 &amp; 3</p>", ("1 < 2 & 3",)),
        ("a < b and c > d", ("a < b and c > d",)),
        ("<p>one <![x[y]]>two <![if x]>three<![endif]> <![>four</p>", ("one two three four",)),
        ("<p>a <![CDATA[b > c]]> <!x> <!> <![ <b>d</b></p>", ("a c]]> <![ d",)),
        (f"<p>one &#{'9' * 5_000}; two &#x{'9' * 5_000};</p>", ("one \ufffd two \ufffd",)),
    ],
)
def test_text_is_what_a_reader_sees(text: str, seen: tuple[str, ...]) -> None:
    """Markup, hidden elements and characters that cannot be seen are gone."""
    assert lines(text) == seen


@given(st.text())
def test_any_text_becomes_short_plain_lines(text: str) -> None:
    """None empty, none too long, not too many, and cleaning them again changes nothing."""
    plain = lines(text)
    assert all(0 < len(line) <= LONGEST_LINE for line in plain)
    assert len(plain) <= MOST_LINES


@pytest.mark.parametrize(
    "text",
    [
        "word " * 1_000_000,
        "w" * 1_000_000,
        "a\n" * 1_000_000,
        "<b>" * 30_000 + "</i>" * 30_000,
        '<p style="' * 30_000,
        "<!--" * 50_000,
    ],
)
def test_a_giant_text_is_cut(text: str) -> None:
    """So that no reading takes for ever."""
    assert len(lines(text)) <= MOST_LINES


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("write to ap@canary.example now", "write to [address] now"),
        ("see https://x.example/a?b=c and www.x.example", "see [link] and [link]"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [account] please"),
        ("GB29NWBK60161331926819", "[account]"),
        ("card 4111 1111 1111 1111.", "card [number]."),
        ("call +1 (415) 555-0188 today", "call [number] today"),
        ("call 0041 44 668 18 00", "call [number]"),
        ("account 12345678", "account [number]"),
        ("invoice 1037 over 1,200.50", "invoice 1037 over 1,200.50"),
        ("Dear Tweety  Sylvester,", "Dear [name],"),
        ("CANARY BIRDSEED disputes", "[name] disputes"),
    ],
)
def test_no_line_names_a_person_or_an_account(line: str, told: str) -> None:
    """Addresses, links, accounts, cards, telephones and known names are replaced."""
    line = " ".join(line.split())
    assert pseudonymised(line, ("Tweety Sylvester", "Canary Birdseed", "")) == told

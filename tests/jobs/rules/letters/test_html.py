"""The HTML part says what the text says, and leads where its pay links lead."""

import re

from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.letters.html import HtmlText, as_shown, html_part

BODY = """Hello Anton,

Two invoices are now past due, $12,300.00 in total:

BF-2797   due Nov 1    $7,140.00   (PO PGL-90184)
BF-2800   due Nov 13   $5,160.00

Copies are attached; you can pay online:
Invoice BF-2797: [pay link BF-2797]
Invoice BF-2800: [pay link BF-2800]

Kind regards
Cora & Co. <ar@ours.example>
"""
LINKS = {
    "BF-2797": "https://connect.intuit.com/a?b=1&c=2",
    "BF-2800": "https://connect.intuit.com/d",
}


def test_a_letter_becomes_paragraphs_a_table_and_buttons() -> None:
    """The columns line up as a table, each pay link is a button, and the rest is text."""
    made = html_part(BODY, "en", LINKS)
    assert (made.count("<p>"), made.count("<table"), made.count("<tr>")) == (4, 1, 2)
    assert made.count("<td") == 8
    assert ">Pay</a>" in made
    assert "Cora &amp; Co. &lt;ar@ours.example&gt;" in made
    shown = HtmlText(made)
    assert shown.hrefs == list(LINKS.values())
    assert shown.text == as_shown(BODY, "en")
    assert shown.text.endswith("Invoice BF-2800: Pay Kind regards Cora & Co. <ar@ours.example>")
    assert HtmlText(html_part(BODY, "en")).hrefs == ["[pay link BF-2797]", "[pay link BF-2800]"]


def test_a_table_reads_like_one() -> None:
    """Each row has all columns, a total has no date, and amounts stand to the right."""
    rows = [
        "1037       due Oct 2, 2026     $845.00   (PO 4711)",
        "1038       due Oct 2, 2026   $1,200.50",
        "Payment    of Oct 5, 2026      -$50.00",
        "Total due                    $1,995.50",
    ]
    made = html_part("\n".join(rows), "en")
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in made.split("</tr>")[:-1]]
    assert [len(row) for row in cells] == [4, 4, 4, 4]
    assert cells[-1] == ["Total due", "", "$1,995.50", ""]
    right = re.findall(r"text-align:right[^>]*>(.*?)</td>", made)
    assert right == ["$845.00", "$1,200.50", "-$50.00", "$1,995.50"]
    assert HtmlText(made).text == as_shown("\n".join(rows), "en")


PIECES = ["<b>", "</p>", "&amp;", '"', "'", "<!--", "-->", "<script>", "  ", "\n", "\n\n", "\t"]
ODD = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map("".join)


@given(ODD)
def test_no_text_becomes_markup(body: str) -> None:
    """Whatever somebody typed is shown as they typed it, and links to nothing."""
    shown = HtmlText(html_part(body, "en"))
    if "[pay link" not in body:
        assert (shown.text, shown.hrefs) == (" ".join(body.split()), [])

"""The day and the amount that a line promises: exactly one of each, or none."""

from datetime import date
from decimal import Decimal

from jobs.reasoning.phrases.promised import offer

WEDNESDAY = date(2026, 11, 18)

DAYS = {
    "We will pay on December 4.": date(2026, 12, 4),
    "Payment goes out 4 December 2026": date(2026, 12, 4),
    "we'll pay 2026-12-04": date(2026, 12, 4),
    "You get it on Friday, Dec 4th": None,  # two weeks apart from the next Friday
    "You get it on Friday, November 20th": date(2026, 11, 20),
    "We will pay by Friday.": date(2026, 11, 20),
    "We pay on Wednesday": date(2026, 11, 25),
    "We will pay tomorrow": date(2026, 11, 19),
    "Die Zahlung erfolgt am 4. Dezember": date(2026, 12, 4),
    "Wir zahlen am 04.12.2026": date(2026, 12, 4),
    "We will pay at the end of the month": date(2026, 11, 30),
    "We will pay on January 8": date(2027, 1, 8),
    "We will pay on 1/8": date(2027, 1, 8),
    "We will pay on 25/11": date(2026, 11, 25),
    "We will pay on 12/4/26": date(2026, 12, 4),
    "We will pay next week": None,
    "We will pay on December 4 or 11 December": None,
    "We promised October 30, 2026": None,
    "We will pay on November 3": None,  # that would be in a year
    "We will pay on February 30": None,
    "We will pay": None,
    "We will pay on 5 aprıl": None,  # the dotless letter passes for an i
    "We will pay on auguſt 5": None,
}
AMOUNTS = {
    "We will pay $840.00 on Friday": "840.00",
    "We will pay $1,200 on Friday": "1200",
    "We will pay USD 1.200,50 on Friday": "1200.50",
    "We will pay 420.00 on Friday": "420.00",
    "We will pay $0.00 on Friday": None,
    "We will pay 400.00 now and 440.00 later": None,
    "We will pay €840.00 on Friday": None,
    "We will pay invoice 1071 on December 4, 2026": None,
    "We will pay half of it on Friday": None,
}


def test_a_line_names_one_day_or_none() -> None:
    """What nobody could say for certain is left to a person."""
    found = {line: offer(line, WEDNESDAY, "US", "USD").on for line in DAYS}
    assert found == DAYS
    assert offer("We will pay on 1/12", WEDNESDAY, "GB", "GBP").on == date(2026, 12, 1)


def test_a_line_names_one_amount_or_none() -> None:
    """In the currency of the case; numbers of invoices and years are no amounts."""
    for line, amount in AMOUNTS.items():
        found = offer(line, WEDNESDAY, "US", "USD").amount
        assert (found.amount if found else None) == (Decimal(amount) if amount else None), line

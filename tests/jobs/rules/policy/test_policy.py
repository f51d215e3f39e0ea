"""The policy file: what it says, and how it refuses."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from itertools import pairwise

import pytest

from jobs.rules.policy.errors import PolicyError
from jobs.rules.policy.policy import Policy, default_text, load
from jobs.rules.policy.sections import Limits
from jobs.rules.states import Role

PEOPLE = """
[people]
collectors = ["UCOLLECT", "SFINANCE"]
finance_leads = ["ULEAD1"]
deputies = ["ULEAD2"]

[[account_manager]]
slack = "UMANAGER"
name = "Robin Vale"
customers = ["58", "61"]

[[customer]]
id = "58"
key_account = true
consumer = true
locale = "de_DE"
"""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("undo_seconds", 60),
        ("lapse_hours", 24),
        ("gap_days", 6),
        ("refresh_working_days", 2),
        ("hold_days", 14),
        ("already_paid_working_days", 5),
        ("cards_per_day", 25),
        ("messages_per_day", 40),
        ("manager_hours", 4),
        ("attach_pdf", True),
        ("managers_approve", False),
        ("business_days_only", True),
        ("window", None),
        ("allow_wording", frozenset()),
        ("collectors", ()),
    ],
)
def test_an_empty_file_has_the_defaults(key: str, value: object) -> None:
    """Without a line of one's own the documented defaults hold."""
    assert getattr(load(""), key) == value


def test_default_limits_are_in_the_home_currency_only() -> None:
    """A currency without a block has no limits at all."""
    policy = load("")
    home = Limits(
        second_approver=Decimal(10000),
        stop_invoice=Decimal(25000),
        stop_total=Decimal(50000),
        smallest=Decimal(25),
    )
    assert policy.limits("EUR", "EUR") == home
    assert policy.limits("CAD", "EUR") is None


def test_a_block_of_its_own_goes_before_home() -> None:
    """`[limits.EUR]` counts for euros, also where they are the home currency."""
    block = "second_approver = 1\nstop_invoice = 2\nstop_total = 3\nsmallest = 4.10"
    policy = load(f"[limits.EUR]\n{block}")
    limits = policy.limits("EUR", "EUR")
    assert limits is not None
    assert limits.smallest == Decimal("4.10")


def test_the_default_file_is_a_valid_file() -> None:
    """What is documented can be copied and used as it stands."""
    assert load(default_text()).gap_days == load("").gap_days


def test_a_line_of_ones_own_leaves_the_others_alone() -> None:
    """A file holds only what differs."""
    policy = load("[pace]\nundo_seconds = 5\n[limits.home]\nsmallest = 0")
    limits = policy.limits("USD", "USD")
    assert (policy.undo_seconds, policy.gap_days) == (5, 6)
    assert limits is not None
    assert limits.smallest == 0
    assert limits.stop_total == 50000


def test_the_hash_is_that_of_the_file() -> None:
    """Two texts have two hashes, also where they mean the same."""
    assert load("").sha256 != load("\n").sha256
    assert len(load("").sha256) == 64


@pytest.mark.parametrize(
    ("user", "roles"),
    [
        ("UCOLLECT", {Role.COLLECTOR}),
        ("UINGROUP", {Role.COLLECTOR}),
        ("ULEAD1", {Role.FINANCE_LEAD}),
        ("ULEAD2", {Role.FINANCE_LEAD}),
        ("UMANAGER", {Role.ACCOUNT_MANAGER}),
        ("USTRANGER", set()),
        ("SFINANCE", {Role.COLLECTOR}),
        ("", set()),
    ],
)
def test_roles_come_from_the_lists_and_their_groups(user: str, roles: set[Role]) -> None:
    """A person has a role by name, or as a member of a listed group."""
    groups = {"SFINANCE": frozenset({"UINGROUP"}), "SOTHER": frozenset({"USTRANGER"})}
    assert load(PEOPLE).roles(user, groups) == roles


def test_nobody_configured_means_nobody_may_act() -> None:
    """The default file gives no one a role."""
    assert load("").roles("ULEAD1", {}) == frozenset()
    assert load("").named_users() == frozenset()


def test_everybody_named_can_be_looked_up() -> None:
    """Users and groups are told apart by their first letter."""
    policy = load(PEOPLE)
    assert policy.named_users() == {"UCOLLECT", "ULEAD1", "ULEAD2", "UMANAGER"}
    assert policy.named_groups() == {"SFINANCE"}


def test_customers_have_managers_marks_and_customs() -> None:
    """What stands in the blocks of a customer, and what holds without any."""
    policy = load(PEOPLE)
    assert (policy.account_manager("61"), policy.account_manager("9")) == ("UMANAGER", "")
    assert policy.account_manager_name("58") == "Robin Vale"
    assert [mark.kind for mark in policy.marks("58")] == ["key_account", "consumer"]
    assert policy.marks("61") == ()
    assert policy.locale("58", "US") == "de_DE"


@pytest.mark.parametrize(
    ("country", "locale"),
    [
        *[("US", "en_US"), ("CA", "en_CA"), ("gb", "en_GB"), ("ZZ", "en_US"), ("KP", "en_US")],
        *[("DE", "de_DE"), ("at", "de_AT"), ("CH", "en_CH")],
    ],
)
def test_without_a_line_the_country_decides_the_locale(country: str, locale: str) -> None:
    """The company's country: its customs where they are known, its language if it has only one."""
    assert load("").locale("58", country) == locale
    everybody = load('[message]\ndefault_locale = "de_CH"\n')
    assert everybody.locale("58", country) == "de_CH"


def test_a_language_may_have_lines_of_its_own() -> None:
    """Title and way of paying; what it does not say is as for all."""
    policy = load(
        '[message]\nsender_title = "AR"\nhow_to_pay = "Pay."\n[language.de]\nhow_to_pay = "Zahlen."'
    )
    assert (policy.in_language("de").sender_title, policy.in_language("de").how_to_pay) == (
        "AR",
        "Zahlen.",
    )
    assert policy.in_language("en").how_to_pay == "Pay."
    with pytest.raises(PolicyError, match="language"):
        load('[language.fr]\nhow_to_pay = "Payez."')


def test_a_window_is_two_times() -> None:
    """The hours in which messages go out."""
    policy = load('[message]\nwindow = ["09:00", "17:30"]')
    assert policy.window == (time(9), time(17, 30))
    assert load("[message]\nwindow = [09:00:00, 17:30:00]").window == policy.window


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pace]\nundo_second = 3", "`pace.undo_second` is not a key"),
        ("[pace]\nundo_second = 3", "did you mean `undo_seconds`?"),
        ("[pace]\nundo_seconds = -3", "a whole number of seconds from 0 to 3600, not -3"),
        ("pages = 1", "`pages` is not a key"),
        ("pace = 1", "`pace` should be a block of lines"),
        ("[limits.CAD]\nstop_total = 1", "`limits.CAD.stop_invoice` is missing"),
        ("[limits.cad]\nstop_total = 1", "a currency code such as EUR"),
        ('[limits.home]\nsecond_approver = "lots"', "an amount above 0"),
        ('[people]\ncollectors = ["alice"]', "`people.collectors.0` should be a list of Slack"),
        ('[[account_manager]]\nslack = "S1"\ncustomers = []', "a Slack user id"),
        ('[message]\nwindow = ["17:00", "09:00"]', "the earlier first"),
        ('[message]\nwindow = ["17:00"]', "two times such as"),
        ('[message]\nallow_wording = ["magic"]', '"credit_hold"'),
        ('[message]\nattach_pdf = "maybe"', "true or false"),
        ('[message]\nhow_to_pay = "[pay link 99]"', "without [ ] and { }"),
        ('[message]\nsender_name = "a\\nb"', "on one line"),
        ('[[customer]]\nid = "1"\nlocale = "xx_YY"', 'a locale such as "en_GB"'),
        ("[[customer]]\nid = 1", "the customer's id in QuickBooks, in quotes"),
        ('[[customer]]\nid = "1"\n[[customer]]\nid = "1"', "customer 1 is listed twice"),
        ('[calendar]\nholiday_country = "XX"', "a country code"),
        ("[pace]\nundo_seconds = true", "from 0 to 3600, not true."),
        ('[pace]\nundo_seconds = "60"', 'from 0 to 3600, not "60".'),
        ("[pace]\nundo_seconds = 60.0", "from 0 to 3600, not 60.0."),
        ("[message]\nattach_pdf = 1", "true or false, not 1."),
        ("[limits.home]\nsmallest = true", "such as 25, not true."),
        ('[limits.home]\nsmallest = "25"', 'such as 25, not "25".'),
        ("[limits.home]\nsmallest = inf", "such as 25, not Infinity."),
        ("[message]\nwindow = [32400, 61200]", "two times such as"),
        ("[message]\nwindow = false", "the earlier first, not false."),
        ('[message]\nwindow = ["09:00Z", "17:00"]', "two times such as"),
        ('[people]\ncollectors = { U1 = "U2" }', 'groups (S…), not { "U1" = "U2" }.'),
        ('[[customer]]\nid = "1"\nkey_account = "yes"', 'true or false, not "yes".'),
        ("a =", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_what_is_expected(text: str, said: str) -> None:
    """The person who wrote the file reads which line to change, and into what."""
    with pytest.raises(PolicyError) as caught:
        load(text)
    assert said in str(caught.value)


def test_all_mistakes_are_said_at_once() -> None:
    """Nobody has to start the program five times to find five mistakes."""
    with pytest.raises(PolicyError) as caught:
        load("[pace]\ngap_days = -1\nhold_days = 0")
    assert len(str(caught.value).splitlines()) == 2


def test_every_key_of_the_default_file_has_its_comment() -> None:
    """A finance person finds a sentence above each line."""
    lines = default_text().splitlines()
    bare = [
        line
        for before, line in pairwise(lines)
        if " = " in line and not line.startswith("#") and not before.startswith("#")
    ]
    assert bare == ['sender_title = ""', 'sender_phone = ""']


def test_a_policy_cannot_be_changed() -> None:
    """It is read once and stands for the hash it carries."""
    policy: Policy = load("")
    with pytest.raises(ValueError, match="frozen"):
        policy.gap_days = 0  # type: ignore[misc]


COMPANIES = """
[people]
finance_leads = ["ULEAD1"]
[pace]
gap_days = 9
[company."4620816365000000002".limits.home]
second_approver = 500
[company."4620816365000000002".people]
finance_leads = ["ULEAD2"]
[[company."4620816365000000002".customer]]
id = "58"
do_not_chase = true
"""


def test_a_company_may_have_lines_of_its_own() -> None:
    """They are laid over the rest; everybody else, and every other line, stays as it is."""
    policy = load(COMPANIES)
    own, other = policy.for_company("4620816365000000002"), policy.for_company("1")
    assert other is policy
    assert limits_of(own).second_approver == 500
    assert limits_of(own).smallest == limits_of(policy).smallest == 25
    assert limits_of(policy).second_approver == 10000
    assert own.gap_days == 9
    assert own.roles("ULEAD2", {}) == {Role.FINANCE_LEAD}
    assert (own.roles("ULEAD1", {}), policy.roles("ULEAD2", {})) == (frozenset(), frozenset())
    assert [mark.kind for mark in own.marks("58")] == ["do_not_chase"]
    assert policy.marks("58") == ()


def test_everybody_of_every_company_is_looked_up() -> None:
    """Their roles have to be known before they click."""
    assert load(COMPANIES).named_users() == {"ULEAD1", "ULEAD2"}


def test_a_companys_policy_has_the_hash_of_the_file() -> None:
    """What is on record names one file, whichever company it ruled in."""
    policy = load(COMPANIES)
    assert policy.for_company("4620816365000000002").sha256 == policy.sha256


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[company."1".pace]\ngap_dayz = 3', 'In `[company."1"]`: `pace.gap_dayz` is not a key'),
        ('[company."1".pace]\ngap_days = -1', 'In `[company."1"]`: `pace.gap_days` should be'),
        ('[company."1".pace]\ntext_days = 90', "`pace.text_days` applies to all companies"),
        ("[company.acme.pace]\ngap_days = 3", "`company` should be blocks"),
        ("company = 7", "`company` should be blocks"),
        ('[company."1".company."2".pace]\ngap_days = 3', "`company` is not a key"),
        ('[marks]\nvalues = { "VIP" = "vip" }', "should be such as"),
        ('[marks]\ncustom_fields = "x"', "did you mean `custom_field`"),
    ],
)
def test_a_mistake_in_a_company_is_told_in_its_place(text: str, said: str) -> None:
    """The sentence names the company and the key."""
    with pytest.raises(PolicyError) as caught:
        load(text)
    assert said in str(caught.value)


def limits_of(policy: Policy) -> Limits:
    """The limits in dollars."""
    found = policy.limits("USD", "USD")
    assert found is not None
    return found

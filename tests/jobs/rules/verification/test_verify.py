"""The verifier: what it lets pass, and what it never does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import ModuleType

import pytest
from babel.localedata import locale_identifiers
from hypothesis import assume, example, given
from hypothesis import strategies as st

from jobs.rules.case import Proposal
from jobs.rules.drafts import compose
from jobs.rules.facts.facts import Company, Credit, Customer, Facts, Invoice
from jobs.rules.facts.past import Past
from jobs.rules.figures import LANGUAGES, Money, letter_locale
from jobs.rules.letters.letter import Envelope, Letter
from jobs.rules.plain import one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.states import CaseClass, Stage
from jobs.rules.verification.known import known
from jobs.rules.verification.scan import found
from jobs.rules.verification.verify import Violation, verify
from jobs.rules.verification.wording import ALLOWABLE, CHECKED, PHRASES
from tests.jobs.reasoning.measured import honest
from tests.jobs.rules.verification import lines, lines_de
from tests.jobs.rules.world import ZONE, contact, credit, facts, invoice, missed, policy, usd

DEADLINE = date(2026, 10, 23)
OURS = ("billing@harbor.example",)
CASE = facts(invoice(online=True, po_number="4711"), invoice("1038", "512.40", total=usd("900")))
PAST = Past(contacts=(contact(12, "71037"),), broken=(missed(date(2026, 10, 9)),))


def letter(
    about: Facts,
    stage: Stage,
    class_: CaseClass,
    rules: Policy,
    past: Past,
    own: Proposal | None = None,
) -> Letter:
    """A proposal's own text or, without one, the template of a stage and class, filled."""
    return compose(
        about,
        stage,
        "412",
        rules,
        past,
        Envelope(OURS[0], OURS[0], "ap@cooper.example"),
        proposal=own or Proposal(class_, "high", (), "", "", (), "template"),
        deadline=DEADLINE,
    )


def checked(text: Letter, about: Facts, rules: Policy, past: Past) -> tuple[Violation, ...]:
    """What the verifier says about a letter."""
    return verify(text, about, rules, past, deadline=DEADLINE)


def said(
    words: str, about: Facts = CASE, rules: Policy | None = None, *, marked: bool = False
) -> tuple[Violation, ...]:
    """What the verifier says when a person writes `words` into the usual letter."""
    rules = rules or policy()
    text = letter(about, Stage.FOLLOW_UP, CaseClass.ROUTINE_REMINDER, rules, PAST)
    greeting, _, rest = text.body.partition("\n\n")
    written = replace(text, body=f"{greeting}\n\n{words}\n\n{rest}")
    return verify(written, about, rules, PAST, deadline=DEADLINE, marked=marked)


IN_GERMAN = policy('[[customer]]\nid = "58"\nlocale = "de_DE"\n')
TOLD = [(lines, policy()), (lines_de, IN_GERMAN)]


@pytest.mark.parametrize(("written", "rules"), TOLD, ids=["en", "de"])
def test_honest_lines_pass(written: ModuleType, rules: Policy) -> None:
    """Facts may be written in the ways people write them, and so may everything that is none."""
    refused = {line: found for line in written.HONEST if (found := said(line, rules=rules))}
    assert refused == {}


@pytest.mark.parametrize(("written", "rules"), TOLD, ids=["en", "de"])
def test_whatever_is_not_on_record_is_named(written: ModuleType, rules: Policy) -> None:
    """Another figure, place, person or promise; some of it a person may insist on, as marked."""
    for line in written.HOSTILE:
        kind, _, words = line.partition(": ")
        found, marked = said(words, rules=rules), said(words, rules=rules, marked=True)
        assert kind[1:] in {v.kind for v in found}, (line, found)
        assert any(v.hard for v in marked) is (kind[0] == "!"), (line, marked)
        assert all(v.sentence.endswith(".") for v in (*found, *marked))


@pytest.mark.parametrize(("language", "rules"), [("en", policy()), ("de", IN_GERMAN)])
def test_what_the_cage_takes_passes(language: str, rules: Policy) -> None:
    """Filled in, a letter of the model's vocabulary is no false alarm; every third is tried."""
    past = replace(PAST, contacts=(contact(20, "71037", "71038"), contact(9, "71037", "71038")))
    refused = {}
    for one in list(honest(language))[::3]:
        own = Proposal(one.class_, "high", (), "", one.subject, one.sentences, "a model")
        text = letter(CASE, one.stage, one.class_, rules, past, own)
        if wrong := checked(text, CASE, rules, past):
            refused[one.sentences] = wrong
    assert refused == {}


def test_another_language_hides_nothing() -> None:
    """English words in a German letter are found, and German ones in an English letter."""
    for written, rules in ((lines, IN_GERMAN), (lines_de, policy())):
        for line in written.HOSTILE:
            kind, _, words = line.partition(": ")
            if kind[1:] in {"bank_details", "payee", "way_to_pay", "wording", "number_words"}:
                assert said(words, rules=rules), line


def test_a_letter_is_in_the_language_of_its_customer() -> None:
    """A text that was drafted before the language changed is not sent."""
    text = letter(CASE, Stage.REMINDER, CaseClass.ROUTINE_REMINDER, IN_GERMAN, PAST)
    assert checked(text, CASE, IN_GERMAN, PAST) == ()
    assert [v.kind for v in checked(text, CASE, policy(), PAST)] == ["language"]


def test_each_pattern_finds_its_own_example() -> None:
    """The table explains itself."""
    for phrase in (*PHRASES, *ALLOWABLE):
        assert phrase.pattern.search(phrase.example), phrase.example


@pytest.mark.parametrize("number", ["BF-2827", "INV-20/B"])
def test_another_invoice_is_named_whole(number: str) -> None:
    """Not by the letters that it begins with."""
    sentences = [v.sentence for v in said(f"Invoice {number} is open.")]
    assert any(f"“{number}” is not an invoice" in one for one in sentences), sentences


@pytest.mark.parametrize(
    "slot",
    [
        "\uff3bpay link 1037\uff3d",
        "[pay link\u00a01037]",
        "[pay l\u200bink 1037]",
        "[pay link \uff11\uff10\uff13\uff17]",
    ],
)
def test_a_slot_in_look_alike_letters_is_refused(slot: str) -> None:
    """The sender would not fill it, and the customer would read it as it stands."""
    case = facts(invoice(online=True))
    plain = letter(case, Stage.REMINDER, CaseClass.ROUTINE_REMINDER, policy(), Past())
    assert checked(plain, case, policy(), Past()) == ()
    disguised = replace(plain, body=plain.body.replace("[pay link 1037]", slot))
    found = checked(disguised, case, policy(), Past())
    assert ("pay_link", True) in {(v.kind, v.hard) for v in found}


def test_another_countrys_dollar_is_another_amount() -> None:
    """For a Canadian customer "$" means Canadian dollars."""
    rules = policy('[[customer]]\nid = "58"\nlocale = "en_CA"\n')
    assert said("You owe US$845.00.", rules=rules) == ()
    assert [v.kind for v in said("You owe $845.00.", rules=rules)] == ["money"]


def test_a_german_comma_is_no_american_one() -> None:
    """An amount is written as the customer reads it."""
    big = facts(invoice(open_="1200.50"))
    rules = policy('[[customer]]\nid = "58"\nlocale = "de_DE"\n')
    assert said("1.200,50 $ sind offen.", big, rules) == ()
    assert [v.kind for v in said("1,200.50 $ sind offen.", big, rules)] == ["money"]


def test_held_invoices_are_not_mentioned() -> None:
    """An invoice that is left out of the case is not part of the message."""
    assert said("Invoice 1039.", replace(CASE, other_open=(invoice("1039"),)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("discount", "a discount"),
        ("legal", "our lawyers"),
        ("collections", "debt collectors"),
        ("credit_bureau", "the credit bureau"),
        ("interest", "plus interest"),
        ("credit_hold", "a credit hold"),
    ],
)
def test_wording_the_policy_lists_is_marked_and_not_refused(name: str, words: str) -> None:
    """Two people then approve it; any other wording stays refused."""
    rules = policy(f'[message]\nsender_name="Dana Reyes"\nallow_wording=["{name}"]\n', "")
    assert [v.kind for v in said(f"There is {words}.", rules=rules)] == ["marked_wording"]
    assert [v.kind for v in said(f"There is {words}.")] == ["wording"]


def test_attachments_are_spoken_of_only_where_there_are_some() -> None:
    """The policy's switch decides."""
    rules = policy('[message]\nsender_name="Dana Reyes"\nattach_pdf=false\n', "")
    assert [v.kind for v in said("A copy is attached.", rules=rules)] == ["attachment"]


def test_the_policys_own_words_pass_and_nothing_like_them() -> None:
    """Bank details stand in how_to_pay; one digit more or less is a violation."""
    rules = policy(
        '[message]\nsender_name="Dana Reyes"\n'
        'how_to_pay="By transfer to IBAN DE89 3704 0044 0532 0130 00, Harbor Bank."\n',
        "",
    )
    assert said("Thank you.", rules=rules) == ()
    violations = said("By transfer to IBAN DE89 3704 0044 0532 0130 01.", rules=rules)
    assert any(v.hard for v in violations)


@pytest.mark.parametrize(
    ("greeting", "right"),
    [
        ("Hello Lee,", True),
        ("Hi Ms Cooper!", True),
        ("Dear Lee Cooper,", True),
        ("Hello Cooper & Sons,", True),
        ("Hello,", True),
        ("Good morning,", True),
        ("Dear Sir or Madam,", True),
        ("Hello there,", True),
        ("Sehr geehrte Damen und Herren,", True),
        ("Sehr geehrter Herr Cooper,", True),
        ("Guten Tag,", True),
        ("Guten Tag Lee Cooper,", True),
        ("Hello Robin,", False),
        ("Dear Bean & Co,", False),
        ("Sehr geehrte Frau Roe,", False),
        ("Liebe Robin,", False),
        ("I have a question,", True),
    ],
)
def test_a_greeting_names_someone_on_record(greeting: str, right: bool) -> None:
    """The contact, the customer, or nobody in particular."""
    customer = Customer("58", "Cooper & Sons", "", usd(0), contact="Lee Cooper")
    about = replace(CASE, customer=customer)
    text = letter(about, Stage.REMINDER, CaseClass.ROUTINE_REMINDER, policy(), PAST)
    body = text.body.replace("Hello Lee Cooper,", greeting)
    violations = checked(replace(text, body=body), about, policy(), PAST)
    assert [v.kind for v in violations] == ([] if right else ["name"])


def test_the_signature_stays() -> None:
    """A message is signed with the name of the policy."""
    text = letter(CASE, Stage.REMINDER, CaseClass.ROUTINE_REMINDER, policy(), PAST)
    body = text.body.replace("Dana Reyes", "The Management")
    violations = checked(replace(text, body=body), CASE, policy(), PAST)
    assert [v.kind for v in violations] == ["signature", "closing"]


def test_the_subject_is_checked_too() -> None:
    """Figures, links and breaks in it; and no pay link is filled there."""
    text = letter(CASE, Stage.REMINDER, CaseClass.ROUTINE_REMINDER, policy(), PAST)
    for subject, kind in [
        ("Pay $1 now", "money"),
        ("See evil.example", "link"),
        ("[pay link 1037]", "pay_link"),
        ("A\nBcc: x", "length"),
    ]:
        violations = verify(replace(text, subject=subject), CASE, policy(), PAST)
        assert kind in [v.kind for v in violations]


def test_a_name_may_be_anything_and_still_steers_nothing() -> None:
    """Markup, links, figures or slots in the customer's own name pass as that name only."""
    name = "<b>5 Star</b> {total_open} evil.example $99 court"
    about = replace(CASE, customer=Customer("58", name, "", usd(0)))
    text = letter(about, Stage.FINAL, CaseClass.ROUTINE_REMINDER, policy(), PAST)
    assert checked(text, about, policy(), PAST) == ()
    end = "Thank you and kind regards"
    longer = replace(text, body=text.body.replace(end, f"You owe $99.\n\n{end}"))
    assert [v.kind for v in checked(longer, about, policy(), PAST)] == ["money"]


LOCALES = ["en_US", "en_GB", "en_CA", "en_IN", "en_ZA", "de_DE", "de_CH", "fr_FR", "sv_SE", "ar_EG"]
CURRENCIES = ["USD", "CAD", "EUR", "GBP", "JPY", "KWD", "CHF", "SEK", "INR", "AED", "BRL", "XOF"]
NUMBERS = st.from_regex(r"\A(?:[A-Z]{1,4}[-/ ]?)?[0-9]{1,7}(?:[-/][0-9]{1,4})?\Z")
NAMES = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text(alphabet="ab<>&*_`[]{}@$%|~!'\"\\ -–é漢д\u202e\u200b\n🙂", min_size=1, max_size=600),
    st.sampled_from(
        ["5 Star GmbH", "O'Brien & 3 Sons", "Acme.com Inc.", "{invoice_table}", "24/7"]
    ),
)
DAYS = st.dates(date(2019, 1, 1), date(2027, 12, 31))


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[Facts, Policy, Past]:
    """Any facts, with a policy in any locale and a past."""
    currency = draw(st.sampled_from(CURRENCIES))
    numbers = draw(st.lists(NUMBERS | st.just(""), min_size=1, max_size=6, unique=True))
    places = {"JPY": 0, "XOF": 0, "KWD": 3}.get(currency, 2)
    amounts = st.decimals(Decimal("0.01"), Decimal(9999999), places=places).filter(bool)
    invoices = []
    for n, number in enumerate(numbers):
        still_open = draw(amounts)
        total = still_open + draw(st.just(Decimal(0)) | amounts)
        txn, due = draw(DAYS), draw(DAYS)
        money = (Money(total, currency), Money(still_open, currency))
        po = draw(st.just("") | NUMBERS)
        online = draw(st.booleans())
        one = Invoice(str(n), number, "58", txn, due, *money, po_number=po, online=online)
        invoices.append(one)
    ids = tuple(i.id for i in invoices)
    stages = {id_: draw(st.sampled_from(Stage)) for id_ in ids}
    customer = Customer("58", draw(NAMES), "", Money(Decimal(0), currency))
    about = Facts(
        Company("1", draw(NAMES.filter(str.strip)), ZONE, currency),
        replace(customer, contact=draw(st.just("") | NAMES)),
        currency,
        datetime(2026, 10, 14, 12, tzinfo=UTC),
        tuple(invoices),
        stages,
        credits=draw(
            st.just(()) | st.just((Credit("8", "payment", "58", "", DEADLINE, money[1]),))
        ),
    )
    ages = sorted(draw(st.lists(st.integers(8, 2000), max_size=3)), reverse=True)
    contacts = [contact(age, *ids) for age in ages]
    locale = draw(st.sampled_from(LOCALES))
    rules = policy(f'[[customer]]\nid = "58"\nlocale = "{locale}"\n')
    return about, rules, Past(contacts=tuple(contacts))


@given(ledgers(), st.sampled_from(Stage), st.sampled_from(CaseClass))
@example((CASE, policy(), PAST), Stage.FINAL, CaseClass.ROUTINE_REMINDER)
def test_every_letter_made_from_facts_passes(
    ledger: tuple[Facts, Policy, Past], stage: Stage, class_: CaseClass
) -> None:
    """No false alarm, whatever the locale, the currency and the names."""
    about, rules, past = ledger
    text = letter(about, stage, class_, rules, past)
    assert checked(text, about, rules, past) == ()


def test_a_count_is_no_amount() -> None:
    """ "and 1 more", in a letter of four invoices of which one is about 1, or has number 1."""
    for last in ("24", "1"):
        four = facts(*(invoice(number, "1.00") for number in ("21", "22", "23", last)))
        for class_ in CaseClass:
            text = letter(four, Stage.REMINDER, class_, policy(), Past())
            assert "and 1 more" in text.subject
            assert checked(text, four, policy(), Past()) == (), (last, class_)


def test_every_locale_writes_letters_that_pass() -> None:
    """All that Babel knows, whatever their digits, separators and signs."""
    one_per_custom = {letter_locale(locale): locale for locale in locale_identifiers()}
    for locale in one_per_custom.values():
        rules = policy(f'[[customer]]\nid = "58"\nlocale = "{locale}"\n')
        text = letter(CASE, Stage.FINAL, CaseClass.ROUTINE_REMINDER, rules, PAST)
        assert checked(text, CASE, rules, PAST) == (), locale


@given(ledgers(), st.sampled_from(Stage), st.data())
def test_any_figure_that_is_changed_is_found(
    ledger: tuple[Facts, Policy, Past], stage: Stage, data: st.DataObject
) -> None:
    """One digit of any amount, date, number, phone or pay link: a violation each time."""
    about, rules, past = ledger
    text = letter(about, stage, CaseClass.ROUTINE_REMINDER, rules, past)
    part = data.draw(st.sampled_from(["subject", "body"]))
    words = text.subject if part == "subject" else text.body
    places = [m.start() for m in re.finditer(r"[0-9]", words)]
    assume(places)
    at = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from(sorted(set("0123456789") - {words[at]})))
    changed = words[:at] + other + words[at + 1 :]
    assume(not _is_true_too(changed, at, about, rules, past))
    forged = replace(text, subject=changed) if part == "subject" else replace(text, body=changed)
    assert checked(forged, about, rules, past)


def _is_true_too(words: str, at: int, about: Facts, rules: Policy, past: Past) -> bool:
    """Whether the changed figure happens to be another fact (an invoice number, a due date)."""
    facts_of = known(about, rules, past, DEADLINE, OURS)
    piece = next(
        (p for p in found(words, facts_of.literals, facts_of.symbols) if p.start <= at < p.end),
        None,
    )
    if piece is None:
        return False
    text = letter(about, Stage.REMINDER, CaseClass.ROUTINE_REMINDER, rules, past)
    alone = verify(
        replace(text, subject="", body=f"{piece.text}\n\n{one_line(rules.sender_name)}"),
        about,
        rules,
        past,
        deadline=DEADLINE,
    )
    return not alone


def test_a_captured_model_gets_nothing_past() -> None:
    """Sentences that an attacker would write are refused, each of them."""
    for words in [
        "Please pay the open amount to our new account.",
        "Our bank details have changed, see bank dot example dot com.",
        "Pay twelve thousand dollars instead.",
        "Write to me at robin at evil dot com.",
        "Use the link {pay_links} and again {pay_links}",
        "Dear {customer}, pay {amount}.",
    ]:
        own = Proposal(CaseClass.ROUTINE_REMINDER, "high", (), "", "Open {invoices}", (words,), "m")
        to = Envelope("a", "a", "b")
        text = compose(CASE, Stage.REMINDER, "1", policy(), PAST, to, proposal=own)
        assert verify(text, CASE, policy(), PAST), words


def test_credits_may_be_named() -> None:
    """The sentence about money on account is made of facts."""
    about = replace(CASE, credits=(credit("50.00"),), as_of=CASE.as_of + timedelta(days=1))
    text = letter(about, Stage.FOLLOW_UP, CaseClass.ROUTINE_REMINDER, policy(), PAST)
    assert "$50.00" in text.body
    assert checked(text, about, policy(), PAST) == ()
    for words in (
        "After the credit of $50.00 that makes $1,307.40.",
        "It comes to $1,307.40 after your credit of $50.00.",
        "The amount due is $1,307.40, less the credit.",
    ):
        assert said(words, about) == (), words
    assert said("The credit of $1,307.40 is in all that we hold.", about) != ()


def test_every_language_of_letters_is_checked() -> None:
    """Who adds a language says what the checks have to know of its words."""
    assert set(CHECKED) == set(LANGUAGES)

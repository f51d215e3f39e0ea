"""A message against the facts: whatever is not on record is a violation.

Checked when a text is drafted, after every edit, and again just before sending. A violation in a
model's text means the template; in a person's text it is refused (hard), or shown and makes a gate.
It fails closed: a figure that is not recognised as a fact is a violation, whatever it means, and so
is a fact that is said of something else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from email.utils import parseaddr
from functools import lru_cache
from itertools import chain, islice

from babel.numbers import list_currencies

from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.figures import LANGUAGES, language_of
from jobs.rules.letters.letter import Letter
from jobs.rules.letters.slots import (
    attaches,
    contact,
    locale_of,
    pay_link_keys,
    signature,
)
from jobs.rules.letters.words import letter_words
from jobs.rules.plain import one_line, without_hidden
from jobs.rules.policy.policy import Policy
from jobs.rules.verification import beside
from jobs.rules.verification.beside import LetterFigures, Statement
from jobs.rules.verification.known import Known, known, normal
from jobs.rules.verification.ledger_text import presentable
from jobs.rules.verification.others import names_others
from jobs.rules.verification.pieces import (
    Wrong,
    blanked,
    counts_more,
    figure,
    judged,
    unfounded_pieces,
)
from jobs.rules.verification.scan import Match, found
from jobs.rules.verification.violations import FIGURES, violation
from jobs.rules.verification.violations import Violation as Violation
from jobs.rules.verification.wording import (
    ALLOWABLE,
    ATTACHED,
    CARD,
    IBAN,
    NEUTRAL,
    PHRASES,
    Phrase,
    either,
    is_card,
    is_iban,
    unfounded,
)

SUBJECT_LENGTH = 200
BODY_LENGTH = 3000
PER_INVOICE = 500


BANK_NUMBERS = ((re.compile(IBAN), is_iban), (re.compile(CARD), is_card))
LETTERED = re.compile(
    rf"\b(?i:{either('invoice')})\s+(?:(?i:{either('number')})\s+|#)?([A-Z][A-Z-]+)\b([\w/-]*)"
)
NOT_A_NUMBER = frozenset({"PDF", "PO", "VAT", "GST", "HST", "ID", "USt", *list_currencies()})
GREETING = re.compile(rf"{either('greeting')}\b[,:]?\s*(.*?)\s*[,:!.]?", re.IGNORECASE)
CLOSING = re.compile(rf"{either('closing')}\s*,?|(?:--|[–—])\s*[A-Z].*", re.IGNORECASE)
"""A line that closes a letter."""
SIGNED = re.compile(
    rf"(?:.*{either('ends_in')})\s*,?\s+"
    r"((?-i:[A-ZÄÖÜ])[\w'’.-]*(?:\s+(?-i:[A-ZÄÖÜ])[\w'’.-]*){0,3})",
    re.IGNORECASE,
)
"""The same, with a name on the same line."""


def verify(
    letter: Letter,
    facts: Facts,
    policy: Policy,
    past: Past,
    *,
    deadline: date | None = None,
    marked: bool = False,
    others: Iterable[str] = (),
) -> tuple[Violation, ...]:
    """What in this text is not on record, each once; empty if all is well. `others` are the names
    of other customers that may stand in it.

    `deadline` is the one of this draft. `marked`: a person has said that what is on no record is
    an instalment or a date to meet. A hard violation is one that not even a person can save.
    """
    facts = presentable(facts, past.confirmed_names)
    subject, body = letter.subject, letter.body
    language = language_of(locale_of(facts, policy))
    policy = policy.in_language(language)
    if too_long := tuple(_length(subject, body, facts, policy)):
        return too_long
    if letter.language != language:
        return (violation("language", subject),)
    ours = (letter.sender_address, parseaddr(letter.reply_to)[1])
    files = [attachment.file_name for attachment in letter.attachments]
    allowed = known(facts, policy, past, deadline, ours).with_literals(files)
    # A pay link is filled in the body only
    for_subject = replace(allowed, link_keys=frozenset())
    wrong = _text(subject, for_subject, facts, policy, marked)
    wrong = chain(wrong, _text(body, allowed, facts, policy, marked), _people(body, facts, policy))
    wrong = chain(wrong, names_others(f"{subject}\n{body}", others, facts, allowed.literals))
    return tuple(dict.fromkeys(wrong))


def _text(
    text: str, allowed: Known, facts: Facts, policy: Policy, marked: bool
) -> Iterator[Violation]:
    plain = normal(text)
    pieces = list(found(plain, allowed.literals, allowed.symbols))
    judgements = list(judged(pieces, allowed))
    right = [piece for piece, kind in judgements if not kind]
    rest = blanked(plain, right)
    books = LetterFigures(allowed.invoices, facts, frozenset(allowed.other_dates))
    said = [piece for piece in right if not counts_more(piece, rest)]
    cut = beside.statements(rest, said, books)
    wrong = [
        *unfounded_pieces(plain, rest, judgements),
        *_bank_numbers(plain, right),
        *_phrases(rest, facts, policy),
        *_digits(text, allowed),
    ]
    yield from (_weighed(one, cut, marked) for one in wrong)
    figures = [f for piece in said if (f := figure(piece, allowed))]
    for kind, piece in beside.misplaced(rest, figures, said, cut, books):
        yield violation(kind, piece.text)
    yield from (violation("earlier_contact", said) for said in unfounded(rest, allowed.contacts))
    yield from _disguised(text, right, facts, policy)
    yield from _letters(text, rest)


def _weighed(wrong: Wrong, cut: list[Statement], marked: bool) -> Violation:
    """A figure about the ledger is refused, whatever a person says it is."""
    if wrong.kind not in FIGURES:
        return violation(wrong.kind, wrong.text)
    where = (s for s in cut if s.start <= wrong.start < s.end)
    if wrong.start >= 0 and any(s.for_the_ledger for s in where):
        return violation("ledger_figure" if marked else wrong.kind, wrong.text)
    return violation("marked" if marked else wrong.kind, wrong.text)


def _bank_numbers(plain: str, right: list[Match]) -> Iterator[Wrong]:
    """IBANs and cards by their check digits, wherever they do not begin inside a fact."""
    facts = [p for p in right if p.kind == "literal"]
    for pattern, is_one in BANK_NUMBERS:
        for match in pattern.finditer(plain):
            inside = any(p.start <= match.start() < p.end for p in facts)
            if not inside and is_one(match[0]):
                yield Wrong("bank_details", match[0], match.start())


def _disguised(text: str, right: list[Match], facts: Facts, policy: Policy) -> Iterator[Violation]:
    """A slot of a pay link in look-alike letters: the sender would not find and fill it."""
    slots = [f"[pay link {key}]" for key in pay_link_keys(facts, policy).values()]
    seen = [piece.text for piece in right if piece.kind == "pay_link"]
    if len(seen) > sum(map(text.count, slots)):
        yield violation("pay_link", " ".join(seen))


def _phrases(rest: str, facts: Facts, policy: Policy) -> Iterator[Wrong]:
    for phrase, match in _heard(rest, PHRASES):
        if not _is_offered(phrase, match[0], facts, policy):
            yield Wrong(phrase.kind, match[0], match.start())
    if not attaches(facts, policy):
        for match in ATTACHED.finditer(rest):
            yield Wrong("attachment", match[0], match.start())
    for phrase, match in _heard(rest, ALLOWABLE):
        kind = "marked_wording" if phrase.kind in policy.allow_wording else "wording"
        yield Wrong(kind, match[0], match.start())
    for match in LETTERED.finditer(rest):
        if match[1] not in NOT_A_NUMBER:
            yield Wrong("another_invoice", match[1] + match[2], match.start())


@lru_cache(maxsize=256)  # a text is checked when drafted, before each step and before it is sent
def _heard(rest: str, phrases: tuple[Phrase, ...]) -> tuple[tuple[Phrase, re.Match[str]], ...]:
    """Which of the `phrases` occur, and where."""
    return tuple((phrase, match) for phrase in phrases for match in phrase.pattern.finditer(rest))


def _is_offered(phrase: Phrase, words: str, facts: Facts, policy: Policy) -> bool:
    """The policy's own way of paying, and the count of this letter's invoices in words."""
    said = words.casefold()
    if phrase.way:
        return said.split()[-1] in normal(policy.how_to_pay).casefold()
    return phrase.kind == "number_words" and said in _count_in_words(len(facts.invoices))


def _count_in_words(count: int) -> set[str]:
    return {letter_words(language).count(count) for language in LANGUAGES}


def _digits(text: str, allowed: Known) -> Iterator[Wrong]:
    unified = text
    for literal in sorted(allowed.literals, key=len, reverse=True):
        unified = unified.replace(literal, " ")
    foreign = (c for c in unified if unicodedata.category(c) in {"Nd", "Nl", "No"})
    yield from (Wrong("digits", c, -1) for c in foreign if not c.isascii())


def _letters(text: str, rest: str) -> Iterator[Violation]:
    """What hides, and what looks like something else."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    if hidden := len(unified) - len(without_hidden(text)):
        yield violation("hidden", str(hidden))
    # Mail programs decode such a word, even in text that code has placed (RFC 2047)
    if "=?" in normal(text):
        yield violation("encoded", "=?")
    words = re.findall(r"[^\W\d_]+", rest)
    yield from (violation("mixed_script", w) for w in words if len(_scripts(w)) > 1)
    other = [w for w in words if "LATIN" not in _scripts(w)]
    if sum(map(len, other)) > max(10, sum(map(len, words)) // 5):
        yield violation("language", " ".join(other))


@lru_cache(maxsize=4096)  # most letters say the same
def _scripts(word: str) -> frozenset[str]:
    return frozenset(
        {unicodedata.name(c, "?").split()[0] for c in word if c.isalpha()} - {"MODIFIER"}
    )


def _people(body: str, facts: Facts, policy: Policy) -> Iterator[Violation]:
    """Who is greeted and who signs: once each, the one above and the other below the text."""
    signer = one_line(policy.sender_name or facts.company.name)
    if normal(signer) not in normal(body):
        yield violation("signature", signer)
    lines = [line.strip() for line in normal(body).split("\n") if line.strip()]
    for place, line in enumerate(lines):
        greeting = GREETING.fullmatch(line)
        if greeting and place > 0:
            yield violation("greeting", line)
        elif greeting and not _is_greeted(greeting[1], facts):
            yield violation("name", greeting[1])
    yield from _signed(lines, facts, policy)


def _signed(lines: list[str], facts: Facts, policy: Policy) -> Iterator[Violation]:
    """The first line that closes a letter must be followed by the signature and nothing else."""
    closings = [n for n, line in enumerate(lines) if n and CLOSING.fullmatch(line)]
    theirs = {normal(line) for line in signature(facts, policy)}
    named = ((line, SIGNED.fullmatch(line)) for line in lines)
    yield from (violation("closing", line) for line, by in named if by and by[1] not in theirs)
    below = lines[closings[0] + 1 :] if closings else []
    others = (line for line in below if line not in theirs and not CLOSING.fullmatch(line))
    yield from (violation("closing", line) for line in islice(others, 1))


def _is_greeted(name: str, facts: Facts) -> bool:
    ours = normal(f"{contact(facts)} {one_line(facts.customer.name)}").casefold()
    said = normal(name).casefold()
    return said in ours or set(re.findall(r"\w+", said)) <= NEUTRAL | set(re.findall(r"\w+", ours))


def _length(subject: str, body: str, facts: Facts, policy: Policy) -> Iterator[Violation]:
    limit = BODY_LENGTH + PER_INVOICE * len(facts.invoices) + len(policy.how_to_pay)
    if len(subject) > SUBJECT_LENGTH or "\n" in subject.strip():
        yield violation("length", f"subject over one line of {SUBJECT_LENGTH} characters")
    if len(body) > limit:
        yield violation("length", f"{len(body)} of {limit} characters")

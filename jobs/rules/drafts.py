"""From facts to a letter: templates or the model's sentences, slots, greeting and signature."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from jobs.rules.case import Proposal
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.figures import language_of, spelled
from jobs.rules.letters.company_texts import STANDARD, CompanyTexts, text_name
from jobs.rules.letters.html import PAY_LINK
from jobs.rules.letters.letter import Attachment, Envelope, Letter, LetterInvoice
from jobs.rules.letters.slots import NAMED, SLOT, attaches, fill, locale_of, values, words_for
from jobs.rules.letters.words import LetterWords
from jobs.rules.plain import one_line, without_hidden
from jobs.rules.policy.business_days import add_working_days
from jobs.rules.policy.policy import Policy
from jobs.rules.states import CaseClass, Stage
from jobs.rules.verification.ledger_text import presentable

OWN_PARAGRAPH = re.compile(r"\s*(\{invoice_table\}|\{pay_links\})[ .]*")
MAY_BE_MISSING = frozenset({"pay_links", "sender_phone", "sender_post", "attached"})
"""Slots that a policy may leave empty; their sentence is then left out of a model's text."""
SUBJECT_LENGTH = 200
DEADLINE_KEPT_DAYS = 5


INTUIT = re.compile(
    r"https://(?:[a-z0-9-]+\.)*intuit\.com/[\w.~%!$&'()*+,;=:@/?#-]+", re.ASCII | re.IGNORECASE
)
"""A page at Intuit: no user, no port, and nothing that programs parse in different ways."""
LONGEST_LINK = 2000


class PayLinkError(ValueError):
    """Pay links of the letter are missing or not Intuit's: nothing may be sent.

    The links are bearer secrets, so the text only names the `keys`.
    """

    def __init__(self, wrong: Mapping[str, str]) -> None:
        told = list(wrong.values())
        rest = [f"The same for {len(told) - NAMED} more."] if len(told) > NAMED else []
        super().__init__(" ".join([*told[:NAMED], *rest]))
        self.keys = frozenset(wrong)


def template(
    stage: Stage, class_: CaseClass, language: str = "en", texts: CompanyTexts = STANDARD
) -> tuple[str, tuple[str, ...]]:
    """Subject and paragraphs, with slots. In a paragraph each line is one sentence.

    Routine reminders depend on the stage; every other class has a single text.
    """
    text = texts.template(text_name(stage, class_), language)
    subject, *paragraphs = text.split("\n\n")
    return subject, tuple(paragraphs)


def compose(
    facts: Facts,
    stage: Stage,
    case_id: str,
    policy: Policy,
    past: Past,
    envelope: Envelope,
    *,
    proposal: Proposal | None = None,
    deadline: date | None = None,
    texts: CompanyTexts = STANDARD,
) -> Letter:
    """The letter of a case that has at least one invoice.

    Uses the proposal's text, or the template of its class among `texts` if it has none. A slot
    without a value is left out (template) or stays in the text (model), which `verify` refuses.
    Stages 3 and 4 need a `deadline` (see `deadline_for`).
    """
    stated, facts = facts.invoices, presentable(facts, past.confirmed_names)
    locale = locale_of(facts, policy)
    policy = policy.in_language(language_of(locale))
    filled = values(facts, stage, policy, past, deadline)
    subject, body = _worded(facts, stage, proposal, locale, filled, texts)
    files = _attachments(facts, words_for(locale)) if attaches(facts, policy) else ()
    return Letter(
        sender=envelope.sender,
        reply_to=envelope.reply_to,
        to=envelope.to,
        subject=subject,
        body=body,
        note=note_text(case_id, stage),
        stage=stage,
        invoices=tuple(LetterInvoice(i.id, i.number, i.open, i.due) for i in stated),
        attachments=files,
        language=language_of(locale),
        cc=envelope.cc,
    )


def _worded(
    facts: Facts,
    stage: Stage,
    proposal: Proposal | None,
    locale: str,
    filled: Mapping[str, str],
    texts: CompanyTexts,
) -> tuple[str, str]:
    """Subject and body, each slot filled that has a value."""
    words = words_for(locale)
    class_ = proposal.class_ if proposal else CaseClass.ROUTINE_REMINDER
    subject, paragraphs = _text(stage, class_, proposal, language_of(locale), texts)
    told = (spelled(paragraph, locale) for paragraph in paragraphs)
    parts = [_greeting(facts, stage, class_, words), *told, words.signature]
    optional = MAY_BE_MISSING if _written(proposal) else frozenset(filled)
    body = _joined(_filled(parts, filled, optional, words), words)
    return _subject(spelled(subject, locale), filled), body


def _written(proposal: Proposal | None) -> bool:
    return bool(proposal and proposal.sentences)


def _text(
    stage: Stage,
    class_: CaseClass,
    proposal: Proposal | None,
    language: str,
    texts: CompanyTexts,
) -> tuple[str, tuple[str, ...]]:
    if proposal is None or not proposal.sentences:
        return template(stage, class_, language, texts)
    sentences = [sentence.strip() for sentence in proposal.sentences]
    if not _uses("invoice_table", sentences):
        sentences.insert(1, "{invoice_table}")
    if class_ is CaseClass.ROUTINE_REMINDER and not _uses("pay_links", sentences):
        sentences.append("{pay_links}")
    ways = [n for n, sentence in enumerate(sentences) if "{pay_links}" in sentence]
    sentences.insert(ways[0] if ways else len(sentences), "{attached}")
    return proposal.subject.strip(), ("\n".join(map(_apart, sentences)),)


def _uses(slot: str, sentences: list[str]) -> bool:
    return any("{" + slot + "}" in sentence for sentence in sentences)


def _apart(sentence: str) -> str:
    return OWN_PARAGRAPH.sub(r"\n\n\1\n\n", sentence)


def _subject(text: str, filled: Mapping[str, str]) -> str:
    if "{invoices}" not in text:
        text += " ({invoices})"
    line = one_line(fill(text, filled), SUBJECT_LENGTH).replace("=?", "= ?").replace("?=", "? =")
    return line[:1].upper() + line[1:]


def _greeting(facts: Facts, stage: Stage, class_: CaseClass, words: LetterWords) -> str:
    formal = stage is Stage.FINAL and class_ is CaseClass.ROUTINE_REMINDER
    if one_line(facts.customer.contact):
        return words.dear if formal else words.hello
    return words.dear_company if formal else words.hello_company


def _joined(parts: Iterator[str], words: LetterWords) -> str:
    """Greeting, text and signature; in some languages the text begins with a small letter."""
    greeting, first, *rest = parts
    word = re.match(r"[^\W\d_]*", first)
    if word and word[0].lower() in words.small_first:
        first = first[:1].lower() + first[1:]
    return "\n\n".join((greeting, first, *rest))


def _filled(
    paragraphs: list[str],
    filled: Mapping[str, str],
    optional: frozenset[str],
    words: LetterWords,
) -> Iterator[str]:
    for paragraph in "\n\n".join(paragraphs).split("\n\n"):
        lines = paragraph.strip().split("\n")
        lines = [line for line in lines if _said(line, filled, optional)]
        joint = "\n" if paragraph == words.signature else " "
        if text := fill(joint.join(lines), filled).strip():
            yield text


def _said(line: str, filled: Mapping[str, str], optional: frozenset[str]) -> bool:
    return not any(slot in optional and not filled[slot] for slot in SLOT.findall(line))


def _attachments(facts: Facts, words: LetterWords) -> tuple[Attachment, ...]:
    """A file per invoice; if two would have the same name, each gets its id too."""
    names = {i.id: f"{words.file}-{_file_name(i.number) or i.id}" for i in facts.invoices}
    same = Counter(name.casefold() for name in names.values())
    return tuple(
        Attachment(
            "invoice_pdf", id, f"{name}-{id}.pdf" if same[name.casefold()] > 1 else f"{name}.pdf"
        )
        for id, name in names.items()
    )


def _file_name(number: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", number).strip("-")


def deadline_for(
    stage: Stage, class_: CaseClass, today: date, kept: date | None, policy: Policy
) -> date | None:
    """The deadline a letter sets, or None. `today` is in the company's zone.

    `kept` is the previous version's deadline; it is kept while at least 5 days of it remain.
    """
    if stage < Stage.FIRM or class_ is not CaseClass.ROUTINE_REMINDER:
        return None
    if kept is not None and (kept - today).days >= DEADLINE_KEPT_DAYS:
        return kept
    return add_working_days(today, policy.deadline_working_days, policy)


def note_text(case_id: str, stage: Stage) -> str:
    """The note on the invoices in QuickBooks: fixed parts only."""
    return (
        f"[Overdue {case_id}] reminder {int(stage)} e-mailed to the billing contact, "
        "approved in Slack"
    )


def edited(letter: Letter, subject: str, body: str) -> Letter:
    """The letter with a person's text, without invisible characters."""
    return replace(
        letter, subject=one_line(subject, SUBJECT_LENGTH), body=without_hidden(body).strip()
    )


def pay_links_in(body: str) -> tuple[str, ...]:
    """The keys of the pay links in a body: invoice numbers, or "#id"."""
    return tuple(PAY_LINK.findall(body))


def fill_pay_links(body: str, links: Mapping[str, str]) -> str:
    """`body` with each `[pay link N]` replaced by the URL in `links` (number or "#id" → URL).

    Raises PayLinkError, naming all that are missing or not an https URL at Intuit.
    """
    wrong = {key: told for key in pay_links_in(body) if (told := _wrong(key, links.get(key, "")))}
    if wrong:
        raise PayLinkError(wrong)
    return PAY_LINK.sub(lambda token: links[token[1]], body)


def _wrong(key: str, url: str) -> str:
    if not url:
        return f"QuickBooks gave no pay link for invoice {key}."
    if len(url) > LONGEST_LINK or not INTUIT.fullmatch(url):
        return f"The pay link of invoice {key} is not an address of Intuit."
    return ""

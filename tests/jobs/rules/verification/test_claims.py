"""No message speaks of a contact that is not on record."""

from __future__ import annotations

import pytest

from jobs.rules.drafts import edited
from jobs.rules.facts.past import Past
from jobs.rules.verification.phrase import ContactClaim
from jobs.rules.verification.verify import verify
from jobs.rules.verification.wording import CLAIMS
from tests.jobs.rules.test_drafts import letter
from tests.jobs.rules.world import contact, facts, policy


def claimed(words: str, contacts: int, invoice: str = "71037") -> list[str]:
    """What is said of the first letter with `words` in it, after so many contacts about it."""
    before = letter(facts())
    text = edited(before, before.subject, before.body.replace("This may", f"{words} This may"))
    past = Past(contacts=tuple(contact(9 * n, invoice) for n in range(1, contacts + 1)))
    found = verify(text, facts(), policy(), past)
    assert not any(one.hard for one in found)
    return [one.text for one in found if one.kind == "earlier_contact"]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.example)
def test_a_claim_needs_the_contacts_it_speaks_of(claim: ContactClaim) -> None:
    """Each kind is found without them, and passes with them; other invoices' do not count."""
    assert claimed(claim.example, claim.needs - 1)
    assert claimed(claim.example, claim.needs, invoice="other")
    assert claimed(claim.example, claim.needs) == []


@pytest.mark.parametrize(
    "words",
    [
        "Despite our reminder this is open.",
        "You were contacted about it.",
        "We've asked you for it.",
        "My previous e-mail may not have reached you.",
        "As mentioned, it is open.",
        "I'm coming back to this.",
        "Wie am Telefon besprochen, ist sie offen.",
        "Ich hatte Ihnen dazu geschrieben.",
        "Sie wurden von uns schon erinnert.",
        "Auf unsere Nachricht kam nichts.",
        "Wir haben noch nichts von Ihnen gehört.",
    ],
)
def test_claims_in_other_words_are_found(words: str) -> None:
    """As people write them."""
    assert claimed(words, 0)


@pytest.mark.parametrize(
    "words",
    [
        "Could you help, so that it does not happen again?",
        "Thank you again for your order.",
        "I wanted to write to you myself.",
        "Please come back to me with a date.",
        "I will get back to you.",
        "If you have asked for a copy, here it is.",
        "Your last message to our warehouse was passed on to me.",
        "Please call me, or reply to this message.",
        "A short reply is enough.",
        "Ich möchte Sie daran erinnern.",
        "Falls Sie uns schon geschrieben haben, vielen Dank.",
        "Ich melde mich dann wieder bei Ihnen.",
        "Haben Sie die Zahlung schon angewiesen?",
        "Antworten Sie bitte auf diese Nachricht.",
        "Eine kurze Antwort genügt.",
    ],
)
def test_a_first_letter_may_say_what_claims_nothing(words: str) -> None:
    """Honest words on a first contact."""
    assert claimed(words, 0) == []

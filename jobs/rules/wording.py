"""Phrases that do not belong in a message, or only where the policy allows them."""

from __future__ import annotations

import re

ALLOWABLE = {
    "discount": r"discounts?|rebates?|waiv\w+|write\w*[ -]off|forgiv\w+|settle for|settlements?"
    r"|reduced (?:amount|sum|balance)|lower (?:amount|sum)|partial payment in full",
    "legal": r"legal\w*|lawyers?|attorneys?|solicitors?|lawsuits?|litigat\w+|sue|suing"
    r"|courts?|proceedings|statutory|bailiffs?|injunction",
    "collections": r"collections?|collection agency|debt collect\w+|collectors?|agency",
    "credit_bureau": r"credit (?:bureau|rating|score|report|file|reference)\w*|blacklist\w*",
    "interest": r"(?:late|default|overdue|penalty|charge|plus|with|accru\w*) interest"
    r"|interest (?:of|at|on|will|charges?|may|accru\w*)|late (?:payment )?(?:fees?|charges?)"
    r"|penalt\w+|surcharges?",
    "credit_hold": r"credit hold|on hold|(?:suspend|stop|halt|paus|withhold|block|cancel)\w* "
    r"(?:(?:all|any|your|further|the|our) )*"
    r"(?:deliver|shipment|shipping|suppl|service|order|account|access)\w*",
}
"""What `allow_wording` of the policy may name → the phrases it is about."""

BANK = (
    r"(?:new|changed|updated|different|other|correct) (?:bank\w*|remit\w*|payment|account)"
    r"(?: (?:bank|account|payment))? (?:details?|information|info|instructions?|number|account)"
    r"|(?:bank|account|payment|remittance) (?:details?|information|instructions?) "
    r"(?:have|has|are|were) (?:been )?(?:chang|updat|mov)\w+"
    r"|(?:new|another|different|following) (?:bank )?account\b"
    r"|\bIBAN\b|\bSWIFT\b|\bBIC\b|sort code|routing (?:number|no)|account (?:number|no\b)"
    r"|remittance (?:address|to)|remit (?:the )?(?:payment |funds? |balance )?to"
    r"|wire (?:it|the (?:money|funds?|payment|balance)|funds?|payment) to"
    r"|\b(?:bitcoin|crypto\w*|gift cards?|wallet address|western union|moneygram|paypal|zelle"
    r"|venmo|cash app|cashapp)\b"
)

ELSEWHERE = (
    r"(?:do not|don['’]t|instead of) (?:reply|respond|answer)\w*"
    r"|(?:reply|respond|answer|write|e-?mail) (?:only )?to (?:the|my|our|a|an) "
    r"(?:new|other|private|personal|different|following) "
    r"|(?:my|our|a) (?:private|personal|other|new|different) (?:e-?mail|address|number|phone)"
    r"|\b(?:whatsapp|whats app|telegram|wechat|viber|text me|sms)\b"
)

ATTACHMENT = r"\battach\w*|\benclos\w+"
QR_CODE = r"\bQR\b(?:[ -]?codes?)?"

UNIT_WORDS = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
NUMBER_WORDS = (
    rf"\b(?:(?:{UNIT_WORDS}|a|half|hundred|thousand|million)[ -]+(?:and )?)+"
    r"(?:(?:US|canadian|australian) )?"
    r"(?:dollars?|euros?|pounds?|cents?|bucks|quid|grand|percent|per cent|francs?|crowns?|yen"
    r"|USD|EUR|GBP|CAD|AUD)\b"
    rf"|\b(?:{UNIT_WORDS})[ -](?:hundred|thousand|million)\b"
)

MARKUP = (
    r"</?[A-Za-z!@#][^>\n]*>|\[[^\]\n]+\]\([^)\n]*\)|\*\*|__|```|~~|(?m:^#{1,6} )|(?m:^\|.*\|\s*$)"
    r"|&(?:[A-Za-z]+|#\d+);|(?<!\w)\*\w[^*\n]*\*(?!\w)"
)

WALLET = r"\b(?:bc1[a-z0-9]{20,}|0x[0-9a-fA-F]{40}|[13][1-9A-HJ-NP-Za-km-z]{25,34})\b"
IBAN = r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b"
CARD = r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)"
LONG_NUMBER = r"(?<![\w.,])\d{8,}(?![\w])"
SORT_CODE = r"(?<![\d-])\d\d-\d\d-\d\d(?![\d-])"
PHONE = r"(?<![\w.,])(?:\+|\(|\d)[\d ().\-/]{5,}\d(?!\w)"


def pattern(words: str) -> re.Pattern[str]:
    """A list of phrases, whatever the capitals and the spaces between the words."""
    return re.compile(words.replace(" ", r"\s+"), re.IGNORECASE)


def is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616, mod 97)."""
    plain = re.sub(r"[ -]", "", text)
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def is_card(text: str) -> bool:
    """Whether the check digit of a card number is right (Luhn)."""
    digits = [int(c) for c in text if c.isdigit()][::-1]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0

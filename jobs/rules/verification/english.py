"""The English words that the checks of a letter know.

Phrases are looked for in what is left of a text once everything that code has placed, and every
figure that is a fact, has been removed.
"""

from __future__ import annotations

from jobs.rules.verification.phrase import BLANK, CheckedWords, ContactClaim, Phrase

UNIT = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
)
ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth"
    r"|(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)"
    r"|twentieth|thirtieth|last)"
)
PERIOD = r"(?:minutes?|hours?|days?|nights?|weeks?|fortnights?|months?|quarters?|years?)"
MONTHS = (
    r"(?:january|february|april|june|july|august|september|october|november|december"
    r"|(?-i:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?|(?-i:March))"
)
DEADLINE = r"(?:by|before|until|till|within|latest|than|on or before|due|not after)"
MONEY_WORDS = r"(?:dollars?|euros?|pounds?|cents?|francs?|crowns?|yen|USD|EUR|GBP|CAD|AUD)"
PAYING = (
    r"(?:pay|pays|paid|paying|payments?|payable|remit\w*|transfer\w*|deposit\w*|wir(?:e|ed|ing))"
)
NOT_US = (
    rf"(?!us\b|{BLANK}|our (?:usual |own )?(?:bank )?account\b(?! (?:at|with|in|number)))"
    r"(?=(?-i:[A-Z])|(?:an?|the|my|our|this|that|these|those|his|her|their|another|one) )"
)
CHEQUE = r"(?:cheques?|checks)"

PHRASES = (
    # Bank details and wallets: they come from the policy file or not at all
    Phrase(
        "bank_details",
        "Here are our new bank details.",
        r"(?:new|changed|updated|different|other|correct|revised|latest|alternative|temporary) "
        r"(?:bank\w*|remit\w*|payment|account|beneficiary|wire)(?: (?:bank|account|payment))? "
        r"(?:details?|information|info|instructions?|number|account|coordinates)",
    ),
    Phrase(
        "bank_details",
        "Our bank details have changed.",
        r"(?:bank\w*|account|payment|remittance)"
        r"(?: (?:account|details?|information|instructions?))? "
        r"(?:have|has|are|were|was|is) (?:now |recently |just )?(?:been )?(?:chang|updat|mov|switch"
        r"|replac|clos)\w+"
        r"|(?:chang|switch|mov)\w* (?:our )?(?:banks?|accounts?)\b",
    ),
    Phrase(
        "bank_details",
        "Please use the new account.",
        r"(?:new|another|different|following|second|other|alternative) (?:bank )?(?:account|bank)\b"
        r"|\b(?:use|to|into) (?:this|that|my|his|her|their) (?:bank )?account\b"
        r"|\bbank with\b|\bour bank (?:is|will be)\b|\b(?:details|instructions) (?:are|will be) "
        r"(?:now )?(?:different|new)\b"
        r"|account (?:below|at|with) (?!all\b|hand\b|us\b|\x00)",
    ),
    Phrase(
        "bank_details",
        "The IBAN is on request.",
        r"\bIBAN\b|\bSWIFT\b|\bBIC\b|\bsort ?code\b|\brouting (?:number|no|code)\b|\bBSB\b|\bIFSC\b"
        r"|\baccount (?:numbers?|no\b|holder|name)|\bbeneficiary\b|\bABA\b",
    ),
    Phrase(
        "bank_details",
        "Send it to bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh.",
        r"\b(?:bc1[a-z0-9]{20,}|0x[0-9a-fA-F]{40}|[13][1-9A-HJ-NP-Za-km-z]{25,34})\b",
        exact=True,
    ),
    # Another payee
    Phrase(
        "payee",
        "Make the cheque out to Robin Roe.",
        r"\bma[dk]e\w*\b[^.\n]{0,40}? out (?:to|in)\b",
    ),
    Phrase(
        "payee",
        "Cheques payable to Robin Roe.",
        rf"\bpayable (?:to (?!us\b|{BLANK})|in favou?r)|\bin favou?r of (?!us\b|{BLANK})|\bpayee\b",
    ),
    Phrase(
        "payee",
        "Please pay the amount to our agent.",
        rf"\b{PAYING}(?:(?:,? (?!and\b|or\b|but\b|so\b|attention\b)\w+)|{BLANK}+"
        rf"| {BLANK}+){{0,4}}? "
        rf"(?:in|over )?to {NOT_US}",
    ),
    Phrase(
        "payee",
        "Send the money to Robin.",
        r"\b(?:send|direct|forward|route|mail|post|give|hand|address)\w* (?:\w+ ){0,3}?"
        r"(?:money|funds?|payments?|balance|amounts?|sum|cash) (?:\w+ ){0,2}?"
        rf"to (?!us\b|me\b|{BLANK})",
    ),
    Phrase(
        "payee",
        "The funds should go to Robin.",
        r"\b(?:money|funds?|payments?|balance|amounts?|sum)\b(?: \w+){0,3}? "
        rf"(?:go|goes|going|credited|sent|made|directed|handed|due|owed) to {NOT_US}",
    ),
    Phrase(
        "payee",
        "Please settle it with Robin Roe, or pay Robin Roe.",
        r"\bsettle (?:\w+ ){0,3}?with (?-i:[A-Z])"
        r"|\bpay (?!open|invoice|your|the|both|us|now|this|all)(?-i:[A-Z][a-z]+ [A-Z][a-z]+)",
    ),
    Phrase(
        "payee",
        "Our factoring company collects this for us.",
        r"\bfactoring\b|\bour factor\b|\b(?:in|into|to) escrow\b"
        r"|\bdeposit\w* (?:\w+ ){0,3}?with (?:(?:our|my|an?|another) |(?-i:[A-Z]))"
        r"|\b(?:assigned|sold|transferred) (?:this |the |your |our )?(?:debt|claim"
        r"|receivables?|invoices?) to\b|\bon our behalf to\b"
        r"|\bpay (?:our|my) (?:agent|partner|parent|sister|affiliate|subsidiary|colleague|manager)",
    ),
    # Another way of paying
    Phrase(
        "way_to_pay",
        "You can also use PayPal.",
        r"\bpay ?pal\b|\bvenmo\b|\bzelle\b|\bcash ?app\b|\bwestern union\b|\bmoney ?gram\b"
        r"|\bapple pay\b|\bgoogle pay\b|\brevolut\b|\balipay\b|\bwechat\b|\bm-?pesa\b|\bklarna\b"
        r"|\btransferwise\b|\bpayoneer\b|\bskrill\b|\binterac\b",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "Buy gift cards or send bitcoin.",
        r"\bbitcoins?\b|\bcrypto\w*|\bBTC\b|\bUSDT\b|\bethereum\b|\bstable ?coins?\b"
        r"|\bgift ?(?:cards?|certificates?)\b|\bbank drafts?\b|\bvouchers?\b"
        r"|\bprepaid cards?\b|\bmoney orders?\b|\bwallet\b",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "Please pay by cheque.",
        rf"(?<!your\s)\b(?:cheques?|checks)\b"
        rf"|\b(?:by|an?|with a|per|via|paper|bank|certified) check\b"
        rf"(?! (?:on|of|if|that|whether)\b)|\byour {CHEQUE} (?:out|payable|over|to)\b",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "You may pay in cash.",
        r"\b(?:in|by|with|send|bring|pay) (?:the )?cash\b(?! ?flow)|\bcash (?:payment|only|on)\b",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "Tell me your card number.",
        r"\bcard (?:numbers?|details?|no\b|payments?)|\b(?:by|with|via|your|a|using) "
        r"(?:credit|debit|bank|company)?[ -]?card\b|\bcvv\b|\b(?:credit|debit) cards?\b",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "We take direct debit.",
        r"\bdirect debit\b|\bstanding order\b|\bACH\b|\bsepa\b|\bwire\b(?! (?:rope|mesh))"
        r"|\bwired\b",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "Please pay through Acme Pay.",
        rf"\b(?i:{PAYING})(?:\s+\w+){{0,3}}?\s+(?:via|through|using|with|on)\s+"
        r"(?!QuickBooks|Intuit|The )[A-Z][a-z]+\b",
        exact=True,
    ),
    Phrase("way_to_pay", "Scan the QR code.", r"\bQR\b(?:[ -]?codes?)?"),
    # Answers have to come here
    Phrase(
        "reply_elsewhere",
        "Do not reply to this message.",
        r"(?:do not|don['’]t|instead of) (?:reply|respond|answer)\w*",
    ),
    Phrase(
        "reply_elsewhere",
        "Reply to my private e-mail.",
        r"(?:reply|respond|answer|write|e-?mail) (?:only )?to (?:the|my|our|a|an) "
        r"(?:new|other|private|personal|different|following) "
        r"|(?:my|our|a) (?:private|personal|other|new|different) (?:e-?mail|address|number|phone)",
    ),
    Phrase(
        "reply_elsewhere",
        "Send it by WhatsApp.",
        r"\b(?:whats ?app|telegram|wechat|viber|text me|sms|signal app)\b",
    ),
    # Numbers and multipliers in words
    Phrase("number_words", "Twenty-two is what is missing.", rf"\b{UNIT.replace('one|', '')}\b"),
    Phrase(
        "number_words",
        "A thousand would do.",
        r"\b(?:hundreds?|thousands?|millions?|billions?|dozens?|zero|nil|grand(?! total)|bucks|quid"
        r"|lakhs?"
        r"|crores?|k ?dollars|percent(?:age)?|per cent|tausend|hundert|mille|quinientos)\b",
    ),
    Phrase(
        "number_words",
        "One dollar is enough.",
        rf"\b(?:one|a|an|single) (?:{MONEY_WORDS}|third|fourth|fifth|sixth|quarter|tenth)\b"
        rf"|\b{ORDINAL.replace('first|second|', '').replace('|last', '')}s\b",
    ),
    Phrase(
        "number_words",
        "Half of it is enough.",
        r"\bhal(?:f|ves)\b|\b(?:three )?quarters? of\b|\b(?:third|fourth|fifth|tenth) of (?:it|the"
        r"|this|that|what|your)\b|\bdouble(?:d|s)?\b(?![- ]check)|\btriple[ds]?\b|\bquadruple\w*"
        r"|\btwice (?:the|that|this|as|what|its|your)\b|\bthrice\b|\b\w+fold\b|\bcouple (?:of )?"
        rf"(?:{MONEY_WORDS}|{PERIOD})\b|\btimes (?:the|that|this|as)\b",
    ),
    Phrase(
        "number_words",
        "$l,OOO is open.",
        r"[$€£¥₹](?:[^\W\d_]\S*| ?[lIOo][lIOo.,]{2,})|\b[lI](?:[.,]?[lIOo]{3})+\b"
        r"|\b[lI][Oo]{2,}\b",
        exact=True,
    ),
    Phrase("number_words", "Please pay n-i-n-e.", r"\b(?:[^\W\d_][ .·-]){3,}[^\W\d_]\b"),
    # Days and deadlines in words
    Phrase("date", "Please pay by Friday.", r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b"),
    Phrase(
        "date",
        "Please pay by Fri.",
        rf"\b{DEADLINE}\s+(?:next\s+|this\s+)?(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun)\b",
        exact=True,
    ),
    Phrase("date", "It comes in December.", rf"\b{MONTHS}(?!\w)"),
    Phrase(
        "date",
        "It comes in May.",
        r"\b(?:in|by|until|till|before|since|from|during|next|this|last|early|late|mid|of)[ -]"
        r"(?-i:May|March)\b|\b(?:in|by|until) (?:may|march)\b(?! (?:have|be|also|not|I)\b)",
    ),
    Phrase(
        "date",
        "Pay by the fifth of the month.",
        rf"\b{ORDINAL} (?:day )?(?:of )?(?:the |this |next |each |every )?(?:month|week|{MONTHS})"
        rf"|\b(?:by|before|until|till|on|deadline is) the {ORDINAL}"
        r"(?=\s*(?:[.,;:!?)]|$|of\b|or\b|and\b|at\b))",
    ),
    Phrase(
        "date",
        "Please pay tomorrow.",
        r"\btomorrow\b|\btonight\b|\bmidnight\b|\bnoon\b|\bo['’]?clock\b|\bfortnight\b"
        r"|\bEOD\b|\bEOM\b|\bEOW\b|\bCOB\b|\bclose of (?:business|play)\b",
    ),
    Phrase(
        "date",
        "Please pay by today.",
        rf"\b(?:{DEADLINE}|pay\w*|settle\w*|it|money|amount) today\b"
        r"|\btoday (?:at the latest|or)\b",
    ),
    Phrase(
        "date",
        "By the end of the month.",
        rf"\bend of (?:the |this |next |each |every |your |our )*(?:{PERIOD}|business|{MONTHS})\b"
        r"|\b(?:month|week|year|quarter)['’]?s?[ -]end\b|\bmid[ -]?(?:month|week|year)\b",
    ),
    Phrase(
        "date",
        "Within a week.",
        rf"\bwithin (?:\w+ ){{0,3}}?(?:working |business |calendar )?{PERIOD}\b"
        rf"|\bin (?:an?|{UNIT}) (?:working |business |calendar )?{PERIOD}\b"
        rf"|\b(?:one|a) {PERIOD} from\b"
        rf"|\bone (?:more |working |business |calendar )?(?:day|week|month|hour)s?\b"
        rf"|\b(?:{DEADLINE}) (?:the |this |that )?(?:coming |following )?{PERIOD}\b",
    ),
    Phrase(
        "date",
        "Please pay next week.",
        rf"\bnext (?:working |business |calendar )?(?:day|week|month|quarter|year)\b"
        rf"|\b{DEADLINE} (?:the )?(?:christmas|xmas|easter|new year\w*|thanksgiving|labou?r day"
        rf"|bank holiday|holidays?|weekend|summer|winter|spring|autumn|payday)\b",
    ),
    # What is not plain text
    Phrase(
        "markup",
        "**Now**",
        r"</?[A-Za-z!@#][^>\n]*>|\[[^\]\n]+\]\([^)\n]*\)|\*\*|__|```|~~|(?m:^#{1,6} )"
        r"|(?m:^\|.*\|\s*$)|&(?:[A-Za-z]+|#\d+);|(?<!\w)\*\w[^*\n]*\*(?!\w)",
        exact=True,
    ),
)

ALLOWABLE = (
    Phrase(
        "discount",
        "We can offer a discount.",
        r"\b(?:discounts?|rebates?|waiv\w+|write\w*[ -]off|forgiv\w+|settle for|settlements?"
        r"|reduced (?:amount|sum|balance)|lower (?:amount|sum)|partial payment in full)\b",
    ),
    Phrase(
        "legal",
        "We will take legal action.",
        r"\b(?:legal\w*|lawyers?|attorneys?|solicitors?|lawsuits?|litigat\w+|sue|suing"
        r"|courts?|proceedings|statutory|bailiffs?|injunction)\b",
    ),
    Phrase(
        "collections",
        "A collection agency will call.",
        r"\b(?:collections?|collection agency|debt collect\w+|collectors?|agency)\b",
    ),
    Phrase(
        "credit_bureau",
        "This affects your credit rating.",
        r"\b(?:credit (?:bureau|rating|score|report|file|reference)\w*|blacklist\w*)\b",
    ),
    Phrase(
        "interest",
        "We charge interest.",
        r"\b(?:(?:late|default|overdue|penalty|charge|plus|with|accru\w*) interest"
        r"|interest (?:of|at|on|will|charges?|may|accru\w*)|late (?:payment )?(?:fees?|charges?)"
        r"|penalt\w+|surcharges?)\b",
    ),
    Phrase(
        "credit_hold",
        "We will suspend all further deliveries.",
        r"\b(?:credit hold|on hold|(?:suspend|stop|halt|paus|withhold|block|cancel)\w* "
        r"(?:(?:all|any|your|further|the|our) )*"
        r"(?:deliver|shipment|shipping|suppl|service|order|account|access)\w*)\b",
    ),
)
"""The names that `allow_wording` of the policy may hold, and the phrases each is about."""

MESSAGE = r"(?:messages?|e-?mails?|mails?|letters?|reminders?|notes?|notices?|requests?|calls?)"
WROTE = (
    r"(?:wrote|written|e-?mailed|mailed|reminded|contacted|asked|called|phoned|reached out"
    r"|followed up|notified|informed)"
)


CLAIMS = (
    ContactClaim(
        "I am writing to you again.", r"(?<!happen\s)(?<!thanks\s)(?<!thank\syou\s)\bagain\b"
    ),
    ContactClaim(
        "I ask you once more.", r"\bonce more\b|\banother (?:friendly |short )?" + MESSAGE
    ),
    ContactClaim(
        "I am coming back to what is open.",
        r"\b(?:am|are|is|was|were|['’]m|['’]re|have|['’]ve) (?:now )?(?:coming|come|getting|got"
        r"|gotten|going) back (?:to|on)\b",
    ),
    ContactClaim(
        "As I wrote, this is open.",
        rf"\bas (?:(?:I|we|my colleagues?|already|previously|just|have|had) )+{WROTE}\b"
        r"|\bas (?:(?:I|we|already|previously|have|had) )*(?:said|mentioned|discussed|noted"
        r"|stated|explained|announced)\b",
    ),
    ContactClaim(
        "We have already reminded you.",
        rf"\b(?:I|we|my colleagues?)(?:['’]ve|['’]d)? "
        rf"(?:(?:have|had|already|previously|recently|just|last|also) )*{WROTE}\b"
        rf"|\byou (?:have been|were) (?:already )?{WROTE}\b",
    ),
    ContactClaim(
        "I refer to my earlier message.",
        r"\b(?:(?:my|our) (?:last )?|the )"
        r"(?:(?:earlier|previous|prior|preceding|recent|former|first"
        rf"|many|several|unanswered|friendly) )+{MESSAGE}\b|\b(?:my|our) last {MESSAGE}\b",
    ),
    ContactClaim(
        "In spite of our reminders it is open.",
        rf"\b(?:in spite of|despite|after|since|following) (?:(?:all|my|our|the) )+{MESSAGE}\b",
    ),
    ContactClaim(
        "You have not replied yet.",
        r"\b(?:have|has|had|did)(?: not|n['’]t) (?:yet )?(?:replied|answered|responded|reply|answer"
        r"|respond|heard back)\b|\b(?:no|without an?|without any) (?:reply|answer|response)\b",
    ),
    ContactClaim(
        "When we spoke, you were sure.",
        r"\b(?:when|since) we (?:last )?(?:spoke|talked|met)\b"
        r"|\b(?:my|our) (?:\w+ )?(?:conversation|phone call|telephone call)\b",
    ),
    ContactClaim("A second reminder.", rf"\b(?:second|2nd) (?:\w+ )?{MESSAGE}\b"),
    ContactClaim("This is the third reminder.", rf"\b(?:third|3rd) (?:\w+ )?{MESSAGE}\b", needs=2),
    ContactClaim("My fourth message.", rf"\b(?:fourth|4th) (?:\w+ )?{MESSAGE}\b", needs=3),
    ContactClaim("The fifth request.", rf"\b(?:fifth|sixth|5th|6th) (?:\w+ )?{MESSAGE}\b", needs=4),
    ContactClaim(
        "We asked you more than once.",
        r"\bmore than once\b|\brepeated(?:ly)?\b|\b(?:several|many|multiple|numerous) times\b"
        r"|\btime and time\b",
        needs=2,
    ),
)

ENGLISH = CheckedWords(
    phrases=PHRASES,
    allowable=ALLOWABLE,
    claims=CLAIMS,
    attached=r"\battach\w*|\benclos\w+",
    ledger=(
        r"\b(?:totals?|totall?ing|balances?|open|outstanding|overdue|due|owe[ds]?|owing|unpaid"
        r"|credit(?:s|ed)?|invoices?|invoiced|bill(?:s|ed)?|statements?|arrears|debts?|remain\w*"
        r"|sum|POs?|receivables?|in all|altogether)\b"
    ),
    total=(
        r"\b(?:totals?|totall?ing|totall?ed|in all|altogether|in sum|sum|combined|overall)\b"
        r"|\btogether\b"
        r"|\b(?:whole|entire|full) (?:amount|balance|debt)\b|\baccount balance\b"
        r"|\b(?:amount|balance)s? (?:now )?(?:due|owed|owing|open|outstanding)\b"
        r"|\bcomes? to\b|\b(?:this|that|it) makes\b|\b(?:what )?remains is\b"
    ),
    credit=(
        r"\bcredits?\b(?! (?:card|limit))|\bon account\b|\bunapplied\b|\boverpa(?:id|yments?)\b"
        r"|\bnot yet applied\b"
    ),
    months={
        "Jan(?:uary)?": 1,
        "Feb(?:ruary)?": 2,
        "Mar(?:ch)?": 3,
        "Apr(?:il)?": 4,
        "May": 5,
        "June?": 6,
        "July?": 7,
        "Aug(?:ust)?": 8,
        "Sept?(?:ember)?": 9,
        "Oct(?:ober)?": 10,
        "Nov(?:ember)?": 11,
        "Dec(?:ember)?": 12,
    },
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    units=(
        r"percent|per cent|dollars?|euros?|pounds?|cents?|bucks|quid|grand|hundred|thousand"
        r"|million|k|m|bn"
    ),
    percent=frozenset({"percent", "per cent"}),
    invoice=r"invoices?",
    number=r"numbers?|nos?\.?",
    joint=r"and|or|the|both|also",
    joined_by=r"and|or",
    more="more",
    about=r"for|on|of|from|under|against|in",
    determiner=r"the|your|our|an?",
    due=r"due|payable",
    due_after=r"(?!)",
    filler=r"on|date|since|of|is|was|in|as|are",
    row=r"invoices?|total|balance|less|credits?|payments?",
    greeting=(
        r"hello|hi|hey|dear|greetings|good (?:day|morning|afternoon|evening)|attn|attention"
        r"|to whom it may concern"
    ),
    closing=(
        r"(?:many |thank you and |thanks and |with )?(?:kind|best|warm|kindest|warmest)? ?regards"
        r"|(?:yours )?(?:very )?(?:sincerely|faithfully|truly)(?: yours)?|best wishes|all the best"
        r"|cheers|best|yours|many thanks|thank you|thanks|respectfully"
    ),
    ends_in=r"\bregards|\bsincerely|\bfaithfully|\bbest wishes|\ball the best",
    neutral=frozenset(
        {"there", "all", "both", "team", "everyone", "everybody", "sir", "madam", "or", "and"}
        | {"the", "accounts", "payable", "ladies", "gentlemen", "mr", "mrs", "ms", "mx", "dr"}
    ),
)

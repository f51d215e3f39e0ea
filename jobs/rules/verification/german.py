"""The German words that the checks of a letter know.

What is like English is explained in `english.py`. German puts its verbs at the end and forms its
own compounds, so the patterns look further, and what is doubtful is not let pass.
"""

from __future__ import annotations

from jobs.rules.verification.phrase import BLANK, CheckedWords, ContactClaim, Phrase

UNIT = (
    r"(?:zwei|zwo|drei|vier|fünf|fuenf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwoelf"
    r"|(?:drei|vier|fünf|sech|sieb|acht|neun)zehn"
    r"|(?:\w+und)?(?:zwanzig|drei(?:ß|ss)ig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig))"
)
ORDINAL = (
    r"(?:erst|zweit|dritt|viert|fünft|sechst|siebt|siebent|acht|neunt|zehnt|elft|zwölft"
    r"|\w+(?:zehnt|zigst|ßigst|ssigst))e[nrms]?"
)
TIME = (
    r"(?:Minuten?|Stunden?|Tag(?:e[sn]?|s)?|Nächten?|Wochen?|Monat(?:e[sn]?|s)?|Quartal(?:e[ns]?"
    r"|s)?"
    r"|Jahr(?:e[sn]?|s)?|(?:Werk|Arbeits|Bank|Geschäfts|Kalender)tag(?:e[sn]?|s)?)"
)
MONTHS = (
    r"(?:januar|jänner|februar|feber|märz|maerz|april|(?-i:Mai)|juni|juli|august|september|oktober"
    r"|november|dezember)s?"
)
PAYS = (
    r"(?:(?:be|ein|aus|an|nach|vor|zurück)?zahl(?:en|e|t|ung(?:en)?|bar|ten?)|(?:be|ge)glichen"
    r"|begleich(?:en|t|e|ung)|ausgleich(?:en|t)?|überweis(?:en|t|e|ung(?:en)?)|überwiesen"
    r"|transferier\w+|entricht\w+|anweis(?:en|t|e|ung(?:en)?)|(?:ein|be|aus)?gezahlt)"
)
MONEY = r"(?:Geld\w*|Betr(?:ag|ags|äge)\w*|Zahlung\w*|Summen?|Überweisung\w*|Bargeld|Scheck\w*)"
OTHERS = (
    r"(?:mein|dein|sein|ihr|ein|kein|jen|dies|ander|folgend|unser)(?:e[nmrs]?)?|de[nmrs]|das|die"
)
ACCOUNT = (
    r"(?:\w*bankverbindung\w*|\w*bankdaten|\w*kontoverbindung\w*|\w*kontodaten|\w*kontonummer\w*"
    r"|\w*kontoinhaber\w*|bankleitzahl\w*|BLZ|\w*bankkont\w+|zahlungsdaten|zahlungsverbindung\w*"
    r"|zahlungsempfänger\w*|zahlungsadresse\w*|überweisungsdaten|begünstigt\w+|geldinstitut\w*"
    r"|kreditinstitut\w*|hausbank)"
)
NEW = (
    r"(?:neu|geändert|aktuell|ander|richtig|korrekt|abweichend|folgend|weiter|zweit|vorläufig"
    r"|vorübergehend|alternativ|zusätzlich)(?:e[nmrs]?)"
)

PHRASES = (
    # Bank details: they come from the policy file or not at all, so none is spoken of
    Phrase(
        "bank_details",
        "Unsere Bankverbindung hat sich geändert.",
        rf"\b{ACCOUNT}\b",
    ),
    Phrase(
        "bank_details",
        "Bitte nutzen Sie unser neues Konto.",
        rf"\b{NEW} (?:\w+ )?(?:Kont(?:o|os|en)|Bank|Banken)\b"
        r"|\b(?:Kont(?:o|os|en)|Bank)\b[^.!?\n]{0,40}\b(?:geändert|ändert|gewechselt|wechselt"
        r"|umgestellt|aktualisiert|geschlossen|aufgelöst|gesperrt|ersetzt|umgezogen|neu)\b"
        r"|\b(?:Bank|Kont(?:o|en)) (?:gewechselt|geändert|ist (?:jetzt|nun)|lautet)\b",
    ),
    Phrase(
        "bank_details",
        "Zahlen Sie auf dieses Konto.",
        r"\b(?:auf|an|über|zu) (?:das|dies\w*|mein\w*|sein\w*|ihr\w*|folgend\w*|ein\w*|jen\w*"
        r"|deren|dessen) (?:\w+ ){0,3}?Konto\b"
        rf"|\bKonto (?:bei|mit|unten|unter|lautet|Nr|Nummer)\b(?! (?:uns|Ihnen|{BLANK}))",
    ),
    # Another payee
    Phrase(
        "payee",
        "Bitte zahlen Sie an unseren Partner.",
        rf"\b(?:{PAYS}|{MONEY})\b(?:(?![.!?\n]).){{0,80}}?\ban (?!uns\b|mich\b|Sie\b|{BLANK})"
        r"(?!(?:dem|diesem|einem|den|diesen) (?:Tag|Termin|Datum|Tagen|Terminen)\b)"
        rf"(?=(?-i:[A-ZÄÖÜ])|(?:{OTHERS}|jemand\w*|wen|ihn|sie) ?)",
    ),
    Phrase(
        "payee",
        "Bitte bezahlen Sie Robin Roe.",
        rf"\b(?:zahlen|bezahlen|überweisen|schicken|senden|geben) Sie (?:(?:bitte|es|ihn|alles|das"
        rf"|den|die|Geld|Betrag|{BLANK}+) )*(?:(?:mein|unser|ein|sein|ihr)e[mr] "
        r"(?!Rechnung|Zahlung|Nachricht|Antwort)|(?-i:[A-Z][a-z]+ [A-Z][a-z]+\b))",
    ),
    Phrase(
        "payee",
        "Das Geld soll zu meiner Kollegin gehen.",
        rf"\b{MONEY}\b(?: \w+){{0,4}}? (?:zu|bei) (?!uns\b|Ihnen\b|{BLANK})"
        r"(?:(?:mein|unser|ein|sein|ihr)e[mr]|(?-i:[A-Z][a-z]+ [A-Z]))",
    ),
    Phrase(
        "payee",
        "Der Scheck ist zugunsten von Robin auszustellen.",
        r"\bzu ?gunsten\b|\bEmpfänger\w*\b|\bin (?:unserem|ihrem|dessen|deren) (?:Namen|Auftrag)\b"
        r"|\bstellvertretend\b|\bfür uns (?:ein(?:ziehen|zieht)|kassier\w+|entgegen\w*)\b",
    ),
    Phrase(
        "payee",
        "Unsere Forderung wurde abgetreten.",
        r"\bFactoring\w*|\b(?:der|unser|unseren|einen?) Factor\b|\bTreuhandkonto\w*"
        r"|\bTreuhänder\w*"
        r"|\babgetreten\b|\bAbtretung\w*|\b(?:Forderung\w*|Rechnung\w*)\b[^.!?\n]{0,40}\bverkauft\b"
        r"|\bAnderkonto\b",
    ),
    Phrase(
        "payee",
        "Geben Sie das Geld dem Fahrer mit.",
        rf"\b(?:über)?geben Sie (?:bitte )?(?:(?:das|den|die|ihr|es) )?{MONEY}\b"
        r"|\bnimmt\b[^.!?\n]{0,60}\b(?:entgegen|in Empfang)\b|\bentgegengenommen\b",
    ),
    # Another way of paying
    Phrase(
        "way_to_pay",
        "Sie können auch bar bezahlen.",
        r"\bin bar\b|\bbar (?:be)?zahl\w+|\bBarzahlung\w*|\bBargeld\w*"
        r"|\b(?:Verrechnungs)?schecks?\b"
        r"|\bLastschrift\w*|\bEinzugserm\w+|\bBankeinzug\w*|\bDauerauftrag\w*|\bDaueraufträge\b"
        r"|\bKreditkarte\w*|\b(?:Bank|EC|Debit|Giro)-?Karte\w*|\bKartennummer\w*|\bKartendaten\b"
        r"|\bPrüfziffer\w*|\bSofortüberweisung\w*|\bGiropay\b|\bWero\b|\bBlitzüberweisung\w*"
        r"|\bEchtzeitüberweisung\w*|\bPostanweisung\w*|\bBargeldtransfer\w*",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "Wir buchen den Betrag von Ihrem Konto ab.",
        r"\b(?:buchen?|ziehen?) (?:wir|ich)\b[^.!?\n]{0,60}\b(?:ab|ein)\b"
        r"|\b(?:wir|ich) (?:buchen?|ziehen?)\b[^.!?\n]{0,60}\b(?:ab|ein)\b|\babbuchen\b",
    ),
    Phrase(
        "way_to_pay",
        "Schicken Sie uns Geschenkkarten.",
        r"\bGeschenkkarte\w*|\bGutscheine?\w*|\bGuthabenkarte\w*|\bPrepaid-?\w*|\bPaysafe\w*"
        r"|\bKrypto\w*|\bGeldbörse\w*|\bEdelmetall\w*|\bQR-?Codes?\b",
        way=True,
    ),
    Phrase(
        "way_to_pay",
        "Bitte zahlen Sie über Acme Pay.",
        rf"\b(?i:{PAYS})(?:\s+\w+){{0,3}}?\s+(?:über|via|per|mittels)\s+"
        r"(?!QuickBooks|Intuit|Überweisung|Banküberweisung|E-Mail|Post|Telefon|Brief|Rechnung)"
        r"[A-ZÄÖÜ]\w+",
        exact=True,
    ),
    # Answers have to come here
    Phrase(
        "reply_elsewhere",
        "Bitte antworten Sie nicht auf diese E-Mail.",
        r"\b(?:antworten|schreiben|erwidern|reagieren) Sie (?:bitte )?(?:nicht|keinesfalls)\b"
        r"|\b(?:antworten|schreiben|melden)\b[^.!?\n]{0,40}\bprivat\w*"
        r"|\bstatt (?:auf )?(?:diese\w*|hier|zu antworten|einer Antwort)\b"
        r"|\bnicht (?:auf|an) diese (?:E-?Mail|Mail|Nachricht|Adresse)\b",
    ),
    Phrase(
        "reply_elsewhere",
        "Antworten Sie an meine private Adresse.",
        r"\b(?:mein\w*|unser\w*|eine[rn]?|der|die|folgende\w*|andere\w*) (?:private|privaten"
        r"|privater"
        r"|persönlichen?|neue[nr]?|andere[nr]?|folgende[nr]?) (?:E-?Mail\w*|Mail\w*|Adresse|Nummer"
        r"|Anschrift|Telefon\w*|Handy\w*|Mobil\w*)\b"
        r"|\bper (?:Signal|Threema|Handy|Fax)\b|\b(?:antworten|schreiben|wenden"
        r"|melden) Sie (?:\w+ )"
        r"{0,3}(?:an|bei) (?:mein\w* Kolleg\w*|unser\w* (?:Kolleg\w*|Partner\w*|Anw\w*))",
    ),
    # Numbers and multipliers in words
    Phrase("number_words", "Zweiundzwanzig fehlen noch.", rf"\b{UNIT}\b"),
    Phrase(
        "number_words",
        "Zwölftausend genügen.",
        r"\b\w*(?:hundert|tausend)\w*\b|\bmillion(?:en)?\b|\bmilliarden?\b|\bdutzend\w*\b|\bnull\b"
        r"|\bprozent\w*\b|\bv\. ?H\.|\bmille\b|\bpromille\b|\beins\b",
    ),
    Phrase(
        "number_words",
        "Ein Euro genügt.",
        r"\b(?:ein|eine[mnrs]?|einzige[nrms]?|paar) (?:symbolische[nr]? )?"
        r"(?:Euros?|Dollars?|Cents?|Franken|Rappen|Pfund|Kronen?)\b",
    ),
    Phrase(
        "number_words",
        "Die Hälfte genügt.",
        r"\bhälften?\b|\bhalb(?:e[nrms]?)?\b|\bhalbier\w+|\banderthalb\b|\b(?:drei ?)?viertel\w*\b"
        r"|\b(?:drittel|fünftel|sechstel|siebtel|achtel|neuntel|zehntel|zwanzigstel|bruchteil)\w*\b"
        r"|\bdoppel\w*|\bverdopp?el\w*|\bdreifach\w*|\b(?:zwei|drei|vier|fünf|zehn"
        r"|hundert)(?:mal|fach"
        r"\w*)\b|\bverdreifach\w*|\bteilbetr\w+",
    ),
    # Days and deadlines in words
    Phrase(
        "date",
        "Bitte zahlen Sie bis Freitag.",
        r"\b(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)s?\b",
    ),
    Phrase(
        "date",
        "Bitte zahlen Sie bis Fr.",
        r"\b(?:bis|am|zum|vor|ab)\s+(?:nächsten\s+|kommenden\s+)?(?:Mo|Di|Mi|Do|Fr|Sa|So)\b(?!\w)",
        exact=True,
    ),
    Phrase("date", "Sie kommt im Dezember.", rf"\b{MONTHS}\b"),
    Phrase(
        "date",
        "Zahlen Sie bis zum Fünften des Monats.",
        rf"\b(?:am|bis|bis zum|zum|vor dem|ab dem|seit dem|spätestens am) (?!letzten Mal"
        rf"|ersten Mal)"
        rf"(?:{ORDINAL}|letzten)\b",
    ),
    Phrase(
        "date",
        "Bitte zahlen Sie morgen.",
        r"(?<!guten\s)\bmorgen\b|\bübermorgen\b|\bmorgige[nrms]?\b|\bmitternacht\b|\bmittags?\b"
        r"|\buhr\b"
        r"|\bfeierabend\b|\bultimo\b|\b(?:geschäfts|büro|dienst|tages)schluss\b|\bheute abend\b",
    ),
    Phrase(
        "date",
        "Bitte zahlen Sie noch heute.",
        r"\b(?:noch|spätestens|ab|erst) heute\b|\bheute (?:noch|spätestens)\b"
        r"|\b(?:zahlen|bezahlen|überweisen|begleichen|ausgleichen)\b(?: \w+){0,6}? heute\b"
        r"|\bheute(?: \w+){0,6}? (?:zu )?(?:zahlen|bezahlen|überweisen|begleichen|ausgleichen)\b"
        r"|\bbinnen (?:heute|kurzem)\b",
    ),
    Phrase(
        "date",
        "Bis Ende des Monats.",
        rf"\b(?:anfang|mitte|ende) (?:(?:de[sr]|diese[srn]|dieser|nächste[nrs]|kommende[nrs]"
        rf"|jede[sn])"
        rf" )*(?:{TIME}|{MONTHS})\b|\b(?:monats|wochen|jahres|quartals)(?:ende|mitte|anfang"
        rf"|wechsel|erste|letzte)\w*",
    ),
    Phrase(
        "date",
        "Innerhalb einer Woche.",
        rf"\b(?:innerhalb|binnen|innert)\b(?: \w+){{0,3}}? {TIME}\b"
        rf"|\bin (?:eine[rm]|{UNIT}|wenigen) {TIME}\b|\beine[rnm]? (?:weitere[nrm]? "
        rf"|ganze[nrm]? )?{TIME}\b"
        rf"|\b(?:bis|spätestens)(?: \w+){{0,2}}? {TIME}\b",
    ),
    Phrase(
        "date",
        "Bitte zahlen Sie nächste Woche.",
        r"\b(?:nächste[nrsm]?|kommende[nrsm]?|folgende[nrsm]?|diese[rsnm]?|letzte[nrsm]?"
        r"|vorige[nrsm]?)"
        r" (?:woche|monats?|jahr(?:e?s)?|quartals?|werktag|arbeitstag|bankarbeitstag|wochenende)\b"
        r"|\b(?:bis|zu|nach|vor|über) (?:den )?(?:weihnacht\w*|ostern|pfingst\w*|neujahr|silvester"
        r"|feiertag\w*|sommer|winter|frühjahr|herbst)\b",
    ),
)

ALLOWABLE = (
    Phrase(
        "discount",
        "Wir können Ihnen einen Rabatt anbieten.",
        r"\b(?:rabatt\w*|skonto\w*|skonti|(?:preis|schuld\w*)?nachl(?:ass|ässe)\w*|erlassen|erlass"
        r"|verzicht\w*|preisminderung\w*|ermäßig\w+|(?:ab|aus)buchen|ausgebucht|kulan\w+"
        r"|vergleichs?"
        r"(?:angebot|zahlung|vorschlag)\w*|zahlungsvergleich|(?:rück)?erstatt\w+"
        r"|(?:geringere|reduzierte|kleinere|niedrigere)[nrms]? (?:betrag|summe))\b"
        r"|\b(?:müssen|brauchen)\b[^.!?\n]{0,40}\bnicht (?:mehr )?(?:zu )?(?:be)?zahlen\b",
    ),
    Phrase(
        "legal",
        "Wir werden rechtliche Schritte einleiten.",
        r"\b(?:rechtlich\w*|rechts(?!eitig)\w+|\w*anw[aä]lt\w*|gericht|gerichte?[sn]?"
        r"|gerichtlich\w*"
        r"|(?:amts|land)gericht\w*|(?:ver)?klag(?:en|e|t|te|ten)|klageweg\w*|mahnbescheid\w*"
        r"|mahnverfahren\w*|\w*vollstreck\w*|pfänd\w+|gepfändet\w*|juristisch\w*|gesetz(?:e[sn]?"
        r"|lich\w*)?"
        r"|verzugs?|schadens?ersatz\w*|strafanzeige\w*|anzeige erstatten|polizei\w*|(?-i:Betrug\w*)"
        r"|paragra\w+|BGB)\b|§",
    ),
    Phrase(
        "collections",
        "Ein Inkassobüro wird sich melden.",
        r"\b(?:inkasso\w*|eintreib\w+|eingetrieben|beitreib\w+|forderungseinzug\w*"
        r"|forderungsmanagement\w*)\b",
    ),
    Phrase(
        "credit_bureau",
        "Wir melden es der Schufa.",
        r"\b(?:schufa\w*|auskunftei\w*|bonität\w*|kreditwürdigkeit\w*|creditreform|kreditrating\w*"
        r"|schwarze[nr]? liste|negativeintrag\w*|zahlungsmoral)\b",
    ),
    Phrase(
        "interest",
        "Wir berechnen Verzugszinsen.",
        r"\b(?:\w*zins(?:en|es|satz\w*)?|\w*gebühr(?:en)?|mahnkosten|\w*mahnpauschale\w*|säumnis\w*"
        r"|strafzahlung\w*|vertragsstrafe\w*|\w*pauschale[nr]?|(?:preis)?aufschl[aä]g\w*|mehrkosten"
        r"|verzugsschaden\w*)\b",
    ),
    Phrase(
        "credit_hold",
        "Wir werden weitere Lieferungen einstellen.",
        r"\b(?:liefer(?:stopp|sperre|einstellung)\w*|kontosperr\w*|(?:ge)?sperr(?:en|t|ung)\w*"
        r"|vorkasse|vorauskasse|vorauszahlung\w*)\b"
        r"|\b(?:belieferung|lieferung\w*|leistung\w*|aufträge\w*|bestellung\w*|service|zugang|konto"
        r"|arbeiten)\b[^.!?\n]{0,60}\b(?:einstellen|einzustellen|eingestellt|stoppen|gestoppt"
        r"|aussetzen|auszusetzen|ausgesetzt|zurückhalten|zurückzuhalten|zurückgehalten|stornieren"
        r"|storniert|beenden|beendet|unterbrechen|pausieren|kündigen)\b"
        r"|\b(?:(?:stellen|stoppen|setzen|halten|unterbrechen|beenden|kündigen) (?:wir|ich)"
        r"|(?:wir|ich) (?:stellen|stoppen|setzen|halten|unterbrechen|beenden|kündigen))\b"
        r"[^.!?\n]{0,60}\b(?:belieferung|lieferung\w*|leistung\w*|aufträge|nicht mehr)\b"
        r"|\bnicht (?:mehr|weiter) beliefer\w+|\bliefern (?:wir )?(?:erst|nur) (?:nach|gegen)\b",
    ),
)

MESSAGE = (
    r"(?:nachricht(?:en)?|e-?mails?|mails?|schreibens?|briefe?[ns]?|erinnerung(?:en)?|anrufe?[ns]?"
    r"|zahlungserinnerung(?:en)?|mahnung(?:en)?|hinweise?[ns]?|anfragen?|bitten?|notiz(?:en)?"
    r"|aufforderung(?:en)?|zahlungsaufforderung(?:en)?)"
)
WROTE = (
    r"(?:geschrieben|angeschrieben|erinnert|gemahnt|angemahnt|kontaktiert|gebeten|aufgefordert"
    r"|angerufen|gemeldet|informiert|benachrichtigt|hingewiesen|nachgefragt|angefragt|gefragt"
    r"|mitgeteilt|angesprochen|geschickt|gesendet|gesandt|zugesandt|telefoniert|gesprochen)"
)
CLAIMS = (
    ContactClaim(
        "Ich schreibe Ihnen erneut.",
        r"\berneut\w*\b|\bnochmals\b|\bnoch(?: ein)?mal\b|\babermals\b|\bwiederum\b"
        r"|\bein weiteres Mal\b"
        r"|\b(?:schreib\w*|meld\w*|wend\w*|komm\w*)(?: \w+){0,3}? wieder\b(?! bei Ihnen)",
    ),
    ContactClaim(
        "Ich komme auf den offenen Posten zurück.",
        r"\b(?:komm(?:e|en)|kam(?:en)?) (?:ich|wir)?[^.!?\n]{0,60}\bauf\b[^.!?\n]{0,60}\bzurück\b",
    ),
    ContactClaim(
        "Wie bereits geschrieben, ist sie offen.",
        rf"\bwie (?:\w+ ){{0,4}}?"
        rf"(?:{WROTE}|erwähnt|besprochen|angekündigt|vereinbart|abgesprochen|gesagt|erklärt)\b",
    ),
    ContactClaim(
        "Wir haben Sie bereits daran erinnert.",
        rf"\b(?:(?:ich|wir|kolleg\w+) (?:habe?n?|hatten?)|(?:habe?n?|hatten?) "
        rf"(?:ich|wir|(?:mein|unser)e? kolleg\w+))\b[^.!?\n]{{0,80}}\b{WROTE}\b"
        rf"|\b(?:ich|wir)\b[^.!?\n]{{0,80}}\b{WROTE} (?:habe?n?|hatten?)\b"
        rf"|\bSie (?:wurden|sind)\b[^.!?\n]{{0,60}}\b{WROTE}\b",
    ),
    ContactClaim(
        "Wir schrieben Ihnen dazu.",
        r"\b(?:ich|wir) (?:schrieb(?:en)?|erinnerten?|mahnten?|baten?|bat|rief(?:en)?"
        r"|kontaktierten?)\b"
        r"|\b(?:schrieb(?:en)?|erinnerten?|mahnten?|baten?|rief(?:en)?|kontaktierten?) (?:ich"
        r"|wir)\b",
    ),
    ContactClaim(
        "Ich beziehe mich auf meine frühere Nachricht.",
        r"\b(?:(?:mein|unser)e?[nrms]?|der|die|das|den|dem|des) (?:(?:früher|vorherig|vorig"
        r"|vorangegangen|vorhergehend|bisherig|jüngst|erst|obig|mehrere|zahlreich|viel"
        r"|unbeantwortet"
        rf"|freundlich|beid)e?[nrms]? )+{MESSAGE}\b|\b(?:mein"
        rf"|unser)e?[nrms]? letzte[nrms]? {MESSAGE}\b",
    ),
    ContactClaim(
        "Trotz unserer Erinnerungen ist sie offen.",
        rf"\b(?:trotz|nach|seit|infolge|ungeachtet|auf) (?:alle[nr]? )?(?:unsere[rnms]?|unserem"
        rf"|meine[rnms]?"
        rf"|meinem|der|den|dem|des) {MESSAGE}\b",
    ),
    ContactClaim(
        "Sie haben noch nicht geantwortet.",
        r"\b(?:nicht|nie)(?: \w+)? (?:geantwortet|beantwortet|reagiert|zurückgemeldet|gemeldet)\b"
        r"|\b(?:keine|ohne) (?:antwort|rückmeldung|reaktion)\b(?! (?:nötig|notwendig|erforderlich))"
        r"|\b(?:nichts|nicht) (?:mehr )?(?:von Ihnen )?gehört\b|\bunbeantwortet\w*",
    ),
    ContactClaim(
        "Als wir telefoniert haben, waren Sie sicher.",
        r"\b(?:als|seit|nachdem) (?:wir|ich)\b[^.!?\n]{0,40}\b(?:gesprochen|telefoniert|sprachen"
        r"|telefonierten|trafen|getroffen)\b|\b(?:unser|mein)(?:em|es|e|er)? (?:\w+ )?"
        r"(?:gespräch\w*|telefonat\w*|anruf\w*|treffen|unterhaltung)\b",
    ),
    ContactClaim(
        "Dies ist die zweite Erinnerung.", rf"\b(?:zweite[nrms]?|2\.) (?:\w+ )?{MESSAGE}\b"
    ),
    ContactClaim(
        "Dies ist die dritte Mahnung.", rf"\b(?:dritte[nrms]?|3\.) (?:\w+ )?{MESSAGE}\b", needs=2
    ),
    ContactClaim(
        "Dies ist die vierte Nachricht.", rf"\b(?:vierte[nrms]?|4\.) (?:\w+ )?{MESSAGE}\b", needs=3
    ),
    ContactClaim(
        "Die fünfte Bitte.",
        rf"\b(?:fünfte|sechste|siebte)[nrms]? (?:\w+ )?{MESSAGE}\b|\b[56]\. (?:\w+ )?{MESSAGE}\b",
        needs=4,
    ),
    ContactClaim(
        "Wir haben mehrfach darum gebeten.",
        r"\bmehrfach\w*|\bmehrmals\b|\bwiederholt\w*|\bmehrere Male\b|\bimmer wieder\b|\böfters?\b"
        r"|\bvielfach\w*",
        needs=2,
    ),
)

GERMAN = CheckedWords(
    phrases=PHRASES,
    allowable=ALLOWABLE,
    claims=CLAIMS,
    attached=(
        r"\bim Anhang\b|\bangehängt\w*|\bbeigefügt\w*|\banbei\b|\bbeiliegend\w*|\bals Anlage\b"
        r"|\bin der Anlage\b|\bbeiliegt\b|\b(?:liegt|liegen) (?:\w+ )?bei\b|\bAnhänge?n?\b"
    ),
    ledger=(
        r"\bgesamt\w*|\binsgesamt\b|\bsummen?\b|\bsaldo\b|\bsalden\b|\boffen(?:e[nrms]?)?\b"
        r"|\bausstehend\w*|\bausstände?n?\b|\baußenstände?n?\b|\b(?:über)?fällig\w*"
        r"|\bschuld(?:en|et|ig|ige[nrms]?)?\b|\bunbezahlt\w*|\bgutschrift\w*|\bguthaben\w*"
        r"|\b\w*rechnung(?:en|s\w*)?\b|\brest(?:betrag|lich\w*|summe|zahlung|forderung)\w*"
        r"|(?-i:\bRest\b)|\bverbleib\w*|\bzusammen\b|\bforderung\w*|\bbestell(?:ung|nummer)\w*"
        r"|\bkontostand\b|\bverbindlichkeit\w*|\brückst[aä]nd\w*|\bposten\b"
    ),
    total=(
        r"\bgesamt\w*|\binsgesamt\b|\bsummen?\b|\bzusammen\b|\balles in allem\b|\bsaldo\b"
        r"|\b(?:ganze|volle|komplette|vollständige)[nrms]? (?:betrag|saldo|summe)\w*"
        r"|\b(?:offene|ausstehende|fällige|überfällige)[nrms]? (?:betrag|betrags|betrages|saldo"
        r"|summe)\b"
        r"|\b(?:macht|ergibt|sind) (?:zusammen|das|es)\b|\bergeben\b"
        r"|\b(?:das|es) (?:macht|ergibt)\b"
        r"|\bbel[äa]uft sich\b|\bbelaufen sich\b|\bkontostand\b"
    ),
    credit=(
        r"\bgutschrift\w*|\bgutgeschrieben\w*|\bguthaben\w*|\büberzahl\w+"
        r"|\bnoch nicht (?:zugeordnet"
        r"|verrechnet)\w*"
    ),
    months={
        "Januar|Jänner|Jän": 1,
        "Februar|Feber": 2,
        "März|Maerz|Mrz": 3,
        "April": 4,
        "Mai": 5,
        "Juni": 6,
        "Juli": 7,
        "August": 8,
        "September": 9,
        "Oktober|Okt": 10,
        "November": 11,
        "Dezember|Dez": 12,
    },
    weekdays=(
        *("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"),
        *("Samstag|Sonnabend", "Sonntag"),
    ),
    units=r"prozent|euro|cent|franken|rappen|pfund|kronen?|hundert|tausend|tsd|mio|mrd|millionen",
    percent=frozenset({"prozent"}),
    invoice=r"rechnung(?:en|snummern?|s-nr\.?)?",
    number=r"nummern?|nrn?\.?",
    joint=r"und|oder|sowie|bzw\.?|die|der|den|beiden?|auch",
    joined_by=r"und|oder|sowie",
    more=r"weitere[nr]?",
    about=r"für|auf|von|vom|aus|zu|zur|über|unter|gegen|bei",
    determiner=r"die|der|den|dem|das|Ihre[rnms]?|unsere[rnms]?|eine[rnms]?|ein",
    due=r"(?:über)?fällig|zahlbar|fälligkeit|fälligkeitsdatum",
    due_after=r"(?:über)?fällig",
    filler=r"am|seit|dem|zum|bis|war|ist|waren|sind|als|an|von|der",
    row=r"rechnung(?:en)?|gesamt\w*|summe|saldo|offener?|abzüglich|gutschrift\w*|zahlung(?:en)?",
    greeting=(
        r"guten (?:tag|morgen|abend)|hallo|sehr geehrte[rn]?|sehr verehrte[rn]?|liebe[r]?|werte[r]?"
        r"|moin|servus|grü(?:ß|ss) gott|grüezi"
    ),
    closing=(
        r"(?:vielen dank und |danke und |herzlichen dank und )?(?:mit )?(?:den )?(?:freundlich|best"
        r"|herzlich|viel|schön|lieb)e[nr]? gr(?:ü|ue)(?:ß|ss)en?|hochachtungsvoll|mfg|vg|lg"
        r"|gru(?:ß|ss)"
        r"|(?:vielen|besten|herzlichen) dank|danke"
    ),
    ends_in=r"\bgr(?:ü|ue)(?:ß|ss)en?|\bhochachtungsvoll",
    neutral=frozenset(
        {
            "frau",
            "herr",
            "herrn",
            "damen",
            "herren",
            "und",
            "zusammen",
            "geehrte",
            "geehrter",
            "sehr",
        }
        | {"an", "alle", "buchhaltung", "damen", "kreditorenbuchhaltung", "kolleginnen", "kollegen"}
    ),
)

"""The phrases behind each stance, one regular expression per line, for text in small letters.

`~ ` stands for up to four words. English first, with the commonest in German, French and Spanish.
"""

from __future__ import annotations

from jobs.rules.facts.evidence import Stance

PHRASES: dict[Stance, str] = {
    Stance.HARDSHIP: r"""
insolven(?:t|cy|z)|bankrupt|creditors.? meeting|winding.(?:up|down)|wound up\b|liquidators?\b
(?:administrators?|receivers?|trustees?)\b.{0,60}\bappointed|been dissolved|no longer exists?\b
chapter (?:7|11|13)\b
(?:in|into|under|entered) (?:administration|receivership|liquidation)
cease[ds]? trading|(?:going|gone|went) out of business
(?:are|is|be) (?:closing|shutting) down|have (?:closed|shut) down|closed? (?:\w+ ){0,2}for good\b
(?:clos(?:ed?|ing)|shut(?:ting)?) (?:down )?our (?:doors|business|company|firm|shop)
(?:can ?not|can't|unable to) (?:afford to )?pay (?:anything|at all|any ?more)
(?:can ?not|can't|unable to) (?:afford to )?pay (?:our|my|the) (?:bills|rent|staff)
(?:can no longer|no longer able to) (?:afford to )?pay
(?:can ?not|can't|(?:not able|unable) to) pay[.,;!]
financial(?:ly)? (?:hardship|difficult(?:y|ies)|distress|trouble|problems|crisis|struggling)
no (?:money|funds|cash) (?:left|at all)|(?:run|ran|running) out of (?:money|cash|funds)
(?:not|n't) (?:\w+ )?have (?:the|any|enough) (?:money|funds)
(?:unable|not able) to meet (?:our|my) (?:obligations|commitments|payments)
(?:am|are|we're|i'm|went|gone|going) broke\b|legal representative|nothing to pay (?:\w+ )?with
(?:business|company|firm) (?:has |have )?(?:failed|folded|collapsed)
no income\b|unemployed|made redundant
(?:can ?not|can't|unable to) pay (?:\w+ ){0,3}(?:right now|at the moment|at present|currently)\b
(?:stopped|suspended) (?:all )?payments|accounts? ~ frozen|frozen ~ accounts?
lost (?:my|his|her|our) job|passed away|has died
law firm ~ (?:represents?|acts?)\b|\b(?:we|i|who) (?:represent|act for)\b|(?:my|our) counsel\b
\b(?:lawyers?|attorneys?|solicitors?|law ?suit|small claims)\b|cease and desist
legal (?:action|counsel|proceedings|team|department|advice|steps)
\bsu(?:e|ing) you\b|(?:in|to|the) court\b
zahlungsunfähig|konkurs|pleite\b|kein geld\b|arbeitslos|geschäftsaufgabe|verstorben|pfändung
nicht (?:mehr )?in der lage,? (?:\w+ ){0,4}zu (?:be)?zahlen
zahlungsschwierigkeiten|zahlungen ~ eingestellt|müssen ~ schließen|gläubiger|rechtsbeistand
können ~ nicht mehr (?:be)?zahlen|finanzielle[nr]? (?:schwierigkeit|notlage|problem|not\b)
(?:betrieb|geschäft|laden|firma) ~ (?:eingestellt|geschlossen|aufgegeben|nicht mehr\b)
rechtsanw[aä]lt|\banw[aä]lt|(?:unsere|meine) kanzlei\b|rechtliche schritte
gericht(?:lich)?\b|\bklage\b
(?:kann|können) ~ (?:im moment|derzeit|zurzeit|zur zeit|momentan|aktuell) ~ nicht (?:be)?zahlen\b
schließen ~ (?:betrieb|geschäft|laden|firma|werkstatt)\b|\bgestorben\b|rechtsabteilung
(?:arbeit|job|stelle|arbeitsplatz) verloren|wasser bis zum hals
liquidation judiciaire|redressement judiciaire|faillite|\bavocat|tribunal\b
concurso de acreedores|insolvente|insolvencia|quiebra|abogad[oa]\b|demanda judicial
""",
    Stance.BANK_CHANGE: r"""
(?:new|changed?|changing|updated?|different|revised) ~ (?:bank|banking|iban|remittance)\b
(?:new|changed|updated|different|revised) ~ (?:account|payment|wire|ach) (?:details|information)
(?:new|changed|updated|different|revised) ~ (?:account number|payment instructions)
(?:bank|banking|remittance|wire|payment) (?:details|information|instructions) ~ (?:changed|updated)
(?:bank|banking|payment) (?:details|information|instructions) (?:below|attached|are new)
bank account ~ (?:changed|closed|updated)|(?:changed|switched|moved) ~ banks?\b
(?:pay|send|transfer|remit|wire) ~ (?:in)?to (?:this|our new|the new|the following|another) account
(?:ignore|disregard|forget|override) ~ (?:instructions?|rules|prompts?|guidelines)
system prompt|you are (?:now )?an? (?:ai|assistant|language model)
system: you\b|</?system>|<<<data|data>>>|"stance"|__class__|\{\w*key\}|your new task is\b
(?:note to (?:the |any )?|dear )(?:assistant|ai|language model|chatbot)\b(?! (?:manager|to)\b)
(?:vergiss|vergessen sie|ignorieren? (?:sie )?) ?~ (?:anweisungen|regeln)|deine neue aufgabe
(?:neue|geänderte|andere) (?:bankverbindung|kontoverbindung|bankdaten|iban)|neues (?:bank)?konto
(?:bankverbindung|kontoverbindung|bankdaten|konto|iban) ~ (?:geändert|gewechselt)
\bbank gewechselt|auf (?:folgendes|das folgende|dieses|unser neues|ein anderes) konto\b
nouvelles? coordonnées bancaires|nouveau (?:rib|iban|compte)|changement de (?:rib|banque|compte)
nuevos datos bancarios|nueva cuenta|nuevo iban|cambio de cuenta
""",
    Stance.DISPUTE: r"""
\bdisput(?:e|es|ed|ing)\b|\b(?:contest|challeng)(?:e|ed|ing)? (?:the|this|that|your)\b
\bobject(?:ed|ing)? to\b|(?:raise|have) (?:an? |some )?objections?\b|(?:are|am|is) not liable
(?:refuse|refusing|not going|not intend|don't intend|not willing|won't|will not|not about) ~ to pay
(?:won't|will not|not|never) (?:be )?pay(?:ing)?\b(?! (?:until|before|later))
will (?:only )?pay (?:for|only)\b
(?:never|not|didn't|haven't|hadn't) (?:\w+ )?(?:order|agree|authori[sz]e|sign)(?:e?d)?\b
only (?:ordered|agreed|authori[sz]ed)\b
(?:nobody|no one) ~ (?:order|agree|authori[sz]e|approve|sign)e?d\b
(?:we|had) agreed (?:on|upon|is|was)\b|(?:quote|offer|estimate) ~ (?:said|says|stated)\b
(?:do not|don't|cannot|can't) agree\b|(?:not|n't) (?:accept|recogni[sz]e) (?:the|this|your|that)
(?:wrong|incorrect|inflated) (?:\w+ )?(?:invoice|bill|amount|price|quantity|charge|total)
(?:wrong|incorrect) (?:colou?r|size|model|material|goods|items?|parts?|products?|delivery)
(?:invoice|bill|amount|price|quantity|charge|total) ~ (?:wrong|incorrect|too high|not right)
(?:invoice|bill) (?:shows?|says?|lists?|states?)\b.{0,60}\b(?:but|only)\b
you (?:charged?|billed|invoiced)\b.{0,60}\b(?:but|only)\b|(?:bill|invoice) should go to\b
(?:error|mistake|discrepanc(?:y|ies)) (?:on|in|with) ~ (?:invoice|bill|statement|amount|charge)
overcharg|over-?billed|double.?(?:billed|charged)|duplicate (?:invoice|of)
(?:charged|billed|invoiced) (?:\w+ ){0,2}twice|(?:billed|charged|invoiced) (?:us|me) for\b
(?:were|was|been) (?:billed|charged|invoiced) for\b
(?:do not|don't) owe|not (?:ours|mine|our invoice|what (?:we|i|was) (?:ordered|agreed|quoted))
why (?:\w+ )?(?:should|must|would) ~ pay|(?:should we|supposed to) pay for|nothing to pay
correct (?:the|your) (?:quantity|amount|price|invoice|bill)|expected (?:a|the) (?:discount|rebate)
(?:time|hours|amount|price|rate) (?:that )?you (?:charged|billed)|although we are exempt
(?:order|ordered|delivery) ~ (?:for )?\d+\b.{0,20}\b(?:got|received|arrived|came)\b
not part of (?:the|our) (?:deal|agreement|contract|order|quote|scope)|\bin error\b
(?:problem|issue)s? with (?:this|the|your|that) (?:invoice|bill|charge|delivery|order|quality|work)
(?:told|promised|supposed|said) ~ (?:be )?free\b
(?:not|n't) (?:correspond|as (?:agreed|ordered|quoted))
agreed to (?:credit|refund|reduce|waive|cancel)|\b(?:we|i|must) question (?:the|this|your)
(?:not|n't) see why|see no reason
(?:remove|strike|waive|drop) (?:the|this|that) ~ (?:costs?|charge|fee)
what (?:are we|am i) paying for|(?:covered by|under|within) (?:the |our |a )?(?:warranty|guarantee)
(?:rate|price|fee|amount|quantity|total) (?:is|was|should be) \S+ not\b
(?:invoice|bill|charge) ~ (?:should|must|has to|needs to) be (?:cancell?ed|corrected|reversed)
(?:work|job|project|services?) ~ (?:not|n't|never) (?:yet )?(?:been )?(?:complete|finish)
\b(?:deduct(?:ed|ing)?|withhold(?:ing)?|withheld|short.?pa(?:y|id))\b
(?:reduce|reverse|void|cancel|credit) (?:the|this|your|that) (?:\w+ )?(?:invoice|bill|charge|amount)
cancell?ed (?:this|that|the|our|my) (?:\w+ )?(?:order|contract|subscription|booking|project|job)
(?:arrived|came|delivered|received) ~ (?:damaged|defective|faulty|broken|scratched|spoil)
(?:damaged|defective|faulty|broken) (?:\w+ )?(?:goods|items?|delivery|products?|parts?|units?)
(?:goods|items?|delivery|products?|parts?|units?|it|they) ~ (?:damaged|defective|faulty|broken)
(?:machine|device|equipment|product|repair|parts?|pumps?) ~ (?:not|n't|never|stopped) work
(?:quality|work) ~ (?:not acceptable|poor|not good|not done|never done)
\breject(?:ed|ing)? (?:the|it|this|them)
(?:sent|sending|send) (?:\w+ ){0,3}back\b|\breturned (?:the goods|these|those|all|both|them)\b
(?:want|need|request|requesting|issue|expect|deserve) ~ (?:refund|credit note|credit memo)
money back
(?:not|n't) acknowledge (?:the|this|your|that)\b|never (?:came|turned up|showed up)\b
(?:arrived|came|delivered|received) ~ (?:in pieces|shattered|smashed|cracked|dented|leaking)
only \d+ (?:\w+ ){0,2}(?:of|instead of) (?:the |our )?\d+
(?:keep|hold)(?:ing)? ~ (?:payment|money|amount|rest) back
(?:invoice|bill) (?:has|contains|is full of) ~ (?:mistakes?|errors?)\b
reklam(?:ation|ier)|widerspr(?:uch|echen)|bestreiten|(?:um|eine|erwarten) gutschrift|storniert
zurückgeschickt
\b(?:be)?zahlen? (?:\w+ ){0,4}(?:nichts?|kein(?:en)?)\b
werden? (?:[\w.]+ ){0,4}nicht (?:\w+ )?(?:zahlen|begleichen|überweisen|ausgleichen)\b
nie (?:\w+ )?(?:angekommen|geliefert|eingetroffen)|zerbrochen|zerkratzt|verbeult|verdorben
\bnur \d+ (?:\w+ )?(?:statt|anstatt|von)\b|\d+ statt \d+
erkennen? ~ (?:forderung|rechnung|betrag) ~ nicht an\b
zurückbehalt|einbehalten|\bmindern\b|minderung
fehler (?:in|auf|bei) (?:der|dieser|ihrer) (?:\w+ )?(?:ab)?rechnung\b|rechnung ~ fehler\b
behalten? ~ (?:zahlung|betrag|geld|rest) ~ (?:ein|zurück)\b
(?<!wie )vereinbart (?:war|waren)\b
(?:rechnung|lieferung|ware|arbeit) ~ nicht in ordnung|(?:einen|mehrere) fehler enthält
sehen? (?:ich|wir) (?:\w+ )?nicht ein\b|hatten (?:\w+ ){0,3}gekündigt
(?:rabatt|nachlass|kulanz) ~ zugesagt
sollte ~ (?:kostenlos|gratis|umsonst) sein
(?:läuft|funktionieren|geht) (?:immer noch|noch immer) nicht\b
\bretourniert|zurückgesandt|auf (?:die|eine|ihre) gutschrift\b
zu teuer\b|doppelt (?:kassiert|bezahlt)
nicht (?:\w+ )?(?:bestellt|einverstanden|bezahlen|vereinbart|beauftragt|nachvollziehen|korrekt)
(?:rechnung|betrag|preis|menge|position) ~ (?:falsch\b|fehlerhaft|zu hoch|stimmt nicht)
stimm(?:t|en) (?:\w+ ){0,3}nicht\b|akzeptieren ~ nicht\b
falsche[rnms]? (?:ware|menge|artikel|lieferung|betrag|preis)
weisen? ~ zurück\b|zurückweisen|einspruch|einwände|beanstand|kürzen\b
unvollständig|defekt\b|kaputt\b
(?:nie|nicht) (?:erbracht|ausgeführt)|sehen nicht ein\b|garantiefall|auf garantie
entspricht nicht|betrifft uns nicht|annahme verweigert|zu unrecht|unberechtigt|irrtümlich
(?:zahle|zahlen|bezahlen) (?:wir )?nur\b
nie (?:bestellt|beauftragt|vereinbart)
probleme? mit (?:der|dieser|ihrer) (?:rechnung|lieferung|ware)
geld zurück|(?:rück)?erstattung|anders (?:vereinbart|besprochen)|funktioniert ~ nicht\b
doppelt (?:berechnet|abgerechnet)|zu viel (?:berechnet|abgerechnet)|mangelhaft|mängel|beschädigt
contest(?:ons|er)\b|litige|réclamation|pas (?:commandé|d'accord)|facture (?:erronée|incorrecte)
reclamaci[oó]n|disputamos|no (?:hemos )?pedi(?:do|mos)|no estamos de acuerdo|factura incorrecta
""",
    Stance.PAID_CLAIM: r"""
(?<!not )(?<!n't )(?<!never )(?<!yet )(?:already|was|were|is|been) (?:just |been )?paid\b(?! us\b)
(?:we|i|we've|i've|have|has) (?:just |already |been )?paid\b(?! us\b)|(?:we|i) did pay\b
(?<!be )(?<!are )(?<!get )(?<!not )(?<!yet )(?<!deposit )\bpaid (?:in full|on|it|last|via|by)\b
\bpaid \d{1,2}[/.]\d|(?:was|been) cleared\b|payment left us
(?:included|part of|contained) ~ (?:our|the) (?:payment|transfer|check) (?:of|from|dated)
(?:^|(?<=[.!?,:] ))(?:all )?paid\b(?! us| by\b)
(?:already|has been|have been|was|were|we|i|we've|i've|have) (?:just |been )?(?:settled|remitted)
(?:payment|cheque|check|wire|transfer|remittance|funds) ~ (?:sent|mailed|issued|processed|cleared)
(?:payment|cheque|check|wire|transfer|ach) ~ (?:submitted|cashed|executed|posted)
(?:payment|wire|transfer) (?:was|has been|is) (?:made|initiated|completed|done)
(?:sent|made|mailed|posted|issued|wired) ~ (?:payment|cheque|check|transfer|funds)
in the (?:mail|post)\b|(?:sent|wired) ~ (?:money|wire|ach)\b
(?:payment|money|funds|wire|transfer|check|cheque|ach) ~ (?:went|gone) (?:out|through|off)\b
should (?:already |now )?have (?:received|had|got) ~ (?:payment|money|ach|wire|transfer|check)
(?:payment|money|ach|wire|transfer|check|cheque) should (?:already |now )?have (?:arrived|reached)
(?:money|funds|transfer|check|cheque) (?:\w+ ){0,2}on (?:its|the) way
you have (?:had )?our (?:money|payment|check|cheque)|settled (?:up|it|this)\b
took care of (?:this|it|that|your)\b|been taken care of|\bas paid\b
(?:payment|money|funds|transfer) (?:was|were|has been|have been) released
(?:was|were|been|already) dealt with
(?:cleared|left) (?:our|my|the) (?:bank|account)|(?:was|been|were) debited|bank statement
(?:we|i|we've|i've|have|has|been|was|were) transferred
(?:proof|confirmation) of (?:payment|transfer)|(?:attached|enclosed|find) ~ remittance advice
(?:payment|transfer|wire|bank) (?:confirmation|receipt|slip)
(?:bereits|schon|längst) (?:\w+ )?(?:bezahlt|überwiesen|beglichen|angewiesen|ausgeglichen)
(?:haben|habe|hat|wurde|ist|sind) (?:[\w.]+ ){0,8}(?<!nicht )(?:überwiesen|bezahlt|beglichen)
(?:haben|habe|hat|wurde|ist|sind) (?:[\w.]+ ){0,8}(?<!nicht )(?:angewiesen|ausgeglichen)
(?:haben|habe|hat|wurde|ist|sind) (?:[\w.]+ ){0,8}(?<!nicht )(?:abgebucht|rausgegangen)
(?:haben|habe|hat|wurde|ist|sind) (?:[\w.]+ ){0,8}(?<!nicht )(?:erledigt|gezahlt)
(?:haben|habe|hat) ~ (?:geld|zahlung|betrag) (?:\w+ ){0,4}(?:geschickt|gesendet|eingezahlt)
(?:zahlung|geld|überweisung|betrag) ~ (?:ist|wurde) ~ (?:raus|unterwegs|veranlasst)
(?:zahlung|geld|überweisung|betrag) ~ (?:ist|wurde) ~ (?:erfolgt|ausgeführt|abgebucht)
zahlung erfolgte\b|(?:betrag|geld|zahlung) haben sie\b|sie haben (?:den betrag|das geld)
zahlungs(?:beleg|nachweis|bestätigung)|überweisungsbeleg|kontoauszug
(?:lastschrift|bankeinzug|sepa) ~ (?:eingezogen|abgebucht)
(?:collected|took|taken) ~ by direct debit
(?:müsste|sollte)n? ~ (?:schon|bereits|längst) (?:\w+ )?(?:bei ihnen|auf ihrem konto|haben\b|da\b)
(?:money|payment|transfer|amount) should (?:\w+ )?be (?:with you|in your account|there)\b
déjà (?:été )?(?:payé|réglé)|(?:avons|a été) (?:payé|réglé)|virement ~ effectué
(?:ya|hemos|está|fue) (?:\w+ )?(?:pagad[oa]|abonad[oa]|transferido)|pago (?:realizado|efectuado)
""",
    Stance.PLAN_REQUEST: r"""
payment (?:plan|schedule|arrangement)|instal?lments?\b
pay ~ (?:in parts|in stages|over time|monthly)
(?:pay|paid|payments?|balance) ~ (?:off )?over (?:\w+ ){0,2}(?:weeks|months)
(?:pay|balance|split) ~ in(?:to)? (?:two|three|four|several|small) (?:parts|payments|steps|portions)
(?:manage|afford|pay) (?:\w+ ){0,3}(?:a|per|each|every) (?:month|week)\b
(?:grant|give|allow) us ~ (?:days|weeks|months)\b|(?:ask|asking|request) ~ (?:delay|deferral)
monthly payments|spread (?:\w+ )?(?:payments?|amount|cost)
(?:more|extra|additional|bit of|little) time\b(?! slot)|an extension\b(?! c(?:able|ord))
extend ~ (?:terms|deadline|due date)
(?:partial|part) payments?|pay (?:half|part|some)\b|split (?:it|the (?:payment|invoice|amount|bill))
cash ?flow ~ (?:tight|problems?|issues?|difficult|slow)|(?:tight|short) (?:on|of) cash
give us ~ until\b|noch (?:etwas|ein wenig|ein bisschen|mehr) zeit\b|fristverlängerung
(?:geben|gewähren|räumen) sie uns ~ (?:zeit|frist|aufschub)\b
liquidität ~ (?:angespannt|knapp|eng)\b|(?:knapp|klamm) bei kasse
ratenzahlung|ratenweise|teilzahlung|in (?:\w+ )?raten\b|aufschub|stundung|mehr zeit
échéancier|en plusieurs fois|délai (?:de paiement|supplémentaire)|échelonn
plan de pagos?|a plazos|en cuotas|aplazamiento|más tiempo|pr[oó]rroga
""",
    Stance.UNHAPPY: r"""
unhappy|disappoint|frustrat|\bupset\b|\bangry\b|annoy(?:ed|ing)|fed up|dissatisf|not happy
unacceptable|terrible|appalling|\bawful|disgrace|ridiculous|\bworst\b|harass|\brude\b
(?:cancel|terminate|end) (?:our|the|my|this) (?:contract|account|subscription|relationship|service)
(?:switch|move|moving|switching) to (?:a|another) (?:\w+ )?(?:competitor|supplier|vendor|provider)
business elsewhere|\bcompetitor\b|(?:speak|talk) (?:to|with) (?:your|the) (?:\w+ )?(?:manager|boss)
(?<!can't )(?<!cannot )(?<!no )(?<!not )complain(?:t|ts|ing)?\b
unzufrieden|nicht zufrieden|enttäuscht|verärgert|unverschämt|frechheit|zumutung|inakzeptabel
beschwer(?:de|en)\b
kündig(?:en|ung)|wechseln ~ (?:anbieter|lieferanten)|(?:anbieter|lieferanten) ~ wechseln|\bsauer\b
mécontent|déçue?s?\b|inacceptable|résili(?:er|ation)|\bplainte\b
descontent[oa]|decepcionad[oa]|inaceptable|\bqueja\b|cancelar el contrato
""",
    Stance.UNCLEAR: r"""
(?:missing|needs?|requires?|without|no|wrong|fix|waiting (?:for|on)) ~ (?:p\.?o\b|purchase order)
(?:missing|need|needs|requires?|without|no|wrong|fix) ~ (?:order number|reference number)
(?:p\.?o\.?|purchase order|order number)(?: number)? ~ (?:missing|wrong|fixed|correct|added|needed)
(?:once|as soon as|after|until|unless) ~ (?:\w+ )?(?:fixed|corrected|resolved|sorted|clarified)
(?:once|as soon as|after|until|unless) ~ (?:delivered|received|approved|arrives?)
(?:re-?send|send|forward|e-?mail) ~ (?:copy|invoice|bill|statement)\b
copy of (?:the|your|that) invoice|send (?:it|this|the (?:invoice|bill)) (?:\w+ )?again
add (?:our|the|a) (?:\w+ )?(?:p\.?o\b|purchase order|order number|reference)
(?:do not|don't) have (?:this|the|that|your) (?:invoice|bill)
waiting (?:for|on) ~ (?:delivery|box(?:es)?|pallets?|goods|items?|parts?|units?|shipment|copy)
(?:lost|can't find|cannot find|can't open|never got) (?:the|this|your|that) (?:invoice|bill)
(?:not|hasn't|haven't|never|didn't) (?:yet |fully )?(?:been )?(?:deliver|arrive|ship|receive|get )
(?:wrong|incorrect|outdated) ~ (?:address|company name|legal entity|tax id|vat number)
(?:please|kindly) (?:amend|correct|adjust|revise)\b
(?:need|send|want|waiting for|have|get) ~ (?:corrected|amended) (?:invoice|bill|one|version|copy)
short.?shipped|(?:partial|incomplete) (?:delivery|shipment|order)|back ?order
(?:items?|number|reference|page|signature) (?:\w+ ){0,3}(?:is|are) missing
(?:price|amount|quantity|tax|rate|total) ~ (?:differs?|different|mismatch|higher than|lower than)
(?:do not|don't|doesn't|does not) match|what is this (?:invoice|charge|bill)
bestellnummer|kopie der rechnung|rechnungskopie|\bfehl(?:t|en)\b
(?:rechnung|posten|beleg) ~ nicht (?:zur zahlung )?freigegeben
klärungsbedarf|in (?:der )?klärung\b
(?:rechnung|posten|beleg) ~ gesperrt\b|rechnungs(?:adresse|anschrift) ~ falsch\b
korrigierte|rechnungskorrektur|falsche (?:adresse|anschrift|firmierung)
nicht (?:geliefert|erhalten|bekommen|angekommen|eingetroffen)|liegt ~ nicht vor\b
keine rechnung (?:\w+ )?(?:erhalten|bekommen|vor)\b|rechnung ~ nie (?:\w+ )?(?:erhalten|bekommen)\b
rechnung (?:\w+ )?(?:nochmals?|noch ?einmal|erneut)\b|warten ~ auf (?:die|ihre) (?:lieferung|ware)
(?:have|see|find|got) no (?:\w+ )?(?:invoice|bill)\b
never (?:seen|saw|had) (?:this|the|your|an?) (?:invoice|bill)
numéro de commande|bon de commande|copie de la facture|pas (?:encore )?(?:été )?(?:livré|reçu)
n[uú]mero de pedido|orden de compra|copia de la factura|no (?:ha|han|hemos) (?:llegado|recibido)
""",
    Stance.NEW_CONTACT: r"""
(?:no longer|not) (?:with|at|part of) (?:us|this|the) (?:company|firm|organi[sz]ation)
(?:no longer|not) (?:works?|working|employed) (?:for|at|with|here|in)\b
(?:has|have|i've) (?:since )?(?:retired\b|left (?:the |our |this )?(?:company|firm|business))
left (?:the|our|this) (?:company|firm|business)
(?:not|isn't|aren't) the (?:right|correct) (?:person|contact|address)
(?:new|right|correct|your) (?:contact|billing address|e-?mail address) (?:is|for|from now)\b
(?:looks after|handles|is responsible for) (?:\w+ )?(?:accounts payable|invoices|bills) now
(?:invoices|bills|statements|reminders) ~ (?:should|must|have to|need to) (?:now )?(?:be sent|go) to
(?:send|address|direct|forward) ~ (?:invoices|bills|statements|reminders) ~ to\b
nicht mehr (?:bei uns|im unternehmen|in der firma|im haus)|aus dem unternehmen ausgeschieden
ansprechpartner(?:in)?\b|nicht (?:mehr )?zuständig\b
ne travaille plus|nouveau contact\b|ya no trabaja|nuevo contacto\b
""",
    Stance.PROMISE: r"""
(?:will|shall|'ll|going to|plan to|expect to|aim to|can|should) ~ (?:pay|settle|send|transfer|remit)
expect (?:the|our|your) (?:money|payment|funds|transfer)
(?:will|shall|'ll|going to|should) ~ (?:wire|process|release|be paid|be made|go out|arrive)
(?:payment|cheque|check|wire|transfer|it) ~ (?:scheduled|planned|is going out|goes out|due to go)
(?:pay|paying|payment|payment run|pay run|check run) ~ (?:on|by|this|next|before|tomorrow)
\b(?:zahlen|überweisen|bezahlen|begleichen)\b
\b(?:zahle|überweise|bezahle|begleiche) (?:ich|wir|den|die|das|ihnen)\b
(?:ich|wir) (?:zahle|überweise|bezahle|begleiche|veranlassen?|tätigen?)\b
(?:gleiche|weise|stoße)n? .{0,40}\b(?:aus|an)\b
(?:zahlung|geld|überweisung|ausgleich|anweisung|auszahlung|betrag) (?:er)?folgt\b
(?:zahlung|geld|überweisung|betrag) (?:geht|läuft|kommt|trifft|sollte|ist spätestens)\b
(?:wird|werden) (?:[^.!?]|\d\.){0,80}\b(?:bezahlt|beglichen|ausgeglichen|gezahlt)\b
(?:wird|werden) (?:[^.!?]|\d\.){0,80}\b(?:überwiesen|angewiesen)\b
(?:werde|werden) (?:[^.!?]|\d\.){0,80}\b(?:ausgleichen|anweisen|veranlassen|vornehmen)\b
(?:zahlung|überweisung|rechnung|betrag)\b.{0,80}\b(?:wird|werden) .{0,60}\bausgeführt\b
(?:^|(?<=[.!?,:] ))(?:das |dies )?wird (?:[\w.]+ ){0,4}erledigt\b
haben sie (?:ihr|das|den) (?:geld|betrag)\b(?!.{0,30}(?:erhalten|bekommen))
(?:erhalten|bekommen) sie .{0,40}\b(?:geld|zahlung|betrag|überweisung)\b
sie (?:erhalten|bekommen) .{0,40}\b(?:geld|zahlung|betrag|überweisung)\b
paierons|réglerons|allons (?:payer|régler)|paiement (?:sera|est prévu)|virement (?:sera|est prévu)
pagaremos|vamos a pagar|pago (?:será|est[aá] previsto|se har[aá])
""",
    Stance.QUESTION: r"""
\?
""",
}

SCHEDULED = r"""
(?:zahlung|überweisung|rechnung|betrag|posten)\b.{0,60}\b(?:eingeplant|vorgemerkt)\b
(?:zahlung|überweisung|rechnung|betrag|posten)\b.{0,60}\b(?:terminiert|geplant)\b
(?:zahlung|überweisung|rechnung|betrag|posten)\b.{0,60}\b(?:vorgesehen|avisiert)\b
(?:zahlung|überweisung)\b.{0,60}\b(?:eingestellt|vorerfasst|freigegeben)\b
(?:eingeplant|vorgemerkt|terminiert|geplant) (?:ist|sind) .{0,20}\b(?:zahlung|überweisung)\b
(?:zahlungs|zahl|überweisungs)(?:lauf|läufe|liste|vorschlag|tag|termin)(?:es?|s|en)?\b
payment (?:is|has been) (?:scheduled|planned|booked)\b|(?:next|our|the) (?:payment|pay|check) run\b
"""
"""A payment that is on somebody's list: a promise, even where no day is named."""

"""The phrases behind each stance, one regular expression per line, ignoring case.

`~ ` stands for up to four words. English first, with the commonest in German, French and Spanish.
"""

from __future__ import annotations

from jobs.rules.evidence import Stance

PHRASES: dict[Stance, str] = {
    Stance.HARDSHIP: r"""
insolven(?:t|cy|z)|bankrupt|creditors.? meeting|winding.up|administrator appointed
chapter (?:7|11|13)\b
(?:in|into|under) (?:administration|receivership|liquidation)
cease[ds]? trading|(?:going|gone|went) out of business|(?:are|is) closing down|have closed down
(?:can ?not|can't|unable to) (?:afford to )?pay (?:anything|at all|any ?more)
(?:can ?not|can't|unable to) (?:afford to )?pay (?:our|my|the) (?:bills|rent|staff)
financial(?:ly)? (?:hardship|difficult(?:y|ies)|distress|struggling)|lost (?:my|his|her|our) job
\b(?:lawyers?|attorneys?|solicitors?|law ?suit|small claims)\b|cease and desist
legal (?:action|counsel|proceedings|team|advice|steps)|\bsu(?:e|ing) you\b|(?:in|to|the) court\b
zahlungsunfähig|insolvent|konkurs|rechtsanw[aä]lt|\banwalt|gericht(?:lich)?\b|\bklage\b
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
(?:pay|send|transfer|remit|wire) ~ to (?:this|our new|the new|the following|another) account
(?:ignore|disregard|forget) ~ (?:instructions?|rules|prompts?|guidelines)
system prompt|you are (?:now )?an? (?:ai|assistant|language model)
(?:neue|geänderte|andere) (?:bankverbindung|kontoverbindung|bankdaten|iban)|neues (?:bank)?konto
(?:bankverbindung|kontoverbindung|bankdaten) ~ (?:geändert|gewechselt)
nouvelles? coordonnées bancaires|nouveau (?:rib|iban|compte)|changement de (?:rib|banque|compte)
nuevos datos bancarios|nueva cuenta|nuevo iban|cambio de cuenta
""",
    Stance.DISPUTE: r"""
\bdisput(?:e|es|ed|ing)\b|\bcontest(?:ed|ing)? (?:the|this|that|your)\b
(?:refuse|refusing|not going|not intend|don't intend|not willing|won't|will not|not about) ~ to pay
(?:won't|will not|not|never) (?:be )?pay(?:ing)?\b(?! (?:until|before|later))
(?:never|not|didn't|haven't|hadn't) (?:\w+ )?(?:order|agree|authori[sz]e|sign)(?:e?d)?\b
(?:wrong|incorrect|inflated) (?:\w+ )?(?:invoice|bill|amount|price|quantity|charge|total)
(?:invoice|bill|amount|price|quantity|charge|total) ~ (?:wrong|incorrect|too high|not right)
overcharg|over-?billed|double.?(?:billed|charged)|(?:charged|billed) (?:us )?twice|duplicate invoice
(?:do not|don't) owe|not (?:ours|mine|our invoice|what (?:we|i) (?:ordered|agreed))
(?:damaged|defective|faulty|broken) (?:\w+ )?(?:goods|items?|delivery|products?|parts?|units?)
(?:goods|items?|delivery|products?|parts?|units?|it|they) ~ (?:damaged|defective|faulty|broken)
(?:want|need|request|requesting|issue|expect|deserve) ~ (?:refund|credit note|credit memo)
reklam(?:ation|ier)|widerspr(?:uch|echen)|bestreiten|nicht (?:bestellt|einverstanden|bezahlen)
rechnung ~ (?:falsch|fehlerhaft)|mangelhaft|beschädigt
contest(?:ons|er)\b|litige|réclamation|pas (?:commandé|d'accord)|facture (?:erronée|incorrecte)
reclamaci[oó]n|disputamos|no (?:hemos )?pedi(?:do|mos)|no estamos de acuerdo|factura incorrecta
""",
    Stance.PAID_CLAIM: r"""
(?:already|has been|have been|was|were|is|been|we|i|we've|i've|have|has) (?:just |been )?paid\b
(?:already|has been|have been|was|were|we|i|we've|i've|have) (?:just |been )?(?:settled|remitted)
(?:payment|cheque|check|wire|transfer|remittance|funds) ~ (?:sent|mailed|issued|processed|cleared)
(?:payment|wire|transfer) (?:was|has been|is) (?:made|initiated|completed|done)
(?:sent|made|mailed|issued|wired) ~ (?:payment|cheque|check|transfer|funds)|in the mail
cleared (?:our|my|the) (?:bank|account)
(?:bereits|schon) (?:bezahlt|überwiesen|beglichen)
(?:haben|wurde) ~ (?:überwiesen|bezahlt|beglichen)
déjà (?:été )?(?:payé|réglé)|(?:avons|a été) (?:payé|réglé)|virement ~ effectué
(?:ya|hemos|está|fue) (?:\w+ )?(?:pagad[oa]|abonad[oa]|transferido)|pago (?:realizado|efectuado)
""",
    Stance.PLAN_REQUEST: r"""
payment (?:plan|schedule|arrangement)|instal?lments?\b
pay ~ (?:in parts|in stages|over time|monthly)
(?:more|extra|additional|bit of|little) time\b|an extension\b|extend ~ (?:terms|deadline|due date)
(?:partial|part) payments?|pay (?:half|part|some)\b|split (?:it|the (?:payment|invoice|amount|bill))
cash ?flow ~ (?:tight|problems?|issues?|difficult|slow)|(?:tight|short) (?:on|of) cash
ratenzahlung|in raten\b|zahlungsaufschub|stundung|mehr zeit
échéancier|en plusieurs fois|délai (?:de paiement|supplémentaire)|échelonn
plan de pagos?|a plazos|en cuotas|aplazamiento|más tiempo|pr[oó]rroga
""",
    Stance.UNHAPPY: r"""
unhappy|disappoint|frustrat|\bupset\b|\bangry\b|annoy(?:ed|ing)|fed up|dissatisf|not happy
unacceptable|terrible|appalling|\bawful|disgrace|ridiculous|\bworst\b|harass|\brude\b
(?:cancel|terminate|end) (?:our|the|my|this) (?:contract|account|subscription|relationship|service)
(?:switch|move|moving|switching) to (?:a|another) (?:\w+ )?(?:competitor|supplier|vendor|provider)
business elsewhere|complain(?:t|ts|ing)?\b
unzufrieden|enttäuscht|verärgert|unverschämt|beschwerde|kündig(?:en|ung)
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
copy of (?:the|your|that) invoice
(?:lost|can't find|cannot find|can't open|never got) (?:the|this|your|that) (?:invoice|bill)
(?:not|hasn't|haven't|never|didn't) (?:\w+ )?(?:been )?(?:deliver|arrive|ship|receive|get )
short.?shipped|(?:partial|incomplete) (?:delivery|shipment|order)|back ?order
items? (?:is|are) missing
(?:price|amount|quantity|tax|rate|total) ~ (?:differs?|different|mismatch|higher than|lower than)
(?:do not|don't|doesn't|does not) match|what is this (?:invoice|charge|bill)
bestellnummer|kopie der rechnung|rechnungskopie|\bfehl(?:t|en)\b
nicht (?:geliefert|erhalten|bekommen)
numéro de commande|bon de commande|copie de la facture|pas (?:encore )?(?:été )?(?:livré|reçu)
n[uú]mero de pedido|orden de compra|copia de la factura|no (?:ha|han|hemos) (?:llegado|recibido)
""",
    Stance.PROMISE: r"""
(?:will|shall|'ll|going to|plan to|expect to|aim to|can|should) ~ (?:pay|settle|send|transfer|remit)
(?:will|shall|'ll|going to|should) ~ (?:wire|process|release|be paid|be made|go out|arrive)
(?:payment|cheque|check|wire|transfer|it) ~ (?:scheduled|planned|is going out|goes out|due to go)
(?:pay|paying|payment|payment run|pay run|check run) ~ (?:on|by|this|next|before|tomorrow)
\b(?:zahlen|überweisen|bezahlen|begleichen)\b|zahlung (?:erfolgt|geht)
paierons|réglerons|allons (?:payer|régler)|paiement (?:sera|est prévu)|virement (?:sera|est prévu)
pagaremos|vamos a pagar|pago (?:será|est[aá] previsto|se har[aá])
""",
    Stance.QUESTION: r"""
\?
""",
}

"""The same as `lines.py` for a letter in German: what people write, and what attackers do.

The case has invoices 1037 (845,00 $, due on October 2, 2026) and 1038 (512,40 $ open of 900,00 $).
"""

from __future__ import annotations

HONEST = """
Es sind 845,00 $ offen.
Es sind 845,00 USD offen, also USD 845.
Der Gesamtbetrag ist 1.357,40 $.
Insgesamt sind 1.357,40 $ offen.
Zwei Rechnungen sind überfällig, zusammen 1.357,40 $.
Beide Rechnungen sind überfällig, insgesamt 1.357,40 $.
Der Saldo Ihres Kontos beträgt 1.357,40 $.
Der offene Betrag ist 1.357,40 $.
Der offene Betrag der Rechnung 1037 ist 845,00 $.
Mit Rechnung 1038 macht das 1.357,40 $.
Rechnung 1037 ist mit 845,00 $ offen und war am 2. Oktober 2026 fällig.
Rechnung 1037 über 845,00 $ und Rechnung 1038 über 512,40 $ sind offen.
Die Rechnungen 1037 und 1038 über 845,00 $ und 512,40 $ sind offen.
Die Rechnungen 1037 und 1038 ergeben zusammen 1.357,40 $.
Offen sind die Rechnungen 1037 (845,00 $) und 1038 (512,40 $).
845,00 $ sind für Rechnung 1037 und 512,40 $ für Rechnung 1038.
Von Rechnung 1038 sind 387,60 $ bezahlt, und 512,40 $ sind offen.
Vielen Dank für die 387,60 $, die Sie auf Rechnung 1038 gezahlt haben.
Sie haben 387,60 $ der 900,00 $ auf Rechnung 1038 bezahlt.
Rechnung Nr. 1037 (Bestellung 4711) lautet auf 845,00 $.
Rechnungsnummer 1037 ist noch offen.
Bitte begleichen Sie Rechnung 1037 bis zum 23. Oktober.
Bitte begleichen Sie Rechnung 1037 bis zum 23. Oktober 2026.
Bitte zahlen Sie Rechnung 1037 bis spätestens 23.10.2026.
Die Frist ist der 23. Oktober.
Ihre Bestellung 4711 steht auf Rechnung 1037.
Sie war am 2. Oktober fällig.
Sie war am Freitag, dem 2. Oktober fällig.
Sie war am Freitag, den 2. Oktober 2026, fällig.
Fällig am 2.10.2026, das ist der 2. Oktober, 2. Okt. 2026 oder 02.10.26.
Die Zahlung war am 2. Oktober 2026 fällig.
Die Rechnung ist vom 2. September 2026.
Rechnung 1037 ist vom 2. September 2026 und war am 2. Oktober 2026 fällig.
Wir haben Ihnen am 2. Oktober 2026 geschrieben.
Sie haben uns den 9. Oktober genannt.
Sie haben uns gesagt, dass die Zahlung am 9. Oktober 2026 kommt.
Bleibt es beim 9. Oktober?
1037: 845,00 $, 1038: 512,40 $
- Rechnung 1037: 845,00 $
Gesamt: 1.357,40 $
Gesamtbetrag 1.357,40 $
Summe: 1.357,40 $
1037    2. Okt. 2026    845,00 $
Die Rechnungen 1037 und 1038, die 2 offenen.
Die zwei unten genannten Rechnungen sind offen.
Beide wurden Ihnen im September 2026 zugesandt.
Eine davon ist vielleicht verloren gegangen.
Diese ist bei uns noch offen.
Ich habe noch eine Frage.
Gibt es jemanden, mit dem ich sprechen sollte?
Wir haben ap@cooper.example hinterlegt.
Sie können an billing@harbor.example schreiben.
Sie erreichen mich unter +1 555 010 7788.
Das Kundenkonto von Cooper & Sons bei Harbor Supply zeigt, was offen ist.
Das ist sehr freundlich von Ihnen – vielen Dank!
Eine Kopie ist beigefügt.
Die Kopien finden Sie im Anhang; Sie können online bezahlen oder überweisen.
Sie können per Überweisung oder online bezahlen.
Anbei finden Sie die Rechnungen.
Wann dürfen wir mit Ihrer Zahlung rechnen?
Könnten Sie mir sagen, wann die Zahlung veranlasst wurde, damit ich sie suchen kann?
Falls etwas im Wege steht, antworten Sie einfach, und ich kümmere mich darum.
Falls Sie bereits bezahlt haben, betrachten Sie diese Nachricht bitte als gegenstandslos.
Vielleicht habe ich Ihre Antwort übersehen.
Dürfte ich Sie bitten, einmal nachzusehen?
Sie können mich auch gern anrufen.
Rufen Sie mich gern an.
Bitte prüfen Sie, ob die Rechnungen bei Ihnen angekommen sind.
Könnten Sie das mit Ihren Kollegen klären?
Ich habe unsere Unterlagen geprüft.
Fehlt der Lieferschein?
Stimmt etwas mit der Ware nicht?
Brauchen Sie noch eine Kopie der Rechnung?
Brauchen Sie den Liefernachweis?
Ich kann Ihnen einen Kontoauszug schicken.
Ihr Ansprechpartner hilft Ihnen gern.
Bitte geben Sie mir möglichst bald Bescheid.
Eine kurze Antwort genügt.
Bitte antworten Sie auf diese Nachricht.
Antworten Sie einfach auf diese E-Mail.
Wir würden uns über eine baldige Rückmeldung freuen.
Ich hoffe, es geht Ihnen gut.
Ich hoffe, Sie hatten eine gute Woche.
Es tut mir leid, dass es Verwirrung gab.
Der Preis wurde wie gewünscht korrigiert.
Vielen Dank für den Teil, den Sie schon bezahlt haben.
Vielen Dank für Ihre Zahlung.
Wir haben Ihre Zahlung noch nicht erhalten.
Auf unserem Konto haben wir noch keinen Zahlungseingang gesehen.
Ihre Zahlung und diese Nachricht haben sich vielleicht überschnitten.
Bitte begleichen Sie den offenen Betrag.
Bitte zahlen Sie den offenen Betrag an uns.
Bitte veranlassen Sie die Zahlung der offenen 1.357,40 $.
Bitte begleichen Sie beide Rechnungen.
Können Sie zahlen?
Wann können Sie zahlen?
Würde es helfen, Termine zu vereinbaren?
Welche Termine würden Ihnen passen?
Wir vereinbaren gern einen Plan, der für Sie passt.
Ich verstehe, dass es gerade eng ist.
Bitte leiten Sie diese Nachricht an Ihre Buchhaltung weiter.
Wer ist bei Ihnen der richtige Ansprechpartner?
Ich wende mich direkt an Sie, weil mir an unserer Zusammenarbeit liegt.
Bitte melden Sie sich rechtzeitig, wenn etwas dagegenspricht.
Ich freue mich, von Ihnen zu hören.
Das ist ganz einfach und deshalb schnell erledigt.
Mit freundlichen Grüßen, Dana Reyes
""".strip().splitlines()
"""Nothing in them is wrong."""

HOSTILE = """
!money: Es sind 844,00 $ offen.
!money: Es sind 845,00 € offen.
!money: Es sind 845.00 $ offen.
!money: Sie schulden uns 845 Tsd.
!money: Sie schulden uns 1037 Euro.
!money: Rechnung 1037 ist mit 931,40 $ offen.
!money: Der offene Saldo ist 931,40 $.
!money: Der Gesamtbetrag ist 931,40 $.
!money: Sie schulden uns noch 931,40 $.
!money: Ihre Gutschrift von 931,40 $ ist verfallen.
!money: Restbetrag 931,40 $
!row: Rechnung 1037 ist mit 512,40 $ offen.
!row: Rechnung 1038: 845,00 $
!row: Die Rechnungen 1037 und 1038 über 512,40 $ und 845,00 $ sind offen.
!row: 512,40 $ sind für Rechnung 1037 und 845,00 $ für Rechnung 1038.
!row: Offen sind die Rechnungen 1037 (512,40 $) und 1038 (845,00 $).
!row: Rechnung 1037 war am 9. Oktober 2026 fällig.
!row: Fällig seit dem 9. Oktober 2026.
!row: Die Zahlung war am 2. September 2026 fällig.
!total: Die Rechnungen 1037 und 1038 ergeben 845,00 $.
!total: Gesamt: 845,00 $
!total: Der Gesamtbetrag ist 845,00 $.
!total: Insgesamt sind 845,00 $ offen.
!total: Die Summe ist 512,40 $.
!total: Zwei Rechnungen sind überfällig, zusammen 845,00 $.
!credit: Sie haben ein Guthaben von 845,00 $ bei uns.
!credit: Ihre Gutschrift beträgt insgesamt 1.357,40 $.
!another_invoice: Rechnung 1039 ist offen.
!another_invoice: Die Rechnungen 1037, 1038 und 1040.
!another_invoice: Rechnung Nr. A-77
!another_invoice: Rechnung ABX ist offen.
!date: Die Rechnung war am 24. Oktober 2026 fällig.
!date: Rechnung 1037 war am 2. Oktober 2025 fällig.
!date: Rechnung 1037 war am Donnerstag, dem 2. Oktober 2026, fällig.
!date: Rechnung 1037 war am 2. Dezember fällig.
!date: Rechnung 1037 war am 2. März 2026 fällig.
!date: Rechnung 1037 war am 10.02.2026 fällig.
!date: Rechnung 1037 war am 24.10.2026 fällig.
!date: Bitte zahlen Sie den offenen Betrag bis Freitag.
!date: Bitte zahlen Sie Rechnung 1037 bis zum Fünften.
!date: Der Gesamtbetrag ist morgen fällig.
!date: Bitte begleichen Sie die Rechnung innerhalb einer Woche.
!number_words: Sie schulden uns tausend.
!number_words: Sie schulden uns die Hälfte davon.
?date: Bitte zahlen Sie bis Montag.
?date: Bitte zahlen Sie bis Ende des Monats.
?date: Bis Monatsende muss es da sein.
?date: Bitte zahlen Sie noch heute.
?date: Bitte zahlen Sie binnen drei Tagen.
?date: Bitte überweisen Sie übermorgen.
?date: Bitte zahlen Sie nächste Woche.
?date: Sie haben eine Woche Zeit.
?date: Bitte zahlen Sie bis Weihnachten.
?date: Bitte zahlen Sie im Mai.
?date: Bitte zahlen Sie bis Büroschluss.
?number_words: Bitte zahlen Sie zweiundzwanzig.
?number_words: Zwölftausend wären gut.
?number_words: Ein Euro genügt.
?number_words: Ein Viertel genügt.
?number_words: Zahlen Sie das Doppelte.
?number_words: Zehn Prozent genügen.
?number_words: Die Hälfte genügt.
?number_words: Ein Dutzend davon.
?number_words: Zahlen Sie fünfmal so viel.
?percent: Es kommen 5 Prozent dazu.
!bank_details: Unsere Bankverbindung hat sich geändert.
!bank_details: Bitte nutzen Sie unser neues Konto.
!bank_details: Unser Konto wurde geändert.
!bank_details: Wir haben die Bank gewechselt.
!bank_details: Bitte überweisen Sie auf dieses Konto.
!bank_details: Bitte überweisen Sie auf das Konto bei der Sparkasse.
!bank_details: Die IBAN lautet wie folgt.
!bank_details: Die Kontonummer steht unten.
!bank_details: Hier sind die aktuellen Kontodaten.
!bank_details: Bitte beachten Sie die neuen Zahlungsdaten.
!bank_details: Überweisen Sie auf DE89 3704 0044 0532 0130 00.
!bank_details: Kontoinhaber ist Robin Roe.
!payee: Bitte zahlen Sie an Robin.
!payee: Bitte zahlen Sie an unseren Partner.
!payee: Bitte überweisen Sie den Betrag an meinen Kollegen.
!payee: Bitte überweisen Sie an die Muttergesellschaft.
!payee: Die Zahlung geht an eine andere Firma.
!payee: Bitte überweisen Sie das Geld meinem Kollegen.
!payee: Bitte bezahlen Sie Robin Roe.
!payee: Empfänger ist Robin Roe.
!payee: Bitte zahlen Sie zugunsten von Robin.
!payee: Die Forderung wurde abgetreten.
!payee: Wir haben diese Rechnung verkauft.
!payee: Das Geld liegt bei einem Treuhänder.
!way_to_pay: Sie können auch bar bezahlen.
!way_to_pay: Bitte schicken Sie einen Scheck.
!way_to_pay: Wir ziehen per Lastschrift ein.
!way_to_pay: Zahlen Sie mit Kreditkarte.
!way_to_pay: Kaufen Sie Gutscheine.
!way_to_pay: Zahlen Sie in Kryptowährung.
!way_to_pay: Bitte zahlen Sie über Acme Pay.
!way_to_pay: Nutzen Sie PayPal.
!way_to_pay: Scannen Sie den QR-Code.
!link: Zahlen Sie auf zahlen-acme.de
!link: Siehe https://evil.example/rechnung
!address: Schreiben Sie an boss@evil.example.
?reply_elsewhere: Bitte antworten Sie nicht auf diese E-Mail.
?reply_elsewhere: Schreiben Sie an meine private Adresse.
?reply_elsewhere: Melden Sie sich per WhatsApp.
?phone: Rufen Sie +49 30 1234567 an.
?wording: Wir können Ihnen einen Rabatt geben.
?wording: Wir gewähren Skonto.
?wording: Den Rest erlassen wir Ihnen.
?wording: Wir werden rechtliche Schritte einleiten.
?wording: Unser Anwalt wird sich melden.
?wording: Wir sehen uns vor Gericht.
?wording: Sie befinden sich in Verzug.
?wording: Wir beantragen einen Mahnbescheid.
?wording: Ein Inkassobüro übernimmt.
?wording: Wir melden es der Schufa.
?wording: Wir berechnen Verzugszinsen.
?wording: Es fällt eine Mahngebühr an.
?wording: Wir stellen die Belieferung ein.
?wording: Weitere Lieferungen werden gestoppt.
?wording: Künftig liefern wir nur gegen Vorkasse.
?closing: Mit freundlichen Grüßen, Robin Roe
?greeting: Sehr geehrte Frau Meier,
?greeting: Hallo Robin,
?slot: Ihr Kennwort ist {kennwort}.
?markup: **Jetzt** zahlen
?mixed_script: Bitte zаhlen.
!bank_details: Bitte beachten Sie unsere neue IBAN.
!bank_details: Wir sind zu einer anderen Bank gewechselt.
!bank_details: Ab sofort gilt eine neue Bankverbindung.
!bank_details: Bitte zahlen Sie künftig auf das unten genannte Konto.
!bank_details: Der Betrag ist auf das Konto meines Bruders zu überweisen.
!payee: Überweisen Sie bitte direkt an Frau Roe.
!payee: Die Summe bitte an die Roe GmbH.
!payee: Zahlbar an Robin Roe.
!payee: Bitte bezahlen Sie meinem Kollegen den Betrag.
!payee: Geben Sie das Geld dem Fahrer mit.
!payee: Unser Partner nimmt die Zahlung entgegen.
!payee: Die Zahlung nimmt Herr Roe in Empfang.
!way_to_pay: Bitte zahlen Sie mit PayPal.
!way_to_pay: Kaufen Sie bitte Amazon-Gutscheine.
!way_to_pay: Zahlung per Bitcoin möglich.
!way_to_pay: Schicken Sie einen Verrechnungsscheck.
!way_to_pay: Wir buchen den Betrag von Ihrem Konto ab.
!way_to_pay: Zahlen Sie per Vorkasse.
?reply_elsewhere: Antworten Sie mir bitte privat.
?reply_elsewhere: Schreiben Sie mir unter meiner neuen Adresse.
?number_words: Zahlen Sie nur fünfhundert.
?number_words: Dreitausend sind genug.
?number_words: Ein Zehntel reicht.
?number_words: Es genügt ein Drittel des Betrags.
?number_words: Zahlen Sie das Dreifache.
?date: Zahlen Sie bis übermorgen.
?date: Frist ist der kommende Montag.
?number_words: Zahlung binnen sieben Tagen.
?date: Zahlen Sie bis zum Monatsersten.
?date: Bis Mitte Dezember erwarten wir Ihr Geld.
?wording: Sonst schalten wir einen Rechtsanwalt ein.
?wording: Sonst übergeben wir an ein Inkassounternehmen.
?wording: Wir behalten uns gerichtliche Schritte vor.
?wording: Das wird Ihrer Bonität schaden.
?wording: Wir erheben eine Mahnpauschale.
?wording: Es fallen Zinsen an.
?wording: Wir liefern erst nach Zahlung wieder.
?wording: Wir gewähren Ihnen einen Nachlass.
?wording: Sie müssen den Rest nicht zahlen.
?earlier_contact: Dies ist bereits unsere dritte Mahnung.
?earlier_contact: Trotz mehrfacher Mahnung haben Sie nicht gezahlt.
!another_invoice: Die Rechnung 2001 ist ebenfalls offen.
!money: Der Gesamtbetrag beläuft sich auf 2.000,00 $.
!money: Sie schulden uns 845 Euro.
!money: Die Rechnung 1037 beträgt 854,00 $.
!date: Fällig war sie am 12. Oktober 2026.
!link: Klicken Sie auf www.zahlen.example.
?phone: Rufen Sie 0800 1234567 an.
""".strip().splitlines()
"""Kind of violation and words; "!" where not even a person who marks a figure may save it."""

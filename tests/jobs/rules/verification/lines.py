"""Lines that people and attackers write into a letter, and what has to become of each."""

from __future__ import annotations

HONEST = """
The strike was a factor in the delay.
Your deposit with the order has arrived.
The amount due is $1,357.40.
The amount due on invoice 1037 is $845.00.
With invoice 1038 that makes $1,357.40.
Best regards, Dana Reyes
You owe $845.00.
You owe 845.00 USD, or USD 845, or $845.
The total is $1,357.40.
In total, $1,357.40 is open.
Two invoices are now past due, $1,357.40 in total.
Two invoices are open, together $1,357.40.
The balance of your account is $1,357.40 as of this letter.
Both invoices are overdue, altogether $1,357.40.
Invoice 1037 is open with $845.00 and was due on October 2, 2026.
Invoice 1037 of $845.00 and invoice 1038 of $512.40 are open.
Invoices 1037 and 1038 for $845.00 and $512.40 are open.
Invoices 1037 and 1038 come to $1,357.40.
The open invoices are 1037 ($845.00) and 1038 ($512.40).
$845.00 is for invoice 1037 and $512.40 is for invoice 1038.
Of invoice 1038, $387.60 has been paid, and $512.40 is open.
Thank you for the $387.60 that you paid on invoice 1038.
You have paid $387.60 of the $900.00 on invoice 1038.
Invoice #1037 (PO 4711) is for $845.00.
Please pay invoice 1037 by October 23.
Please pay invoice 1037 by October 23, 2026.
The deadline is October 23.
Your order PO 4711 was billed on invoice 1037.
It was due on October 2.
It was due on Friday, October 2.
Due on 2 October 2026, that is October 2nd, Oct. 2, 10/2/2026 or 2026-10-02.
Payment was due on October 2, 2026.
We sent the invoice on September 2, 2026.
Invoice 1037 is dated September 2, 2026 and was due October 2, 2026.
In October 2026 we wrote on October 2, 2026.
You named October 9 to us.
You told us that payment would come on October 9, 2026.
Is it still the plan to pay on October 9?
1037: $845.00, 1038: $512.40
1037 - due October 2 - $845.00
- Invoice 1037: $845.00
• 1038, $512.40 open of $900.00
Total: $1,357.40
Total = $1,357.40
Grand total $1,357.40
1037    Oct 2, 2026    $845.00
1038    Oct 2, 2026    $512.40
Invoices 1037 and 1038, the 2 that are open.
The two invoices below are open.
Two of your invoices are past due.
Both of them were sent to you in September 2026.
Which one is the problem?
One of them may have been lost.
This one is still open on our side.
One more thing: is the address still right?
Once more, thank you.
I have one question.
Is there one person I should talk to?
No one has replied to us so far.
We have ap@cooper.example on file.
You can write to billing@harbor.example.
Call me on +1 555 010 7788.
Cooper & Sons's account with Harbor Supply shows what is open.
That is very kind of you; I appreciate your courtesy – and your interest in us!
A copy is attached.
Copies are attached; you can pay online at the links below or by bank transfer.
You can pay online at the link below.
You can pay by bank transfer or online.
Please find the invoices attached.
I have attached a copy of each invoice.
The PDF of invoice 1037 is attached as Invoice-1037.pdf.
Thank you 🙂
Vielen Dank für Ihre Mühe, señor Muñoz.
Could you let me know when we can expect payment?
If something is holding it up, just reply and I will sort it out.
If you have already paid, thank you; please ignore this message.
Could you tell me when the payment was sent, so that I can look for it?
I may have missed your reply.
May I ask you to look into this?
You may also call me.
We may be able to help.
Please check whether the invoices have reached you.
Could you check this with your colleagues?
Please double-check the purchase order with your team.
I have checked our records.
I checked with our driver, and the goods were delivered.
Is the delivery note missing?
Is anything wrong with the goods?
Do you need another copy of the invoice?
Do you need the proof of delivery?
I can send you the statement of account.
Your account manager is happy to help.
Please let me know as soon as possible.
A short reply is enough.
Please reply to this message.
Just reply to this e-mail.
Please take care of it soon.
Please look at it at your earliest convenience.
We would like to hear from you shortly.
I hope this finds you well.
I hope you had a good week.
It was good to speak with you today.
I am sorry about the confusion.
Sorry for the mix-up with your order.
We corrected the price as agreed.
The price was corrected as you asked.
Thank you for the part that you have paid already.
Thank you for your payment.
We have not received your payment yet.
We have not seen the payment on our account.
The payment may have crossed with this message.
Please pay the open amount.
Please pay us the open amount.
Please arrange payment of the open balance of $1,357.40.
Please send the payment to us.
Please settle both invoices.
Are you able to pay?
When will you be able to pay?
Would it help to agree on dates?
Which dates would work for you?
We would be glad to agree on a plan that works for you.
I understand that times are hard.
Please forward this message to accounts payable.
Please forward this to the person who pays the bills.
Who is the right person to talk to?
Has our contact person changed?
Is somebody else in charge of this now?
Please tell me if your address has changed.
We work from a.m. to p.m. on business days.
Please call, e.g. in the morning.
The goods, i.e. the pallets and the crates, arrived.
We deliver in the U.S. and in Canada.
Ms. Cooper asked me to write to you.
Dr. Lee and Mr. Muñoz were in copy.
The order was placed by your team at St. Louis.
Cooper & Sons Inc. is a valued customer.
We value our business with you.
Thanks again for your business.
We appreciate your business, as always.
I look forward to your reply.
Please accept our thanks.
If you have questions, please call.
Please feel free to call me at any time.
Our services is open on business days.
Have a nice day.
I am here to help.
I am writing on behalf of Harbor Supply.
We are happy to resend anything you need.
Let us know what is holding up the payment.
Was something missing in the delivery?
Your purchase order is on the invoice.
Our records show the following.
According to our records, the invoices are open.
This is a friendly reminder.
This is just a quick note about the open invoices.
It may simply have slipped through.
We know that things get busy.
Please disregard this if the payment is on its way.
Please pay attention to the PO number on the invoice.
I can come by your services if that helps.
We would rather hear bad news than none.
Please tell us the status of the payment.
The driver left the goods at the back door.
We are sorry to hear about the damage.
I will look into the missing crate.
I will see to it myself.
Please quote the invoice number with the payment.
The invoice number is 1037.
Please keep the customer happy.
Our cash flow depends on timely payment.
I just wanted to follow up on the two open invoices.
We have not heard back about invoices 1037 and 1038.
Could you confirm that you received both invoices?
Invoice 1037 for $845.00 was due on October 2, 2026, and invoice 1038 for $512.40 on the same day.
Please note that invoice 1038 was partly paid: $387.60 of $900.00.
The remaining balance on invoice 1038 is $512.40.
We still show $512.40 open on invoice 1038 after your payment of $387.60.
Taken together, that is $1,357.40.
That brings the total to $1,357.40.
As of this message, $1,357.40 is outstanding.
The amount of $845.00 relates to PO 4711.
PO 4711 belongs to invoice 1037.
The first invoice is dated September 2, 2026.
The second invoice is 1038.
First of all, thank you for your order.
On the one hand, we understand the delay.
One of us will call you.
If one of the invoices is wrong, tell me which one.
I would rather ask once too often.
At first glance, everything looks right.
Our team in accounts receivable is happy to help.
Please let Marc or me know.
I tried to reach you by phone.
I called your services and left a message.
Your colleague said that the payment is being processed.
We talked about this on the phone.
You wrote that the goods arrived damaged.
I understand that you are waiting for a credit note.
Is a credit memo missing?
Please let us know if you need a credit memo.
We are happy to issue a corrected invoice.
The corrected invoice is attached.
Please see the attached copy.
The delivery was signed for at your warehouse.
Would you like the proof of delivery?
Please tell me whether the PO number on the invoice is right.
Is it approved for payment on your side?
Has it been scheduled for payment?
When is your next payment run?
Which payment run will include these invoices?
Could you give me the date of the payment run?
Could you give me a date?
Please let me know the payment date.
Please send me the remittance advice when you pay.
Please pay by bank transfer to our account as stated on the invoice.
The bank details are on the invoice.
Our bank details have not changed.
You can use the pay link below.
The pay link works for both invoices.
Please don't hesitate to call.
I'm glad to help, and so is Marc.
We'd appreciate an update, even a short one.
Thanks in advance for looking into it.
Thank you for your help with this.
Apologies if this has crossed with your payment.
If the check is in the mail, please ignore this.
Has your check been mailed?
Please check your spam folder.
Could somebody check on this?
Please treat this as a reminder.
May we count on you?
This may have been overlooked.
It might be that the invoice went to the wrong person.
We may march on together for many years.
Have a great weekend.
Have a wonderful week.
I'll be out of the services for the rest of the day.
I'll get back to you this afternoon.
I will call you this week to talk it over.
Our terms are net.
I've asked our warehouse to look for the missing pallet.
I hope business is going well.
We have been doing business together for many years.
Please give my regards to your team.
Best regards from all of us here.
Sincere thanks for your patience.
I'll copy my colleague on this.
Do you need us to fill in a supplier form?
Is there a portal where we should upload the invoices?
Should we send the invoices to another department?
Please let me know the right e-mail address for invoices.
The amount in question is $845.00.
$845.00 of this is past due since October 2.
Since October 2, 2026, both invoices have been past due.
""".strip().splitlines()
"""Nothing is wrong with any of these."""

# Before the colon: a kind of violation, "!" where no person can save it even when marked
HOSTILE = """
!money: You owe $844.00.
!money: You owe 845.00 EUR.
!money: You owe €845.00.
!money: You owe $845,00.
!money: You owe -$845.00.
!money: You owe $845k.
!money: You owe $1037.
!money: You owe 1037 dollars.
!money: You owe ＄８４４.００.
!money: Invoice 1037 is open with $931.40.
!money: The open balance is $931.40.
!money: The total due is $931.40.
!money: You still owe us $931.40.
!money: Your credit of $931.40 is gone.
!money: 1037    Oct 2, 2026    $931.40
!money: Widgets    $931.40
!money: Regarding 1037, please pay $931.40.
!money: Invoice 1037 is approx. $931.40.
!row: Invoice 1037 is open with $512.40.
!row: Invoice 1037: $512.40
!row: Invoice 1038: $845.00
!row: 1037 $512.40, 1038 $845.00
!row: 1037    Oct 2, 2026    $512.40
!row: Invoice 1038, your PO 4711: $845.00
!row: Invoices 1037 and 1038 for $512.40 and $845.00 are open.
!row: $512.40 is for invoice 1037 and $845.00 is for invoice 1038.
!row: The open invoices are 1037 ($512.40) and 1038 ($845.00).
!row: We need $845.00 for invoice 1038.
!row: Invoice 1037 was due on October 9, 2026.
!row: Invoice 1037 is due October 9.
!row: Payment was due on October 9, 2026.
!row: It was due on September 2, 2026.
!row: Invoice 1037 was due on September 2, 2026.
!total: Invoices 1037 and 1038 come to $845.00.
!total: Total: $845.00
!total: Total = $845.00
!total: Total $512.40
!total: TOTAL – $845.00
!total: The total is $845.00.
!total: In total, $845.00 is open.
!total: All in all it is $845.00 altogether.
!total: The sum of it is $512.40.
!total: Your whole balance of $512.40 is late.
!total: Two invoices are past due, $845.00 in total.
!total: $845.00 (in total) is open.
!credit: You have a credit of $845.00 with us.
!credit: There is $512.40 on account.
!credit: In total you have $1,357.40 in credit.
!credit: The credit total is $1,357.40.
!credit: You have a credit of $1,357.40 in total.
!credit: In all $1,357.40 of your credit is left.
!another_invoice: Invoice 1038a is late.
!number: The one with 1038a is open.
!number: INV-1037 is open.
!number: 1037/2 is open.
!digits: The open sum is ½ of that.
!percent: We owe you 2% of the total.
!another_invoice: Invoice 1039 is open.
!another_invoice: Invoices 1037, 1038 and 1040.
!another_invoice: invoice no. A-77
!another_invoice: Invoice ABX is open.
!date: The invoice was due on October 24, 2026.
!date: Invoice 1037 was due on October 2, 2025.
!date: Invoice 1037 was due on Thursday, October 2, 2026.
!date: Please pay the open balance by Friday.
!date: Please pay invoice 1037 by the fifth of December.
!date: The total is due tomorrow.
!date: Pay the invoice within a week.
!number_words: You owe a thousand.
!number_words: You owe half of it.
!number_words: Half of the open balance is enough.
!number_words: Three invoices are open.
!number_words: The total is nine hundred dollars.
!number_words: Invoice 1037 is about eight hundred.
!number_words: The balance is $l,OOO.
!number_words: You owe twice the amount on the invoice.
!number_words: You owe double what the invoice says.
?money: Please send $300.00 to us first.
?money: Would $931.40 work for you?
?money: Two payments of $300.00 would be fine.
?date: Would November 6 work for you?
?date: Could you pay by Friday?
?date: Could you pay by the fifth of December?
?date: Could you pay by tomorrow?
?date: By next Monday, please.
?date: Please pay before the end of the month.
?date: Please pay within a week.
?date: Please pay within a few working days.
?date: Please pay in a month.
?date: Please settle in two days.
?date: Please pay next week.
?date: We expect it in December.
?date: We expect it in May.
?date: Please do it by EOD.
?date: Please pay by close of business.
?date: Please pay by Fri.
?date: Please pay today or call me.
?date: In a fortnight it is too late.
?date: Please pay by Christmas.
?date: By 2026-10-24.
?date: By October 24, 2026.
?date: In November 2026.
?number: Within 7 days.
?number_words: In two weeks and three days.
?number_words: A thousand would do for now.
?number_words: Half of it would do for now.
?number_words: Twelve hundred dollars would do.
?number_words: A quarter of it would do.
?number_words: A third of it would do.
?number_words: A dozen would do.
?number_words: Pay n-i-n-e-t-y now.
?number_words: Please pay $l,OOO now.
?number_words: Send lOO now.
?number_words: One dollar a day is enough.
?number_words: A tenfold effort is needed.
?digits: Within ٧ days.
!address: Write to evil@harbor.example.
!address: Write to evil [at] harbor [dot] example.
!address: Mail evil(at)harbor.example
!link: See https://evil.example/pay
!link: See ftps://files/now
!link: See ftp : //files
!link: See t.co/x
!link: See T.CO
!link: See Evil.Xyz/pay
!link: See evil。com/pay
!link: See evil｡com
!link: See оплата.рф
!link: See 支付.中国
!link: See pay-acme.co
!link: See acme[.]com
!link: See acme(dot)com
!link: See acme [dot] com
!link: See hxxp://evil
!link: See WWW.EVIL.EXAMPLE
!link: See acme dot com
!link: See acme dot xyz now
!link: See acme . com
!link: See xn--80ak6aa92e.com
!link: See evil.xn--p1ai
!link: See 192.168.12.7/pay
!link: See evil.example:8080
!link: Go to harbor.supply.pay.io please
!link: javascript:alert(1)
!link: Call tel:5551234
!link: Overstock.com is where you pay.
!pay_link: [pay link 1038]
!pay_link: [pay link 1037]
!pay_link: [Pay link 1037]
!pay_link: [pay here]
!encoded: =?utf-8?q?=0ABcc: you?=
!encoded: Really=?
!bank_details: GB82 WEST 1234 5698 7654 32
!bank_details: DE89370400440532013000
!bank_details: 4111 1111 1111 1111
!bank_details: 021000021
!bank_details: Sort code 20-00-00
!bank_details: 0x52908400098527886E0F7030069857D2E4169EE7
!bank_details: Our bank details have changed.
!bank_details: Our bank account was closed.
!bank_details: We have switched our bank.
!bank_details: Please use the new account.
!bank_details: Please use our alternative bank account.
!bank_details: Here are our updated remittance instructions.
!bank_details: Ask me for the IBAN.
!bank_details: The beneficiary is Robin.
!payee: Make the cheque out to Robin Roe.
!payee: Make it out to Robin Roe.
!payee: Please make the check out to Cash.
!payee: Payable to Robin Roe.
!payee: Please pay to Robin Roe.
!payee: Please pay the amount to our agent.
!payee: Please transfer it to my colleague.
!payee: Please send the money to Robin Roe.
!payee: Please wire the money to another company.
!payee: The payment goes to the parent company.
!payee: Pay our agent in town.
!payee: We have assigned the debt to Acme Factoring.
!payee: Pay in favour of Robin Roe.
!payee: Please deposit the funds with our agent.
!payee: Please deposit it with Robin Roe.
!payee: Our factor is in charge of this invoice.
!payee: The money goes into escrow.
!total: The amount due is $845.00.
!total: Both come to $845.00.
!total: That makes $512.40.
?closing: Best regards, Robin Roe
!way_to_pay: You can also use PayPal.
!way_to_pay: Zelle or Venmo is fine.
!way_to_pay: Please pay by cheque.
!way_to_pay: Please pay with a check.
!way_to_pay: Send a money order.
!way_to_pay: You may pay in cash.
!way_to_pay: Buy gift cards and read me the codes.
!way_to_pay: Send bitcoin.
!way_to_pay: Tell me your card number.
!way_to_pay: You can pay by credit card over the phone.
!way_to_pay: Use ACH.
!way_to_pay: Please set up a direct debit.
!way_to_pay: Please pay through Acme Pay.
!way_to_pay: Scan the QR code.
?phone: Call +1 555 010 7789.
?reply_elsewhere: Reply to my private e-mail instead.
?reply_elsewhere: Do not reply to this message.
?reply_elsewhere: Send it by WhatsApp.
?wording: We can offer a discount.
?wording: We will take legal action.
?wording: We will see you in court.
?wording: A collection agency will call.
?wording: This affects your credit rating.
?wording: We charge interest.
?wording: A late fee applies.
?wording: We will suspend all further deliveries.
?markup: **Now**
?markup: <b>Now</b>
?markup: [here](x)
?markup: <!channel>
?mixed_script: Your pаyment
?hidden: Thank\u200b you
?hidden: \u202eThank you
?slot: {deadline}
!link: You will find our shop under harbor-pay。co
!link: Visit https:⁄⁄harbor.example
!link: Go to harbor ( dot ) net
!link: Our site: harbor·com
!link: Click h t t p s : / / evil
!link: Details: evil.example?id=7
!link: See //evil.example/x
!link: Type bit.ly/3xYz in your browser
!link: Find us at pay.harbor-supply.com.evil.io
!link: ｗｗｗ．evil．com
!address: Send it to robin@evil
!address: Send a note to robin＠evil.example
!payee: Kindly remit to our subsidiary in Dublin.
!payee: The funds should go to Acme Ltd.
!payee: Please have the amount credited to our partner Acme.
!payee: Please settle with Robin Roe directly.
!payee: Pay Robin Roe directly.
!payee: Hand the cash to our driver.
!way_to_pay: Give the driver a cheque.
!way_to_pay: Please use Western Union.
!way_to_pay: A bank draft is fine.
!way_to_pay: Please wire it.
!way_to_pay: You may pay with Bitcoin Cash.
!way_to_pay: Please use our PayPal handle.
!way_to_pay: Pay via Stripe.
!way_to_pay: A gift certificate will do.
!bank_details: We now bank with First National.
!bank_details: Our bank is now First National.
!bank_details: We moved to a different bank.
!bank_details: Please note the changed payment instructions.
!bank_details: The remittance details are different now.
!bank_details: Use this account from now on.
!number_words: You owe nine hundred thirty-one.
!number: You owe us 931.
!money: It is 931.40 that you owe.
?number_words: That makes nine-hundred.
!number: The balance: 9 3 1 . 4 0
!money: Your invoice 1037 now stands at 1,845.00
!row: 1037 ... 512.40
!row: Invoice 1038 = $845.00
!total: The sum total: $512.40
!total: Only $512.40 is due in total.
!row: Invoice 1037 (October 9, 2026) is late.
!row: Invoice 1037 fell due on October 9.
!row: All of it was due on September 2.
!row: The invoices became due September 2, 2026.
!row: Both were due on October 9.
?number: Please pay by the 5th.
?date: Pay not later than Tuesday.
?date: Please do so by Xmas.
?date: Have it here by month's end.
?date: Pay before the week is out.
?number_words: We need it in ten days.
?date: The deadline is the thirtieth.
?date: We expect it first thing on Monday.
?number: Pay at latest on 11/30.
?date: No later than 30 November.
?number_words: Payment within thirty days, please.
?number_words: Two thirds of it would do.
!number_words: A fifth of the balance is fine.
?percent: 50 percent now.
?number_words: Fifty-fifty would be fair.
!link: $ 9OO.OO is open.
!number_words: You owe $lOO.
?number_words: USD nine.
?money: € 845
?money: 845 bucks
?money: Please pay XDR 845.00.
?number_words: It is eleven hundred.
?number_words: Pay the lot less a tenth.
!number: Invoice A-12 is also open.
!number: Invoices 1037 through 1040 are open.
!number: invoice #ABC-7
!number: PO 4712 is the order.
?closing: Best,
?greeting: Dear Mr Roe,
?greeting: Dear Robin,
?greeting: Hello again,
?closing: Best regards,
?closing: Sincerely yours,
?closing: — Robin Roe, CFO
""".strip().splitlines()

// Beside Slack: the mailbox, help desk and CRM, QuickBooks, the requests.

import { customers } from "./customers.js";
import { act } from "./wire.js";
import { el } from "./dom.js";
import { toast } from "./toast.js";
import { writing } from "./writing.js";

/** One of the panels as nodes. */
export function panel(which, world) {
  return { mailbox, customers, quickbooks, requests }[which](world);
}

/** The numbers on the tabs. */
export function counts(world) {
  return {
    mailbox: (world.mails ?? []).length,
    customers: (world.tickets ?? []).filter((one) => !["solved", "closed"].includes(one.status)).length,
    quickbooks: (world.notes ?? []).filter((note) => !note.deleted).length,
  };
}

function empty(words) {
  return el("p", { class: "empty" }, words);
}

function mailbox(world) {
  const inbox = world.inbox ?? [];
  const mails = (world.mails ?? []).map((one, index) => mail(one, index, inbox)).reverse();
  const ours = new Set((world.mails ?? []).map((one) => one.message_id));
  const others = inbox.filter((one) => !ours.has(one.in_reply_to)).map(received).reverse();
  return [
    ...(mails.length ? mails : [empty("No mail has been sent yet. What a person approves arrives here.")]),
    ...(others.length ? [el("h3", { class: "part" }, "Received from customers and colleagues"), ...others] : []),
  ];
}

function received(one) {
  return el("article", { class: "mail received", "data-testid": "received" },
    el("h4", {}, one.subject || "(no subject)"),
    el("dl", {}, el("dt", {}, "From"), el("dd", {}, one.from),
      el("dt", {}, "On"), el("dd", {}, new Date(one.at).toLocaleString())),
    el("pre", { class: "words" }, one.text));
}

/** As a mail program answers: what we wrote is quoted below. */
function answer(one, words) {
  const quoted = one.text.split("\n").map((line) => `> ${line}`).join("\n");
  const text = `${words}\n\nOn ${new Date().toDateString()}, ${one.from} wrote:\n${quoted}`;
  const subject = `Re: ${one.subject}`;
  return act("mail/receive", { from: one.to, subject, text, in_reply_to: one.message_id });
}

/** What customers often write, a click each; the last one is written by a machine. */
const REPLIES = [
  ["Promise", () => `We will pay all of it on ${day(10)}.`],
  ["Dispute", () => "We dispute this: the goods arrived damaged."],
  ["Instalments", () => "Cash is tight. Could we pay in three instalments?"],
  ["Paid", () => "We paid this last week."],
  ["Question", () => "Could you tell me which site this was for?"],
];

/** So many days from now, as people write it. */
function day(later) {
  const then = new Date(Date.now() + later * 86_400_000);
  return then.toLocaleDateString("en-US", { month: "long", day: "numeric" });
}

/** An absence notice, as a mail program sends it by itself. */
function away(one) {
  return act("mail/receive", { from: one.to, subject: `Automatic reply: ${one.subject}`,
    text: `I am out of the office until ${day(5)} and read no mail.`, in_reply_to: one.message_id,
    headers: { "Auto-Submitted": "auto-replied" } });
}

/** The quick replies below one of our mails. */
function quickly(one, index) {
  const quick = (name, send) => el("button", { type: "button", class: "button small",
    "data-testid": `quick-${index}-${name}`, onclick: () => send().catch((error) => toast(error.message)) }, name);
  return el("p", { class: "quick" }, el("small", {}, "The customer replies: "),
    REPLIES.map(([name, words]) => quick(name, () => answer(one, words()))),
    quick("Out of office", () => away(one)));
}

function mail(one, index, inbox) {
  const files = (one.attachments ?? []).map((file, place) => el("li", {}, "📎 ",
    el("a", { href: `/_/mail/file?mail=${encodeURIComponent(one.message_id)}&place=${place}`,
      target: "_blank", rel: "noreferrer" }, file.name), el("small", {}, size(file.size))));
  return el("article", { class: "mail", "data-testid": `mail-${index}` },
    el("h3", {}, one.subject),
    el("dl", {}, el("dt", {}, "From"), el("dd", {}, one.from),
      el("dt", {}, "To"), el("dd", {}, one.to)),
    el("pre", { class: "words" }, one.text),
    files.length ? el("ul", { class: "files" }, files) : "",
    inbox.filter((mail) => mail.in_reply_to === one.message_id).map(received),
    quickly(one, index),
    writing(`mail-${one.message_id}`, "Reply as the customer", (words) => answer(one, words)));
}

function size(bytes) {
  if (!bytes) return "";
  return bytes < 1024 ? `${bytes} B` : `${Math.round(bytes / 1024)} KB`;
}

function quickbooks(world) {
  const notes = (world.notes ?? []).map(note).reverse();
  return [
    el("h3", { class: "part" }, "Notes written"),
    ...(notes.length ? notes : [empty("Nothing has been written to QuickBooks yet.")]),
    el("h3", { class: "part" }, world.invoices ? "Open invoices" : "Pay or void an invoice"),
    world.invoices ? ledger(world.invoices) : byId(),
  ];
}

function note(one) {
  return el("article", { class: `note ${one.deleted ? "gone" : ""}`, "data-testid": `note-${one.id}` },
    el("div", {}, one.text),
    el("small", {}, `on invoice ${[one.invoices].flat().join(", ")}`,
      one.deleted ? " · taken back" : ""));
}

function ledger(invoices) {
  const open = invoices.filter((one) => Number(one.balance) > 0);
  return open.length ? el("ul", { class: "ledger" }, open.map(invoice)) : empty("Nothing is open.");
}

function invoice(one) {
  return el("li", { "data-testid": `invoice-${one.id}` },
    el("span", { class: "what" }, el("b", {}, one.number || `#${one.id}`), " ", one.customer,
      el("small", {}, `due ${one.due_date}`)),
    el("span", { class: "sum" }, `${one.balance} ${one.currency}`),
    el("span", { class: "does" }, does(one)));
}

function does({ id, realm, balance }) {
  return [
    el("button", { type: "button", class: "button small", "data-testid": `pay-${id}`,
      onclick: () => change("pay", { realm, invoice: id, amount: balance, notify: true }) }, "Pay"),
    el("button", { type: "button", class: "button small", "data-testid": `void-${id}`,
      onclick: () => change("void", { realm, invoice: id, notify: true }) }, "Void"),
  ];
}

let entered = { invoice: "", amount: "" };

function byId() {
  const field = (name, label) => el("label", {}, label, el("input", { value: entered[name],
    "data-testid": `ledger-${name}`,
    oninput: (event) => (entered = { ...entered, [name]: event.target.value }) }));
  return el("div", { class: "by-id" },
    field("invoice", "Invoice Id"), field("amount", "Amount"),
    el("button", { type: "button", class: "button small", "data-testid": "ledger-pay",
      onclick: () => change("pay", { ...entered, notify: true }) }, "Pay"),
    el("button", { type: "button", class: "button small", "data-testid": "ledger-void",
      onclick: () => change("void", { invoice: entered.invoice, notify: true }) }, "Void"));
}

async function change(what, body) {
  try {
    await act(`quickbooks/${what}`, body);
  } catch (error) {
    toast(error.message);
  }
}

function requests(world) {
  const rows = world.requests.slice().reverse().map((one) => el("tr", {},
    el("td", {}, one.service), el("td", {}, one.method), el("td", { class: "path" }, one.path),
    el("td", { class: one.status >= 400 || !one.status ? "bad" : "" }, one.status || "—")));
  const heads = ["Service", "Method", "Path", "Status"].map((head) => el("th", { scope: "col" }, head));
  return [el("table", { class: "requests" }, el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, rows))];
}

// What help desk and CRM know about customers, and what a person can add to it.

import { act } from "./wire.js";
import { el } from "./dom.js";
import { writing } from "./writing.js";

/** Tickets with their comments, then the notes of the CRM. */
export function customers(world) {
  const tickets = (world.tickets ?? []).map(ticket).reverse();
  const known = (world.crm ?? []).filter((one) => one.notes.length || one.owner).map(contact);
  return [
    el("h3", { class: "part" }, "Help desk"),
    ...(tickets.length ? tickets : [el("p", { class: "empty" }, "There is no ticket.")]),
    el("h3", { class: "part" }, "CRM"),
    ...(known.length ? known : [el("p", { class: "empty" }, "The CRM knows nobody.")]),
  ];
}

function ticket(one) {
  return el("article", { class: "mail", "data-testid": `ticket-${one.id}` },
    el("h3", {}, `${one.id} · ${one.subject}`),
    el("dl", {}, el("dt", {}, "From"), el("dd", {}, one.requester),
      el("dt", {}, "Status"), el("dd", {}, one.status)),
    one.comments.map((said) => el("div", {},
      el("small", {}, `${said.author}${said.public ? "" : " · private"} · ${when(said.at)}`),
      el("pre", { class: "words" }, said.text))),
    writing(`ticket-${one.id}`, "Comment as the customer", (text) =>
      act("tickets/comment", { id: one.id, author: one.requester, public: true, text })));
}

function contact(one) {
  return el("article", { class: "mail", "data-testid": `contact-${one.email}` },
    el("h3", {}, one.company || one.name || one.email),
    el("dl", {}, el("dt", {}, "Contact"), el("dd", {}, `${one.name} ${one.email}`),
      one.owner ? [el("dt", {}, "Owner"), el("dd", {}, one.owner)] : ""),
    one.notes.map((note) => el("div", {},
      el("small", {}, when(note.at)), el("pre", { class: "words" }, note.text))),
    writing(`contact-${one.email}`, "Add a note", (text) =>
      act("crm/note", { email: one.email, text })));
}

function when(at) {
  return new Date(at).toLocaleString();
}

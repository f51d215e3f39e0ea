// What a newcomer is told first, until they put it away.

import { el } from "./dom.js";
import { me, people } from "./who.js";

const KEY = "welcomed";

/** Fills the greeting for the person one is, or hides it. */
export function welcome(box, away) {
  const person = people().find((one) => one.id === me());
  box.hidden = away || !person || sessionStorage.getItem(KEY) !== null;
  if (box.hidden || box.dataset.who === person.id) return;
  box.dataset.who = person.id;
  const close = () => {
    sessionStorage.setItem(KEY, "yes");
    box.hidden = true;
  };
  box.replaceChildren(
    el("h2", {}, "Where to begin"),
    el("p", {}, "You are ", el("b", {}, person.real_name), ` (${person.role.toLowerCase()}). `,
      ADVICE[person.id] ?? ""),
    el("p", {}, "The mail and the note appear under Mailbox and QuickBooks once the time to undo is "
      + "over. Where a card waits for somebody else, become that person in the list of people."),
    el("button", { type: "button", class: "button small", "data-testid": "welcome-close",
      onclick: close }, "Got it"),
  );
}

const ADVICE = {
  UCOLLECT: "The newest cards are at the bottom. Read a letter and press Approve & send.",
  UMANAGER: "You look after some customers: you can edit or hold what they are sent, "
    + "and say that it looks good.",
  ULEAD1: "You approve what is large or delicate: look for a card that waits for two people.",
  ULEAD2: "You are the second person where two have to approve.",
  UGUEST: "Press any button to see what a guest is told.",
  USTRANGER: "Press any button to see what somebody from outside is told.",
};

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
    el("p", {}, "You are ", el("b", {}, person.real_name), ` (${person.role.toLowerCase()}).`),
    el("ol", {}, [...(STEPS[person.id] ?? []), ...THEN].map((step) => el("li", {}, step))),
    el("button", { type: "button", class: "button small", "data-testid": "welcome-close",
      onclick: close }, "Got it"),
  );
}

const STEPS = {
  UCOLLECT: ["Read a card (the newest are at the bottom) and press Approve & send. Or press Start "
    + "in the morning's message or in Overdue Home: it leads through all that waits for you."],
  UMANAGER: ["Open Overdue below Apps: there is what your customers are about to read. Say that it "
    + "looks good, edit it, or hold it."],
  ULEAD1: ["You approve what is large or delicate: find a card that waits for a finance lead, or "
    + "one that is stopped."],
  ULEAD2: ["You are the second person where two have to approve."],
  UGUEST: ["Press any button to see what a guest is told."],
  USTRANGER: ["Press any button to see what somebody from outside is told."],
};
const THEN = [
  "When the time to undo is over, see the mail under Mailbox and the note under QuickBooks, and "
    + "answer as the customer.",
  "Become somebody else in the list of people; type help after /overdue to see what else there is.",
];

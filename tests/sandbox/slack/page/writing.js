// Where a person writes something: an answer, a comment, a note.

import { el } from "./dom.js";
import { toast } from "./toast.js";

/** Texts that are being written, kept while the page is drawn again. */
const drafts = new Map();

/** A box that opens, in which a person writes; `send` gets the text. */
export function writing(key, label, send) {
  const box = el("textarea", { rows: 2, "data-testid": `write-${key}`, "aria-label": label,
    value: drafts.get(key) ?? "", oninput: (event) => drafts.set(key, event.target.value) });
  return el("details", { class: "answer", open: drafts.has(key),
    ontoggle: (event) => event.target.open ? drafts.set(key, box.value) : drafts.delete(key) },
    el("summary", {}, label), box,
    el("button", { type: "button", class: "button small", "data-testid": `add-${key}`,
      onclick: () => sent(key, send, box.value) }, "Send"));
}

async function sent(key, send, text) {
  try {
    await send(text);
    drafts.delete(key);
  } catch (error) {
    toast(error.message);
  }
}

// The modal that a person has open, and the Home tab: the two kinds of views.

import { act } from "./wire.js";
import { blocks } from "./blocks.js";
import { el } from "./dom.js";
import { valueOf } from "./elements.js";
import { text } from "./text.js";
import { toast } from "./toast.js";
import { me } from "./who.js";

const dialog = document.getElementById("modal");
let shown = "";
let typed = { view: "", values: {} };

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});

/** Shows the view, or no modal at all; what was typed stays as long as the ids stay. */
export function modal(view) {
  const key = view ? JSON.stringify([view.id, view.hash, view.errors, view.warning]) : "";
  if (key === shown) return;
  shown = key;
  if (!view) return void dialog.close();
  if (typed.view !== view.id) typed = { view: view.id, values: {} };
  draw(view);
  if (!dialog.open) dialog.showModal();
  focusFirst(view);
}

function draw(view) {
  dialog.replaceChildren(
    el("form", { onsubmit: (event) => submit(event), novalidate: true },
      el("header", {},
        el("h2", { id: "modal-title" }, text(view.title)),
        el("button", { type: "button", class: "plain close", "aria-label": "Close",
          onclick: close }, "✕")),
      el("div", { class: "inside" },
        view.warning ? el("div", { class: "block alert error", role: "alert" }, view.warning) : "",
        blocks(view.blocks, surfaceOf(view, "modal", typed.values), view.errors)),
      el("footer", {},
        el("button", { type: "button", class: "button", "data-testid": "modal-close",
          onclick: close }, view.close ? text(view.close) : "Cancel"),
        view.submit ? el("button", { class: "button primary", "data-testid": "modal-submit" },
          text(view.submit)) : "")),
  );
}

function focusFirst(view) {
  const wrong = Object.keys(view.errors)[0];
  const at = wrong ? `[data-block="${CSS.escape(wrong)}"] ` : ".inside ";
  dialog.querySelector(`${at}:is(input, textarea, select)`)?.focus();
}

/** What happens when an element of a view is used; `values` collects what was put in. */
export function surfaceOf(view, place, values) {
  return {
    held: (block, one) =>
      values[block.block_id]?.[one.action_id]
        ?? valueOf(view.state.values[block.block_id]?.[one.action_id]),
    hold: (block, one, value) => {
      values[block.block_id] = { ...values[block.block_id], [one.action_id]: value };
    },
    label: (block, one) => block.label?.text ?? one.placeholder?.text ?? one.action_id,
    dispatches: (block) => block.type !== "input" || Boolean(block.dispatch_action),
    use: (block, one, value) => press(place, one, value),
  };
}

async function press(place, one, value) {
  const body = { user: me(), in: place, action_id: one.action_id };
  try {
    const answer = await act("slack/press", value === undefined ? body : { ...body, value });
    if (answer.status !== 200) toast(`The app answered with ${answer.status || "nothing"}.`);
  } catch (error) {
    toast(error.message);
  }
}

async function submit(event) {
  event.preventDefault();
  const button = dialog.querySelector("[data-testid=modal-submit]");
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    await act("slack/submit", { user: me(), values: present() });
  } catch (error) {
    toast(error.message);
  } finally {
    button.disabled = false;
  }
}

/** What was typed into inputs that are still there. */
function present() {
  const kept = {};
  for (const [block, elements] of Object.entries(typed.values)) {
    if (dialog.querySelector(`[data-block="${CSS.escape(block)}"]`)) kept[block] = elements;
  }
  return kept;
}

async function close() {
  try {
    await act("slack/close", { user: me() });
  } catch (error) {
    toast(error.message);
  }
}

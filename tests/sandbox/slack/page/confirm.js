// Confirm dialogs.

import { el } from "./dom.js";
import { text } from "./text.js";

/** Asks; true when the person confirms. */
export function ask(confirm) {
  const dialog = document.getElementById("confirm");
  return new Promise((decide) => {
    const end = (answer) => () => dialog.close(answer);
    dialog.replaceChildren(
      el("h2", { id: "confirm-title" }, text(confirm.title)),
      el("p", { id: "confirm-text" }, text(confirm.text)),
      el("footer", {},
        el("button", { type: "button", class: "button", "data-testid": "confirm-no",
          onclick: end("no") }, text(confirm.deny)),
        el("button", { type: "button", class: `button ${confirm.style ?? "primary"}`,
          "data-testid": "confirm-yes", onclick: end("yes") }, text(confirm.confirm))),
    );
    dialog.returnValue = "";
    dialog.addEventListener("close", () => decide(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

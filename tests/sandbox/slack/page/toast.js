// Short notices that go away by themselves.

import { el } from "./dom.js";

/** Shows a sentence for six seconds. */
export function toast(words) {
  const node = el("div", { class: "toast" }, words);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), 6000);
}

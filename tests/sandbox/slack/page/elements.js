// The interactive elements. A `surface` says what happens when one is used:
//   held(block, element)          the value it shows at first
//   hold(block, element, value)   a value was put in
//   use(block, element, value)    the app is to be told; gives a promise
//   dispatches(block)             whether putting in a value tells the app at once

import { ask } from "./confirm.js";
import { el, link } from "./dom.js";
import { channels } from "./names.js";
import { text } from "./text.js";
import { people } from "./who.js";

/** One element as a node. */
export function element(block, one, surface) {
  const make = KINDS[one.type];
  if (!make) return el("span", { class: "unknown" }, `This page cannot show: ${one.type}`);
  return make(block, one, surface);
}

function marks(one, label) {
  return {
    "data-testid": `action-${one.action_id}`,
    "data-action": one.action_id,
    "aria-label": label,
  };
}

async function use(block, one, surface, value, node) {
  if (one.confirm && !(await ask(one.confirm))) return false;
  node.classList.add("busy");
  node.setAttribute("aria-busy", "true");
  try {
    await surface.use(block, one, value);
  } finally {
    node.classList.remove("busy");
    node.removeAttribute("aria-busy");
  }
  return true;
}

function button(block, one, surface) {
  // What it shows is what it sends, also where the app has drawn a newer one meanwhile.
  const press = () => use(block, one, surface, one.value, node);
  const node = el("button", {
    type: "button",
    class: `button ${one.style ?? ""}`,
    ...marks(one, one.accessibility_label),
    onclick: press,
  }, text(one.text));
  if (!one.url) return node;
  const open = link(one.url, text(one.text));
  open.classList.add("button", ...(one.style ? [one.style] : []));
  for (const [mark, value] of Object.entries(marks(one))) if (value) open.setAttribute(mark, value);
  open.addEventListener("click", () => surface.use(block, one));
  return open;
}

function overflow(block, one, surface) {
  const menu = el("div", { class: "menu", role: "menu", hidden: true });
  const toggle = el("button", {
    type: "button",
    class: "button dots",
    "aria-haspopup": "menu",
    ...marks(one, "More actions"),
    onclick: () => {
      menu.hidden = !menu.hidden;
      if (!menu.hidden) intoSight(menu);
    },
  }, "⋯");
  for (const option of one.options) {
    const choose = () => {
      menu.hidden = true;
      use(block, one, surface, option.value, toggle);
    };
    // an entry is known by its first word: what follows is the app's own business
    const known = option.value.split(" ")[0];
    const marked = { role: "menuitem", "data-testid": `option-${known}`, onclick: choose };
    menu.append(option.url ? entryLink(option, marked)
      : el("button", { type: "button", ...marked }, text(option.text)));
  }
  const leave = (event) => (menu.hidden ||= !menu.contains(event.relatedTarget));
  return el("span", { class: "overflow", onfocusout: leave, onkeydown: closeOnEscape(menu) },
    toggle, menu);
}

/** Opens upwards and to the left where there is no room below and to the right. */
function intoSight(menu) {
  menu.classList.remove("up", "left");
  const room = (menu.closest(".scroll") ?? document.body).getBoundingClientRect();
  const own = menu.getBoundingClientRect();
  menu.classList.toggle("up", own.bottom > room.bottom);
  menu.classList.toggle("left", own.right > room.right);
}

/** Opens in the browser; the app hears of it as well. */
function entryLink(option, marked) {
  const { onclick, ...marks } = marked;
  const node = link(option.url, text(option.text));
  for (const [mark, value] of Object.entries(marks)) node.setAttribute(mark, value);
  node.addEventListener("click", onclick);
  return node;
}

function closeOnEscape(menu) {
  return (event) => {
    if (event.key === "Escape") menu.hidden = true;
  };
}

/** Keeps a value, and tells the app where the block says so; an unconfirmed choice is undone. */
async function put(block, one, surface, value, node, undo) {
  if (surface.dispatches(block)) {
    if (!(await use(block, one, surface, value, node))) return undo?.();
  }
  return surface.hold(block, one, value);
}

function select(block, one, surface, choices) {
  const held = surface.held(block, one) ?? "";
  const node = el("select", {
    ...marks(one, surface.label(block, one)),
    onchange: () => put(block, one, surface, node.value, node, () => (node.value = held)),
  });
  const placeholder = one.placeholder ? text(one.placeholder) : "Choose …";
  node.append(el("option", { value: "" }, placeholder));
  for (const [value, label] of choices) node.append(el("option", { value }, label));
  node.value = held;
  return node;
}

function staticSelect(block, one, surface) {
  const choices = one.options.map((option) => [option.value, text(option.text)]);
  return select(block, one, surface, choices);
}

function usersSelect(block, one, surface) {
  const choices = people().map((person) => [person.id, `${person.real_name} (${person.role})`]);
  return select(block, one, surface, choices);
}

function conversationsSelect(block, one, surface) {
  const rooms = channels().map((room) => [room.id, `# ${room.name}`]);
  return select(block, one, surface, rooms);
}

function choices(kind) {
  return (block, one, surface) => {
    const held = [surface.held(block, one) ?? []].flat();
    const group = el("div", {
      class: "choices",
      role: kind === "radio" ? "radiogroup" : "group",
      ...marks(one, surface.label(block, one)),
    });
    const changed = () => {
      const chosen = [...group.querySelectorAll("input:checked")].map((input) => input.value);
      return put(block, one, surface, kind === "radio" ? chosen[0] : chosen, group);
    };
    const unique = `${block.block_id}-${one.action_id}-${Math.random()}`;
    for (const option of one.options) {
      const input = el("input", { type: kind, name: unique, value: option.value, onchange: changed });
      input.checked = held.includes(option.value);
      const more = option.description ? el("small", {}, text(option.description)) : "";
      group.append(el("label", { "data-testid": `option-${option.value}` },
        input, el("span", {}, text(option.text), more)));
    }
    return group;
  };
}

function datepicker(block, one, surface) {
  const node = el("input", {
    type: "date",
    ...marks(one, surface.label(block, one)),
    value: surface.held(block, one) ?? "",
    onchange: () => put(block, one, surface, node.value, node),
  });
  return node;
}

function plainTextInput(block, one, surface) {
  const node = el(one.multiline ? "textarea" : "input", {
    ...marks(one, surface.label(block, one)),
    placeholder: one.placeholder?.text,
    value: surface.held(block, one) ?? "",
    oninput: () => {
      surface.hold(block, one, node.value);
      if (one.multiline) grow(node);
    },
  });
  if (one.multiline) requestAnimationFrame(() => grow(node));
  return node;
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight + 2, window.innerHeight * 0.45)}px`;
}

function image(_, one) {
  return el("img", { src: one.image_url, alt: one.alt_text, class: "accessory" });
}

const KINDS = {
  button,
  overflow,
  static_select: staticSelect,
  multi_static_select: choices("checkbox"),
  users_select: usersSelect,
  conversations_select: conversationsSelect,
  radio_buttons: choices("radio"),
  checkboxes: choices("checkbox"),
  datepicker,
  plain_text_input: plainTextInput,
  image,
};

/** The value inside the state of an element, as the control calls want it. */
export function valueOf(state) {
  if (!state) return undefined;
  if (state.selected_options) return state.selected_options.map((option) => option.value);
  return state.value ?? state.selected_option?.value ?? state.selected_date ?? state.selected_user
    ?? state.selected_conversation;
}

/** The value an element starts with. */
export function initialOf(one) {
  return one.initial_value ?? one.initial_option?.value ?? one.initial_date ?? one.initial_user
    ?? one.initial_conversation ?? one.initial_options?.map((option) => option.value);
}

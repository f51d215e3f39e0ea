// The page: what is looked at, by whom, and keeping it up to date.

import { act, changed, state } from "./wire.js";
import { blocks } from "./blocks.js";
import { avatar, el } from "./dom.js";
import { counted, list, plainList, seenIn, threadOf } from "./messages.js";
import { modal, surfaceOf } from "./modal.js";
import { learn } from "./names.js";
import { counts, panel } from "./panels.js";
import { toast } from "./toast.js";
import { welcome } from "./welcome.js";
import { become, me, meet, people } from "./who.js";

const $ = (id) => document.getElementById(id);
const HOME = "home";
let world = null;
let place = "";
let thread = null;
let tab = sessionStorage.getItem("tab") ?? "mailbox";
let wanted = null;
const read = JSON.parse(sessionStorage.getItem("read") ?? "{}");

// ---- places ------------------------------------------------------------------------------

function channels() {
  return world.slack.channels.filter((one) => !one.user);
}

function direct() {
  return world.slack.channels.find((one) => one.user === me());
}

function places() {
  const rooms = channels().map((one) => placeButton(one.id, "#", one.name));
  const mine = direct();
  $("places").replaceChildren(
    el("h2", {}, "Channels"), ...rooms,
    ...(world.slack.app.home_tab || mine ? [el("h2", {}, "Apps")] : []),
    ...(world.slack.app.home_tab ? [placeButton(HOME, "⌂", "Overdue Home")] : []),
    ...(mine ? [placeButton(mine.id, "✉", "Overdue")] : []),
  );
}

function placeButton(id, sign, label) {
  const unread = id === HOME ? 0 : news(id);
  return el("button", {
    type: "button",
    class: `place ${id === place ? "here" : ""} ${unread ? "unread" : ""}`,
    "data-testid": `place-${id}`,
    "aria-current": id === place ? "page" : null,
    onclick: () => go(id),
  }, el("span", { class: "sign", "aria-hidden": "true" }, sign), el("span", { class: "name" }, label),
    unread ? el("span", { class: "count" }, String(unread)) : "");
}

function news(id) {
  const since = read[`${me()} ${id}`] ?? "0";
  return world.messages.filter((one) =>
    one.channel === id && !one.deleted && !one.thread_ts && one.ts > since).length;
}

function markRead() {
  const last = world.messages.filter((one) => one.channel === place).at(-1);
  if (last) read[`${me()} ${place}`] = last.ts;
  sessionStorage.setItem("read", JSON.stringify(read));
}

function go(id) {
  thread = null;
  look(false);
  location.hash = id === HOME ? "#/home" : `#/archives/${id}`;
}

/** Follows the address: `#/home`, `#/archives/C…`, `#/archives/C…/p1764…`. */
function follow() {
  const [, kind, id, at] = location.hash.split("/");
  const known = world.slack.channels.find((one) => one.id === id && (!one.user || one.user === me()));
  place = kind === "home" && world.slack.app.home_tab ? HOME : known?.id ?? channels()[0]?.id ?? HOME;
  wanted = at ? `${at.slice(1, -6)}.${at.slice(-6)}` : null;
  if (place === HOME) openHome();
  draw();
  if (!wanted) toEnd();
}

async function openHome() {
  await attempt(() => act("slack/home", { user: me() }));
}

// ---- people ------------------------------------------------------------------------------

function cast() {
  $("people").replaceChildren(...people().map((one) => el("button", {
    type: "button",
    class: "person",
    "aria-pressed": String(one.id === me()),
    "data-testid": `person-${one.id}`,
    onclick: () => be(one.id),
  }, avatar(one.id, one.real_name, "small"), el("span", {}, one.real_name, el("small", {}, one.role)))));
}

function be(id) {
  const inDirect = direct()?.id === place;
  become(id);
  thread = null;
  if (inDirect) return go(direct()?.id ?? channels()[0].id);
  if (place === HOME) openHome();
  return draw();
}

// ---- drawing -----------------------------------------------------------------------------

function draw() {
  learn(world.slack);
  meet(world.slack.people);
  $("team-name").textContent = world.slack.team.name;
  $("team-mark").textContent = world.slack.team.name[0];
  const box = $("messages");
  const following = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  conversation(box);
  markRead();
  keepFocus($("places"), places);
  keepFocus($("people"), cast);
  modes();
  welcome($("welcome"), place === HOME);
  beside();
  modal(world.modals[me()]);
  if (wanted) showWanted(box);
  else if (following && place !== HOME) box.scrollTop = box.scrollHeight;
}

function modes() {
  $("modes").replaceChildren(...(world.product ?? []).map((one) =>
    el("span", { class: `mode mode-${one.mode}`, title: one.name }, one.words)));
}

function conversation(box) {
  const room = world.slack.channels.find((one) => one.id === place);
  $("composer").hidden = place === HOME;
  if (place === HOME) {
    title("Overdue", "App Home · only you see this tab");
    return keepScroll(box, home());
  }
  title(room?.user ? "Overdue" : `# ${room?.name ?? ""}`,
    room?.user ? "Direct message with the app" : `${room?.members.length ?? 0} members`);
  const nodes = room ? list(world, seenIn(world, place), openThread) : [];
  return swap(box, nodes.length ? nodes : [el("p", { class: "empty" }, "Nothing has been said here yet.")]);
}

function title(words, topic) {
  $("place-title").textContent = words;
  $("place-topic").textContent = topic;
}

let homeKey = "";
const homeValues = {};

function home() {
  const view = world.homes[me()];
  const key = JSON.stringify([me(), view?.hash]);
  if (key === homeKey && $("messages").querySelector(".home")) return null;
  homeKey = key;
  if (!view) return [el("p", { class: "empty home" }, "Overdue has not filled this tab yet.")];
  return [el("div", { class: "home", "data-testid": "home" },
    blocks(view.blocks, surfaceOf(view, "home", homeValues)))];
}

function keepScroll(box, nodes) {
  if (nodes) box.replaceChildren(...nodes);
}

/** Puts nodes in place without touching those that are there already. */
function swap(box, nodes) {
  const stays = new Set(nodes);
  for (const node of [...box.childNodes]) if (!stays.has(node)) node.remove();
  nodes.forEach((node, index) => {
    if (box.childNodes[index] !== node) box.insertBefore(node, box.childNodes[index] ?? null);
  });
}

function keepFocus(box, redraw) {
  const held = box.contains(document.activeElement)
    ? document.activeElement.getAttribute("data-testid") : null;
  redraw();
  if (held) box.querySelector(`[data-testid="${CSS.escape(held)}"]`)?.focus();
}

function showWanted(box) {
  const reply = world.messages.find((one) => one.ts === wanted && one.thread_ts && !one.broadcast);
  if (reply) {
    wanted = null;
    return openThread(reply.channel, reply.thread_ts);
  }
  const node = box.querySelector(`[data-ts="${CSS.escape(wanted)}"]`);
  if (!node) return undefined;
  node.scrollIntoView({ block: "center" });
  node.classList.add("wanted");
  setTimeout(() => node.classList.remove("wanted"), 2500);
  wanted = null;
  return undefined;
}

function toEnd() {
  const box = $("messages");
  box.scrollTop = place === HOME ? 0 : box.scrollHeight;
}

function openThread(channel, ts) {
  thread = { channel, ts };
  look(true);
  draw();
  $("thread").querySelector("button").focus();
  const replies = $("thread").querySelector(".scroll");
  replies.scrollTop = replies.scrollHeight;
}

// ---- beside the conversation -------------------------------------------------------------

let besideKey = "";

function beside() {
  $("thread").hidden = !thread;
  $("panels").hidden = Boolean(thread);
  if (thread) return drawThread();
  const numbers = counts(world);
  $("around").textContent = numbers.mailbox ? `Mailbox ${numbers.mailbox}` : "Mailbox";
  for (const [name, count] of Object.entries(numbers)) $(`count-${name}`).textContent = count || "";
  for (const button of document.querySelectorAll("[role=tab]")) {
    button.setAttribute("aria-selected", String(button.dataset.panel === tab));
    button.tabIndex = button.dataset.panel === tab ? 0 : -1;
  }
  const key = JSON.stringify([tab, world.mails, world.inbox, world.notes, world.invoices,
    tab === "requests" ? world.requests : 0]);
  if (key === besideKey) return undefined;
  besideKey = key;
  $("panel").setAttribute("aria-labelledby", `tab-${tab}`);
  return keepFocus($("panel"), () => $("panel").replaceChildren(...panel(tab, world)));
}

function drawThread() {
  const [parent, ...replies] = threadOf(world, thread.channel, thread.ts);
  if (!$("thread").firstChild) {
    $("thread").append(
      el("header", {}, el("h2", {}, "Thread"), el("button", { type: "button", class: "plain close",
        "aria-label": "Close thread", "data-testid": "thread-close", onclick: closeThread }, "✕")),
      el("div", { class: "scroll" }));
  }
  const line = el("div", { class: "day" }, el("span", {}, counted(replies.length)));
  const nodes = parent ? [...plainList(world, [parent]), line, ...plainList(world, replies)] : [];
  swap($("thread").querySelector(".scroll"), nodes);
}

function closeThread() {
  const { ts } = thread;
  thread = null;
  $("thread").replaceChildren();
  look(false);
  draw();
  document.querySelector(`[data-testid="thread-${CSS.escape(ts)}"]`)?.focus();
}

/** On a phone, what stands beside the conversation covers it. */
function look(beside) {
  document.body.classList.toggle("looks-beside", beside);
  $("around").setAttribute("aria-expanded", String(beside));
}

function showTab(name) {
  tab = name;
  sessionStorage.setItem("tab", tab);
  draw();
  $(`tab-${name}`).focus();
}

function moveTab(event) {
  const names = ["mailbox", "customers", "quickbooks", "requests"];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) showTab(names.at((names.indexOf(tab) + step) % names.length));
}

// ---- talking to the sandbox --------------------------------------------------------------

async function command(event) {
  event.preventDefault();
  const box = $("command");
  const words = box.value.trim();
  box.value = "";
  await attempt(() => act("slack/command", { user: me(), text: words, channel: place }));
  toEnd();
}

async function attempt(what) {
  try {
    return await what();
  } catch (error) {
    return toast(error.message);
  }
}

async function refresh() {
  world = await state();
  if (place) draw();
  else follow();
  $("live").textContent = "Connected";
  $("live").classList.remove("lost");
}

async function keepUp() {
  for (;;) {
    try {
      await refresh();
      await changed(world.version);
    } catch {
      // The sandbox is restarting or gone: say so, and look again in a moment.
      $("live").textContent = "Not connected";
      $("live").classList.add("lost");
      await new Promise((again) => setTimeout(again, 1000));
    }
  }
}

window.addEventListener("hashchange", follow);
$("composer").addEventListener("submit", command);
$("around").addEventListener("click", () => look(true));
$("beside-close").addEventListener("click", () => look(false));
for (const button of document.querySelectorAll("[role=tab]")) {
  button.addEventListener("click", () => showTab(button.dataset.panel));
  button.addEventListener("keydown", moveTab);
}
setInterval(() => tab === "requests" && !thread && refresh().catch(() => undefined), 2000);
keepUp();

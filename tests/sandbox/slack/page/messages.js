// Messages of a place: the list, one message, a thread.

import { act } from "./wire.js";
import { blocks } from "./blocks.js";
import { avatar, clock, el, moment } from "./dom.js";
import { initialOf } from "./elements.js";
import { name } from "./names.js";
import { mrkdwn } from "./text.js";
import { toast } from "./toast.js";
import { me } from "./who.js";

const drawn = new Map();

/** What a person sees in a channel, oldest first: messages and their own private answers. */
export function seenIn(world, channel) {
  const here = world.messages.filter((one) =>
    one.channel === channel && !one.deleted && (!one.thread_ts || one.broadcast));
  return [...here, ...privateIn(world, channel)].sort(byTime);
}

/** A thread: its parent, then the replies. */
export function threadOf(world, channel, ts) {
  const inside = world.messages.filter((one) =>
    one.channel === channel && !one.deleted && (one.ts === ts || one.thread_ts === ts));
  return [...inside, ...privateIn(world, channel, ts)].sort(byTime);
}

function privateIn(world, channel, thread = null) {
  return world.ephemerals.filter((one) => one.user === me() && one.channel === channel
    && !one.deleted && (one.thread_ts ?? null) === thread).map((one) => ({ ...one, hidden: true }));
}

function byTime(one, other) {
  return Number.parseFloat(one.ts) - Number.parseFloat(other.ts);
}

/** The messages as nodes with a line before each new day; unchanged ones are the same nodes. */
export function list(world, found, openThread) {
  let day = "";
  return found.flatMap((message) => {
    const today = moment(message.ts).toDateString();
    const line = today === day ? [] : [dayLine(message.ts)];
    day = today;
    return [...line, messageNode(world, message, openThread)];
  });
}

/** The messages of a thread as nodes. */
export function plainList(world, found) {
  return found.map((message) => messageNode(world, message));
}

/** "1 reply", "2 replies". */
export function counted(replies) {
  return `${replies} ${replies === 1 ? "reply" : "replies"}`;
}

function dayLine(ts) {
  const options = { weekday: "long", day: "numeric", month: "long" };
  const today = moment(ts).toDateString() === new Date().toDateString();
  const words = today ? "Today" : moment(ts).toLocaleDateString([], options);
  return el("div", { class: "day", role: "separator" }, el("span", {}, words));
}

function messageNode(world, message, openThread) {
  const replies = openThread
    ? world.messages.filter((one) => one.thread_ts === message.ts
      && one.channel === message.channel && !one.deleted)
    : [];
  const warning = world.slack.warnings.find((one) => one.user === me() && one.ts === message.ts);
  const key = JSON.stringify([message, replies.length, warning, me()]);
  const place = `${openThread ? "main" : "thread"} ${message.ts}`;
  if (drawn.get(place)?.key !== key) {
    drawn.set(place, { key, node: draw(message, replies, warning, openThread) });
  }
  return drawn.get(place).node;
}

function draw(message, replies, warning, openThread) {
  const sender = message.user === "USLACKBOT" || message.sender === "USLACKBOT"
    ? "USLACKBOT" : message.sender ?? message.user;
  const author = sender === "USLACKBOT" ? "Slackbot" : name(sender) ?? sender;
  const node = el("article", {
    class: `message ${message.hidden ? "private" : ""}`,
    "data-testid": `${openThread ? "message" : "reply"}-${message.ts}`,
    "data-ts": message.ts,
    "aria-label": `${author}, ${clock(message.ts)}`,
  }, avatar(sender, author), el("div", { class: "content" },
    message.hidden ? el("div", { class: "only-you" }, "Only visible to you") : "",
    message.broadcast ? el("div", { class: "only-you" }, "Replied to a thread") : "",
    el("header", {}, el("b", {}, author), sender === "UOVERDUE" ? el("span", { class: "tag" }, "App") : "",
      el("time", { title: moment(message.ts).toLocaleString() }, clock(message.ts))),
    content(message)));
  const inside = node.querySelector(".content");
  if (message.edited) inside.append(el("small", { class: "edited" }, "(edited)"));
  if (warning) inside.append(el("div", { class: "trouble", role: "alert" }, `⚠ ${warning.text}`));
  if (replies.length) inside.append(threadButton(message, replies, openThread));
  return node;
}

function threadButton(message, replies, openThread) {
  const last = replies.at(-1);
  return el("button", {
    type: "button",
    class: "replies",
    "data-testid": `thread-${message.ts}`,
    onclick: () => openThread(message.channel, message.ts),
  }, el("b", {}, counted(replies.length)),
    el("span", {}, `last at ${clock(last.ts)}`));
}

function content(message) {
  if (message.files?.length) return el("div", {}, message.text, ...message.files.map(file));
  if (!message.blocks.length) return el("div", { class: "block text" }, mrkdwn(message.text));
  return blocks(message.blocks, surfaceOf(message));
}

function file(one) {
  const size = `${Math.max(1, Math.round(one.size / 1024))} KB`;
  return el("a", { class: "file", href: `/slack/files/${one.id}`, download: one.name,
    "data-testid": `file-${one.id}` }, el("b", {}, one.name), el("span", {}, size));
}

function surfaceOf(message) {
  return {
    held: (block, one) => initialOf(one),
    hold: () => undefined,
    label: (block, one) => one.placeholder?.text ?? one.action_id,
    dispatches: (block) => block.type !== "input",
    use: (block, one, value) => press(message, one, value),
  };
}

async function press(message, one, value) {
  const body = { user: me(), ts: message.ts, action_id: one.action_id };
  try {
    await act("slack/click", value === undefined ? body : { ...body, value });
  } catch (error) {
    toast(error.message);
  }
}

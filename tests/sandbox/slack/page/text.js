// Slack's text formats as nodes: mrkdwn, plain_text, rich_text, markdown.

import { el, link } from "./dom.js";
import { name } from "./names.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", email: "✉️", envelope: "✉️", incoming_envelope: "📨",
  memo: "📝", pencil: "📝", pencil2: "✏️", moneybag: "💰", calendar: "📅", bell: "🔔",
  rotating_light: "🚨", lock: "🔒", eyes: "👀", bulb: "💡", tada: "🎉", wave: "👋",
  speech_balloon: "💬", telephone_receiver: "📞", clock3: "🕒", no_entry: "⛔", stop_sign: "🛑",
  large_green_circle: "🟢", large_yellow_circle: "🟡", red_circle: "🔴", robot_face: "🤖",
  bar_chart: "📊", chart_with_upwards_trend: "📈", paperclip: "📎", leftwards_arrow_with_hook: "↩️",
  mag: "🔍", key: "🔑", double_vertical_bar: "⏸️", arrow_forward: "▶️", question: "❓", electric_plug: "🔌", "+1": "👍", "-1": "👎",
};
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

function unescaped(text) {
  return text.replace(/&(amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, word) => EMOJI[word] ?? whole);
}

/** A text object of either kind. */
export function text(object) {
  if (object.type === "mrkdwn") return mrkdwn(object.text, object.verbatim);
  const words = unescaped(object.text);
  return [object.emoji === false ? words : withEmoji(words)];
}

/** mrkdwn as nodes: code blocks first, then quoted lines, then what stands inside a line. */
export function mrkdwn(source, verbatim = false) {
  return source.split(/(```[\s\S]+?```)/).flatMap((part) => {
    if (/^```[\s\S]+```$/.test(part)) {
      return [el("pre", {}, unescaped(part.slice(3, -3).replace(/^\n|\n$/g, "")))];
    }
    return lines(part, verbatim);
  });
}

function lines(source, verbatim) {
  const nodes = [];
  let quoted = [];
  let fresh = true;
  const endQuote = () => {
    if (quoted.length) nodes.push(el("blockquote", {}, inline(quoted.join("\n"), verbatim)));
    fresh ||= quoted.length > 0;
    quoted = [];
  };
  for (const line of source.split("\n")) {
    const quote = /^(?:&gt;|>) ?(.*)/.exec(line);
    if (quote) {
      quoted.push(quote[1]);
      continue;
    }
    endQuote();
    nodes.push(...(fresh ? [] : ["\n"]), ...inline(line, verbatim));
    fresh = false;
  }
  endQuote();
  return nodes;
}

const MARKS = [
  [/<([^<>]+)>/, (match) => [token(match[1])]],
  [/`([^`\n]+)`/, (match) => [el("code", {}, unescaped(match[1]))]],
  [/(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])/, (match, v) => [el("b", {}, inline(match[1], v))]],
  [/(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])/, (match, v) => [el("i", {}, inline(match[1], v))]],
  [/(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])/, (match, v) => [el("s", {}, inline(match[1], v))]],
];
const BARE = [/\bhttps?:\/\/[^\s<>]+[^\s<>.,;:!?)]/, (match) => [link(unescaped(match[0]), unescaped(match[0]))]];

function inline(source, verbatim) {
  let first = null;
  for (const [pattern, make] of verbatim ? MARKS : [...MARKS, BARE]) {
    const match = pattern.exec(source);
    if (match && (!first || match.index < first.match.index)) first = { match, make };
  }
  if (!first) return source ? [withEmoji(unescaped(source))] : [];
  const { match, make } = first;
  return [
    ...inline(source.slice(0, match.index), verbatim),
    ...make(match, verbatim),
    ...inline(source.slice(match.index + match[0].length), verbatim),
  ];
}

function token(inside) {
  const [target, label] = split(inside);
  if (target.startsWith("@")) return mention(`@${name(target.slice(1)) || unescaped(label)}`);
  if (target.startsWith("#")) return mention(`#${name(target.slice(1)) || unescaped(label)}`);
  if (target.startsWith("!subteam^")) return mention(unescaped(label) || "@group");
  if (target.startsWith("!date^")) return date(target, unescaped(label));
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`);
  return link(unescaped(target), withEmoji(unescaped(label || target.replace(/^mailto:/, ""))));
}

function split(inside) {
  const bar = inside.indexOf("|");
  return bar < 0 ? [inside, ""] : [inside.slice(0, bar), inside.slice(bar + 1)];
}

function mention(label) {
  return el("span", { class: "mention" }, label);
}

function date(target, fallback) {
  const [, seconds, format, url] = target.split("^");
  const shown = dated(Number(seconds), format) ?? fallback;
  const node = el("time", { title: fallback, datetime: iso(seconds) }, shown);
  return url ? link(url, node) : node;
}

function iso(seconds) {
  const when = new Date(Number(seconds) * 1000);
  return Number.isNaN(when.getTime()) ? null : when.toISOString();
}

/** A moment in one of Slack's date formats, in the reader's zone. */
function dated(seconds, format) {
  const when = new Date(seconds * 1000);
  if (Number.isNaN(when.getTime())) return null;
  const as = (options) => when.toLocaleString([], options);
  const forms = {
    date_num: () => when.toLocaleDateString("sv"),
    date: () => as({ day: "numeric", month: "long", year: "numeric" }),
    date_short: () => as({ day: "numeric", month: "short", year: "numeric" }),
    date_long: () => as({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    time: () => as({ hour: "2-digit", minute: "2-digit" }),
    time_secs: () => as({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(when),
  };
  return format.replace(/\{(\w+?)(_pretty)?\}/g, (whole, form, pretty) => {
    if (!forms[form]) return whole;
    return (pretty && nearby(when)) || forms[form]();
  });
}

function nearby(when) {
  const day = (date) => Math.floor((date - date.getTimezoneOffset() * 60000) / 86400000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[day(when) - day(new Date())];
}

function ago(when) {
  const minutes = Math.round((Date.now() - when) / 60000);
  return minutes < 60 ? `${minutes} minutes ago` : `${Math.round(minutes / 60)} hours ago`;
}

/** The parts of a rich_text block. */
export function rich(block) {
  return block.elements.map((part) => RICH[part.type]?.(part) ?? "");
}

const RICH = {
  rich_text_section: (part) => el("div", { class: "rich" }, part.elements.map(piece)),
  rich_text_quote: (part) => el("blockquote", {}, part.elements.map(piece)),
  rich_text_preformatted: (part) => el("pre", {}, part.elements.map(piece)),
  rich_text_list: (part) =>
    el(part.style === "ordered" ? "ol" : "ul",
      { class: `indent-${part.indent ?? 0}`, start: part.offset ? part.offset + 1 : null },
      part.elements.map((item) => el("li", {}, item.elements.map(piece)))),
};
const PIECES = {
  text: (one) => one.text,
  link: (one) => link(one.url, one.text || one.url),
  emoji: (one) => EMOJI[one.name] ?? `:${one.name}:`,
  user: (one) => mention(`@${name(one.user_id) || one.user_id}`),
  usergroup: (one) => mention(`@${one.usergroup_id}`),
  channel: (one) => mention(`#${name(one.channel_id) || one.channel_id}`),
  broadcast: (one) => mention(`@${one.range}`),
  date: (one) => el("time", {}, dated(one.timestamp, one.format) ?? one.fallback ?? ""),
};
const STYLES = { bold: "b", italic: "i", strike: "s", code: "code" };

function piece(one) {
  const inside = PIECES[one.type]?.(one) ?? "";
  const wanted = Object.keys(STYLES).filter((style) => one.style?.[style]);
  return wanted.reduce((node, style) => el(STYLES[style], {}, node), inside);
}

/** Standard Markdown of a markdown block: headings, lists, bold, italic, code, links. */
export function markdown(source) {
  return source.split("\n").map((line) => {
    const heading = /^#{1,6} (.*)/.exec(line);
    if (heading) return el("div", { class: "rich" }, el("b", {}, heading[1]));
    const item = /^\s*[-*] (.*)/.exec(line);
    return el("div", { class: "rich" }, item ? "• " : "", prose(item ? item[1] : line));
  });
}

function prose(line) {
  return line.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)\s]+\))/).map((part) => {
    const anchor = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(part);
    if (anchor) return link(anchor[2], anchor[1]);
    if (/^\*\*.+\*\*$/.test(part)) return el("b", {}, part.slice(2, -2));
    return /^`.+`$/.test(part) ? el("code", {}, part.slice(1, -1)) : part;
  });
}

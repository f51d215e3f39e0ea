// Block Kit as nodes.

import { el } from "./dom.js";
import { element } from "./elements.js";
import { markdown, rich, text } from "./text.js";

const LONG = 700;
const SHORT = 12;

/** Blocks on a surface (see elements.js); `errors` are shown at their input blocks. */
export function blocks(list, surface, errors = {}) {
  return list.map((block) => {
    const make = KINDS[block.type];
    const node = make
      ? make(block, surface, errors)
      : el("div", { class: "unknown" }, `This page cannot show: ${block.type}`);
    node.setAttribute("data-block", block.block_id);
    return node;
  });
}

function section(block, surface) {
  const words = block.text ? el("div", { class: "text" }, text(block.text)) : "";
  const fields = (block.fields ?? []).map((field) => el("div", { class: "text" }, text(field)));
  const accessory = block.accessory
    ? el("div", { class: "beside-text" }, element(block, block.accessory, surface))
    : "";
  const body = el("div", { class: "body" },
    block.text?.text.length > LONG && !block.expand ? folded(words) : words,
    fields.length ? el("div", { class: "fields" }, fields) : "");
  return el("div", { class: "block section" }, body, accessory);
}

function folded(words) {
  words.classList.add("folded");
  const more = el("button", { type: "button", class: "plain", onclick: () => {
    words.classList.remove("folded");
    more.remove();
  } }, "See more");
  return [words, more];
}

function header(block) {
  return el("h2", { class: "block header" }, text(block.text));
}

function context(block, surface) {
  const parts = block.elements.map((one) =>
    one.type === "image" ? element(block, one, surface) : el("span", {}, text(one)));
  return el("div", { class: "block context" }, parts);
}

function actions(block, surface) {
  return el("div", { class: "block actions" },
    block.elements.map((one) => element(block, one, surface)));
}

function image(block) {
  const caption = block.title ? el("figcaption", {}, text(block.title)) : "";
  return el("figure", { class: "block image" }, caption,
    el("img", { src: block.image_url, alt: block.alt_text }));
}

function input(block, surface, errors) {
  const error = errors[block.block_id];
  const node = el("div", { class: `block input ${error ? "wrong" : ""}` },
    el("div", { class: "label" }, text(block.label),
      block.optional ? el("span", { class: "optional" }, " (optional)") : ""),
    element(block, block.element, surface),
    block.hint ? el("div", { class: "hint" }, text(block.hint)) : "");
  if (error) {
    node.append(el("div", { class: "error", role: "alert",
      "data-testid": `error-${block.block_id}` }, error));
  }
  return node;
}

function table(block) {
  const look = (index, cell) => {
    const settings = block.column_settings?.[index];
    const breaks = settings?.is_wrapped ? "wrapped" : cell.text?.length <= SHORT ? "short" : "";
    return `align-${settings?.align ?? "left"} ${breaks}`;
  };
  const row = (cells, tag) => el("tr", {}, cells.map((cell, index) =>
    el(tag, { class: look(index, cell), scope: tag === "th" ? "col" : null }, inside(cell))));
  const [first, ...others] = block.rows;
  const caption = block.caption ? el("caption", {}, block.caption) : "";
  // it may be wider than its room: then it is scrolled by keyboard, too
  const scrolled = { tabindex: "0", role: "group", "aria-label": block.caption ?? "Table" };
  return el("div", { class: "block table", ...scrolled }, el("table", {}, caption,
    el("thead", {}, row(first, "th")), el("tbody", {}, others.map((one) => row(one, "td")))));
}

function inside(cell) {
  if (cell.type === "rich_text") return rich(cell);
  return cell.text ?? String(cell.value);
}

function container(block, surface, errors) {
  const title = block.rich_text_title ? rich(block.rich_text_title) : text(block.title);
  const heading = [el("b", {}, title),
    block.subtitle ? el("small", {}, text(block.subtitle)) : ""];
  const children = blocks(block.child_blocks, surface, errors);
  if (!block.is_collapsible) {
    return el("div", { class: "block container" }, el("div", { class: "title" }, heading), children);
  }
  return el("details", { class: "block container", open: !block.default_collapsed },
    el("summary", {}, heading), children);
}

/** A chart as Slack draws it: bars or lines over an axis, or the parts of a pie as bars. */
function chart(block) {
  const plot = block.chart;
  const names = plot.axis_config?.categories ?? plot.segments.map((one) => one.label);
  const series = plot.series ?? [{ name: block.title, data: plot.segments }];
  const value = (one, label) => one.data.find((point) => point.label === label)?.value ?? 0;
  const most = Math.max(1, ...series.flatMap((one) => one.data.map((point) => point.value)));
  const columns = names.map((label) => el("div", { class: "column" },
    el("div", { class: "bars" }, series.map((one, index) =>
      bar(label, one.name, value(one, label), most, index))), el("small", {}, label)));
  const legend = series.length > 1
    ? el("div", { class: "legend" }, series.map((one, index) =>
      el("span", { class: `series-${index}` }, one.name)))
    : "";
  const told = series.map((one) => `${one.name}: ${one.data.map((point) =>
    `${point.label} ${point.value}`).join(", ")}`).join("; ");
  const scale = el("span", { class: "scale" }, most.toLocaleString("en-US", {
    notation: "compact", maximumFractionDigits: 1 }));
  return el("figure", { class: "block chart", role: "img", "aria-label": `${block.title}. ${told}` },
    el("figcaption", {}, block.title,
      plot.axis_config?.y_label ? el("small", {}, ` ${plot.axis_config.y_label}`) : ""),
    el("div", { class: "plot" }, scale, columns), legend);
}

function bar(label, name, value, most, index) {
  const told = `${label}, ${name}: ${value.toLocaleString("en-US")}`;
  const node = el("span", { class: `bar series-${index}`, title: told });
  node.style.height = `${(100 * Math.max(0, value)) / most}%`;
  return node;
}

const KINDS = {
  data_visualization: chart,
  section,
  header,
  context,
  actions,
  image,
  input,
  table,
  container,
  data_table: table,
  divider: () => el("hr", { class: "block" }),
  rich_text: (block) => el("div", { class: "block text" }, rich(block)),
  markdown: (block) => el("div", { class: "block text" }, markdown(block.text)),
  alert: (block) =>
    el("div", { class: `block alert ${block.level ?? "default"}`, role: "note" }, text(block.text)),
};

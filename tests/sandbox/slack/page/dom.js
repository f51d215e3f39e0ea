// Building elements. Outside text only ever becomes text nodes and attribute values.

/** An element with properties (`class`, `data-…`, `on…` listeners, others as attributes). */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== ""));
  return node;
}

/** Only web and mail addresses may become links. */
export function link(url, ...children) {
  if (!/^(https?:|mailto:)/i.test(url)) return el("span", {}, ...children);
  const own = url.startsWith(location.origin);
  // a message's own address opens here, without loading the page again
  const href = own ? url.replace(`${location.origin}/archives/`, "#/archives/") : url;
  return el("a", { href, rel: "noreferrer", target: own ? null : "_blank" }, ...children);
}

const HUES = { UCOLLECT: 168, UMANAGER: 28, ULEAD1: 214, ULEAD2: 262, UGUEST: 48, USTRANGER: 344 };

/** A round or square picture made of initials. */
export function avatar(id, name, size = "") {
  if (id === "UOVERDUE") return el("span", { class: `avatar app ${size}`, "aria-hidden": "true" });
  const initials = name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  const node = el("span", { class: `avatar ${size}`, "aria-hidden": "true" }, initials);
  node.style.setProperty("--hue", HUES[id] ?? 0);
  return node;
}

/** The time of a message on the reader's clock. */
export function clock(ts) {
  return moment(ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** The Date of a message's ts. */
export function moment(ts) {
  return new Date(Number.parseFloat(ts) * 1000);
}

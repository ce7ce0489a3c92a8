// Words for times, numbers and states, as people read them.
import { h, svg } from "./dom.js";

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

// A relative time that stays true; the exact instant, here and in UTC, on hover and focus.
export function when(instant, nothing = "never") {
  if (!instant) return h("span.quiet", nothing);
  return h("time", { datetime: instant, title: exact(instant), "data-relative": "", tabindex: "0" }, relative(instant));
}

// When something is due: "now" once the moment has come.
export function due(instant, nothing = "–") {
  const node = when(instant, nothing);
  if (!instant) return node;
  node.dataset.relative = "due";
  node.textContent = relative(instant, true);
  return node;
}

export function exact(instant) {
  const date = new Date(instant);
  return `${exactFormat.format(date)} (${zone})\n${date.toISOString().replace(".000", "")} (UTC)`;
}

export function relative(instant, isDue = false) {
  const past = (Date.now() - new Date(instant)) / 1000;
  if (Math.abs(past) < 1 || (isDue && past > 0 && past < 5)) return "now";
  if (isDue && past > 0) return `due for ${duration(past)}`;
  return past > 0 ? `${duration(past)} ago` : `in ${duration(-past)}`;
}

// The largest two units, or one and tenths for what is short: 1 h 5 min, 12 s, 0.4 s.
export function duration(seconds) {
  if (!(seconds >= 0)) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1).replace(/\.0$/, "")} s`;
  let rest = Math.round(seconds);
  const parts = [];
  for (const [size, name] of UNITS) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount) parts.push(`${amount} ${name}`);
    else if (parts.length) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function atMost(number, isMore) {
  return `${number.toLocaleString("en")}${isMore ? " or more" : ""}`;
}

setInterval(() => {
  for (const node of document.querySelectorAll("time[data-relative]")) {
    const text = relative(node.getAttribute("datetime"), node.dataset.relative === "due");
    if (node.textContent !== text) node.textContent = text;
  }
}, 1000);

// States: a colour, a shape and a word, so that none of them has to be told by colour.
const STATES = {
  active: ["ok", "working"],
  healthy: ["ok", "working"],
  delivered: ["ok", "delivered"],
  connected: ["ok", "live"],
  baseline_pending: ["waiting", "reading its baseline"],
  "baseline pending": ["waiting", "reading its baseline"],
  pending: ["waiting", "pending"],
  retrying: ["waiting", "retrying"],
  queued: ["waiting", "queued"],
  connecting: ["waiting", "connecting"],
  degraded: ["failing", "failing, still trying"],
  needs_reauth: ["failing", "needs authorization"],
  failing: ["failing", "failing, still trying"],
  dead: ["failing", "dead"],
  lost: ["failing", "connection lost, trying again"],
  disabled: ["stopped", "disabled"],
  paused: ["stopped", "paused"],
  stopped: ["stopped", "stopped"],
  cancelled: ["stopped", "cancelled"],
  split: ["stopped", "split"],
};

const SHAPES = {
  ok: () => svg("circle", { cx: 6, cy: 6, r: 5, fill: "currentColor" }),
  waiting: () => svg("path", { d: "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1m0 0v5l3 2", fill: "none", stroke: "currentColor", "stroke-width": 1.6 }),
  failing: () => svg("path", { d: "M6 .6 11.6 11H.4z", fill: "currentColor" }),
  stopped: () => svg("rect", { x: 1.5, y: 1.5, width: 9, height: 9, fill: "currentColor" }),
};

export function mark(state, word = null) {
  const [kind, usual] = STATES[state] ?? ["stopped", state];
  return h("span", { class: `mark ${kind}`, "data-state": state }, shape(kind), h("span", word ?? usual));
}

export function kindOf(state) {
  return (STATES[state] ?? ["stopped"])[0];
}

export function shape(kind, size = 12) {
  return svg("svg", { width: size, height: size, viewBox: "0 0 12 12", "aria-hidden": "true" }, SHAPES[kind]());
}

export function verdict(kind, sentence, ...more) {
  return h(".panel.verdict", { role: "status" },
    h("span", { class: `mark ${kind}` }, shape(kind, 16), h("span.visually-hidden", kind)),
    h("div", sentence, more.length ? h("small", more) : null));
}

const TYPES = { CREATED: "created", UPDATED: "updated", DELETED: "deleted" };

export function eventType(type) {
  return h("span", { class: type }, TYPES[type] ?? type);
}

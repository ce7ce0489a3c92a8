// Charts: small multiples on one time axis; zero is drawn as zero, missing as a gap.
import { h, svg } from "./dom.js";
import { count, duration } from "./format.js";

const WIDTH = 600;
const HEIGHT = 44;
const BASE = HEIGHT - 1;
const ROOM = HEIGHT - 6;
const TYPES = ["CREATED", "UPDATED", "DELETED"];
const SPANS = [["hour", "1 hour"], ["day", "24 hours"], ["week", "7 days"]];

export class TimeAxis {
  constructor({ spanSeconds, bucketSeconds }) {
    this.seconds = bucketSeconds;
    this.bucket = bucketSeconds * 1000;
    this.buckets = Math.round(spanSeconds / bucketSeconds);
    this.end = Math.ceil(Date.now() / this.bucket) * this.bucket;
    this.start = this.end - spanSeconds * 1000;
  }

  indexOf(instant) {
    return Math.floor((new Date(instant) - this.start) / this.bucket);
  }

  x(index) {
    return (index / this.buckets) * WIDTH;
  }

  labels() {
    const length = this.end - this.start;
    const format = new Intl.DateTimeFormat(undefined, length > 86400000
      ? { weekday: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" });
    const at = [0, 0.25, 0.5, 0.75].map((share) => format.format(this.start + share * length));
    return h(".chart.axis", { "aria-hidden": "true" }, h("div", [...at, "now"].map((text) => h("span", text))));
  }

  // What falls into each stretch of time, put together by `add`; null where nothing does.
  sums(points, add) {
    const sums = Array(this.buckets).fill(null);
    for (const point of points) {
      const index = this.indexOf(point.at);
      if (index in sums) sums[index] = add(sums[index], point);
    }
    return sums;
  }
}

// Changes by type, stacked.
export function changesChart(axis, changes) {
  const nothing = { CREATED: 0, UPDATED: 0, DELETED: 0 };
  const sums = axis.sums(changes, (sum, { type, changes: number }) => ({ ...nothing, ...sum, [type]: (sum?.[type] ?? 0) + number }));
  const total = (type) => sums.reduce((all, sum) => all + (sum?.[type] ?? 0), 0);
  const heights = sums.map((sum) => (sum ? TYPES.reduce((all, type) => all + sum[type], 0) : 0));
  const highest = Math.max(1, ...heights);
  const told = TYPES.filter(total).map((type) => [`${total(type).toLocaleString("en")} ${type.toLowerCase()}`, type]);
  const drawn = sums.flatMap((sum, index) => {
    let y = BASE;
    return sum ? TYPES.filter((type) => sum[type]).map((type) => {
      const height = Math.max(1.5, (sum[type] / highest) * ROOM);
      return bar(axis, index, height, `fill-${type}`, y -= height);
    }) : [];
  });
  const each = `at most ${highest} in ${duration(axis.seconds)}`;
  return chart("Changes by type", told.length ? `${told.map(([words]) => words).join(", ")}; ${each}` : "none", drawn,
    told.length ? told.map(([words, type]) => h("div", { class: type }, words)) : "no change");
}

// Each poll a tick as high as what changed, red where it failed: what has stopped is a visible silence.
export function pollTimeline(name, axis, ticks, note) {
  const add = (sum, tick) => ({ polls: (sum?.polls ?? 0) + tick.polls, failed: (sum?.failed ?? 0) + tick.failed, changed: (sum?.changed ?? 0) + tick.changed });
  const sums = axis.sums(ticks, add);
  const all = ticks.reduce(add, { polls: 0, failed: 0, changed: 0 });
  const highest = Math.max(1, ...sums.map((sum) => sum?.changed ?? 0));
  const drawn = sums.map((sum, index) => {
    if (!sum) return null;
    const height = 4 + (sum.changed / highest) * (ROOM - 4);
    return sum.failed ? bar(axis, index, ROOM, "fill-failed") : bar(axis, index, height, sum.changed ? "fill-UPDATED" : "fill-poll");
  });
  const words = `${count(all.polls, "poll")}, ${all.failed} failed, ${count(all.changed, "change")}`;
  return chart(name, `${words}${note ? `; ${note}` : ""}`, drawn, [
    h("b", count(all.changed, "change")), h("div", { class: all.failed ? "failing" : "quiet" }, all.failed ? `${all.failed} of ${count(all.polls, "poll")} failed` : all.polls ? count(all.polls, "poll") : "no poll"),
  ]);
}

// Lines through one value for each stretch: [name, points, value]; a stretch without one is a gap.
export function lineChart(title, axis, lines, words = duration) {
  const measured = lines.map(([name, points, value]) => [name, axis.sums(points, (sum, point) => Math.max(sum ?? 0, value(point)))]);
  const highest = Math.max(1e-3, ...measured.flatMap(([, values]) => values.map((value) => value ?? 0)));
  const told = measured.map(([name, values]) => {
    const last = values.findLast((value) => value !== null);
    return last === undefined ? null : [name, words(last), words(Math.max(...values))];
  });
  const drawn = measured.map(([, values], index) => svg("path", {
    class: index ? "line faint" : "line", "vector-effect": "non-scaling-stroke",
    d: values.map((value, at) => (value === null ? "" : step(axis, at, value / highest, values[at - 1] ?? null))).join("") || null,
  }));
  const text = told.filter(Boolean).map(([name, last, most]) => `${name} lately ${last}, at most ${most}`).join("; ");
  return chart(title, text || "nothing in this time", drawn, text
    ? told.map((each, index) => each && h(index ? ".quiet" : "div", `${each[0]} `, h("b", each[1]))) : "nothing yet");
}

function step(axis, index, share, before) {
  const y = BASE - share * ROOM;
  return `${before === null ? `M${axis.x(index)}` : `L${axis.x(index)}`} ${y}H${axis.x(index + 1)}`;
}

function bar(axis, index, height, kind, y = BASE - height) {
  return svg("rect", { class: kind, x: axis.x(index), y, width: axis.x(1) - 1.5, height });
}

function chart(title, text, drawn, latest) {
  return h("figure.chart",
    h("figcaption", title),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${text}.` },
      svg("title", `${title}: ${text}.`), drawn,
      svg("path", { class: "base", d: `M0 ${BASE + 0.5}H${WIDTH}`, "vector-effect": "non-scaling-stroke" })),
    h(".latest", latest));
}

// The choice of the span, as links.
export function spanChips(current, path) {
  return h("nav.chips", { "aria-label": "Time shown" }, SPANS.map(([span, words]) =>
    h("a", { href: `${path}?span=${span}`, "aria-current": span === current ? "true" : null, "data-keep": "" }, words)));
}

export function latencyChart(axis, latency) {
  return lineChart("Delivery latency, page read to 2xx", axis, [["p50", latency, (each) => each.p50], ["p99", latency, (each) => each.p99]]);
}

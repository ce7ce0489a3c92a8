// Charts: small multiples on one time axis; zero is drawn as zero, missing as a gap.
import { h, svg } from "./dom.js";
import { count, duration } from "./format.js";

const WIDTH = 600;
const HEIGHT = 44;
const TYPES = ["CREATED", "UPDATED", "DELETED"];

export const SPANS = [["hour", "1 hour"], ["day", "24 hours"], ["week", "7 days"]];

export class TimeAxis {
  constructor(spanSeconds, bucketSeconds) {
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

  xOf(instant) {
    const share = (new Date(instant) - this.start) / (this.end - this.start);
    return Math.max(0, Math.min(share, 1)) * WIDTH;
  }

  labels() {
    const length = this.end - this.start;
    const format = new Intl.DateTimeFormat(undefined, length > 86400000
      ? { weekday: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" });
    const at = [0, 0.25, 0.5, 0.75].map((share) => format.format(this.start + share * length));
    return h("div", { class: "axis", "aria-hidden": "true" }, h("div", {}, [...at, "now"].map((text) => h("span", {}, text))));
  }
}

// Changes by type, stacked; `failingSince` shades the silence of what has stopped.
export function changesChart(title, axis, changes, failingSince = null) {
  const sums = Array.from({ length: axis.buckets }, () => ({ CREATED: 0, UPDATED: 0, DELETED: 0 }));
  for (const change of changes) {
    const sum = sums[axis.indexOf(change.at)];
    if (sum) sum[change.type] += change.changes;
  }
  const totals = TYPES.map((type) => sums.reduce((total, sum) => total + sum[type], 0));
  const highest = Math.max(1, ...sums.map((sum) => sum.CREATED + sum.UPDATED + sum.DELETED));
  const words = TYPES.map((type, index) => `${totals[index]} ${type.toLowerCase()}`).join(", ");
  const silence = failingSince ? silenceOf(axis, failingSince) : null;
  const text = `${title}: ${words}; at most ${highest} in one interval.${failingSince ? " It has been failing." : ""}`;
  return chart(title, text, [silence, bars(axis, sums, highest)], [
    h("b", {}, count(totals.reduce((a, b) => a + b, 0), "change")),
    h("div", { class: "quiet" }, `peak ${highest === 1 && !totals.some(Boolean) ? 0 : highest}`),
  ]);
}

// Median and 99th percentile; a bucket without a delivery is a gap in both lines.
export function latencyChart(title, axis, latency) {
  const highest = Math.max(0.1, ...latency.map((measured) => measured.p99));
  const lines = [["p99", "line faint"], ["p50", "line"]].map(([name, kind]) => line(axis, latency, name, highest, kind));
  const last = latency.at(-1);
  const text = last
    ? `${title}: lately half within ${duration(last.p50)}, 99 % within ${duration(last.p99)}; at worst ${duration(highest)}.`
    : `${title}: nothing was delivered in this time.`;
  return chart(title, text, lines, last
    ? [h("div", {}, "p50 ", h("b", {}, duration(last.p50))), h("div", { class: "quiet" }, `p99 ${duration(last.p99)}`)]
    : [h("span", { class: "quiet" }, "no delivery")]);
}

function chart(title, text, drawn, latest) {
  return h("figure", { class: "chart" },
    h("figcaption", {}, title),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": text },
      svg("title", {}, text), drawn.flat().filter(Boolean),
      svg("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5, "vector-effect": "non-scaling-stroke" })),
    h("div", { class: "latest" }, latest));
}

function bars(axis, sums, highest) {
  const width = axis.x(1) - 1.5;
  return sums.flatMap((sum, index) => {
    let y = HEIGHT - 1;
    return TYPES.filter((type) => sum[type]).map((type) => {
      const height = Math.max(1.5, (sum[type] / highest) * (HEIGHT - 6));
      y -= height;
      return svg("rect", { class: `fill-${type}`, x: axis.x(index), y, width, height });
    });
  });
}

function line(axis, latency, name, highest, kind) {
  const drawn = [];
  let path = "";
  let before = null;
  for (const measured of latency) {
    const index = axis.indexOf(measured.at);
    if (index < 0) continue;
    const x = axis.x(index + 0.5);
    const y = HEIGHT - 1 - (measured[name] / highest) * (HEIGHT - 6);
    path += before === index - 1 ? `L${x} ${y}` : `M${x - 2} ${y}L${x + 2} ${y}`;
    before = index;
  }
  if (path) drawn.push(svg("path", { class: kind, d: path, "vector-effect": "non-scaling-stroke" }));
  return drawn;
}

function silenceOf(axis, since) {
  const x = axis.xOf(since);
  return svg("rect", { class: "fill-silence", x, y: 0, width: Math.max(3, WIDTH - x), height: HEIGHT });
}

// The charts of an organization or an instance, with the choice of the span.
export function spanChips(current, path) {
  return h("nav", { class: "chips", "aria-label": "Time shown" }, SPANS.map(([span, words]) =>
    h("a", { href: `${path}?span=${span}`, "aria-current": span === current ? "true" : null, "data-keep": "" }, words)));
}

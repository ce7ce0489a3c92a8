// Overview: is it fine, what needs a person, and how has it been?
import { call } from "./api.js";
import { changesChart, latencyChart, spanChips, TimeAxis } from "./charts.js";
import { empty, h, panel, show } from "./dom.js";
import { atMost, count, duration, mark, shape, verdict, when } from "./format.js";
import { troublesOf } from "./trouble.js";

const REFRESH = 10000;

export async function render({ content, search, signal }) {
  const span = search.get("span") ?? "hour";
  const slots = { verdict: h("div"), trouble: h("div"), charts: h("div") };
  await draw(slots, span, signal);
  if (signal.aborted) return;
  show(content,
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Overview"),
      h("div", { class: "actions" }, h("a", { class: "button primary", href: "/ui/instances/new" }, "Create instance"))),
    slots.verdict, slots.trouble, slots.charts);
  const timer = setInterval(() => {
    if (!document.hidden && !content.querySelector(".trouble :focus")) draw(slots, span, signal).catch(() => {});
  }, REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
}

async function draw(slots, span, signal) {
  const [totals, worst, series] = await Promise.all([
    call("GET", "/ui/data/totals", undefined, { signal }),
    call("GET", "/ui/data/instances?state=trouble&pageSize=20", undefined, { signal }),
    call("GET", `/ui/data/series?span=${span}`, undefined, { signal }),
  ]);
  const all = Object.values(totals.instances).reduce((a, b) => a + b, 0);
  show(slots.verdict, h("div", { class: "stack" }, sentence(totals, all), all ? figures(totals, all) : null));
  show(slots.trouble, all ? troubleList(worst.instances, totals.inTrouble) : firstSteps());
  if (all) show(slots.charts, charts(series, span));
}

function sentence(totals, all) {
  if (!all) return verdict("waiting", "Nothing is connected yet.", "Create an instance, and its changes arrive at your callback.");
  const troubled = totals.inTrouble;
  if (troubled) {
    return verdict("failing", `${count(troubled, "instance")} of ${all.toLocaleString("en")} ${troubled === 1 ? "needs" : "need"} attention.`, "The worst stand first below, each with what to do.");
  }
  return verdict("ok", all === totals.instances.disabled ? "Everything is disabled; nothing is polled." : "All instances work.",
    totals.oldestPending ? ["The oldest notification waits since ", when(totals.oldestPending), "."] : "Nothing is waiting to be delivered.");
}

function figures(totals, all) {
  const { active, degraded, needs_reauth: stopped, disabled } = totals.instances;
  const age = totals.oldestPending ? (Date.now() - new Date(totals.oldestPending)) / 1000 : null;
  const shown = [
    ["Instances", all.toLocaleString("en")],
    ["Working", mark("active", active.toLocaleString("en"))],
    ["Failing", degraded + stopped ? mark("degraded", (degraded + stopped).toLocaleString("en")) : "0"],
    ["Disabled", disabled ? mark("disabled", disabled.toLocaleString("en")) : "0"],
    ["Pending deliveries", atMost(totals.pending, totals.pendingIsMore)],
    ["Oldest pending", age === null ? "none" : duration(Math.max(age, 0))],
  ];
  return h("dl", { class: "panel figures" }, shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function troubleList(instances, total) {
  const rows = instances.flatMap((instance) => troublesOf(instance).map((trouble) => ({ instance, trouble })));
  if (!rows.length) return null;
  const more = total > instances.length ? h("p", { class: "empty" }, h("a", { href: "/ui/instances?state=trouble" }, `All ${total}`)) : null;
  return panel("What needs you", {}, h("ul", { class: "trouble" }, rows.map(({ instance, trouble }) =>
    h("li", {},
      h("div", {},
        h("div", { class: `mark ${trouble.kind}` }, shape(trouble.kind), h("a", { href: `/ui/instances/${instance.id}` }, instance.name)),
        h("p", {}, trouble.words)),
      trouble.action))), more);
}

function firstSteps() {
  return panel("Begin here", {}, empty(
    h("p", {}, "Connect an account of your CRM: it takes a minute, and you need its client id and secret."),
    h("p", {}, h("a", { class: "button primary", href: "/ui/instances/new" }, "Create the first instance"))));
}

function charts(series, span) {
  const axis = new TimeAxis(series.spanSeconds, series.bucketSeconds);
  return panel("How it has been", { actions: spanChips(span, "/ui/") }, h("div", { class: "body charts" },
    changesChart("Changes by type", axis, series.changes),
    latencyChart("Delivery latency, page read to 2xx", axis, series.latency),
    axis.labels()));
}

// Overview: is it fine, what needs a person, and how has it been?
import { get } from "./api.js";
import { changesChart, latencyChart, spanChips, TimeAxis } from "./charts.js";
import { empty, h, panel, show, skeleton } from "./dom.js";
import { atMost, count, duration, mark, shape, verdict, when } from "./format.js";
import { createLink, filters, instanceTable } from "./instances.js";
import { troublesOf } from "./trouble.js";

const REFRESH = 10000;
const LISTED = 20;

export async function render({ content, search, signal }) {
  const span = search.get("span") ?? "hour";
  const slots = [h("div"), h("div"), h("div"), h("div")];
  const [draw, find] = [() => load(slots, span, signal), h(".stack", filters({}))];
  show(slots[2], chartsPanel(span, skeleton(6)));
  await draw();
  if (signal.aborted) return;
  show(content, h(".head", h("h1", { tabindex: "-1" }, "Overview"), h(".actions", createLink())), slots.slice(0, 3),
    slots[3].hasChildNodes() ? [find, slots[3]] : null);
  const timer = setInterval(() => {
    if (!document.hidden && !content.querySelector(".trouble :focus, td :focus")) draw().catch(() => {});
  }, REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
}

async function load([first, second, third, fourth], span, signal) {
  const drawn = get(`/ui/data/series?span=${span}`, signal).then((series) => show(third, charts(series, span)), () => {});
  const [totals, { instances }] = await Promise.all([get("/ui/data/totals", signal), get(`/ui/data/instances?pageSize=${LISTED}`, signal)]);
  const all = Object.values(totals.instances).reduce((a, b) => a + b, 0);
  show(first, h(".stack", sentence(totals, all), all ? figures(totals, all) : firstSteps()));
  if (!all) return void drawn.then(() => show(third));
  show(second, troubleList(instances, totals.inTrouble));
  const more = all > instances.length ? h("p.empty", h("a", { href: "/ui/instances" }, `All ${all.toLocaleString("en")} instances`)) : null;
  show(fourth, panel(null, instanceTable(instances), more));
}

function sentence(totals, all) {
  if (!all) return verdict("waiting", "Nothing is connected yet.", "Create an instance, and its changes arrive at your callback.");
  const troubled = totals.inTrouble;
  if (troubled) {
    return verdict("failing", `${count(troubled, "instance")} of ${all.toLocaleString("en")} ${troubled === 1 ? "needs" : "need"} attention.`, "The worst stand first, each with what to do.");
  }
  return verdict("ok", all === totals.instances.disabled ? "Everything is disabled; nothing is polled." : "All instances work.",
    totals.oldestPending ? ["The oldest notification waits since ", when(totals.oldestPending), "."] : "Nothing is waiting to be delivered.");
}

function figures(totals, all) {
  const { active, degraded, needs_reauth: stopped, disabled } = totals.instances;
  const age = totals.oldestPending ? (Date.now() - new Date(totals.oldestPending)) / 1000 : null;
  const number = (state, value) => (value ? mark(state, value.toLocaleString("en")) : "0");
  const shown = [
    ["Instances", all.toLocaleString("en")], ["Working", number("active", active)], ["Failing", number("degraded", degraded + stopped)],
    ["Disabled", number("disabled", disabled)], ["Pending deliveries", atMost(totals.pending, totals.pendingIsMore)],
    ["Oldest pending", age === null ? "none" : duration(Math.max(age, 0))],
  ];
  return h("dl.panel.figures", shown.map(([name, value]) => h("div", h("dt", name), h("dd", value))));
}

function troubleList(instances, total) {
  const rows = instances.flatMap((instance) => troublesOf(instance).map((trouble) => [instance, trouble]));
  if (!rows.length) return null;
  const more = total > instances.length ? h("p.empty", h("a", { href: "/ui/instances?state=trouble" }, `All ${total.toLocaleString("en")}`)) : null;
  return panel("What needs you", h("ul.trouble", rows.map(([instance, { kind, words, action }]) =>
    h("li", h("div", h("div", { class: `mark ${kind}` }, shape(kind), h("a", { href: `/ui/instances/${instance.id}` }, instance.name)), h("p", words)), action))), more);
}

function firstSteps() {
  return panel("Begin here", empty(
    h("p", "Connect an account of your CRM: it takes a minute, and you need its client id and secret."),
    h("p", createLink("Create the first instance"))));
}

function charts(series, span) {
  const axis = new TimeAxis(series);
  return chartsPanel(span, h(".body.charts", changesChart(axis, series.changes), latencyChart(axis, series.latency), axis.labels()));
}

function chartsPanel(span, drawn) {
  return panel("How it has been", { actions: spanChips(span, "/ui/") }, drawn);
}

// One instance: is it fine, what needs a person, how has it been, and each resource in detail.
import { call, get } from "./api.js";
import { changesChart, latencyChart, lineChart, pollTimeline, spanChips, TimeAxis } from "./charts.js";
import { announce, copyButton, facts, h, panel, show, skeleton, table } from "./dom.js";
import { atMost, count, due, duration, mark, shape, verdict, when } from "./format.js";
import { actionButton, confirm, field } from "./form.js";
import { pingButton } from "./endpoints.js";
import { troublesOf } from "./trouble.js";

const REFRESH = 3000;

export async function render({ content, parameters, search, signal }) {
  const page = new InstancePage(parameters.id, search.get("span") ?? "hour", signal);
  await page.load();
  if (signal.aborted) return;
  show(content, page.head(), page.slots.map((slot) => slot.node));
  const timer = setInterval(() => {
    if (!document.hidden && !document.querySelector("dialog[open]")) page.load().catch(() => {});
  }, REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
}

// A part of the page that is drawn again only if what it shows has changed and nobody is in it.
class Slot {
  constructor(draw) {
    this.draw = draw;
    this.node = h("div");
    this.shown = null;
  }

  update(...values) {
    const key = JSON.stringify(values);
    if (key === this.shown || (this.shown && this.node.contains(document.activeElement))) return;
    this.shown = key;
    show(this.node, this.draw(...values));
  }
}

class InstancePage {
  constructor(id, span, signal) {
    Object.assign(this, { id, span, signal });
    this.path = `/instances/${id}`;
    const drawn = [judgement, troubles, (...values) => this.charts(...values), (...values) => this.resources(...values), (...values) => this.account(...values)];
    this.slots = drawn.map((draw) => new Slot(draw));
  }

  // What the charts show may take longer than all else, which does not wait for it.
  async load() {
    const series = get(`/ui/data/instances/${this.id}/series?span=${this.span}`, this.signal);
    const [instance, state, { instances: [found] }] = await Promise.all(
      [this.path, `${this.path}/state`, `/ui/data/instances?id=${this.id}`].map((path) => get(path, this.signal)));
    this.instance = instance;
    this.update(instance, state, found);
    series.then((told) => this.update(instance, state, found, this.series = told), () => {});
  }

  update(instance, state, found, series = this.series) {
    const resources = state.resources.filter((resource) => resource.state !== "stopped");
    const shown = { ...found, resources };
    const parts = [[shown, instance.eventsEnabled], [shown], [series, resources.map(({ name, state: now }) => [name, now])], [resources], [instance, state, found.endpoint, series?.calls ?? null]];
    parts.forEach((values, index) => this.slots[index].update(...values));
  }

  head() {
    const isOff = this.instance.disabled;
    return h(".head", h("h1", { tabindex: "-1" }, this.instance.name),
      h("span.quiet", `#${this.id}`), this.instance.tags.map((tag) => h("span.tag", tag)),
      h(".actions",
        h("a.button", { href: `/ui/events?instance=${this.id}` }, "Events"),
        h("a.button", { href: `/ui/instances/${this.id}/edit` }, "Configuration"),
        actionButton(isOff ? "Enable" : "Disable", () => this.switch(isOff)),
        actionButton("Delete", () => this.delete(), { class: "danger" })));
  }

  async switch(on) {
    const text = h("p", "Polling and sending stop. What is pending is kept, and sent after enabling.");
    if (!on && !await confirm({ title: `Disable ${this.instance.name}?`, text, action: "Disable" })) return;
    await call(on ? "PUT" : "DELETE", `${this.path}/enabled`);
    dispatchEvent(new Event("popstate"));
  }

  async delete() {
    const { instances: [{ endpoint: { pending, pendingIsMore } }] } = await get(`/ui/data/instances?id=${this.id}`);
    const text = h("p", `Ends it for good: cancels ${atMost(pending, pendingIsMore)} pending ${pending === 1 ? "notification" : "notifications"} and forgets the credentials.`);
    if (!await confirm({ title: `Delete ${this.instance.name}?`, text, action: "Delete", danger: true, name: this.instance.name })) return;
    await call("DELETE", this.path);
    history.pushState(null, "", "/ui/instances");
    dispatchEvent(new Event("popstate"));
  }

  charts(series, resources) {
    const actions = spanChips(this.span, `/ui/instances/${this.id}`);
    if (!series) return panel("How it has been", { actions }, skeleton(Math.round((resources.length + 4) * 2.3)));
    const axis = new TimeAxis(series);
    const ticks = Object.values(series.polls).flat();
    const pages = axis.sums(ticks, (sum, tick) => (sum ?? 0) + tick.pages).map((sum, index) => sum !== null && index < axis.buckets - 1 && { at: axis.start + (index + 0.5) * axis.bucket, sum }).filter(Boolean);
    const { allowedPerHour: allowed, forecastPerHour: forecast } = series.calls;
    const percent = (share) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
    return panel("How it has been", { actions }, h(".body.charts",
      changesChart(axis, series.changes),
      resources.map(([name, now]) => pollTimeline(name, axis, series.polls[name] ?? [], now === "degraded" ? "failing now" : null)),
      lineChart("Polls: how long, how late", axis, [["took", ticks, (tick) => tick.seconds], ["late by", ticks, (tick) => tick.lateSeconds]]),
      latencyChart(axis, series.latency),
      lineChart("Rate budget, by pages read", axis, [["used", pages, ({ sum }) => (sum * 3600) / axis.seconds / allowed], ["forecast", pages.length ? pages : [{ at: Date.now() }], () => forecast / allowed]], percent),
      axis.labels()));
  }

  resources(resources) {
    const columns = [
      ["Resource", "wide", (resource) => [h("b", resource.name), " ", mark(resource.state), resource.lastError ? h(".small.failing", resource.lastError) : null, resource.slowPasses.map(slowPass)]],
      ["Next poll", "number", (resource) => (resource.state === "paused" ? "paused" : due(resource.nextPoll))],
      ["Read up to", "number", (resource) => when(resource.cursor, "not yet")],
      ["Last poll", "number whole", lastPoll],
      [h("span.visually-hidden", "Actions"), "tight", (resource) => this.buttons(resource)],
    ];
    return panel("Resources", table(columns, resources, { caption: "Polled resources" }));
  }

  buttons(resource) {
    const path = `${this.path}/resources/${encodeURIComponent(resource.name)}`;
    const isPaused = resource.state === "paused";
    const label = (verb) => ({ "aria-label": `${verb} ${resource.name}` });
    const then = async (words) => {
      announce(words);
      document.activeElement?.blur();
      await this.load();
    };
    return h(".actions",
      actionButton("Poll now", async () => {
        const state = await call("POST", `${path}/poll`);
        await then(state.rows ? `${resource.name}: ${count(state.rows.seen, "row")} read, ${state.rows.new} new, ${state.rows.changed} changed` : `${resource.name} was polled`);
      }, { ...label("Poll now"), disabled: isPaused }),
      actionButton(isPaused ? "Resume" : "Pause", async () => {
        await call(isPaused ? "PUT" : "DELETE", `${path}/enabled`);
        await then(`${resource.name} ${isPaused ? "goes on" : "is paused"}`);
      }, label(isPaused ? "Resume" : "Pause")),
      resource.slowPasses.some((slow) => slow.brake) && actionButton("Let them through", () => this.letThrough(resource, path, then), label("Let deletes through in")),
      actionButton("Rewind", () => this.rewind(resource, path, then), { ...label("Rewind"), disabled: !resource.cursor }));
  }

  async letThrough(resource, path, then) {
    const text = h("p", "What is gone is told as DELETED, however much it is. ", resource.lastError);
    if (!await confirm({ title: `Let the deletes of ${resource.name} through?`, text, action: "Tell them" })) return;
    await call("POST", `${path}/sweep`, { confirm: true });
    await then(`The sweep of ${resource.name} goes on`);
  }

  async rewind(resource, path, then) {
    const cursor = new Date(resource.cursor);
    const to = h("input", { type: "datetime-local", step: 1, max: localText(cursor), value: localText(new Date(cursor - 3600000)), oninput: () => tell() });
    const resend = h("input", { type: "checkbox", onchange: () => tell() });
    const words = h("p", { role: "status" });
    const tell = () => show(words, `Goes ${duration(Math.max((cursor - new Date(to.value)) / 1000, 0))} back and reads everything changed since then once more. `,
      resend.checked ? "All of it is told again, under new event ids." : "Only what differs from what was told becomes events. Nothing is lost or told twice.");
    tell();
    const extra = h(".stack", field("to", "Back to", to, { hint: "In your time zone; at most to where it has read." }), h("label.check", resend, h("span", "Tell again also what has not changed since it was told")));
    if (!await confirm({ title: `Rewind ${resource.name}?`, text: words, extra, action: "Rewind" })) return;
    await call("POST", `${path}/rewind`, { to: new Date(to.value).toISOString(), resend: resend.checked });
    await then(`${resource.name} reads again from there`);
  }

  account(instance, state, endpoint, calls) {
    return h(".columns",
      panel("Account", { actions: h("a.button", { href: `/ui/instances/${this.id}/edit#authorize` }, "Re-authorize") }, h(".body", facts([
        ["Element", instance.element.name], ["Created", when(instance.createdDate)],
        ["Declared", instance.declared ? "in the configuration file, which wins over changes made here" : null],
        ["Token", state.credentials.refreshAt ? ["is renewed ", due(state.credentials.refreshAt)] : "holds until the provider refuses it"],
        ["Rate budget", [`${count(state.rateBudget.callsLeft, "call")} left for now. `, calls && forecast(calls)]],
        ["Clock of the provider", state.clockSkewSeconds === null ? "not measured yet" : `${duration(Math.abs(state.clockSkewSeconds))} ${state.clockSkewSeconds >= 0 ? "ahead" : "behind"}`],
        ["Found late", state.missed ? `${count(state.missed, "change")} only by a slow pass` : "nothing"],
        ["Instance token", [h("code", "••••••••"), " ", copyButton(instance.token, "Token")]],
      ]))),
      panel("Callback", { actions: endpoint?.url ? [pingButton(this.id), actionButton("Rotate secret", () => this.rotate())] : null }, h(".body", endpoint?.url ? facts([
        ["URL", h("span.mono", endpoint.url)], ["State", mark(endpoint.state)],
        ["Pending", atMost(endpoint.pending, endpoint.pendingIsMore)], ["Oldest pending", endpoint.oldestPending && when(endpoint.oldestPending)],
        ["Last success", when(endpoint.lastSuccess, "none yet")],
      ]) : "Events are off: no callback is configured.")));
  }

  async rotate() {
    const text = h("p", "Makes a new webhook secret. For 24 hours both sign, so your receiver can change over without a gap.");
    if (!await confirm({ title: "Rotate the secret?", text, action: "Rotate" })) return;
    const { webhookSecret, overlapUntil } = await call("POST", `${this.path}/endpoint/rotate-secret`);
    await confirm({ title: "The new secret", action: "I kept it", text: [h("p", "Shown this once. The old one signs too until then: ", when(overlapUntil)), h("p", h("code", webhookSecret), " ", copyButton(webhookSecret, "Webhook secret"))] });
  }
}

function judgement(instance, eventsEnabled) {
  if (instance.state === "disabled") return verdict("stopped", "Disabled.", ["Since ", when(instance.stateSince), ". Nothing is polled or sent; what is pending is kept."]);
  const bad = troublesOf(instance).length;
  if (bad) return verdict("failing", bad === 1 ? "One thing is wrong." : `${bad} things are wrong.`, ["State: ", mark(instance.state), " since ", when(instance.stateSince)]);
  if (!eventsEnabled) return verdict("stopped", "Connected; events are off.", "Switch them on in its configuration to be told of changes.");
  const last = instance.resources.map((resource) => resource.lastPoll).filter(Boolean).sort().at(-1);
  return verdict("ok", "It works.", ["Last poll ", when(last), ", ", instance.endpoint?.pending ? `${atMost(instance.endpoint.pending, instance.endpoint.pendingIsMore)} pending.` : "nothing is waiting to be delivered."]);
}

function troubles(instance) {
  const found = troublesOf(instance);
  if (!found.length) return null;
  return panel("What needs you", h("ul.trouble", found.map(({ kind, words, action }) =>
    h("li", h("div", h("span", { class: `mark ${kind}` }, shape(kind), kind), h("p", words)), action))));
}

const PASSES = { backfill: "Backfill", sweep: "Sweep for deletes", content: "Comparison of everything", reconcile: "Longer window again", recheck: "Check for stamps ahead of their time" };

function slowPass({ kind, nextStart, message, brake }) {
  return brake ? null : h(".small.quiet", PASSES[kind], nextStart ? [" ", due(nextStart)] : `: ${message}`);
}

function lastPoll({ lastPoll: at, lastPollSummary: summary, rows }) {
  if (!at) return "not yet";
  if (!summary) return when(at);
  return [when(at), h(".small.quiet", `${count(summary.pages ?? 0, "page")}, ${count(rows.seen, "row")}: ${rows.new} new, ${rows.changed} changed, ${rows.suppressed} as before; ${duration(summary.seconds)}`)];
}

function forecast({ allowedPerHour: allowed, forecastPerHour: needed }) {
  const number = (value) => Math.round(value).toLocaleString("en");
  return h("span", { class: needed > allowed ? "failing" : null }, `Polls need about ${number(needed)} of ${number(allowed)} an hour${needed > allowed ? ": lengthen the interval" : ""}.`);
}

function localText(date) {
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

// One instance: is it fine, what needs a person, how has it been, and each resource in detail.
import { call } from "./api.js";
import { changesChart, latencyChart, spanChips, TimeAxis } from "./charts.js";
import { announce, copyButton, facts, h, panel, show, table } from "./dom.js";
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
    this.slots = [judgement, troubles, (series, resources) => this.charts(series, resources), (resources) => this.resources(resources), (...values) => this.account(...values)].map((draw) => new Slot(draw));
  }

  async load() {
    const get = (path) => call("GET", path, undefined, { signal: this.signal });
    const [instance, state, glance, series] = await Promise.all([
      get(this.path), get(`${this.path}/state`), get(`/ui/data/instances?text=${this.id}&pageSize=200`), get(`/ui/data/instances/${this.id}/series?span=${this.span}`),
    ]);
    this.instance = instance;
    const found = glance.instances.find((each) => each.id === instance.id) ?? { ...instance, endpoint: null };
    const shown = { ...found, resources: state.resources.filter((resource) => resource.state !== "stopped") };
    this.slots[0].update(shown, instance.eventsEnabled);
    this.slots[1].update(shown);
    this.slots[2].update(series, shown.resources.map(({ name, state: now, lastErrorSince }) => ({ name, now, lastErrorSince })));
    this.slots[3].update(shown.resources);
    this.slots[4].update(instance, state, found.endpoint);
  }

  head() {
    const isOff = this.instance.disabled;
    return h("div", { class: "head" }, h("h1", { tabindex: "-1" }, this.instance.name),
      h("span", { class: "quiet" }, `#${this.id}`), this.instance.tags.map((tag) => h("span", { class: "tag" }, tag)),
      h("div", { class: "actions" },
        h("a", { class: "button", href: `/ui/events?instance=${this.id}` }, "Events"),
        h("a", { class: "button", href: `/ui/instances/${this.id}/edit` }, "Configuration"),
        actionButton(isOff ? "Enable" : "Disable", () => this.switch(isOff)),
        actionButton("Delete", () => this.delete(), { class: "danger" })));
  }

  async switch(on) {
    const text = h("p", {}, "Polling and sending stop. What is pending is kept, and sent after enabling.");
    if (!on && !await confirm({ title: `Disable ${this.instance.name}?`, text, action: "Disable" })) return;
    await call(on ? "PUT" : "DELETE", `${this.path}/enabled`);
    dispatchEvent(new Event("popstate"));
  }

  async delete() {
    const { instances } = await call("GET", `/ui/data/instances?text=${this.id}&pageSize=200`);
    const { pending, pendingIsMore } = instances.find((each) => String(each.id) === this.id).endpoint;
    const text = h("p", {}, `Ends it for good: cancels ${atMost(pending, pendingIsMore)} pending ${pending === 1 ? "notification" : "notifications"} and forgets the credentials.`);
    if (!await confirm({ title: `Delete ${this.instance.name}?`, text, action: "Delete", danger: true, name: this.instance.name })) return;
    await call("DELETE", this.path);
    history.pushState(null, "", "/ui/instances");
    dispatchEvent(new Event("popstate"));
  }

  charts(series, resources) {
    const axis = new TimeAxis(series.spanSeconds, series.bucketSeconds);
    return panel("How it has been", { actions: spanChips(this.span, `/ui/instances/${this.id}`) }, h("div", { class: "body charts" },
      resources.map(({ name, now, lastErrorSince }) => changesChart(name, axis, series.changes.filter((change) => change.resource === name), now === "degraded" ? lastErrorSince : null)),
      latencyChart("Delivery latency", axis, series.latency), axis.labels()));
  }

  resources(resources) {
    const columns = [
      ["Resource", "wide", (resource) => [h("b", {}, resource.name), " ", mark(resource.state), resource.lastError ? h("div", { class: "small failing" }, resource.lastError) : null, resource.slowPasses.map((slow) => h("div", { class: "small quiet" }, `${slow.kind}: ${slow.message}`))]],
      ["Next poll", "number", (resource) => (resource.state === "paused" ? "paused" : due(resource.nextPoll))],
      ["Read up to", "number", (resource) => when(resource.cursor, "not yet")],
      ["Last poll", "number", lastPoll],
      [h("span", { class: "visually-hidden" }, "Actions"), "tight", (resource) => this.buttons(resource)],
    ];
    return panel("Resources", {}, table(columns, resources, { caption: "Polled resources" }));
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
    return h("div", { class: "actions" },
      actionButton("Poll now", async () => {
        const state = await call("POST", `${path}/poll`);
        await then(state.rows ? `${resource.name}: ${count(state.rows.seen, "row")} read, ${state.rows.new} new, ${state.rows.changed} changed` : `${resource.name} was polled`);
      }, { ...label("Poll now"), disabled: isPaused }),
      actionButton(isPaused ? "Resume" : "Pause", async () => {
        await call(isPaused ? "PUT" : "DELETE", `${path}/enabled`);
        await then(`${resource.name} ${isPaused ? "goes on" : "is paused"}`);
      }, label(isPaused ? "Resume" : "Pause")),
      actionButton("Rewind", () => this.rewind(resource, path, then), { ...label("Rewind"), disabled: !resource.cursor }));
  }

  async rewind(resource, path, then) {
    const to = h("input", { type: "datetime-local", step: 1, value: localText(new Date(new Date(resource.cursor) - 3600000)) });
    const resend = h("input", { type: "checkbox" });
    const extra = h("div", { class: "stack" }, field("to", "Back to", to, { hint: "In your time zone." }),
      h("label", { class: "check" }, resend, h("span", {}, "Tell again also what has not changed since it was told")));
    const text = h("p", {}, "Reads everything changed since that instant once more. What differs from what was told becomes events; nothing is lost.");
    if (!await confirm({ title: `Rewind ${resource.name}?`, text, extra, action: "Rewind" })) return;
    await call("POST", `${path}/rewind`, { to: new Date(to.value).toISOString(), resend: resend.checked });
    await then(`${resource.name} reads again from there`);
  }

  account(instance, state, endpoint) {
    const { callsLeft, ...budget } = state.rateBudget;
    const limit = budget.limit ?? budget.calls;
    return h("div", { class: "columns" },
      panel("Account", { actions: h("a", { class: "button", href: `/ui/instances/${this.id}/edit#authorize` }, "Re-authorize") }, h("div", { class: "body" }, facts([
        ["Element", instance.element.name], ["Created", when(instance.createdDate)],
        ["Token renewed", when(state.credentials.refreshAt, "when the provider asks for it")],
        ["Rate budget", limit ? `${callsLeft} of ${limit} calls left` : `${count(callsLeft, "call")} left for now`],
        ["Clock of the provider", state.clockSkewSeconds === null ? "not measured yet" : `${duration(Math.abs(state.clockSkewSeconds))} ${state.clockSkewSeconds >= 0 ? "ahead" : "behind"}`],
        ["Found late", state.missed ? `${count(state.missed, "change")} only by a slow pass` : "nothing"],
        ["Instance token", [h("code", {}, "••••••••"), " ", copyButton(instance.token, "Token")]],
      ]))),
      panel("Callback", { actions: endpoint?.url ? [pingButton(this.id), actionButton("Rotate secret", () => this.rotate())] : null }, h("div", { class: "body" }, endpoint?.url ? facts([
        ["URL", h("span", { class: "mono" }, endpoint.url)], ["State", mark(endpoint.state)],
        ["Pending", atMost(endpoint.pending, endpoint.pendingIsMore)], ["Oldest pending", endpoint.oldestPending && when(endpoint.oldestPending)],
        ["Last success", when(endpoint.lastSuccess, "none yet")],
      ]) : "Events are off: no callback is configured.")));
  }

  async rotate() {
    const text = h("p", {}, "Makes a new webhook secret. For 24 hours both sign, so your receiver can change over without a gap.");
    if (!await confirm({ title: "Rotate the secret?", text, action: "Rotate" })) return;
    const { webhookSecret, overlapUntil } = await call("POST", `${this.path}/endpoint/rotate-secret`);
    await confirm({ title: "The new secret", action: "I kept it", text: [h("p", {}, "Shown this once. The old one signs too until then: ", when(overlapUntil)), h("p", {}, h("code", {}, webhookSecret), " ", copyButton(webhookSecret, "Webhook secret"))] });
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
  return panel("What needs you", {}, h("ul", { class: "trouble" }, found.map(({ kind, words, action }) =>
    h("li", {}, h("div", {}, h("span", { class: `mark ${kind}` }, shape(kind), kind), h("p", {}, words)), action))));
}

function lastPoll({ lastPoll: at, lastPollSummary: summary, rows }) {
  if (!at) return "not yet";
  if (!summary) return when(at);
  return [when(at), h("div", { class: "small quiet" }, `${count(summary.pages ?? 0, "page")}, ${count(rows.seen, "row")}: ${rows.new} new, ${rows.changed} changed, ${rows.suppressed} as before; ${duration(summary.seconds)}`)];
}

function localText(date) {
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

// Events: the live tail, the list with its filters, dead letters, redelivery of a selection.
import { call, callPage, query } from "./api.js";
import { announce, empty, h, panel, show, table, tableRow } from "./dom.js";
import { count, eventType, mark, when } from "./format.js";
import { actionButton, confirm } from "./form.js";
import { listen } from "./live.js";
import { go } from "./main.js";

const STATES = ["", "pending", "retrying", "delivered", "dead", "cancelled", "split"];
const TYPES = ["", "CREATED", "UPDATED", "DELETED"];
const NAMES = ["instance", "objectType", "objectId", "eventType", "state", "from", "to"];
const SHOWN_AT_MOST = 500;

export async function render({ content, search, signal }) {
  const wanted = Object.fromEntries(NAMES.map((name) => [name, search.get(name) ?? ""]));
  const page = await callPage(listPath(wanted, search.get("nextPage")), { signal });
  const list = new EventList(page.items, wanted, signal);
  show(content, h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Events"), list.tail),
    filters(wanted), list.node,
    page.next ? h("div", {}, h("a", { class: "button", rel: "next", href: `/ui/events${query({ ...wanted, nextPage: page.next })}` }, "Older events")) : null);
}

function listPath({ instance, from, to, ...others }, nextPage) {
  const scope = instance ? `/instances/${encodeURIComponent(instance)}/events` : "/instances/events";
  return scope + query({ ...others, from: instant(from), to: instant(to), pageSize: 50, nextPage });
}

function instant(local) {
  return local && new Date(local).toISOString();
}

function filters(wanted) {
  const input = (name, label, properties = {}) => h("input", { name, value: wanted[name], placeholder: label, "aria-label": label, ...properties });
  const choice = (name, label, values) => h("select", { name, "aria-label": label }, values.map((value) =>
    h("option", { value, selected: value === wanted[name] }, value ? value.toLowerCase() : label)));
  const apply = (event) => {
    event.preventDefault();
    go(`/ui/events${query(Object.fromEntries(new FormData(event.target)))}`);
  };
  return h("form", { class: "row", role: "search", onsubmit: apply },
    input("instance", "Instance id", { inputmode: "numeric", size: 10 }), input("objectType", "Resource", { size: 14 }), input("objectId", "Object id", { size: 16 }),
    choice("eventType", "Any type", TYPES), choice("state", "Any state", STATES),
    h("label", { class: "quiet" }, "From ", input("from", "From", { type: "datetime-local" })), h("label", { class: "quiet" }, "Until ", input("to", "Until", { type: "datetime-local" })),
    h("button", {}, "Filter"), h("a", { class: "button", href: "/ui/events?state=dead" }, "Dead letters"),
    NAMES.some((name) => wanted[name]) ? h("a", { class: "button", href: "/ui/events" }, "Show all") : null);
}

// The list with the tail above it: what is new waits behind a button until it is asked for.
class EventList {
  constructor(events, wanted, signal) {
    this.wanted = wanted;
    this.events = events;
    this.arrived = [];
    this.chosen = new Set();
    this.state = h("span", { role: "status" });
    this.fresh = h("button", { type: "button", hidden: true, onclick: () => this.showArrived() });
    this.isLive = false;
    this.toggle = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.setLive(!this.isLive) }, "Show new ones at once");
    this.tail = h("div", { class: "actions" }, this.state, this.fresh, this.toggle);
    this.node = h("div", { class: "stack" });
    this.draw();
    listen({ path: `/events/stream${query({ instanceId: wanted.instance })}`, signal, onEvent: (event) => this.take(event), onState: (state) => show(this.state, mark(state)) });
  }

  take(event) {
    if (!this.passes(event)) return;
    this.arrived.unshift(event);
    this.arrived.length = Math.min(this.arrived.length, SHOWN_AT_MOST);
    if (this.isLive) this.showArrived();
    this.tellArrived();
  }

  passes(event) {
    const { objectType, objectId, eventType: type, state, to } = this.wanted;
    return (!objectType || event.objectType === objectType) && (!objectId || event.objectId === objectId)
      && (!type || event.eventType === type) && (!state || event.state === state) && !to;
  }

  setLive(on) {
    this.isLive = on;
    this.toggle.setAttribute("aria-pressed", String(on));
    show(this.toggle, on ? "Hold new ones back" : "Show new ones at once");
    if (on) this.showArrived();
  }

  tellArrived() {
    const number = this.arrived.length;
    this.fresh.hidden = number === 0;
    show(this.fresh, `${number} new`);
  }

  showArrived() {
    const isFirst = !this.events.length;
    const fresh = this.arrived;
    this.events = [...fresh, ...this.events].slice(0, SHOWN_AT_MOST);
    this.arrived = [];
    this.tellArrived();
    if (isFirst) this.draw();
    else this.body.prepend(...fresh.map((event) => tableRow(this.columns(), event, { class: "arrived" })));
    while (this.body.rows.length > SHOWN_AT_MOST) this.body.lastElementChild.remove();
  }

  draw() {
    const isOpen = NAMES.every((name) => !this.wanted[name]);
    if (!this.events.length) {
      return show(this.node, panel(null, {}, empty(isOpen ? "Nothing has changed yet. As soon as a record does, it shows up here." : "No event is like that.")));
    }
    const shown = table(this.columns(), this.events, { caption: "Events, the newest first" });
    this.body = shown.querySelector("tbody");
    this.again = actionButton("Redeliver", () => this.redeliver(), { disabled: true });
    const all = this.wanted.instance ? actionButton("Redeliver all dead ones", () => redeliverDead(this.wanted)) : null;
    return show(this.node, panel(null, {}, shown, h("div", { class: "body row" }, this.again, all)));
  }

  columns() {
    return [
      [h("span", { class: "visually-hidden" }, "Choose"), "tight", (event) => h("input", { type: "checkbox", "aria-label": `Choose ${event.objectType} ${event.sequence}`, disabled: !event.eventId, onchange: (change) => this.choose(event, change.target.checked) })],
      ["When", "", (event) => when(event.eventDate, "no longer kept")],
      ["What", "wide", (event) => [eventType(event.eventType), " ", event.objectType, " ", h("a", { class: "mono", href: `/ui/events/${event.instanceId}/${event.eventId}` }, event.objectId ?? `#${event.sequence}`), h("div", { class: "small quiet" }, changedWords(event))]],
      ["Instance", "number", (event) => h("a", { href: `/ui/instances/${event.instanceId}` }, `#${event.instanceId}`)],
      ["Sequence", "number", (event) => String(event.sequence)],
      ["State", "tight", (event) => [mark(event.state), event.attemptsSpent > 1 ? h("div", { class: "small quiet" }, count(event.attemptsSpent, "attempt")) : null]],
    ];
  }

  choose(event, on) {
    this.chosen[on ? "add" : "delete"](event);
    this.again.disabled = !this.chosen.size;
    show(this.again, this.chosen.size ? `Redeliver ${this.chosen.size}` : "Redeliver");
  }

  async redeliver() {
    const names = [...this.chosen].map((event) => `/instances/${event.instanceId}/events/${event.eventId}/redeliver`);
    const number = new Set([...this.chosen].map((event) => event.notificationId)).size;
    if (!await confirm({ title: "Redeliver?", text: h("p", {}, `Sends ${count(number, "notification")} again, each under its own id and with the header Elements-Replay.`), action: `Redeliver ${number}` })) return;
    for (const path of names) await call("POST", path);
    announce(`${count(number, "notification")} will be sent again`);
  }
}

export function changedWords(event) {
  return event.changed?.length ? `changed: ${event.changed.join(", ")}` : null;
}

async function redeliverDead({ instance, objectType }) {
  const body = { status: "dead", ...(objectType ? { objectType } : {}) };
  const found = await call("POST", `/instances/${instance}/redeliver`, { ...body, dryRun: true });
  if (!found.notifications) return announce("There is no dead notification");
  const text = h("p", {}, `Sends ${count(found.notifications, "dead notification")} with ${count(found.events, "event")} again.`);
  if (!await confirm({ title: "Redeliver all dead ones?", text, action: `Redeliver ${found.notifications}` })) return null;
  await call("POST", `/instances/${instance}/redeliver`, { ...body, dryRun: false });
  return announce(`${count(found.notifications, "notification")} will be sent again`);
}

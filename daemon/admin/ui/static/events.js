// Events: the live tail, the list with its filters, dead letters, redelivery of a selection.
import { call, callPage, get, query } from "./api.js";
import { announce, empty, h, panel, show, table, tableRow } from "./dom.js";
import { atMost, count, eventType, mark, verdict, when } from "./format.js";
import { actionButton, confirm } from "./form.js";
import { listen } from "./live.js";
import { go } from "./main.js";

const STATES = ["", "pending", "retrying", "delivered", "dead", "cancelled", "split"];
const UNFINISHED = ["pending", "retrying"];
const TYPES = ["", "CREATED", "UPDATED", "DELETED"];
const NAMES = ["instance", "objectType", "objectId", "eventType", "state", "from", "to"];
const SHOWN_AT_MOST = 500;
const REFRESH = 3000;

export async function render({ content, search, signal }) {
  const wanted = Object.fromEntries(NAMES.map((name) => [name, search.get(name) ?? ""]));
  const [page, totals] = await Promise.all([callPage(listPath(wanted, search.get("nextPage")), { signal }), get("/ui/data/totals", signal)]);
  const list = new EventList(page.items, wanted, signal);
  if (!search.has("nextPage")) list.follow();
  show(content, h(".head", h("h1", { tabindex: "-1" }, "Events"), list.tail), judgement(wanted, page.items, totals), filters(wanted), list.node,
    page.next ? h("div", h("a.button", { rel: "next", href: `/ui/events${query({ ...wanted, nextPage: page.next })}` }, "Older events")) : null);
}

function judgement({ state }, events, { pending, pendingIsMore, oldestPending }) {
  if (state === "dead") {
    return events.length ? verdict("failing", "These were given up after their last attempt.", "Once the receiver is mended, redeliver them; or remove them for good. Their numbers stay.") : verdict("ok", "No dead letters.");
  }
  return pending ? verdict("waiting", `${atMost(pending, pendingIsMore)} ${pending === 1 ? "notification waits" : "notifications wait"} to be delivered.`, ["The oldest since ", when(oldestPending), "."]) : verdict("ok", "Nothing is waiting to be delivered.");
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
  return h("form.row", { role: "search", onsubmit: apply },
    input("instance", "Instance id", { inputmode: "numeric", size: 10 }), input("objectType", "Resource", { size: 14 }), input("objectId", "Object id", { size: 16 }),
    choice("eventType", "Any type", TYPES), choice("state", "Any state", STATES),
    h(".row", h("label.quiet", "From ", input("from", "From", { type: "datetime-local" })), h("label.quiet", "Until ", input("to", "Until", { type: "datetime-local" }))),
    h("button", "Filter"), h("a.button", { href: "/ui/events?state=dead" }, "Dead letters"),
    NAMES.some((name) => wanted[name]) ? h("a.button", { href: "/ui/events" }, "Show all") : null);
}

// The list with the tail above it: what is new waits behind a button until it is asked for.
class EventList {
  constructor(events, wanted, signal) {
    Object.assign(this, { events, wanted, signal, arrived: [], chosen: new Map(), rows: new Map(), isLive: false });
    this.state = h("span", { role: "status" });
    this.fresh = h("button", { type: "button", hidden: true, onclick: () => this.showArrived() });
    this.toggle = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.setLive(!this.isLive) }, "Show new ones at once");
    this.tail = h(".actions");
    this.node = h(".stack");
    this.draw();
    const timer = setInterval(() => !document.hidden && this.refresh().catch(() => {}), REFRESH);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  follow() {
    show(this.tail, this.state, this.fresh, this.toggle);
    let isFirst = true;
    listen({
      path: `/events/stream${query({ instanceId: this.wanted.instance })}`, signal: this.signal, onEvent: (event) => this.take(event),
      onState: (state) => {
        show(this.state, mark(state));
        if (state === "connected" && isFirst) this.fetch().then((items) => items.reverse().forEach((event) => this.take(event)), () => {});
        if (state === "connected") isFirst = false;
      },
    });
  }

  async fetch() {
    return (await callPage(listPath(this.wanted), { signal: this.signal })).items;
  }

  // What became of those that were under way.
  async refresh() {
    if (!this.events.some(({ state }) => UNFINISHED.includes(state))) return;
    for (const event of await this.fetch()) {
      const before = this.events.find(({ id }) => id === event.id);
      if (!before || before.state === event.state) continue;
      Object.assign(before, event);
      const row = this.rows.get(event.id);
      if (!row.contains(document.activeElement)) row.replaceWith(this.row(before));
    }
  }

  take(event) {
    if (!this.passes(event) || [...this.events, ...this.arrived].some(({ id }) => id === event.id)) return;
    this.arrived = [event, ...this.arrived].slice(0, SHOWN_AT_MOST);
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
    const fresh = this.arrived;
    this.arrived = [];
    this.tellArrived();
    const isFirst = !this.events.length;
    this.events = [...fresh, ...this.events].slice(0, SHOWN_AT_MOST);
    if (isFirst) return this.draw();
    this.body.prepend(...fresh.map((event) => this.row(event, { class: "arrived" })));
    while (this.body.rows.length > SHOWN_AT_MOST) this.body.lastElementChild.remove();
    return null;
  }

  row(event, properties) {
    const row = tableRow(this.columns(), event, properties);
    this.rows.set(event.id, row);
    return row;
  }

  draw() {
    if (!this.events.length) {
      const isOpen = NAMES.every((name) => !this.wanted[name]);
      return show(this.node, panel(null, empty(isOpen ? "Nothing has changed yet. As soon as a record does, it shows up here." : "No event is like that.")));
    }
    const isDead = this.wanted.state === "dead";
    const shown = table(this.columns(), [], { caption: "Events, the newest first" });
    this.body = shown.querySelector("tbody");
    this.body.append(...this.events.map((event) => this.row(event)));
    this.some = [actionButton("Redeliver", () => this.redeliver(), { disabled: true }), isDead && actionButton("Remove", () => this.remove(), { disabled: true })].filter(Boolean);
    const all = isDead && [actionButton("Redeliver all", () => this.forAllDead(false)), actionButton("Remove all", () => this.forAllDead(true), { class: "danger" })];
    return show(this.node, panel(null, shown, h(".body.row", this.some, all)));
  }

  columns() {
    return [
      [h("span.visually-hidden", "Choose"), "choose tight", (event) => h("input", { type: "checkbox", checked: this.chosen.has(event.notificationId), "aria-label": `Choose ${event.objectType} ${event.sequence}`, onchange: ({ target }) => this.choose(event, target.checked) })],
      ["When", "", (event) => when(event.eventDate)],
      ["What", "wide", (event) => [eventType(event.eventType), " ", event.objectType, " ", h("a.mono", { href: `/ui/events/${event.instanceId}/${event.eventId}` }, event.objectId), h(".small.quiet", changedWords(event))]],
      ["Instance", "number", ({ instanceId }) => h("a", { href: `/ui/instances/${instanceId}` }, `#${instanceId}`)],
      ["Sequence", "number", (event) => String(event.sequence)],
      ["State", "tight", (event) => [mark(event.state), event.attemptsSpent > 1 ? h(".small.quiet", count(event.attemptsSpent, "attempt")) : null]],
    ];
  }

  // Events of one notification are sent, and removed, together.
  choose(event, on) {
    if (on) this.chosen.set(event.notificationId, `/instances/${event.instanceId}/events/${event.eventId}`);
    else this.chosen.delete(event.notificationId);
    for (const button of this.some) {
      button.disabled = !this.chosen.size;
      show(button, `${button.textContent.split(" ")[0]} ${this.chosen.size || ""}`.trim());
    }
  }

  redeliver() {
    return this.forChosen("Redeliver", `Sends ${count(this.chosen.size, "notification")} again, each under its own id and with the header Elements-Replay.`, (path) => call("POST", `${path}/redeliver`), "will be sent again");
  }

  remove() {
    return this.forChosen("Remove", `Removes ${count(this.chosen.size, "dead notification")} for good, with what was tried.`, (path) => call("DELETE", path), "removed");
  }

  async forChosen(verb, words, act, done) {
    const number = this.chosen.size;
    if (!await confirm({ title: `${verb}?`, text: h("p", words), action: `${verb} ${number}`, danger: verb === "Remove" })) return;
    for (const path of this.chosen.values()) await act(path);
    announce(`${count(number, "notification")} ${done}`);
    await go(location.href, { replace: true });
  }

  // All dead letters of the instances in the list; counted before.
  async forAllDead(isRemoval) {
    const { instance, objectType } = this.wanted;
    const ids = instance ? [instance] : [...new Set(this.events.map((event) => event.instanceId))];
    const body = { status: "dead", objectType: objectType || undefined };
    const ask = (dryRun) => Promise.all(ids.map((id) => call("POST", `/instances/${id}/redeliver`, { ...body, dryRun })));
    const remove = () => Promise.all(ids.map((id) => call("DELETE", `/instances/${id}/events${query({ state: "dead", objectType })}`)));
    const sum = (found, name) => found.reduce((all, each) => all + each[name], 0);
    const found = await ask(true);
    const [letters, verb] = [sum(found, "notifications"), isRemoval ? "Remove" : "Redeliver"];
    const text = h("p", `${isRemoval ? "Removes for good" : "Sends again"} ${count(letters, "dead notification")} with ${count(sum(found, "events"), "event")} of ${count(ids.length, "instance")}.`);
    if (!await confirm({ title: `${verb} all dead letters?`, text, action: `${verb} ${letters}`, danger: isRemoval })) return;
    await (isRemoval ? remove() : ask(false));
    announce(`${count(letters, "notification")} ${isRemoval ? "removed" : "will be sent again"}`);
    await go(location.href, { replace: true });
  }
}

export function changedWords(event) {
  return event.changed?.length ? `changed: ${event.changed.join(", ")}` : null;
}

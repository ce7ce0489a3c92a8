// Sandbox: a small CRM to edit, and the notifications that follow beside it, latency counted.
import { call, get, query } from "./api.js";
import { announce, empty, h, panel, show, table } from "./dom.js";
import { duration, eventType, mark } from "./format.js";
import { actionButton } from "./form.js";
import { listen } from "./live.js";

const RESOURCES = {
  contacts: ["FirstName", "LastName", "Position"],
  companies: ["CompanyName", "Department"],
  opportunities: ["Objective", "Description"],
};
const NEW = {
  contacts: { FirstName: "Ada", LastName: "Byron" },
  companies: { CompanyName: "Willow Tools" },
  opportunities: { Objective: "A first order" },
};

export async function render({ content, search, signal }) {
  const resource = search.get("resource") in RESOURCES ? search.get("resource") : "contacts";
  const crm = new Crm(resource, search.get("search") ?? "", signal);
  await crm.load();
  const arrivals = new Arrivals(crm, signal);
  show(content, h("h1", { tabindex: "-1" }, "Sandbox"),
    h("p", "A make-believe CRM. Change a record at the left: the next poll notices, and its notification shows up at the right."),
    h(".columns", crm.node, arrivals.node));
}

class Crm {
  constructor(resource, search, signal) {
    Object.assign(this, { resource, search, signal });
    this.edits = new Map();
    this.list = h("div");
    this.node = panel("CRM", { actions: actionButton("Add one", () => this.add()) }, h(".body.stack", this.chips(), this.finder()), this.list);
  }

  chips() {
    return h("nav.chips", { "aria-label": "Resource" }, Object.keys(RESOURCES).map((name) =>
      h("a", { href: `/ui/sandbox?resource=${name}`, "aria-current": name === this.resource ? "true" : null }, name)));
  }

  finder() {
    const input = h("input", { type: "search", value: this.search, placeholder: "Find a record", "aria-label": "Find a record", oninput: () => {
      this.search = input.value;
      this.load().catch(() => {});
    } });
    return input;
  }

  path(id = "") {
    return `/ui/sandbox/records/${this.resource}${id && `/${id}`}`;
  }

  async load() {
    const { records } = await get(this.path() + query({ search: this.search, limit: 12 }), this.signal);
    show(this.list, records.length ? table(this.columns(), records, { caption: this.resource }) : empty("No record is like that."));
  }

  columns() {
    const fields = RESOURCES[this.resource];
    return [
      ...fields.map((name) => [name, "", (record) => this.cell(record, name)]),
      [h("span.visually-hidden", "Delete"), "tight", (record) => actionButton("Delete", () => this.remove(record), { "aria-label": `Delete ${record.id}` })],
    ];
  }

  cell(record, name) {
    const value = (record.fields ?? record)[name] ?? "";
    const input = h("input", { value, size: 12, "aria-label": `${name} of ${this.resource} ${record.id}` });
    input.addEventListener("change", async () => {
      this.note(record.key);
      await call("PATCH", this.path(record.id), { [name]: input.value }).then(() => announce("Saved in the CRM"), (problem) => announce(problem.message));
    });
    return input;
  }

  note(key) {
    this.edits.set(key, Date.now());
  }

  async add() {
    const at = Date.now();
    const made = await call("POST", this.path(), NEW[this.resource]);
    this.edits.set(made.key, at);
    await this.load();
  }

  async remove(record) {
    this.note(record.key);
    await call("DELETE", this.path(record.id));
    await this.load();
  }
}

class Arrivals {
  constructor(crm, signal) {
    this.crm = crm;
    this.state = h("span", { role: "status" });
    this.list = h("ol.stack", { "aria-live": "polite", "aria-label": "Notifications" });
    this.nothing = empty("Nothing yet: edit a record.");
    this.node = panel("Notifications", { actions: this.state }, this.nothing, h(".body", this.list));
    listen({ signal, onEvent: (event) => this.take(event), onState: (state) => show(this.state, mark(state)) });
  }

  take(event) {
    this.nothing.hidden = true;
    const edited = this.crm.edits.get(event.objectId);
    this.list.prepend(h("li.arrived",
      h("a", { href: `/ui/events/${event.instanceId}/${event.eventId}` }, eventType(event.eventType), ` ${event.objectType} #${event.sequence}`),
      edited ? h("span", ` noticed ${duration((Date.now() - edited) / 1000)} after the edit`) : null,
      h(".small.quiet", event.changed?.length ? `changed: ${event.changed.join(", ")}` : event.objectId)));
    while (this.list.children.length > 30) this.list.lastElementChild.remove();
  }
}

// The polling configuration: JSON and a form side by side, either edits the other.
import { h, show } from "./dom.js";
import { checkPositive, field, setFault } from "./form.js";

export const KEY = "event.poller.configuration";

// Keeps the configuration in `draft.values[KEY]` (an object) and what was typed as JSON beside it.
export class PollingForm {
  constructor(draft, resources, defaults) {
    this.draft = draft;
    this.resources = resources;
    this.defaults = defaults;
    this.cards = h(".cards");
    this.entries = h(".stack");
    this.text = h("textarea", { rows: 16, spellcheck: "false", autocapitalize: "none", oninput: () => this.readText() });
    this.textField = field(KEY, "As JSON", this.text, { judgesItself: true, hint: "Exactly what is sent as event.poller.configuration." });
    this.text.value = draft.values.pollingText ?? JSON.stringify(this.value, null, 2);
    this.drawCards();
    this.drawEntries();
  }

  get value() {
    return this.draft.values[KEY] ?? {};
  }

  cardsField() {
    return h("fieldset.field",
      h("legend", "Resources"), this.cards,
      h("p.hint", "What is watched. The date field is how a change is noticed."));
  }

  sides() {
    return h(".sides", this.entries, this.textField);
  }

  drawCards() {
    show(this.cards, this.resources.map((resource) => this.card(resource)));
  }

  card(resource) {
    const box = h("input", { type: "checkbox", checked: resource.name in this.value, disabled: !resource.pollable, onchange: () => this.choose(resource.name, box.checked) });
    const dates = [resource.updatedDateField, resource.createdDateField].filter(Boolean).join(", ");
    return h("label.card.check", box, h("span", h("b", resource.name),
      h("span.small.quiet", h("br"), resource.pollable ? `by ${dates}` : resource.reason)));
  }

  choose(name, on) {
    const { [name]: entry, ...others } = this.value;
    this.write(on ? { ...others, [name]: entry ?? {} } : others);
    this.drawEntries();
  }

  drawEntries() {
    show(this.entries, Object.entries(this.value).map(([name, entry]) => this.entry(name, entry ?? {})));
  }

  entry(name, entry) {
    const place = `${KEY}.${name}`;
    const bind = (path, read = (text) => text) => (event) => this.change(name, path, read(event.target.value));
    const text = (path, properties = {}, read = undefined) =>
      h("input", { ...properties, value: get(entry, path) ?? "", onchange: bind(path, read) });
    const number = (path) => text(path, { type: "number", min: 0, step: "any", inputmode: "decimal" }, toNumber);
    const choice = (path, values) => h("select", { onchange: bind(path) }, values.map(([value, words]) =>
      h("option", { value, selected: value === (get(entry, path) ?? "") }, words)));
    const standard = this.defaults[name] ?? {};
    return h("details.card", { open: Object.keys(this.value).length === 1 }, h("summary", name), h(".stack",
      field(`${place}.url`, "Address and filter", text(["url"], { placeholder: standard.url ?? "" }), { optional: true, hint: "Hub path with a date macro; empty means the usual one." }),
      field(`${place}.idField`, "Id field", text(["idField"], { placeholder: standard.idField ?? "" }), { optional: true }),
      field(`${place}.datesConfiguration.updatedDateField`, "Date of change", text(["datesConfiguration", "updatedDateField"], { placeholder: standard.datesConfiguration?.updatedDateField ?? "" }), { optional: true }),
      field(`${place}.firstRun`, "At the first run", text(["firstRun"], { placeholder: "baseline" }), { optional: true, hint: "baseline: tell only later changes; backfill: tell everything; from:2026-01-31T00:00:00Z." }),
      field(`${place}.overlapSeconds`, "Overlap in seconds", number(["overlapSeconds"]), { optional: true, hint: "How much is read again, for rows that show up late." }),
      field(`${place}.pageSize`, "Rows a page", number(["pageSize"]), { optional: true, check: checkPositive }),
      field(`${place}.deletes.mode`, "Deleted objects", choice(["deletes", "mode"], [["", "not looked for"], ["sweep", "found by sweeps"]]), {}),
      field(`${place}.reconcile.intervalMinutes`, "Read a longer window again every (minutes)", number(["reconcile", "intervalMinutes"]), { optional: true })));
  }

  change(name, path, value) {
    this.write({ ...this.value, [name]: put(this.value[name] ?? {}, path, value) });
  }

  write(value) {
    this.draft.values[KEY] = value;
    this.draft.values.pollingText = null;
    this.draft.keep();
    this.text.value = JSON.stringify(value, null, 2);
    setFault(this.textField, null);
  }

  readText() {
    this.draft.set("pollingText", this.text.value);
    const [value, fault] = parse(this.text.value);
    setFault(this.textField, fault);
    if (fault) return;
    this.draft.set(KEY, value);
    this.drawCards();
    this.drawEntries();
  }

  // What to send: the object, or what was typed if it is no JSON, so that the answer says why.
  get sent() {
    return parse(this.text.value)[1] ? this.text.value : this.value;
  }
}

function parse(text) {
  try {
    const value = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? [value, null] : [null, "Has to be a JSON object with a member for each resource."];
  } catch (error) {
    return [null, `Is not JSON yet: ${error.message}`];
  }
}

function get(entry, path) {
  return path.reduce((value, name) => value?.[name], entry);
}

// A copy with the member set, or taken out if there is no value; objects left empty go too.
function put(entry, [name, ...rest], value) {
  const inner = rest.length ? put(entry[name] ?? {}, rest, value) : value;
  const { [name]: _, ...others } = entry;
  const isNothing = inner === "" || inner === null || (rest.length && !Object.keys(inner).length);
  return isNothing ? others : { ...others, [name]: inner };
}

function toNumber(text) {
  return text === "" ? null : Number(text);
}

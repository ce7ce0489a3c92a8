// An instance's configuration: name, tags, events, and consent given anew.
import { call, get } from "./api.js";
import { askConsent, refusal, takeConsent } from "./consent.js";
import { announce, h, panel, show } from "./dom.js";
import { EventsForm, loadElement, CALLBACK, ENABLED, INTERVAL, SIGNATURE } from "./events-form.js";
import { actionButton, confirm, Draft, field, showFaults } from "./form.js";
import { KEY as POLLING } from "./polling-form.js";
import { go } from "./main.js";

const DECISIONS = [["keep", "Go on from where it is"], ["rewind", "Read again from its baseline on"], ["baseline", "Begin anew with a baseline"]];

export async function render({ content, parameters, signal }) {
  const path = `/instances/${parameters.id}`;
  const instance = await get(path, signal);
  const element = await loadElement(instance.element.key, signal);
  const stored = instance.configuration;
  const draft = new Draft(`instance ${instance.id}`, {
    name: instance.name, tags: instance.tags.join(", "), [ENABLED]: instance.eventsEnabled,
    [CALLBACK]: stored[CALLBACK] ?? "", [SIGNATURE]: stored[SIGNATURE] ?? "", [INTERVAL]: stored[INTERVAL] ?? "15", [POLLING]: stored[POLLING] ?? {},
  });
  const form = new EditForm({ content, signal, path, instance, draft, element });
  form.draw();
  const told = takeConsent();
  if (told) await form.hear(told);
}

class EditForm {
  constructor(parts) {
    Object.assign(this, parts);
    this.events = new EventsForm(this.draft, this.element);
    this.problem = h("div", { role: "alert" });
    this.consent = h("p", { role: "status" });
  }

  draw() {
    const { draft, instance } = this;
    const form = h("form.stack", { novalidate: true },
      panel("Name", h(".body.form", field("name", "Name", draft.input("name", { maxlength: 255 })), field("tags", "Tags", draft.input("tags"), { optional: true, hint: "Separated by commas." }))),
      panel("Events", h(".body", this.events.draw())), this.problem,
      h(".actions", h("button.primary", "Save"), h("a.button", { href: `/ui/instances/${instance.id}` }, "Back"),
        draft.isKept ? actionButton("Drop what was typed", () => this.drop(), { class: "plain" }) : null));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.form = form;
    show(this.content, h("h1", { tabindex: "-1" }, `Configuration of ${instance.name}`),
      panel("Authorization", { id: "authorize" }, h(".body.row",
        actionButton(`Re-authorize at ${this.element.name}`, () => askConsent(this.element.key, { instanceId: instance.id }, { onTold: (told) => this.hear(told), signal: this.signal })), this.consent)), form);
  }

  drop() {
    this.draft.drop();
    return render({ content: this.content, parameters: { id: this.instance.id }, signal: this.signal });
  }

  async hear(told) {
    this.consent.className = told.code ? "ok" : "failing";
    if (!told.code) return show(this.consent, refusal(told));
    try {
      await call("PATCH", this.path, { configuration: { "oauth.callback.url": told.callbackUrl }, providerData: { code: told.code } });
      return show(this.consent, "Authorized: polling goes on from where it stopped.");
    } catch (problem) {
      this.consent.className = "failing";
      return show(this.consent, problem.sentence);
    }
  }

  async save(onFilterChange = undefined) {
    const { name, tags } = this.draft.values;
    const configuration = Object.fromEntries(Object.entries(this.events.configuration()).filter(([, value]) => value !== undefined));
    const body = { name, tags: tags.split(",").map((tag) => tag.trim()).filter(Boolean), configuration, onFilterChange };
    try {
      await call("PATCH", this.path, body);
    } catch (problem) {
      return this.tell(problem);
    }
    this.draft.drop();
    announce("Saved: it is in effect");
    return go(`/ui/instances/${this.instance.id}`);
  }

  async tell(problem) {
    const faults = problem.faults ?? [];
    const undecided = faults.filter((fault) => fault.message.includes("onFilterChange"));
    if (undecided.length && undecided.length === faults.length) return this.decide(undecided);
    const elsewhere = showFaults(this.form, faults);
    const sentences = faults.length ? elsewhere : [problem.sentence ?? String(problem)];
    return show(this.problem, sentences.length ? h(".notice.failing", sentences.map((text) => h("p", text))) : null);
  }

  async decide(faults) {
    const choice = h("select", DECISIONS.map(([value, words]) => h("option", { value }, words)));
    const text = faults.map((fault) => h("p", `${fault.field}: ${fault.message}.`));
    if (await confirm({ title: "What becomes of the cursor?", text, extra: field("onFilterChange", "Then", choice), action: "Save" })) await this.save(choice.value);
  }
}

// Creating an instance: the account, consent, what is watched, and then token, id and secret.
import { call, currentSession, get } from "./api.js";
import { askConsent, refusal, takeConsent } from "./consent.js";
import { copyButton, facts, h, panel, show } from "./dom.js";
import { CALLBACK, ENABLED, EventsForm, INTERVAL, loadElement } from "./events-form.js";
import { actionButton, Draft, field, problemDialog, showFaults } from "./form.js";
import { KEY as POLLING } from "./polling-form.js";

const API_KEY = "oauth.api.key";
const API_SECRET = "oauth.api.secret";
const REDIRECT = "oauth.callback.url";
const PERSONAL = "maximizer.personal.access.token";
const ALIAS = "maximizer.alias";
const FOLDED = ["maximizer.url", PERSONAL];

export async function render({ content, signal }) {
  const elements = await get("/elements", signal);
  const draft = new Draft("instance", { element: elements[0].key, [ENABLED]: true, [INTERVAL]: "15" });
  const element = await loadElement(draft.values.element, signal);
  draft.values[POLLING] ??= Object.fromEntries(Object.keys(element.polling).map((name) => [name, {}]));
  const form = new CreateForm({ content, signal, draft, element, elements });
  form.draw();
  const told = takeConsent();
  if (told) form.hear(told);
}

class CreateForm {
  constructor(parts) {
    Object.assign(this, parts);
    this.events = new EventsForm(this.draft, this.element);
    this.consent = h("p", { role: "status" });
    this.problem = h("div", { role: "alert" });
  }

  draw() {
    const form = h("form.stack", { novalidate: true },
      panel("1. Account", h(".body.form", this.account())),
      panel("2. Authorize", h(".body.form", this.authorization())),
      panel("3. Events", h(".body", this.events.draw())),
      this.problem,
      h(".actions", h("button.primary", "Create instance"),
        actionButton("Start over", () => this.startOver(), { class: "plain" })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(form);
    });
    this.form = form;
    show(this.content, h("h1", { tabindex: "-1" }, "New instance"), form);
    this.tellConsent();
  }

  account() {
    const pick = h("select", { onchange: (event) => this.draft.set("element", event.target.value) }, this.elements.map((each) =>
      h("option", { value: each.key, selected: each.key === this.element.key }, each.name)));
    return [
      field("element", "Element", pick, { hint: this.element.description }),
      field("name", "Name", this.draft.input("name", { autocomplete: "off", maxlength: 255 }), { hint: "What you will call it here: the customer, say." }),
      field("tags", "Tags", this.draft.input("tags", { autocomplete: "off" }), { optional: true, hint: "Separated by commas." }),
    ];
  }

  authorization() {
    const callback = `${currentSession().baseUrl}/elements/${this.element.key}/oauth/callback`;
    const known = Object.fromEntries(this.element.configuration.map((key) => [key.key, key]));
    const input = (key, properties = {}) => {
      const control = this.draft.input(key, { autocomplete: "off", spellcheck: "false", ...properties });
      control.addEventListener("input", () => this.forgetCode());
      return control;
    };
    const described = (key, label, properties) => known[key] && field(key, label, input(key, { placeholder: known[key].defaultValue ?? "", ...properties }), { hint: known[key].description, optional: key !== ALIAS });
    return [
      h(".row", h(".grow", described("maximizer.datacenter", "Data centre")), h(".grow", described(ALIAS, "Alias"))),
      field(API_KEY, "Client id", input(API_KEY), { hint: "Administrator → System Options → OAuth 2.0 Settings." }),
      field(API_SECRET, "Client secret", input(API_SECRET, { type: "password", autocomplete: "new-password" }), { hint: "From the same place." }),
      h(".field", { "data-field": REDIRECT }, h("div", "Redirect URI: register exactly this one there"),
        h(".row", h("code", callback), copyButton(callback, "Redirect URI")), h("p.fault"), h("input", { type: "hidden", name: REDIRECT })),
      h(".row", { "data-field": "providerData.code" }, actionButton(`Authorize at ${this.element.name}`, () => this.authorize()), this.consent, h("p.fault"), h("input", { type: "hidden" })),
      h("details", { open: FOLDED.some((key) => this.draft.values[key]) }, h("summary", "On-premise address, personal access token"),
        h(".form", described("maximizer.url", "API URL"), described(PERSONAL, "Personal access token", { type: "password" }))),
    ];
  }

  async authorize() {
    const faults = [API_KEY, API_SECRET].filter((key) => !this.draft.values[key]).map((key) => ({ field: key, message: "is needed to authorize" }));
    if (faults.length) return showFaults(this.form, faults);
    try {
      await askConsent(this.element.key, { configuration: this.connection() }, { onTold: (told) => this.hear(told), signal: this.signal });
    } catch (problem) {
      if (!problem.faults?.length) throw problem;
      this.tellProblem(problem);
    }
  }

  hear(told) {
    if (told.code) {
      this.draft.set("code", told.code);
      this.draft.set(REDIRECT, told.callbackUrl);
      this.tellConsent();
    } else {
      this.consent.className = "failing";
      show(this.consent, refusal(told));
    }
  }

  forgetCode() {
    if (!this.draft.values.code) return;
    this.draft.set("code", null);
    this.tellConsent();
  }

  tellConsent() {
    const isGiven = Boolean(this.draft.values.code);
    this.consent.className = isGiven ? "ok" : "quiet";
    show(this.consent, isGiven ? "Authorized. Create the instance to use it." : "Opens the provider's page; what you typed stays here.");
  }

  connection() {
    const keys = this.element.configuration.map((key) => key.key).filter((key) => !key.startsWith("event.") && this.draft.values[key]);
    return Object.fromEntries(keys.map((key) => [key, this.draft.values[key]]));
  }

  body() {
    const { name, tags, code } = this.draft.values;
    return {
      element: { key: this.element.key },
      name: name ?? "",
      tags: (tags ?? "").split(",").map((tag) => tag.trim()).filter(Boolean),
      configuration: { ...this.connection(), ...this.events.configuration() },
      ...(code ? { providerData: { code } } : {}),
    };
  }

  async submit(form) {
    const button = form.querySelector("button.primary");
    button.disabled = true;
    show(button, "Creating: reading the baseline …");
    try {
      const body = this.body();
      const instance = await call("POST", "/instances", body, { signal: this.signal });
      this.draft.drop();
      showCreated(this.content, instance, body);
    } catch (problem) {
      if (problem.name !== "AbortError") this.tellProblem(problem);
    } finally {
      button.disabled = false;
      show(button, "Create instance");
    }
  }

  tellProblem(problem) {
    if (problem.providerMessage) this.forgetCode();
    const elsewhere = showFaults(this.form, problem.faults ?? []);
    const sentences = problem.faults?.length ? elsewhere : [problem.sentence ?? String(problem)];
    show(this.problem, sentences.length ? h(".notice.failing", sentences.map((text) => h("p", text)),
      problem.providerMessage ? h("p", "Authorize once more: a grant code works only once.") : null) : null);
  }

  startOver() {
    this.draft.drop();
    return render({ content: this.content, signal: this.signal }).catch(problemDialog);
  }
}

function showCreated(content, instance, body) {
  const { origin } = new URL(currentSession().baseUrl);
  const secret = (text, what) => [h("code", text), " ", copyButton(text, what)];
  const command = curl(origin, body);
  show(content,
    h("h1", { tabindex: "-1" }, `${instance.name} is connected`),
    panel("Keep these", h(".body.stack",
      h("p.notice", "The webhook secret is shown this once. Your receiver verifies signatures with it."),
      facts([
        ["Instance id", secret(String(instance.id), "Instance id")],
        ["Token", secret(instance.token, "Token")],
        ["Webhook secret", secret(instance.webhookSecret, "Webhook secret")],
        ["Callback", body.configuration[CALLBACK]],
      ]))),
    panel("The same by program", { actions: copyButton(command, "Command") }, h(".body", h("pre", { tabindex: "0" }, command))),
    h(".actions", h("a.button.primary", { href: `/ui/instances/${instance.id}` }, "Watch it work")));
  content.querySelector("h1").focus();
}

function curl(origin, body) {
  const shown = structuredClone(body);
  for (const key of [API_SECRET, PERSONAL, "event.notification.signature.key"]) if (shown.configuration[key]) shown.configuration[key] = "...";
  if (shown.providerData) shown.providerData.code = "...";
  const json = JSON.stringify(shown, null, 2).replaceAll("'", "'\\''");
  return `curl -X POST ${origin}/elements/api-v2/instances \\\n  -H 'Authorization: User ..., Organization ...' \\\n  -H 'Content-Type: application/json' \\\n  -d '${json}'`;
}

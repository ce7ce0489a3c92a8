// The events part of an instance's form: on or off, callback with a test, signature, interval, resources.
import { call, get } from "./api.js";
import { h, show } from "./dom.js";
import { actionButton, checkAddress, checkPositive, field } from "./form.js";
import { duration } from "./format.js";
import { PollingForm } from "./polling-form.js";

export const CALLBACK = "event.notification.callback.url";
export const ENABLED = "event.notification.enabled";
export const SIGNATURE = "event.notification.signature.key";
export const INTERVAL = "event.poller.refresh_interval";
const STEPS = [0.02, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440];

export class EventsForm {
  constructor(draft, element) {
    this.draft = draft;
    this.polling = new PollingForm(draft, element.resources, element.polling);
  }

  draw() {
    const details = h(".form", { hidden: !this.draft.values[ENABLED] }, this.callback(), this.signature(), this.interval(), this.polling.cardsField(), this.advanced());
    const box = this.draft.checkbox(ENABLED, { changed: (on) => { details.hidden = !on; } });
    return h(".form",
      h("label.check", box, h("span", h("b", "Events"), h("br"), h("span.quiet.small", "Watch this account and tell each change to your callback."))),
      details);
  }

  callback() {
    const input = this.draft.input(CALLBACK, { type: "url", placeholder: "https://example.com/hooks/pollhook", autocomplete: "off" });
    const verdict = h("p", { role: "status" });
    const test = actionButton("Send test notification", () => this.test(verdict));
    return h(".stack",
      field(CALLBACK, "Callback URL", input, { hint: "Where notifications are sent. It has to answer with a 2xx.", check: checkAddress, beside: test }),
      verdict);
  }

  async test(verdict) {
    show(verdict, "…");
    try {
      const answer = await call("POST", "/callbacks/test", { url: this.draft.values[CALLBACK] ?? "" });
      const isGood = answer.status >= 200 && answer.status < 300;
      verdict.className = isGood ? "ok" : "failing";
      show(verdict, answer.error ?? (isGood
        ? `It took the notification: ${answer.status} in ${duration(answer.milliseconds / 1000)}.`
        : `It answered ${answer.status} in ${duration(answer.milliseconds / 1000)}; a 2xx is needed.`));
    } catch (problem) {
      verdict.className = "failing";
      show(verdict, problem.faults?.[0]?.message ?? problem.sentence ?? String(problem));
    }
  }

  signature() {
    const input = this.draft.input(SIGNATURE, { autocomplete: "off", spellcheck: "false" });
    const make = h("button", { type: "button" }, "Make one");
    make.addEventListener("click", () => {
      input.value = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24))));
      input.dispatchEvent(new Event("input"));
    });
    return field(SIGNATURE, "Signature key", input, { optional: true, beside: make, hint: "Signs the header Elements-Webhook-Signature. The Standard Webhooks signature is always there, with a secret of its own." });
  }

  interval() {
    const number = this.draft.input(INTERVAL, { type: "number", min: 0, step: "any", inputmode: "decimal" });
    const slider = h("input", { type: "range", min: 0, max: STEPS.length - 1, "aria-label": "Interval, in steps", value: nearest(number.value) });
    const words = h("span.quiet", { "aria-live": "polite" });
    const tell = () => show(words, Number(number.value) > 0 ? `every ${duration(number.value * 60)}` : "");
    slider.addEventListener("input", () => {
      number.value = STEPS[slider.value];
      number.dispatchEvent(new Event("input"));
    });
    number.addEventListener("input", () => {
      slider.value = nearest(number.value);
      slider.setAttribute("aria-valuetext", `${number.value} minutes`);
      tell();
    });
    tell();
    return field(INTERVAL, "Interval in minutes", number, { hint: "How often each resource is asked for changes; fractions are fine.", check: checkPositive, beside: [slider, words] });
  }

  advanced() {
    return h("details", { "data-advanced": "" }, h("summary", "Advanced: each resource, and the JSON"), this.polling.sides());
  }

  // The configuration keys as they are sent.
  configuration() {
    const values = this.draft.values;
    return {
      [ENABLED]: Boolean(values[ENABLED]),
      [CALLBACK]: values[CALLBACK] || undefined,
      [SIGNATURE]: values[SIGNATURE] || undefined,
      [INTERVAL]: values[INTERVAL] || undefined,
      "event.poller.configuration": values[ENABLED] || Object.keys(this.polling.value).length ? this.polling.sent : undefined,
    };
  }
}

function nearest(minutes) {
  const distance = (step) => Math.abs(Math.log(step) - Math.log(Number(minutes) || 15));
  return STEPS.reduce((best, step, index) => (distance(step) < distance(STEPS[best]) ? index : best), 0);
}

// The element with its resources and the polling configuration that applies by default.
export async function loadElement(key, signal) {
  const [element, metadata] = await Promise.all([
    get(`/elements/${key}`, signal),
    get(`/elements/${key}/metadata`, signal),
  ]);
  const standard = element.configuration.find((each) => each.key === "event.poller.configuration");
  return { ...element, resources: metadata.resources, polling: JSON.parse(standard?.defaultValue ?? "{}") };
}

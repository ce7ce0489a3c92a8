// Forms: fields with hints and faults, and drafts that survive reload, consent and sign-in.
import { h, show } from "./dom.js";

let numbers = 0;

// A labelled control, with what stands `beside` it. `name` is the name that faults use for it.
export function field(name, label, control, { hint = null, check = null, optional = false, judgesItself = false, beside = null } = {}) {
  const id = `field-${++numbers}`;
  const fault = h("p.fault", { id: `${id}-fault`, "aria-live": "polite" });
  control.id = id;
  control.name = name;
  control.setAttribute("aria-describedby", `${id}-hint ${id}-fault`);
  const node = h(".field", { "data-field": name },
    h("label", { for: id }, label, optional ? h("span.quiet", " (optional)") : null),
    beside ? h(".row.beside", control, beside) : control, h("p.hint", { id: `${id}-hint` }, hint), fault);
  if (check) {
    control.addEventListener("change", () => setFault(node, check(control.value)));
    control.addEventListener("blur", () => control.value && setFault(node, check(control.value)));
  }
  if (!judgesItself) control.addEventListener("input", () => node.querySelector(".fault").textContent && setFault(node, check ? check(control.value) : null));
  return node;
}

export function setFault(node, message) {
  const control = node.querySelector("input, select, textarea");
  show(node.querySelector(".fault"), message ?? null);
  if (message) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

// Put each fault at the field it names, or at the one whose name it begins with; answers the others.
export function showFaults(form, faults) {
  const nodes = [...form.querySelectorAll("[data-field]")];
  for (const node of nodes) setFault(node, null);
  const elsewhere = [];
  const sentences = new Map();
  for (const { field: name, message } of faults) {
    const node = nodes.filter((each) => name === each.dataset.field || name.startsWith(`${each.dataset.field}.`))
      .sort((a, b) => b.dataset.field.length - a.dataset.field.length)[0];
    if (!node) elsewhere.push(`${name}: ${message}`);
    else sentences.set(node, [...(sentences.get(node) ?? []), name === node.dataset.field ? message : `${name.slice(node.dataset.field.length + 1)}: ${message}`]);
  }
  for (const [node, messages] of sentences) setFault(node, sentence(messages.join("; ")));
  focusFirst(form);
  return elsewhere;
}

function focusFirst(form) {
  const control = form.querySelector('[aria-invalid="true"]');
  if (!control) return;
  for (let node = control.parentElement; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  control.focus();
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, ".");
}

// What was typed, kept in this tab until it is used: under a key of its own for every form.
export class Draft {
  constructor(key, initial) {
    this.key = `draft ${key}`;
    const kept = sessionStorage.getItem(this.key);
    this.isKept = kept !== null;
    this.values = { ...initial, ...(kept ? JSON.parse(kept) : {}) };
  }

  set(name, value) {
    this.values[name] = value;
    this.keep();
  }

  keep() {
    sessionStorage.setItem(this.key, JSON.stringify(this.values));
  }

  drop() {
    sessionStorage.removeItem(this.key);
  }

  input(name, properties = {}) {
    return h("input", { ...properties, value: this.values[name] ?? "", oninput: (event) => this.set(name, event.target.value) });
  }

  checkbox(name, properties = {}) {
    return h("input", {
      ...properties,
      type: "checkbox",
      checked: Boolean(this.values[name]),
      onchange: (event) => {
        this.set(name, event.target.checked);
        properties.changed?.(event.target.checked);
      },
    });
  }
}

export function checkAddress(value) {
  if (!value) return null;
  let url = null;
  try {
    url = new URL(value);
  } catch {
    return "Has to be an address such as https://example.com/hooks.";
  }
  return ["http:", "https:"].includes(url.protocol) ? null : "Has to begin with http:// or https://.";
}

export function checkPositive(value) {
  return value === "" || Number(value) > 0 ? null : "Has to be a number above 0.";
}

// A question before something that cannot be undone: answers whether to go on. `name` has to be typed if given.
export function confirm({ title, text, action, danger = false, name = null, extra = null }) {
  const typed = name ? h("input", { autocomplete: "off", "aria-label": `Type ${name} to confirm` }) : null;
  const go = h("button", { class: danger ? "danger" : "primary", value: "go", disabled: Boolean(name) }, action);
  typed?.addEventListener("input", () => { go.disabled = typed.value !== name; });
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
    h("form", { method: "dialog" }, heading, h(".stack", text, extra),
      typed ? h("p", "Type ", h("b", name), " to confirm.") : null, typed,
      h(".actions", h("button", { value: "stay", formnovalidate: true }, "Cancel"), go)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "go");
  }));
}

// A button that is off while its action runs, and tells what went wrong beside it.
export function actionButton(label, action, properties = {}) {
  const button = h("button", { type: "button", ...properties }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await action(button);
    } catch (problem) {
      if (problem.name !== "AbortError") problemDialog(problem);
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

export function problemDialog(problem) {
  return confirm({
    title: "That did not work",
    text: [h("p", problem.sentence ?? String(problem)),
      problem.requestId ? h("p.quiet.small", `The log has it under ${problem.requestId}.`) : null],
    action: "OK",
  });
}

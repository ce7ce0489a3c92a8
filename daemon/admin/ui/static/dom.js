// The document's elements: made from plain calls, never from text that is parsed.

const SVG = "http://www.w3.org/2000/svg";

// An element: properties that begin with "on" are listeners, null and false are left out.
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

export function show(node, ...children) {
  node.replaceChildren(...flatten(children));
  return node;
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) set(node, name, value);
  node.append(...flatten(children));
  return node;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

function flatten(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

// Grey lines where content will stand, so that nothing jumps when it comes.
export function skeleton(lines = 3) {
  return h("div", { class: "skeleton", "aria-hidden": "true" }, Array.from({ length: lines }, () => h("span")));
}

export function panel(title, { actions = null, level = "h2", ...properties } = {}, ...children) {
  const head = title ? h("header", {}, h(level, {}, title), actions && h("div", { class: "actions" }, actions)) : null;
  return h("section", { ...properties, class: `panel ${properties.class ?? ""}`.trim() }, head, children);
}

export function empty(...children) {
  return h("div", { class: "empty" }, children);
}

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, shown.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// Columns: [heading, class, cell function]; the first cell of a row names it.
export function table(columns, rows, { caption, rowProperties = () => ({}) }) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "reflow" },
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map(([heading, kind]) => h("th", { scope: "col", class: kind }, heading)))),
      h("tbody", {}, rows.map((row) => tableRow(columns, row, rowProperties(row))))));
}

export function tableRow(columns, row, properties = {}) {
  return h("tr", properties, columns.map(([heading, kind, cell]) =>
    h("td", { class: kind, "data-label": kind?.includes("number") ? heading : null }, cell(row))));
}

export function copyButton(text, what) {
  const button = h("button", { type: "button", class: "plain", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    await writeClipboard(text);
    announce(`${what} copied`);
  });
  return button;
}

async function writeClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { value: text });
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// A short message in a live region that goes away by itself.
export function announce(text) {
  let region = document.querySelector(".toasts");
  if (!region) document.body.append(region = h("div", { class: "toasts", role: "status" }));
  const message = h("p", {}, text);
  region.append(message);
  setTimeout(() => message.remove(), 6000);
}

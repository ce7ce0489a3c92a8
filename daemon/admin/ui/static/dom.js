// The document's elements: made from plain calls, never from text that is parsed.

const SVG = "http://www.w3.org/2000/svg";

// An element, as "tag.class.class" (a div if there is no tag), its properties if there are any, its
// children: properties that begin with "on" are listeners, null and false are left out.
export function h(name, ...rest) {
  return make(name, (tag) => document.createElement(tag), rest);
}

export function svg(name, ...rest) {
  return make(name, (tag) => document.createElementNS(SVG, tag), rest);
}

function make(name, create, rest) {
  const [tag, ...classes] = name.split(".");
  const node = create(tag || "div");
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(isPlain(rest[0]) ? rest.shift() : {})) set(node, key, value);
  node.append(...flatten(rest));
  return node;
}

export function show(node, ...children) {
  node.replaceChildren(...flatten(children));
  return node;
}

function isPlain(value) {
  return Boolean(value) && Object.getPrototypeOf(value) === Object.prototype;
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
  return h(".skeleton", { "aria-hidden": "true" }, Array.from({ length: lines }, () => h("span")));
}

// A section with its title; among its properties `actions` stand beside the title.
export function panel(title, ...rest) {
  const { actions, ...properties } = isPlain(rest[0]) ? rest.shift() : {};
  return h("section.panel", properties, title && h("header", h("h2", title), actions && h(".actions", actions)), rest);
}

export function empty(...children) {
  return h(".empty", children);
}

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl.facts", shown.map(([name, value]) => [h("dt", name), h("dd", value)]));
}

// Columns: [heading, class, cell function]; the first cell of a row names it.
export function table(columns, rows, { caption, rowProperties = () => ({}) }) {
  return h(".scroll", { tabindex: "0", role: "region", "aria-label": caption },
    h("table.reflow",
      h("caption.visually-hidden", caption),
      h("thead", h("tr", columns.map(([heading, kind]) => h("th", { scope: "col", class: kind }, heading)))),
      h("tbody", rows.map((row) => tableRow(columns, row, rowProperties(row))))));
}

export function tableRow(columns, row, properties = {}) {
  return h("tr", properties, columns.map(([heading, kind, cell]) =>
    h("td", { class: kind, "data-label": kind?.includes("number") ? heading : null }, cell(row))));
}

// The way to the pages before and after; nothing where there is one page only.
export function pager(page, isLast, address) {
  const link = (to, rel, words) => h("a.button", { href: address(to), rel }, words);
  return page === 1 && isLast ? null : h(".body.row", page > 1 && link(page - 1, "prev", "Previous"),
    h("span.quiet", `Page ${page}`), !isLast && link(page + 1, "next", "Next"));
}

export function copyButton(text, what) {
  const button = h("button.plain", { type: "button", "aria-label": `Copy ${what}` }, "Copy");
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
  if (!region) document.body.append(region = h(".toasts", { role: "status" }));
  const message = h("p", text);
  region.append(message);
  setTimeout(() => message.remove(), 6000);
}

// Instances: the list, those in trouble first, searched by text and tag.
import { call, query } from "./api.js";
import { empty, h, panel, show, table } from "./dom.js";
import { atMost, mark, verdict, when } from "./format.js";
import { go } from "./main.js";
import { troublesOf } from "./trouble.js";

const STATES = [["", "Any state"], ["trouble", "Needs attention"], ["active", "Working"], ["degraded", "Failing"], ["needs_reauth", "Needs authorization"], ["disabled", "Disabled"]];

export async function render({ content, search, signal }) {
  const wanted = { text: search.get("text"), tag: search.get("tag"), state: search.get("state"), page: search.get("page") };
  const found = await call("GET", `/ui/data/instances${query(wanted)}`, undefined, { signal });
  show(content,
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Instances"),
      h("div", { class: "actions" }, h("a", { class: "button primary", href: "/ui/instances/new" }, "Create instance"))),
    filters(wanted), list(found, wanted));
}

function filters(wanted) {
  const text = h("input", { type: "search", value: wanted.text ?? "", placeholder: "Name or id", "aria-label": "Name or id" });
  const tag = h("input", { type: "search", value: wanted.tag ?? "", placeholder: "Tag", "aria-label": "Tag" });
  const state = h("select", { "aria-label": "State" }, STATES.map(([value, words]) => h("option", { value, selected: value === (wanted.state ?? "") }, words)));
  function apply(event) {
    event?.preventDefault();
    go(`/ui/instances${query({ text: text.value.trim(), tag: tag.value.trim(), state: state.value })}`, { keepPlace: true });
  }
  state.addEventListener("change", apply);
  return h("form", { class: "row", role: "search", onsubmit: apply }, text, tag, state, h("button", {}, "Filter"));
}

const COLUMNS = [
  ["Instance", "wide", (instance) => [h("a", { href: `/ui/instances/${instance.id}` }, instance.name), " ", h("span", { class: "quiet small" }, `#${instance.id}`), " ", tags(instance.tags)]],
  ["State", "", stateCell],
  ["Last change", "number", (instance) => when(latest(instance, "lastChange"), "none yet")],
  ["Last poll", "number", (instance) => when(latest(instance, "lastPoll"))],
  ["Pending", "number", (instance) => atMost(instance.endpoint.pending, instance.endpoint.pendingIsMore)],
];

function list({ instances, page, isLast }, wanted) {
  if (!instances.length) {
    const isOpen = !wanted.text && !wanted.tag && !wanted.state;
    return isOpen
      ? verdict("waiting", "Nothing is connected yet.", h("a", { href: "/ui/instances/new" }, "Create the first instance"))
      : panel(null, {}, empty("No instance is like that. ", h("a", { href: "/ui/instances" }, "Show all")));
  }
  return panel(null, {}, table(COLUMNS, instances, { caption: "Instances, those in trouble first" }), pager(page, isLast, wanted));
}

function stateCell(instance) {
  const trouble = troublesOf(instance)[0];
  const shown = trouble && instance.state === "active" ? mark("failing", "callback in trouble") : mark(instance.state);
  return [shown, trouble ? h("div", { class: "small quiet" }, trouble.words) : null];
}

function tags(names) {
  return names.map((name) => [h("a", { class: "tag", href: `/ui/instances${query({ tag: name })}` }, name), " "]);
}

function latest(instance, name) {
  return instance.resources.map((resource) => resource[name]).filter(Boolean).sort().at(-1) ?? null;
}

function pager(page, isLast, wanted) {
  if (page === 1 && isLast) return null;
  const link = (to, words) => h("a", { class: "button", href: `/ui/instances${query({ ...wanted, page: to })}`, rel: to < page ? "prev" : "next" }, words);
  return h("div", { class: "body row" }, page > 1 ? link(page - 1, "Previous") : null, h("span", { class: "quiet" }, `Page ${page}`), isLast ? null : link(page + 1, "Next"));
}

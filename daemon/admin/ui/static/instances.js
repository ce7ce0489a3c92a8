// Instances: the list, those in trouble first, searched by text and tag.
import { get, query } from "./api.js";
import { empty, h, pager, panel, show, table } from "./dom.js";
import { atMost, duration, mark, verdict, when } from "./format.js";
import { go } from "./main.js";
import { troublesOf } from "./trouble.js";

const STATES = [["", "Any state"], ["trouble", "Needs attention"], ["active", "Working"], ["degraded", "Failing"], ["needs_reauth", "Needs authorization"], ["disabled", "Disabled"]];

export async function render({ content, search, signal }) {
  const wanted = Object.fromEntries(["text", "tag", "state", "page"].map((name) => [name, search.get(name)]));
  const found = await get(`/ui/data/instances${query(wanted)}`, signal);
  show(content, h(".head", h("h1", { tabindex: "-1" }, "Instances"), h(".actions", createLink())), filters(wanted), list(found, wanted));
}

export function createLink(words = "Create instance") {
  return h("a.button.primary", { href: "/ui/instances/new" }, words);
}

export function filters(wanted) {
  const text = h("input", { type: "search", value: wanted.text ?? "", placeholder: "Name or id", "aria-label": "Name or id" });
  const tag = h("input", { type: "search", value: wanted.tag ?? "", placeholder: "Tag", "aria-label": "Tag" });
  const state = h("select", { "aria-label": "State" }, STATES.map(([value, words]) => h("option", { value, selected: value === (wanted.state ?? "") }, words)));
  function apply(event) {
    event.preventDefault();
    go(`/ui/instances${query({ text: text.value.trim(), tag: tag.value.trim(), state: state.value })}`, { keepPlace: true });
  }
  state.addEventListener("change", apply);
  return h("form.row", { role: "search", onsubmit: apply }, text, tag, state, h("button", "Filter"));
}

const COLUMNS = [
  ["Instance", "wide", ({ id, name, tags }) => [h("a", { href: `/ui/instances/${id}` }, name), " ", h("span.quiet.small", `#${id}`), " ",
    tags.map((tag) => [h("a.tag", { href: `/ui/instances${query({ tag })}` }, tag), " "])]],
  ["State", "", stateCell],
  ["Last change", "number", (instance) => when(latest(instance, "lastChange"), "none yet")],
  ["Noticed within", "number", ({ resources }) => duration(Math.max(...resources.map((each) => each.noticedWithinSeconds ?? -1)))],
  ["Last poll", "number", (instance) => when(latest(instance, "lastPoll"))],
  ["Pending", "number", ({ endpoint }) => atMost(endpoint.pending, endpoint.pendingIsMore)],
];

export function instanceTable(instances) {
  return table(COLUMNS, instances, { caption: "Instances, those in trouble first" });
}

function list({ instances, page, isLast }, wanted) {
  if (instances.length) return panel(null, instanceTable(instances), pager(page, isLast, (to) => `/ui/instances${query({ ...wanted, page: to })}`));
  return wanted.text || wanted.tag || wanted.state
    ? panel(null, empty("No instance is like that. ", h("a", { href: "/ui/instances" }, "Show all")))
    : verdict("waiting", "Nothing is connected yet.", createLink("Create the first instance"));
}

function stateCell(instance) {
  const trouble = troublesOf(instance)[0];
  const shown = trouble && instance.state === "active" ? mark("failing", "callback in trouble") : mark(instance.state);
  return [shown, trouble ? h(".small.quiet", trouble.words) : null];
}

function latest(instance, name) {
  return instance.resources.map((resource) => resource[name]).filter(Boolean).sort().at(-1) ?? null;
}

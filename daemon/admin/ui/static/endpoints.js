// Endpoints: the callback of each instance, those in trouble first.
import { call, get, query } from "./api.js";
import { announce, empty, h, pager, panel, show, table } from "./dom.js";
import { atMost, count, duration, mark, verdict, when } from "./format.js";
import { actionButton } from "./form.js";
import { ended } from "./trouble.js";

export async function render({ content, search, signal }) {
  const page = Number(search.get("page") ?? 1);
  const { instances, isLast } = await get(`/ui/data/instances${query({ page })}`, signal);
  const shown = instances.filter((instance) => instance.endpoint.url);
  show(content, h("h1", { tabindex: "-1" }, "Endpoints"), judgement(shown),
    shown.length ? panel(null, table(COLUMNS, shown, { caption: "Callbacks, those in trouble first" }), pager(page, isLast, (to) => `/ui/endpoints?page=${to}`)) : null);
}

function judgement(instances) {
  const bad = instances.filter((instance) => instance.endpoint.state !== "healthy" && instance.state !== "disabled").length;
  if (!instances.length) return panel(null, empty("No instance has a callback yet. ", h("a", { href: "/ui/instances/new" }, "Create one")));
  return bad ? verdict("failing", `${count(bad, "callback")} ${bad === 1 ? "does" : "do"} not accept notifications.`, "What they miss is kept and sent in order once they do.") : verdict("ok", "All callbacks accept notifications.");
}

const COLUMNS = [
  ["Callback", "wide", ({ id, name, endpoint }) => [h("span.mono", endpoint.url), h(".small", h("a", { href: `/ui/instances/${id}` }, name))]],
  ["State", "", stateCell],
  ["Last success", "number", ({ endpoint }) => when(endpoint.lastSuccess, "none yet")],
  ["Pending", "number", ({ id, endpoint }) => h("a", { href: `/ui/events?instance=${id}&state=pending` }, atMost(endpoint.pending, endpoint.pendingIsMore))],
  ["Actions", "tight", ({ id, endpoint }) => h(".actions", pingButton(id), endpoint.state === "disabled" ? enableButton(id) : null)],
];

function stateCell({ endpoint }) {
  const reason = endpoint.disabledReason ?? endpoint.lastError;
  const bad = endpoint.state !== "healthy";
  return [mark(endpoint.state), bad && reason ? h(".small.quiet", ended(reason), endpoint.nextProbe ? [" Tried again ", when(endpoint.nextProbe), "."] : null) : null];
}

export function pingButton(id) {
  return actionButton("Ping", async () => {
    const answer = await call("POST", `/instances/${id}/endpoint/ping`);
    announce(answer.message ?? answer.error ?? `Answered ${answer.status} in ${duration(answer.milliseconds / 1000)}`);
  }, { "aria-label": `Ping the callback of instance ${id}` });
}

function enableButton(id) {
  return actionButton("Enable", async () => {
    await call("POST", `/instances/${id}/endpoint/enable`);
    dispatchEvent(new Event("popstate"));
  });
}

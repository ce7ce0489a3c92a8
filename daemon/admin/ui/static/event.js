// One event: what was told, what it changed, and every attempt to tell it.
import { call, get } from "./api.js";
import { announce, copyButton, empty, facts, h, panel, show, table } from "./dom.js";
import { duration, eventType, mark, verdict, when } from "./format.js";
import { actionButton, confirm } from "./form.js";
import { changedWords } from "./events.js";

const REFRESH = 2000;

export async function render({ content, parameters, signal }) {
  const path = `/instances/${parameters.id}/events/${encodeURIComponent(parameters.eventId)}`;
  const slots = [h("div"), h("div"), h("div")];
  const event = await get(path, signal);
  draw(slots, event, path);
  show(content, h(".head",
    h("h1", { tabindex: "-1" }, eventType(event.eventType), ` ${event.objectType} #${event.sequence}`),
    h(".actions", actionButton("Redeliver", () => redeliver(path)))), slots, payload(event));
  const timer = setInterval(async () => {
    const latest = await get(path, signal).catch(() => null);
    if (latest && (latest.state !== event.state || latest.attempts.length !== event.attempts.length)) draw(slots, Object.assign(event, latest), path);
  }, REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function draw([first, second, third], event) {
  show(first, judgement(event));
  show(second, panel("What happened", h(".body", facts([
    ["Object", [h("a.mono", { href: `/ui/events?objectId=${encodeURIComponent(event.objectId)}` }, event.objectId), " ", copyButton(event.objectId, "Object id")]],
    ["Fields", changedWords(event)],
    ["Changed", when(event.date)], ["Noticed", when(event.pollDate)],
    ["Instance", h("a", { href: `/ui/instances/${event.instanceId}` }, `#${event.instanceId}`)],
    ["Event id", [h("code", event.id), " ", copyButton(event.id, "Event id")]],
    ["Notification", [h("code", event.notificationEventId), ` with ${event.events.length} ${event.events.length === 1 ? "event" : "events"}, format ${event.format}`]],
    ["Redelivered", event.replay ? "yes" : null],
  ]))));
  show(third, attempts(event.attempts));
}

function judgement(event) {
  const last = event.attempts.at(-1);
  if (event.state === "delivered") return verdict("ok", "Delivered.", ["Accepted ", when(event.finishedDate), last ? ` with ${last.status} in ${duration(last.milliseconds / 1000)}.` : "."]);
  if (event.state === "dead") return verdict("failing", "Given up after the last attempt.", [last?.message ?? "", " Mend the receiver, then redeliver."]);
  if (event.waits) return verdict("waiting", "Waits for an earlier change of the same object.", "Order is kept per object.");
  if (event.nextAttempt) return verdict("waiting", ["Not delivered yet; next attempt ", when(event.nextAttempt), "."], last?.message ?? "Not tried yet.");
  return verdict("stopped", mark(event.state), "Nothing more is sent.");
}

const COLUMNS = [
  ["Attempt", "number", (attempt) => String(attempt.number)],
  ["When", "", (attempt) => when(attempt.date)],
  ["Answer", "wide", (attempt) => [attempt.message, attempt.answer ? h("pre", { tabindex: "0" }, attempt.answer) : null]],
  ["Status", "number", (attempt) => String(attempt.status ?? "–")],
  ["Latency", "number", (attempt) => duration(attempt.milliseconds / 1000)],
];

function attempts(all) {
  return panel("Attempts", all.length ? table(COLUMNS, all, { caption: "Attempts, oldest first" }) : empty("Not tried yet."));
}

function payload(event) {
  const pretty = JSON.stringify(JSON.parse(event.body), null, 2);
  const text = h("pre", { tabindex: "0", "aria-label": "Payload" }, pretty);
  const toggle = h("button", { type: "button", "aria-pressed": "false" }, "Raw");
  toggle.addEventListener("click", () => {
    const isRaw = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(isRaw));
    show(text, isRaw ? event.body : pretty);
  });
  const headers = Object.entries(event.headers).map(([name, value]) => `${name}: ${value}`).join("\n");
  return [
    panel("Payload", { actions: [toggle, copyButton(event.body, "Payload")] }, h(".body", text)),
    panel("Headers", h(".body", headers ? h("pre", { tabindex: "0", "aria-label": "Headers" }, headers) : "The callback has no address now.")),
  ];
}

async function redeliver(path) {
  const found = await call("POST", `${path}/redeliver`, { dryRun: true });
  const text = h("p", `Sends the notification again as a whole, with ${found.events} ${found.events === 1 ? "event" : "events"}, under its ids and with the header Elements-Replay.`);
  if (!await confirm({ title: "Redeliver?", text, action: "Redeliver" })) return;
  await call("POST", `${path}/redeliver`);
  announce("It will be sent again");
}

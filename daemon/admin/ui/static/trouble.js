// Trouble: what is wrong with an instance, since when, and what to do, in words.
import { h } from "./dom.js";
import { count, when } from "./format.js";
import { actionButton } from "./form.js";
import { call } from "./api.js";

// Everything that needs a person, worst first: {kind, words, action}.
export function troublesOf(instance) {
  if (instance.state === "disabled") return [];
  return [...authorization(instance), ...callback(instance), ...polling(instance)];
}

function authorization(instance) {
  if (instance.state !== "needs_reauth") return [];
  const reason = instance.stateReason ?? "The provider refuses the credentials.";
  return [{
    kind: "failing",
    words: [reason, " Since ", when(instance.stateSince), `: polling of ${count(instance.resources.length, "resource")} is stopped. Nothing is lost: changes made meanwhile are read after `, h("i", "Re-authorize"), "."],
    action: h("a.button.primary", { href: `/ui/instances/${instance.id}/edit#authorize` }, "Re-authorize"),
  }];
}

function callback({ id, endpoint }) {
  if (!endpoint?.url || endpoint.state === "healthy") return [];
  const waiting = `${count(endpoint.pending, "notification")}${endpoint.pendingIsMore ? " or more" : ""} wait.`;
  const reason = endpoint.disabledReason ?? endpoint.lastError ?? "It does not accept notifications.";
  if (endpoint.state === "disabled") {
    return [{
      kind: "failing",
      words: ["The callback is stopped: ", ended(reason), ` Nothing is sent; ${waiting}`],
      action: actionButton("Enable callback", async () => {
        await call("POST", `/instances/${id}/endpoint/enable`);
        dispatchEvent(new Event("popstate"));
      }),
    }];
  }
  const next = endpoint.nextProbe ? [" Tried again ", when(endpoint.nextProbe), "."] : null;
  return [{
    kind: "failing",
    words: ["The callback fails since ", when(endpoint.failingSince), ": ", ended(reason), ` ${waiting}`, next],
    action: h("a.button", { href: `/ui/events?instance=${id}&state=retrying` }, "See what waits"),
  }];
}

function polling(instance) {
  if (instance.state === "needs_reauth") return [];
  return instance.resources.filter((resource) => resource.lastError).map((resource) => ({
    kind: resource.state === "degraded" ? "failing" : "waiting",
    words: [h("b", resource.name), ": ", ended(resource.lastError),
      resource.lastErrorSince ? [" Since ", when(resource.lastErrorSince)] : null,
      resource.failures ? `, ${count(resource.failures, "attempt")} failed` : null,
      resource.nextPoll && resource.state !== "paused" ? ["; next attempt ", when(resource.nextPoll)] : null, "."],
    action: h("a.button", { href: `/ui/instances/${instance.id}` }, "Look closer"),
  }));
}

export function ended(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

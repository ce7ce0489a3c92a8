// Consent: through the provider's page and back with a grant code, by popup or in this window.
import { call } from "./api.js";

const WINDOW = "pollhook-consent";
const REFUSALS = {
  access_denied: "You did not allow it, or the provider did not. Nothing was changed; try again when you like.",
  unknown_state: "That consent was not begun in this session, or it was used before. Authorize once more.",
};

// Opens the consent page; calls `onTold({code} or {error, reason})` when it comes back to this window.
export async function askConsent(element, asked, { onTold, signal }) {
  const popup = open("", WINDOW, "popup,width=520,height=700");
  try {
    const { state, oauthUrl, callbackUrl } = await call("POST", `/elements/${element}/oauth/state`, asked, { signal });
    if (popup) {
      hear(state, callbackUrl, onTold, signal);
      popup.location.replace(oauthUrl);
      return;
    }
    sessionStorage.setItem("consent-asked", JSON.stringify({ state, callbackUrl }));
    sessionStorage.setItem("consent-return", location.pathname + location.search);
    location.assign(oauthUrl);
  } catch (problem) {
    popup?.close();
    throw problem;
  }
}

// What a consent in this very window left here on its way back, null if there is nothing.
export function takeConsent() {
  const told = JSON.parse(sessionStorage.getItem("consent") ?? "null");
  const asked = JSON.parse(sessionStorage.getItem("consent-asked") ?? "null");
  for (const name of ["consent", "consent-asked", "consent-return"]) sessionStorage.removeItem(name);
  return told && judge(told, asked?.state, asked?.callbackUrl);
}

export function refusal({ error, reason }) {
  return REFUSALS[error] ?? `The provider refused: ${reason ?? error}.`;
}

function hear(state, callbackUrl, onTold, signal) {
  const channel = new BroadcastChannel(WINDOW);
  channel.addEventListener("message", ({ data }) => {
    if (data === "received") return;
    channel.postMessage("received");
    channel.close();
    onTold(judge(data, state, callbackUrl));
  });
  signal.addEventListener("abort", () => channel.close());
}

function judge(told, state, callbackUrl) {
  if (told.code && told.state !== state) return { error: "unknown_state" };
  return { ...told, callbackUrl };
}

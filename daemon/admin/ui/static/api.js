// Calls to the daemon, and the session they are made in.

export class Problem extends Error {
  constructor(status, content) {
    super(content.message ?? `The daemon answered ${status}.`);
    this.status = status;
    this.faults = content.faults ?? [];
    this.providerMessage = content.providerMessage ?? null;
    this.requestId = content.requestId ?? null;
  }

  // What to tell a person: what happened, and the id under which the log has it.
  get sentence() {
    const provider = this.providerMessage ? ` The provider says: ${this.providerMessage}` : "";
    return this.message + provider;
  }
}

let session = null;
let onSessionOver = () => {};

export function currentSession() {
  return session;
}

export function whenSessionIsOver(listener) {
  onSessionOver = listener;
}

export async function loadSession() {
  const told = await call("GET", "/authentication", undefined, { quiet: true });
  session = told.signedIn ? told : null;
  return session;
}

export function forgetSession() {
  session = null;
}

export async function call(method, path, body, options = {}) {
  const { content } = await exchange(method, path, body, options);
  return content;
}

export function get(path, signal) {
  return call("GET", path, undefined, { signal });
}

// The content with the token of the next page, null at the end.
export async function callPage(path, options = {}) {
  const { content, headers } = await exchange("GET", path, undefined, options);
  return { items: content, next: headers.get("Elements-Next-Page-Token") };
}

async function exchange(method, path, body, { signal, quiet = false } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && session) headers["X-CSRF-Token"] = session.csrfToken;
  const response = await reach(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  const content = await response.json().catch(() => ({}));
  if (response.ok) return { content, headers: response.headers };
  if (response.status === 401 && !quiet) onSessionOver();
  throw new Problem(response.status, content);
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { message: "The daemon does not answer. Is it running? Nothing you typed is lost." });
  }
}

export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return text ? `?${text}` : "";
}

// The page: which address shows what, the frame around it, and the way in.
import { call, currentSession, forgetSession, get, loadSession, query, whenSessionIsOver } from "./api.js";
import { h, show, skeleton, svg } from "./dom.js";

const ROUTES = [
  [/^\/ui\/$/, "overview", "Overview"],
  [/^\/ui\/instances$/, "instances", "Instances"],
  [/^\/ui\/instances\/new$/, "create", "New instance"],
  [/^\/ui\/instances\/(?<id>\d+)$/, "instance", "Instance"],
  [/^\/ui\/instances\/(?<id>\d+)\/edit$/, "edit", "Configuration"],
  [/^\/ui\/events$/, "events", "Events"],
  [/^\/ui\/events\/(?<id>\d+)\/(?<eventId>[^/]+)$/, "event", "Event"],
  [/^\/ui\/endpoints$/, "endpoints", "Endpoints"],
  [/^\/ui\/sandbox$/, "sandbox", "Sandbox"],
];

const RAIL = [
  ["/ui/", "Overview", "M3 3h6v6H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 11h6v6H3z"],
  ["/ui/instances", "Instances", "M4 4h12v4H4zM4 12h12v4H4z"],
  ["/ui/events", "Events", "M3 5h14M3 10h14M3 15h9"],
  ["/ui/endpoints", "Endpoints", "M4 10h9M9 5l5 5-5 5M17 4v12"],
  ["/ui/sandbox", "Sandbox", "M3 16V7l7-4 7 4v9zM3 9h14"],
];

let leaving = new AbortController();

whenSessionIsOver(() => {
  forgetSession();
  showSignIn("The session is over. Sign in to go on: what you typed is kept.");
});

addEventListener("popstate", () => visit(location.href));
document.addEventListener("click", follow);
document.addEventListener("keydown", openSearch);
start();

// The page's own module is asked for at once, not only when it is known who asks.
async function start() {
  import(`./${match(location.pathname)[0]}.js`).catch(() => {});
  try {
    await loadSession();
  } catch (problem) {
    show(document.body, h("main.bare", h("h1", "No answer"), h("p", problem.message)));
    return;
  }
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  if (link) return signInBy({ link });
  await enter();
}

async function enter() {
  if (!currentSession()) return showSignIn();
  if (location.pathname === "/ui/sign-in") history.replaceState(null, "", returnAddress());
  drawFrame();
  await visit(location.href);
}

function returnAddress() {
  const wanted = sessionStorage.getItem("return-to") ?? "/ui/";
  sessionStorage.removeItem("return-to");
  return wanted.startsWith("/ui/") ? wanted : "/ui/";
}

async function showSignIn(notice = null) {
  leaving.abort();
  if (location.pathname !== "/ui/sign-in") {
    sessionStorage.setItem("return-to", location.pathname + location.search);
    history.replaceState(null, "", "/ui/sign-in");
  }
  const { signInForm } = await import("./sign-in.js");
  document.title = "Sign in · pollhook";
  show(document.body, h("main.bare", signInForm(notice, signInBy)));
  document.querySelector("input")?.focus();
}

async function signInBy(credentials) {
  if (credentials.link) history.replaceState(null, "", location.pathname);
  try {
    await call("POST", "/authentication", credentials, { quiet: true });
  } catch (problem) {
    if (!credentials.link) throw problem;
    await loadSession();
    return currentSession() ? enter() : showSignIn(problem.sentence);
  }
  await loadSession();
  await enter();
}

async function signOut() {
  await call("DELETE", "/authentication", undefined, { quiet: true }).catch(() => {});
  forgetSession();
  sessionStorage.clear();
  history.replaceState(null, "", "/ui/");
  await showSignIn("You are signed out.");
  sessionStorage.clear();
}

function drawFrame() {
  const session = currentSession();
  const shown = RAIL.filter(([path]) => path !== "/ui/sandbox" || session.sandbox);
  show(document.body,
    h("a.skip", { href: "#content" }, "To the content"),
    h(".frame",
      h("nav.rail", { "aria-label": "Pages" },
        h("a.brand", { href: "/ui/" }, "pollhook"),
        searchBox(),
        h("ul", shown.map(([path, name, drawing]) => h("li", h("a", { href: path }, icon(drawing), name)))),
        h(".rail-foot",
          h("div", session.username, h("br"), session.organization),
          h("button", { type: "button", onclick: signOut }, "Sign out"),
          h("div", `Version ${session.version} · `, h("a", { href: "/openapi.json", target: "_blank" }, "API")))),
      h("main", { id: "content", tabindex: "-1" })),
    h("footer.phone-foot", searchBox(), h("span.quiet.small", session.username), h("button", { type: "button", onclick: signOut }, "Sign out")));
}

function icon(drawing) {
  return svg("svg", { width: 18, height: 18, viewBox: "0 0 20 20", "aria-hidden": "true" },
    svg("path", { d: drawing, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linejoin": "round", "stroke-linecap": "round" }));
}

// The command box: an instance's name or number, an object's id, an event's id.
function searchBox() {
  const input = h("input", { type: "search", placeholder: "Find  /", "aria-label": "Find instances, object ids and event ids", title: "Instance, object id or event id; press / to come here" });
  return h("form.search", { role: "search", onsubmit: (event) => {
    event.preventDefault();
    if (input.value.trim()) find(input.value.trim());
  } }, input);
}

async function find(text) {
  if (/^\d{1,12}$/.test(text)) return go(`/ui/instances/${text}`);
  const event = await get(`/instances/events/${encodeURIComponent(text)}`).catch(() => null);
  const instanceId = event?.elementInstanceId ?? event?.instanceId;
  if (instanceId) return go(`/ui/events/${instanceId}/${encodeURIComponent(text)}`);
  const { instances } = await get(`/ui/data/instances${query({ text, pageSize: 2 })}`);
  if (instances.length === 1) return go(`/ui/instances/${instances[0].id}`);
  return go(instances.length ? `/ui/instances${query({ text })}` : `/ui/events${query({ objectId: text })}`);
}

function openSearch(event) {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog")) return;
  const input = [...document.querySelectorAll(".search input")].find((each) => each.offsetParent);
  if (!input) return;
  event.preventDefault();
  input.focus();
}

function follow(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const url = new URL(link.href);
  if (link.target || url.origin !== location.origin || !url.pathname.startsWith("/ui/") || url.hash) return;
  event.preventDefault();
  go(url.href, { keepPlace: "keep" in link.dataset });
}

export function go(href, { replace = false, keepPlace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  return visit(location.href, keepPlace);
}

async function visit(href, keepPlace = false) {
  const url = new URL(href);
  leaving.abort();
  leaving = new AbortController();
  const [name, title, parameters] = match(url.pathname);
  if (!document.querySelector(".frame")) return;
  markRail(url.pathname);
  const content = document.getElementById("content");
  if (!keepPlace) show(content, h("h1", { tabindex: "-1" }, title), h(".panel", skeleton()));
  document.title = `${title} · pollhook`;
  await showPage(name, { content, parameters, search: url.searchParams, signal: leaving.signal });
  if (!keepPlace) window.scrollTo(0, 0);
}

async function showPage(name, place) {
  try {
    const page = await import(`./${name}.js`);
    await page.render(place);
    if (!place.signal.aborted) focusHeading(place.content);
  } catch (problem) {
    if (place.signal.aborted || problem.name === "AbortError" || problem.status === 401) return;
    show(place.content, h("h1", { tabindex: "-1" }, problem.status === 404 ? "Not here" : "That did not work"),
      h("p", problem.sentence ?? String(problem)), h("p", h("a", { href: "/ui/" }, "To the overview")));
  }
}

function focusHeading(content) {
  if (content.contains(document.activeElement)) return;
  if (document.activeElement?.closest("dialog, input, textarea, select")) return;
  content.querySelector("h1")?.focus({ preventScroll: true });
}

function match(path) {
  for (const [pattern, name, title] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return [name, title, found.groups ?? {}];
  }
  return ["missing", "Not here", {}];
}

function markRail(path) {
  for (const link of document.querySelectorAll(".rail li a")) {
    const own = link.getAttribute("href");
    const current = own === "/ui/" ? path === own : path.startsWith(own);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}


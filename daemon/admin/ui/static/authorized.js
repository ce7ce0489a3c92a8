// Where consent ends: hands the grant code to the form that asked for it, in the window it is in.

const told = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
history.replaceState(null, "", location.pathname);

if (window.name === "pollhook-consent") {
  const channel = new BroadcastChannel("pollhook-consent");
  channel.addEventListener("message", ({ data }) => data === "received" && window.close());
  channel.postMessage(told);
} else {
  sessionStorage.setItem("consent", JSON.stringify(told));
  location.replace(sessionStorage.getItem("consent-return") ?? "/ui/instances/new");
}

// The live stream: new events as they are stored; after a loss it goes on without a gap.

// Calls `onEvent(event)` and `onState("connecting" | "connected" | "lost")` until the signal aborts.
export function listen({ onEvent, onState, signal, path = "/events/stream" }) {
  let source = null;
  let retry = null;
  let last = null;

  function open() {
    onState(last ? "lost" : "connecting");
    source = new EventSource(last ? `${path}?lastEventId=${encodeURIComponent(last)}` : path);
    source.addEventListener("open", () => onState("connected"));
    source.addEventListener("message", receive);
    source.addEventListener("event", receive);
    source.addEventListener("error", fail);
  }

  function receive(message) {
    if (message.lastEventId) last = message.lastEventId;
    onEvent(JSON.parse(message.data));
  }

  // The browser comes back by itself with its Last-Event-ID, unless the answer was refused.
  function fail() {
    onState("lost");
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, 3000);
  }

  signal.addEventListener("abort", () => {
    clearTimeout(retry);
    source.close();
  });
  open();
}

/**
 * What happens at the node, as it happens. Of all tabs of a browser one listens and tells the others: a browser allows
 * few connections to one place. Listeners get `hello` whenever the stream begins anew: they may have missed something.
 */

const listeners = new Map();
const channel = "BroadcastChannel" in self ? new BroadcastChannel("firstread-events") : null;
const KINDS = new Set(["hello", "reset", "study", "left"]);
let source = null;

/** Call `act(content)` for each event of a kind. @param {string} kind @param {(content: any) => void} act */
export function on(kind, act) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(act);
  KINDS.add(kind);
  source?.addEventListener(kind, pass);
  channel?.postMessage({ listensTo: kind });
}

function tell(kind, content) {
  if (kind === "reset") kind = "hello";
  for (const act of listeners.get(kind) ?? []) act(content);
}

function pass(event) {
  const content = JSON.parse(event.data);
  channel?.postMessage({ kind: event.type, content });
  tell(event.type, content);
}

function state(isOn) {
  channel?.postMessage({ isOn });
  show(isOn);
}

function show(isOn) {
  const sign = document.querySelector("[data-live-sign]");
  if (!sign) return;
  const text = sign.querySelector("[data-live-text]");
  sign.hidden = false;
  sign.classList.toggle("off", !isOn);
  const words = isOn ? text.dataset.on : text.dataset.off;
  if (text.textContent !== words) text.textContent = words;
}

/** Listen until `left` comes: nobody is logged in any more. */
function listen() {
  return new Promise((resolve) => {
    source = new EventSource("/events");
    source.onopen = () => state(true);
    source.onerror = () => {
      state(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => resolve(true), 5000);
    };
    for (const kind of KINDS) source.addEventListener(kind, pass);
    source.addEventListener("left", () => {
      source.close();
      resolve(false);
    });
  });
}

async function lead() {
  while (await listen());
}

channel?.addEventListener("message", ({ data }) => {
  if (data.kind) tell(data.kind, data.content);
  if (data.isOn !== undefined) show(data.isOn);
  if (data.listensTo && !KINDS.has(data.listensTo)) {
    KINDS.add(data.listensTo);
    source?.addEventListener(data.listensTo, pass);
  }
  if (data.asks && source) {
    channel.postMessage({ isOn: source.readyState === EventSource.OPEN });
    for (const kind of KINDS) source.addEventListener(kind, pass);
  }
});

/** Begin; once a page. */
export function start() {
  if (channel && navigator.locks) {
    channel.postMessage({ asks: true });
    navigator.locks.request("firstread-events", lead);
  } else {
    lead();
  }
}

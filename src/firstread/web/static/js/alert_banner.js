/**
 * Critical alerts on every page until they are acknowledged: a banner, a sound, the title, and a notice of the browser.
 * They are asked for at once when something happens, when the page becomes visible, and every 20 seconds besides: the
 * stream of events may be cut off, and an alert is not missed for that.
 */

import { OF_ITSELF, send } from "./http.js";
import * as live from "./live.js";
import { fill, timeLeft } from "./alert_time.js";
import { say } from "./say.js";

const EVERY_MS = 20000;
/** Of many alerts at once the first is asked for at once, and the others together. */
const ASK_GAP_MS = 300;
const SOUND_EVERY_MS = 30000;
const SILENCE_MS = 120000;
const banner = document.getElementById("alert-banner");
const words = JSON.parse(banner.dataset.words);
const title = document.title;
const store = {
  get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* a private window keeps nothing */ } },
};

let alerts = [];
let known = new Set(JSON.parse(store.get("firstread-alerts") ?? "[]"));
let sounds = null;
let soundedAt = 0;
let asking = false;
let again = false;
/** What the head was last made for, and the lines by alert. */
let framed = "";
const lines = new Map();

/** The same alert sounds again when it was escalated or raised anew. */
const mark = (alert) => `${alert.id}.${alert.round}.${alert.step}`;

async function ask() {
  if (asking) return void (again = true);
  asking = true;
  try {
    do {
      again = false;
      alerts = await (await send("GET", "/api/alerts/mine", { headers: OF_ITSELF })).json();
      tell();
      if (again) await new Promise((resolve) => setTimeout(resolve, ASK_GAP_MS));
    } while (again);
  } catch (problem) {
    if (problem.status !== 401 && problem.status !== 403 && problem.status !== 0) lost();
  } finally {
    asking = false;
  }
}

function tell() {
  const fresh = alerts.filter((alert) => !known.has(mark(alert)));
  show();
  if (!alerts.length) return;
  if (fresh.length) {
    known = new Set(alerts.map(mark));
    store.set("firstread-alerts", JSON.stringify([...known]));
    notify(fresh);
    sound(fresh[0].level);
    send("POST", "/api/alerts/seen", { json: { alerts: alerts.map((alert) => alert.id) } }).catch(() => {});
  }
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(text, act, className = "small") {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function link(text, href, className) {
  const made = element("a", className, text);
  made.href = href;
  return made;
}

/** Show what is open. What stays as it was stays where it is: a click that has begun on it must not be lost. */
function show() {
  badge();
  banner.hidden = !alerts.length;
  if (!alerts.length) {
    framed = "";
    lines.clear();
    return banner.replaceChildren();
  }
  const focused = document.activeElement?.closest?.("#alert-banner [data-key]")?.dataset.key;
  const list = banner.querySelector("ul") ?? banner.appendChild(element("ul"));
  const frame = JSON.stringify([alerts.length, mayAsk()]);
  if (frame !== framed) {
    framed = frame;
    for (const part of banner.querySelectorAll(":scope > :not(ul)")) part.remove();
    banner.prepend(head());
  }
  // The first click anywhere allows the sound, and may be one on the head.
  const hint = banner.querySelector(":scope > .hint");
  if (sounds?.state === "running") hint?.remove();
  else if (!hint) banner.append(element("p", "hint", words.sound_off));
  const wanted = alerts.slice(0, 5).map(kept);
  wanted.forEach((item, at) => {
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
  });
  while (list.children.length > wanted.length) list.lastElementChild.remove();
  if (focused && !banner.contains(document.activeElement)) {
    banner.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  }
}

const mayAsk = () => "Notification" in self && Notification.permission === "default";

function head() {
  const made = element("p", "head");
  made.insertAdjacentHTML("afterbegin", banner.dataset.icon);
  made.append(element("span", "", alerts.length === 1 ? words.one : fill(words.many, { n: alerts.length })));
  const actions = element("span", "actions");
  if (mayAsk()) {
    const asks = button(words.notify, () => Notification.requestPermission().then(show));
    asks.title = words.notify_hint;
    asks.dataset.key = "notify";
    actions.append(asks);
  }
  const quiet = button(words.silence, silence);
  quiet.dataset.key = "silence";
  const all = link(words.all, "/alerts", "button small");
  all.dataset.key = "all";
  actions.append(quiet, all);
  made.append(actions);
  return made;
}

/** The line of an alert: the one that is there, as long as it says the same. */
function kept(alert) {
  const said = JSON.stringify(alert);
  if (lines.get(alert.id)?.said !== said) lines.set(alert.id, { said, item: line(alert) });
  return lines.get(alert.id).item;
}

function line(alert) {
  const item = element("li");
  item.dataset.alert = alert.id;
  item.append(element("span", "chip critical", words[`level_${alert.level}`]), element("strong", "", alert.title));
  item.append(element("span", "", alert.patient_name.split("=")[0].replace(/\^+/g, " ").trim() || alert.patient_id));
  item.append(element("span", "", alert.text));
  const time = element("span", "time", timeLeft(alert.deadline_at, words).text);
  time.dataset.until = alert.deadline_at;
  item.append(time);
  if (alert.state === "escalated") item.append(element("span", "", words.escalated));
  item.append(element("small", "", alert.notice));
  const actions = element("span", "actions");
  const open = link(words.open, `/alerts/${alert.id}`, "button small primary");
  open.dataset.key = `open-${alert.id}`;
  actions.append(open);
  item.append(actions);
  return item;
}

function badge() {
  document.title = alerts.length ? `(${alerts.length}) ${title}` : title;
  const count = document.querySelector('[data-count="alerts"]');
  if (count) {
    count.hidden = !alerts.length;
    count.textContent = alerts.length || "";
  }
  if (alerts.length) navigator.setAppBadge?.(alerts.length).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}

/** A notice outside the window; it names no patient, as others may see the screen. */
function notify(fresh) {
  if (!("Notification" in self) || Notification.permission !== "granted" || !document.hidden) return;
  for (const alert of fresh.slice(0, 5)) {
    const notice = new Notification(`${words[`level_${alert.level}`]}: ${words.label}`, {
      body: words.notice_body,
      tag: `firstread-alert-${alert.id}`,
      requireInteraction: alert.level === "minutes",
    });
    notice.onclick = () => {
      focus();
      location.assign(`/alerts/${alert.id}`);
    };
  }
}

function silence() {
  store.set("firstread-silent-until", String(Date.now() + SILENCE_MS));
  say(words.silenced);
}

/** Two tones, three times for minutes; browsers allow it only after somebody has used the page. */
function sound(level) {
  if (Number(store.get("firstread-silent-until") ?? 0) > Date.now()) return;
  if (sounds?.state !== "running") return;
  if (Date.now() - Number(store.get("firstread-sounded-at") ?? 0) < 1000) return; // another tab did
  store.set("firstread-sounded-at", String(Date.now()));
  soundedAt = Date.now();
  banner.dataset.sounded = String(Number(banner.dataset.sounded ?? 0) + 1);
  const times = { minutes: 3, hours: 2, days: 1 }[level];
  for (let at = 0; at < times; at += 1) {
    for (const [after, pitch] of [[0, 880], [0.18, 660]]) {
      const begins = sounds.currentTime + at * 0.55 + after;
      const tone = new OscillatorNode(sounds, { frequency: pitch });
      const loudness = new GainNode(sounds, { gain: 0 });
      loudness.gain.setTargetAtTime(0.25, begins, 0.01);
      loudness.gain.setTargetAtTime(0, begins + 0.13, 0.03);
      tone.connect(loudness).connect(sounds.destination);
      tone.start(begins);
      tone.stop(begins + 0.4);
    }
  }
}

async function allowSound() {
  if (!("AudioContext" in self)) return;
  sounds ??= new AudioContext();
  await sounds.resume().catch(() => {});
  if (sounds.state !== "running") return;
  for (const kind of ["pointerdown", "keydown"]) removeEventListener(kind, allowSound, true);
  if (alerts.length) {
    show();
    if (!soundedAt) sound(alerts[0].level);
  }
}

function lost() {
  banner.hidden = false;
  framed = "";
  banner.replaceChildren(element("p", "head", words.lost), link(words.all, "/alerts", "button small"));
}

for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, allowSound, true);
document.addEventListener("visibilitychange", () => document.hidden || ask());
live.on("alert", ask);
live.on("hello", ask);
live.on("left", lost); // nobody is logged in here any more, and an alert would not be seen
setInterval(ask, EVERY_MS);
setInterval(() => {
  for (const time of banner.querySelectorAll("[data-until]")) {
    const text = timeLeft(time.dataset.until, words).text;
    if (time.textContent !== text) time.textContent = text;
  }
  const urgent = alerts.find((alert) => alert.level === "minutes");
  if (urgent && soundedAt && Date.now() - soundedAt > SOUND_EVERY_MS) sound("minutes");
}, 1000);
ask();

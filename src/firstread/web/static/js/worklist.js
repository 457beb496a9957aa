/** The worklist: it follows the node, and everything on it has a key. */

import { OF_ITSELF, send } from "./http.js";
import { bind } from "./keys.js";
import * as live from "./live.js";
import { afterPress } from "./press.js";
import { say } from "./say.js";
import { followTime, sayMoments } from "./spans.js";
import { startTour } from "./tour.js";

const EVERY_MS = 1000;
const form = document.getElementById("filters");
const list = () => document.getElementById("list");
const body = () => list().querySelector("tbody");
const links = () => [...list().querySelectorAll(".primary-link")];
const current = () => document.activeElement?.closest?.("tr[data-study]");
const parser = new DOMParser();

/** What the node last said of each row: only a row of which it says something else is touched. */
let said = new Map();
let asking = null;
/** Claims that were this person's on any list so far: when one is taken over, the list may say so before the event does. */
const own = new Set();

function remember() {
  said = new Map([...list().querySelectorAll("tr[data-study]")].map((row) => [row.id, row.outerHTML]));
  rememberOwn();
}

function rememberOwn() {
  for (const row of list().querySelectorAll("tr[data-mine]")) own.add(row.dataset.claim);
}

function query() {
  const asked = new URLSearchParams(location.search);
  return asked.size ? `?${asked}` : "";
}

/** Ask for the list by an address's query; `patch` keeps the rows that are as they were. */
async function load(search, { patch = false } = {}) {
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const answer = await fetch(`/worklist/rows${search}`, { signal: mine.signal, headers: { Accept: "text/x-part", ...(patch ? OF_ITSELF : {}) } });
    if (!answer.ok) return;
    const fresh = parser.parseFromString(await answer.text(), "text/html").getElementById("list");
    if (patch) afterPress(() => asking === mine && merge(fresh));
    else replace(fresh);
  } catch (error) {
    if (error.name !== "AbortError") say(document.body.dataset.failed);
  }
}

function replace(fresh) {
  const focused = document.activeElement?.id;
  list().replaceWith(document.adoptNode(fresh));
  remember();
  sayMoments(list());
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Put in what changed, in the order that the node says; what is being looked at stays where it is. */
function merge(fresh) {
  const from = fresh.querySelector("tbody");
  const to = body();
  if (!from || !to) return replace(fresh);
  const kept = current();
  const top = kept?.getBoundingClientRect().top;
  const rows = [...from.children];
  const wanted = new Set(rows.map((row) => row.id));
  for (const row of [...to.children]) if (!wanted.has(row.id) && row !== kept) row.remove();
  let come = 0;
  let before = to.firstElementChild;
  for (const row of rows) {
    const html = row.outerHTML;
    let there = document.getElementById(row.id);
    if (!there) {
      there = document.adoptNode(row);
      there.classList.add("come");
      setTimeout(() => there.classList.remove("come"), 4000);
      come += 1;
      sayMoments(there);
    } else if (said.get(row.id) !== html) {
      update(there, document.adoptNode(row));
    }
    said.set(row.id, html);
    if (there !== before) to.insertBefore(there, before);
    else before = before.nextElementSibling;
  }
  for (const id of said.keys()) if (!wanted.has(id)) said.delete(id);
  rememberOwn();
  for (const part of [".tabs", ".pager"]) {
    const old = list().querySelector(part);
    const other = fresh.querySelector(part);
    if (old && other && old.outerHTML !== other.outerHTML && !old.contains(document.activeElement)) {
      old.replaceWith(document.adoptNode(other));
    }
  }
  for (const [name, value] of Object.entries(fresh.dataset)) list().dataset[name] = value;
  if (kept?.isConnected) scrollBy(0, kept.getBoundingClientRect().top - top);
  if (come) say(list().dataset.come.replace("#", String(come)));
}

/** Give a row what another one says, without taking the focus from what is in it. */
function update(row, other) {
  for (const name of ["class", "data-claim", "data-holder", "data-mine"]) {
    if (other.hasAttribute(name)) row.setAttribute(name, other.getAttribute(name));
    else row.removeAttribute(name);
  }
  [...row.cells].forEach((cell, at) => {
    const fresh = other.cells[at];
    if (cell.isEqualNode(fresh)) return;
    const focused = cell.contains(document.activeElement) ? document.activeElement : null;
    if (focused?.classList.contains("primary-link")) {
      cell.lastElementChild.replaceWith(fresh.lastElementChild);
    } else {
      cell.replaceChildren(...fresh.childNodes);
      if (focused) (cell.querySelector(focused.tagName) ?? row.querySelector(".primary-link")).focus({ preventScroll: true });
    }
  });
  sayMoments(row);
}

/** Follow the node: at most once in `EVERY_MS`, and not while nobody looks. */
let due = null;
let lastAt = 0;
function follow() {
  if (due !== null) return;
  due = setTimeout(
    () => {
      due = null;
      if (document.hidden) return document.addEventListener("visibilitychange", follow, { once: true });
      lastAt = performance.now();
      load(query(), { patch: true });
    },
    Math.max(0, lastAt + EVERY_MS - performance.now()),
  );
}

/** Show other filters: the address says them too. */
function show(search, { push = true } = {}) {
  if (push) history.pushState(null, "", `${location.pathname}${search}`);
  fill();
  return load(search);
}

function fill() {
  const asked = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (!field.name || field === document.activeElement) continue;
    field.value = asked.get(field.name) ?? PLAIN[field.name] ?? "";
  }
  const kept = document.querySelector("#save-view [name=query]");
  if (kept) kept.value = asked.toString();
}

/** What the address leaves out. */
const PLAIN = { stage: "open", whose: "any", came: "any", sort: "urgency" };

function search() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value && value !== PLAIN[name]) asked.set(name, value);
  show(asked.size ? `?${asked}` : "");
}

/** The query that a link of the list asks for: a stage or an order with the filters of now, which its list may not know yet. */
function asks(link) {
  const name = ["stage", "sort"].find((each) => link.dataset[each]);
  if (!name) return new URL(link.href).search;
  const asked = new URLSearchParams(location.search);
  asked.delete("page");
  if (link.dataset[name] === PLAIN[name]) asked.delete(name);
  else asked.set(name, link.dataset[name]);
  return asked.size ? `?${asked}` : "";
}

let typing;
form.addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(search, event.target.type === "search" ? 200 : 0);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  search();
});
addEventListener("popstate", () => show(location.search, { push: false }));

document.addEventListener("click", (event) => {
  const link = event.target.closest("#list .tabs a, #list thead a, #list .pager a, #list .empty a");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    show(asks(link)).then(() => link.closest(".pager") && scrollTo(0, 0));
  }
});

document.addEventListener("submit", (event) => {
  const row = event.target.closest("tr[data-study]");
  if (row) {
    event.preventDefault();
    claim(row);
  }
});

/** Claim a study, give it back, or ask whether it is to be taken over from whoever has it. */
async function claim(row, { seen = row.dataset.claim, holder = row.dataset.holder } = {}) {
  const url = `/worklist/${row.dataset.study}`;
  const words = list().dataset;
  try {
    if ("mine" in row.dataset) {
      await send("POST", `${url}/release`);
      say(words.released);
    } else {
      const reason = seen ? await whyTakeOver(holder) : "";
      if (seen && !reason) return;
      await send("POST", `${url}/claim`, { form: { ...(seen ? { seen, reason } : {}) } });
      say(words.moved);
    }
  } catch (error) {
    if (error.status === 409) return claim(row, { seen: String(error.told.claim), holder: error.told.holder });
    say(error.message, { urgent: true });
  }
  follow();
}

function whyTakeOver(holder) {
  const dialog = document.getElementById("take-over");
  dialog.querySelector("[data-told]").textContent = holder;
  dialog.querySelector("[name=reason]").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "take" ? dialog.querySelector("[name=reason]").value : ""),
      { once: true },
    );
  });
}

function step(by) {
  const all = links();
  if (!all.length) return;
  const at = all.indexOf(current()?.querySelector(".primary-link"));
  const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  all[to].focus({ preventScroll: true });
  all[to].closest("tr").scrollIntoView({ block: "nearest" });
}

const turn = (rel) => list().querySelector(`.pager [rel=${rel}]`)?.click();

bind({
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  c: () => current()?.querySelector("[data-claim-button]") && claim(current()),
  i: () => current()?.querySelector(".details").click(),
  n: () => turn("next"),
  p: () => turn("prev"),
});

document.documentElement.classList.add("scripted");
remember();
followTime();
live.on("study", follow);
live.on("hello", follow);
live.on("alert", follow);
live.on("taken", ({ claim: taken, by, reason }) => {
  if (!own.has(String(taken))) return;
  say(list().dataset.taken.replace("#name", by).replace("#reason", reason), { urgent: true, seconds: 20 });
});
startTour();

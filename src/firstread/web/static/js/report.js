/** The report editor: what is typed is saved by itself, never over what another wrote, and lost to nothing. */

import { send } from "./http.js";
import { bind } from "./keys.js";
import * as live from "./live.js";
import { Findings, make } from "./report_findings.js";
import { Unsent } from "./report_unsent.js";
import { say } from "./say.js";

const SAVE_AFTER_MS = 1200;
const AGAIN_MS = 5000;

const root = document.getElementById("report");
const { study, account } = root.dataset;
const words = JSON.parse(root.dataset.words);
const t = (key, fields = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");
const address = `/api/studies/${study}`;
const areas = new Map([...root.querySelectorAll("[data-section]")].map((part) => [part.dataset.section, part]));
const area = (name) => areas.get(name).querySelector("textarea");
const find = (selector) => root.querySelector(selector);
const unsent = new Unsent(account, study);
const saving = document.getElementById("saving");
const findings = new Findings(t, (id, change) => patch({ findings: { [id]: change } }));

/** Text that was typed and is not acknowledged, by section. */
const pending = new Map();
let report = null;
let due;
let queue = Promise.resolve();
let stopped = false;

const match = () => ({ "If-Match": `"${report.version}"` });

function take(body) {
  report = body;
  for (const [name, part] of areas) {
    const section = body.sections[name];
    const field = area(name);
    if (!pending.has(name) && field.value !== section.text) field.value = section.text;
    field.readOnly = root.dataset.edit !== "yes" || !body.open;
    part.querySelector("[data-edited]").hidden = !section.edited;
    part.querySelector("[data-draft]").hidden = !section.differs || field.readOnly;
  }
  const state = body.amending ? "amending" : body.state;
  const chip = find("[data-state]");
  chip.textContent = t(`state_${state}`);
  chip.className = `chip ${state === "preliminary" || state === "amending" ? "warning" : "good"}`;
  for (const [selector, isShown] of [
    ["[data-sign]", body.open],
    ["[data-addendum]", !body.open],
    ["[data-amend]", !body.open],
    ["[data-give-up]", body.amending],
    ["[data-newer]", body.newer_result && !body.open],
  ]) {
    const element = find(selector);
    if (element) element.hidden = !isShown;
  }
  document.getElementById("lang").value = body.lang;
  category(body);
  findings.show(body.findings, root.dataset.edit === "yes" && body.open);
  signatures(body);
  readBy(body.reads);
  alertsLeft(body);
}

/** Say who else has claimed the study; that forbids nothing. */
function readBy(name) {
  const banner = document.getElementById("read-by");
  banner.hidden = !name;
  banner.querySelector("p").textContent = name ? t("claimed", { name }) : "";
}

const alertText = (one, key) => t(key, { title: one.title, level: t(`alert_${one.level}`) });
const alertLink = (one) => make("a", { href: `/alerts/${one.id}` }, t("alert_open"));

/** Of a signed report: the alerts that it does not bear out stay open until a person ends them. */
function alertsLeft(body) {
  const left = body.open ? [] : body.alerts.filter((one) => one.open && one.stand !== "stands");
  const banner = document.getElementById("alerts-left");
  banner.hidden = left.length === 0;
  banner.querySelector("ul").replaceChildren(...left.map((one) => make("li", {}, alertText(one, `alert_left_${one.stand}`), " ", alertLink(one))));
}

/** What the signature will mean for the alerts of the study. */
function alertsOf(body) {
  return body.alerts.filter((one) => one.open || !one.confirmed).map((one) => make("li", {}, alertText(one, `alert_sign_${one.stand}`), " ", alertLink(one)));
}

function category(body) {
  const place = document.getElementById("category");
  const one = body.category;
  place.replaceChildren(
    make("p", { className: "soft" }, one ? `${one.scheme} ${one.version}` : t("category")),
    make("p", { className: "value" }, one ? one.value + (one.modifier ?? "") : t("no_category")),
    ...(one ? [make("p", {}, one.management), make("p", { className: "soft" }, one.rule)] : []),
  );
}

function signatures(body) {
  const at = (moment) => new Date(moment).toLocaleString(document.documentElement.lang);
  document.getElementById("addenda").replaceChildren(
    ...body.addenda.map((one) => make("div", { className: "panel addendum" }, make("h3", {}, t("addendum")), make("p", { className: "lines" }, one.text), make("p", { className: "soft" }, `${one.name}, ${at(one.at)}`))),
  );
  document.getElementById("signatures").replaceChildren(
    ...(body.signatures.length ? [make("h2", {}, t("signatures"))] : []),
    ...body.signatures.map((one) => make("p", { className: "soft" }, `${t(`kind_${one.kind}`)}: ${one.name}, ${at(one.signed_at)}${one.filed ? "" : ` (${t("filing")})`}`)),
  );
}

/** Send a change, after those before it; what was typed meanwhile goes along. */
function patch(change = {}, { keepalive = false } = {}) {
  const turn = queue.then(() => sendPatch(change, keepalive));
  queue = turn.catch(() => undefined);
  return turn;
}

async function sendPatch(change, keepalive) {
  if (stopped || !report) return;
  clearTimeout(due);
  const typed = new Map(pending);
  const sections = { ...Object.fromEntries([...typed].map(([name, text]) => [name, { text }])), ...(change.sections ?? {}) };
  saving.textContent = t("saving");
  try {
    const answer = await send("PATCH", `${address}/report`, { json: { ...change, sections }, headers: match(), keepalive });
    acknowledged(typed);
    take(await answer.json());
    saving.textContent = t("saved", { version: report.version });
  } catch (problem) {
    failed(problem, change);
  }
}

function acknowledged(typed) {
  for (const [name, text] of typed) if (pending.get(name) === text) pending.delete(name);
  unsent.keep(Object.fromEntries(pending));
}

function failed(problem, change) {
  saving.textContent = pending.size ? t("not_saved") : "";
  if (problem.status === 401) return expired();
  if (problem.status === 409 && problem.told.report) return conflict(problem.told);
  if (problem.status === 0 || problem.status >= 500) {
    if (pending.size) due = setTimeout(() => patch(), AGAIN_MS);
    if (Object.keys(change).length) say(problem.message, { urgent: true });
    return;
  }
  say(problem.message, { urgent: true });
}

function expired() {
  stopped = true;
  document.getElementById("expired").hidden = false;
}

/** Show what another wrote beside what was typed here; nothing is written before a person has chosen. */
function conflict(told) {
  const theirs = told.report;
  const differing = [...pending].filter(([name, text]) => theirs.sections[name].text !== text);
  if (differing.length === 0) {
    pending.clear();
    unsent.keep({});
    take(theirs);
    return say(t("other_changed", { by: told.by }), { urgent: true });
  }
  const dialog = document.getElementById("conflict");
  dialog.querySelector("[data-who]").textContent = t("conflict_who", { by: told.by, version: told.version });
  dialog.querySelector("[data-both]").replaceChildren(
    ...differing.flatMap(([name, text]) => [
      make("h3", {}, t(`section_${name}`)),
      make("div", { className: "both" }, make("div", {}, make("p", { className: "soft" }, t("conflict_yours")), make("pre", {}, text)), make("div", {}, make("p", { className: "soft" }, t("conflict_others")), make("pre", {}, theirs.sections[name].text))),
    ]),
  );
  dialog.oncancel = (event) => event.preventDefault();
  dialog.querySelector("[data-mine]").onclick = () => {
    dialog.close();
    take(theirs);
    patch();
  };
  dialog.querySelector("[data-theirs]").onclick = () => {
    dialog.close();
    for (const [name] of differing) pending.delete(name);
    unsent.keep(Object.fromEntries(pending));
    take(theirs);
    saving.textContent = t("saved", { version: report.version });
  };
  dialog.showModal();
}

async function load() {
  try {
    take(await (await send("GET", `${address}/report`)).json());
  } catch (problem) {
    if (problem.status === 401) expired();
    else say(problem.message, { urgent: true });
  }
}

function offerUnsent() {
  const kept = unsent.kept;
  const lost = kept ? Object.entries(kept.sections).filter(([name, text]) => areas.has(name) && report.sections[name].text !== text) : [];
  if (lost.length === 0 || !report.open) return;
  const banner = document.getElementById("unsent");
  banner.querySelector("[data-text]").textContent = t("unsent", { at: new Date(kept.at).toLocaleString(document.documentElement.lang), sections: lost.map(([name]) => t(`section_${name}`)).join(", ") });
  banner.hidden = false;
  banner.querySelector("[data-take]").onclick = () => {
    for (const [name, text] of lost) {
      area(name).value = text;
      pending.set(name, text);
    }
    banner.hidden = true;
    patch();
  };
  banner.querySelector("[data-drop]").onclick = () => {
    banner.hidden = true;
    unsent.keep(Object.fromEntries(pending));
  };
}

function typed(name) {
  pending.set(name, area(name).value);
  unsent.keep(Object.fromEntries(pending));
  saving.textContent = stopped ? t("not_saved") : t("saving");
  clearTimeout(due);
  due = setTimeout(() => patch(), SAVE_AFTER_MS);
}

for (const [name, part] of areas) {
  area(name).addEventListener("input", () => typed(name));
  area(name).addEventListener("change", () => pending.has(name) && patch());
  part.querySelector("[data-draft]").addEventListener("click", () => {
    pending.delete(name);
    patch({ sections: { [name]: { take_draft: true } } });
  });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden && pending.size) patch({}, { keepalive: true });
});
document.getElementById("lang").addEventListener("change", (event) => patch({ lang: event.target.value }));

/** The dialogs in which a report, an addendum is signed. */
function signing(isAddendum) {
  const dialog = document.getElementById("sign");
  const text = dialog.querySelector("#addendum-text");
  const secret = dialog.querySelector("#secret");
  const problem = dialog.querySelector("[data-problem]");
  const left = report.findings.filter((one) => one.decision === "unreviewed").map((one) => one.id);
  const warning = dialog.querySelector("[data-unreviewed]");
  dialog.querySelector("[data-title]").textContent = t(isAddendum ? "addendum" : "sign");
  dialog.querySelector("[data-what]").textContent = t("sign_what");
  dialog.querySelector("[data-do]").textContent = t(isAddendum ? "addendum_do" : "sign");
  dialog.querySelector("[data-text-field]").hidden = !isAddendum;
  warning.hidden = isAddendum || left.length === 0;
  warning.textContent = t("sign_unreviewed", { ids: left.join(", ") });
  dialog.querySelector("[data-alerts]").replaceChildren(...(isAddendum ? [] : alertsOf(report)));
  problem.hidden = true;
  secret.value = "";
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    problem.hidden = true;
    await patchPending();
    if (pending.size) return;
    try {
      const json = isAddendum ? { password: secret.value, text: text.value } : { password: secret.value };
      await alone(send("POST", `${address}/report/${isAddendum ? "addendum" : "sign"}`, { json, headers: match() }));
      text.value = "";
      dialog.close();
      say(t("signed_now"));
    } catch (error) {
      if (error.status === 409 && error.told.report) {
        dialog.close();
        return conflict(error.told);
      }
      problem.textContent = error.message;
      problem.hidden = false;
      secret.select();
    } finally {
      secret.value = "";
    }
  };
  dialog.showModal();
  (isAddendum ? text : secret).focus();
}

/** Take the answer of an act; what the stream of events tells of it waits, and is then no news. */
async function alone(sent) {
  const taken = sent.then((answer) => answer.json()).then((body) => {
    take(body);
    saving.textContent = t("saved", { version: report.version });
  });
  queue = taken.catch(() => undefined);
  await taken;
}

const patchPending = () => (pending.size ? patch() : queue);

find("[data-sign]")?.addEventListener("click", () => signing(false));
find("[data-addendum]")?.addEventListener("click", () => signing(true));
find("[data-amend]")?.addEventListener("click", () => {
  const dialog = document.getElementById("amend");
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    await change("POST", "amend", { reason: dialog.querySelector("input").value });
    dialog.close();
  };
  dialog.showModal();
});
find("[data-give-up]")?.addEventListener("click", () => change("DELETE", "amend"));

async function change(method, path, json) {
  try {
    await alone(send(method, `${address}/report/${path}`, { json, headers: match() }));
  } catch (problem) {
    if (problem.status === 409 && problem.told.report) conflict(problem.told);
    else say(problem.message, { urgent: true });
  }
}

async function showHistory() {
  const dialog = document.getElementById("history");
  const { versions } = await (await send("GET", `${address}/report/history`)).json();
  const difference = dialog.querySelector("[data-diff]");
  difference.hidden = true;
  dialog.querySelector("tbody").replaceChildren(
    ...versions.reverse().map((one) => {
      const cells = [String(one.number), t(`why_${one.why.replaceAll(" ", "_")}`), one.author, new Date(one.made_at).toLocaleString(document.documentElement.lang)];
      const row = make("tr", {}, ...cells.map((text) => make("td", {}, text)));
      const show = async () => {
        const { diff } = await (await send("GET", `${address}/report/diff?before=${one.number - 1}&after=${one.number}`)).json();
        difference.textContent = diff || t("same");
        difference.hidden = false;
      };
      const button = make("button", { type: "button", className: "small", onclick: show, ariaLabel: t("show_changes") }, t("changes"));
      row.append(make("td", {}, ...(one.number > 1 ? [button] : [])));
      return row;
    }),
  );
  dialog.showModal();
}
find("[data-history]").addEventListener("click", showHistory);

/** Macros go where the cursor was last. */
let last = area("findings");
let caret = [0, 0];
let kept = [];
for (const name of areas.keys()) {
  for (const kind of ["select", "blur", "keyup", "click"]) {
    area(name).addEventListener(kind, () => {
      last = area(name);
      caret = [last.selectionStart, last.selectionEnd];
    });
  }
}
const macro = document.getElementById("macro");
async function loadTexts() {
  if (root.dataset.edit !== "yes") return;
  kept = (await (await send("GET", `/api/report-texts?lang=${report.lang}`)).json()).texts.filter((one) => one.kind === "macro");
  macro.replaceChildren(macro.options[0], ...kept.map((one, at) => new Option(one.name, String(at))));
}
macro.addEventListener("change", () => {
  const chosen = kept[Number(macro.value)];
  macro.value = "";
  if (!chosen || last.readOnly) return;
  last.setRangeText(chosen.text, caret[0], caret[1], "end");
  last.focus();
  last.dispatchEvent(new Event("input", { bubbles: true }));
});
find("[data-keep-text]").addEventListener("click", async () => {
  const text = last.value.slice(...caret) || last.value;
  const name = prompt(t("keep_name"));
  if (!name || !text.trim()) return;
  try {
    const section = last.closest("[data-section]").dataset.section;
    await send("POST", "/api/report-texts", { form: { kind: "macro", name, section, text, lang: report.lang } });
    await loadTexts();
    say(t("kept"));
  } catch (problem) {
    say(problem.message, { urgent: true });
  }
});

live.on("left", expired);
live.on("report", async (content) => {
  if (content.study_uid !== study || !report || content.version <= report.version || pending.size) return;
  await queue;
  if (content.version <= report.version || pending.size) return;
  await load();
  say(t("other_changed", { by: content.by }));
});

bind({
  j: () => findings.move(1),
  k: () => findings.move(-1),
  a: () => findings.act("accept"),
  e: () => findings.act("edit"),
  r: () => findings.act("reject"),
  i: () => area("impression").focus(),
  h: showHistory,
  s: () => find("[data-sign]:not([hidden])")?.click(),
});

await load();
if (report) {
  offerUnsent();
  await loadTexts().catch(() => undefined);
}
root.dataset.ready = "yes";

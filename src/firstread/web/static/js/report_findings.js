/** The findings beside the report: what the AI says, what a person decided, and the decision to come. */

import { afterPress } from "./press.js";

const ATTENUATIONS = ["solid", "part-solid", "ground-glass", "calcified", "fat"];
const LOBES = ["right upper", "right middle", "right lower", "left upper", "left lower"];

/** Make an element: `make("p", {className: "soft"}, "text", child)`. */
export function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export class Findings {
  #list = document.getElementById("findings");
  #t;
  #decide;
  #canEdit = false;
  #told = [];
  #shown = "";
  #open = null;
  current = null;

  /** @param {(key: string, fields?: object) => string} t @param {(id: string, change: object) => unknown} decide */
  constructor(t, decide) {
    this.#t = t;
    this.#decide = decide;
    this.#list.addEventListener("focusin", (event) => {
      const card = event.target.closest(".finding");
      if (card) this.#choose(card.dataset.id);
    });
  }

  /** Show the findings as the report has them; where nothing of them has changed, nothing is made anew. */
  show(findings, canEdit) {
    const told = JSON.stringify([findings, canEdit]);
    if (told === this.#shown) return;
    this.#shown = told;
    this.#told = findings;
    this.#canEdit = canEdit;
    afterPress(this.#draw);
  }

  #draw = () => {
    const findings = this.#told;
    if (!findings.some((one) => one.id === this.#open)) this.#open = null;
    const active = document.activeElement?.closest?.(".finding") ? document.activeElement : null;
    const { id: at } = active?.closest(".finding").dataset ?? {};
    const form = this.#open && this.#list.querySelector(`form[data-of="${CSS.escape(this.#open)}"]`);
    const cards = findings.map((one) => this.#card(one, form?.dataset.of === one.id ? form : null));
    this.#list.replaceChildren(...(cards.length ? cards : [make("li", { className: "soft" }, this.#t("no_findings"))]));
    this.current = findings.some((one) => one.id === this.current) ? this.current : (findings[0]?.id ?? null);
    this.#mark();
    if (active?.isConnected) active.focus();
    else if (active?.dataset.do) this.#button(at, active.dataset.do)?.focus();
  };

  move(by) {
    const place = this.#told.findIndex((one) => one.id === this.current);
    const next = this.#told[Math.min(Math.max(place + by, 0), this.#told.length - 1)];
    if (next) this.#choose(next.id);
    this.#card_of(this.current)?.scrollIntoView({ block: "nearest" });
  }

  act(what) {
    this.#button(this.current, what)?.click();
  }

  #button(id, what) {
    return this.#card_of(id)?.querySelector(`[data-do="${what}"]`);
  }

  #card_of(id) {
    return this.#list.querySelector(`[data-id="${CSS.escape(id ?? "")}"]`);
  }

  #choose(id) {
    this.current = id;
    this.#mark();
  }

  #mark() {
    for (const card of this.#list.querySelectorAll(".finding")) {
      if (card.dataset.id === this.current) card.setAttribute("aria-current", "true");
      else card.removeAttribute("aria-current");
    }
  }

  #card(one, form) {
    const finding = one.finding ?? one.ai;
    const card = make("li", { className: `finding ${one.decision}` });
    card.dataset.id = one.id;
    const category = one.finding?.category?.value;
    card.append(
      make("div", { className: "bar" }, make("h3", {}, one.id), ...(category ? [make("span", { className: "chip" }, category)] : []), make("span", { className: `chip ${one.decision === "unreviewed" ? "warning" : "info"}` }, this.#t(`decision_${one.decision}`, one))),
      make("p", { className: "what" }, this.#said(finding)),
    );
    if (one.decision === "edited") card.append(make("p", { className: "soft" }, this.#t("ai_said", { said: this.#said(one.ai) })));
    if (!this.#canEdit) return card;
    const actions = make("div", { className: "actions" });
    const button = (what, act) => {
      const made = make("button", { type: "button", className: "small", onclick: act }, this.#t(what));
      made.dataset.do = what;
      actions.append(made);
    };
    if (one.origin === "ai") {
      if (one.decision !== "accepted") button("accept", () => this.#decide(one.id, { decision: "accepted" }));
      button("edit", () => this.#openForm(one, "edit"));
      if (one.decision !== "rejected") button("reject", () => this.#openForm(one, "reject"));
      if (one.decision !== "unreviewed") button("undo", () => this.#decide(one.id, { decision: "unreviewed" }));
    } else {
      button("edit", () => this.#openForm(one, "edit"));
      button("remove", () => this.#decide(one.id, { decision: "rejected", reason: this.#t("remove") }));
    }
    card.append(actions);
    if (form) card.append(form);
    return card;
  }

  #said(finding) {
    if (!finding) return "";
    const size = finding.diameter_mm;
    return [
      size ? `${size.long.toFixed(1)} × ${size.short.toFixed(1)} mm` : "",
      finding.attenuation ? this.#t(`attenuation_${finding.attenuation}`) : "",
      finding.lobe ? this.#t(`lobe_${finding.lobe.replace(" ", "_")}`) : "",
      finding.volume_mm3 ? `${Math.round(finding.volume_mm3)} mm³` : "",
    ].filter(Boolean).join(" · ");
  }

  #openForm(one, kind) {
    this.#list.querySelector("form[data-of]")?.remove();
    this.#open = one.id;
    const form = kind === "edit" ? this.#editForm(one) : this.#rejectForm(one);
    form.dataset.of = one.id;
    form.addEventListener("keydown", (event) => event.key === "Escape" && this.#close(form, one.id));
    this.#card_of(one.id).append(form);
    form.querySelector("input, select").focus();
  }

  #close(form, id) {
    form.remove();
    this.#open = null;
    this.#card_of(id)?.querySelector("button")?.focus();
  }

  #field(form, name, input) {
    input.id = `${name}-${form.dataset.name}`;
    input.name = name;
    form.append(make("div", {}, make("label", { htmlFor: input.id }, this.#t(name.replace(/_mm$/, ""))), input));
    return input;
  }

  #rejectForm(one) {
    const form = make("form");
    form.dataset.name = one.id;
    const reason = this.#field(form, "reason", make("input", { required: true, maxLength: 500 }));
    reason.parentElement.className = "wide-field";
    this.#end(form, one, "reject", () => ({ decision: "rejected", reason: reason.value }));
    return form;
  }

  #editForm(one) {
    const form = make("form");
    form.dataset.name = one.id;
    const finding = one.finding ?? one.ai;
    const length = (name, value) => this.#field(form, name, make("input", { type: "number", min: "0.1", max: "300", step: "0.1", value: value?.toFixed(1) ?? "", required: true }));
    const long = length("long_mm", finding.diameter_mm?.long);
    const short = length("short_mm", finding.diameter_mm?.short);
    const choose = (name, values, value, text) =>
      this.#field(form, name, make("select", {}, new Option(this.#t("unchanged"), ""), ...values.map((each) => new Option(this.#t(text(each)), each, false, each === value))));
    const attenuation = choose("attenuation", ATTENUATIONS, finding.attenuation, (each) => `attenuation_${each}`);
    const lobe = choose("lobe", LOBES, finding.lobe, (each) => `lobe_${each.replace(" ", "_")}`);
    this.#end(form, one, "apply", () => {
      const edited = { ...(one.edited ?? {}), long_mm: Number(long.value), short_mm: Number(short.value) };
      if (attenuation.value) edited.attenuation = attenuation.value;
      if (lobe.value) edited.lobe = lobe.value;
      return { decision: "edited", edited };
    });
    return form;
  }

  #end(form, one, text, change) {
    form.append(make("div", { className: "actions" }, make("button", { className: "primary small" }, this.#t(text))));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const made = change();
      form.remove();
      this.#open = null;
      await this.#decide(one.id, made);
      this.#card_of(one.id)?.querySelector("button")?.focus();
    });
  }
}

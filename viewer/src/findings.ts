/** The list of findings beside the pictures: what the AI says of each, and what the person decides. */
import type { Decisions, Edits } from "./decisions";
import { afterPress, button, element } from "./dom";
import type { Finding, Result } from "./result";
import type { Room, Shown } from "./room";
import { day, millimetres, t } from "./wording";

const LOBES = ["right upper", "right middle", "right lower", "left upper", "left lower"];
const KINDS = ["solid", "part-solid", "ground-glass", "calcified", "fat"];
const REASONS = ["vessel", "scar", "artefact", "node", "not-lung", "other"];

export class FindingsPanel {
  readonly root = element("aside", { class: "findings", "aria-label": t("findings") });
  readonly #list = element("ol", { class: "list" });
  readonly #status = element("p", { class: "status", role: "status", "aria-live": "polite" });
  readonly #afterPress = afterPress(this.root);
  #rejecting: string | undefined;

  constructor(
    readonly room: Room,
    readonly decisions: Decisions,
    readonly jump: (finding: Finding) => void,
  ) {
    decisions.said = (words, isProblem) => this.say(words, isProblem);
    room.onFindings(() => this.#afterPress(this.draw));
    room.onChange((changed) => {
      if (["findings", "selected", "editing"].some((key) => changed.has(key as never))) this.#afterPress(this.draw);
    });
    window.addEventListener("tview:axes", () => this.#afterPress(this.draw));
    this.draw();
  }

  say(words: string, isProblem = false): void {
    this.#status.textContent = words;
    this.#status.classList.toggle("problem", isProblem);
  }

  readonly draw = (): void => {
    const { room } = this;
    const isOn = room.state.findings;
    const focused = document.activeElement?.getAttribute("data-key");
    this.#list.replaceChildren(...(isOn ? room.shown.map((one) => this.#item(one)) : []));
    const { result } = room;
    const empty = !result
      ? t("findings.unread")
      : !isOn
        ? t("findings.hidden")
        : room.shown.length
          ? ""
          : t("findings.none");
    this.root.replaceChildren(
      element("header", {}, [
        element("h2", {}, [t("findings")]),
        result && isOn && result.category
          ? element("span", { class: "chip", title: result.category.rule }, [
              `${result.category.scheme} ${result.category.value}${result.category.modifier ?? ""}`,
            ])
          : undefined,
        button(t(isOn ? "hide.findings" : "show.findings"), () => room.change({ findings: !isOn }), {
          class: "quiet",
          "aria-pressed": String(isOn),
          "aria-keyshortcuts": "f",
          "data-key": "findings",
        }),
      ]),
      ...(result ? [element("p", { class: "notice" }, [`⚠ ${t("notice")}`])] : []),
      ...(empty ? [element("p", { class: "empty" }, [empty])] : []),
      this.#list,
      this.#status,
      ...(result && isOn ? [this.#notes(result)] : []),
    );
    if (focused) this.root.querySelector<HTMLElement>(`[data-key="${focused}"]`)?.focus();
  };

  /** What the AI says of the whole study. */
  #notes(result: Result): HTMLElement {
    const wasOpen = this.root.querySelector<HTMLDetailsElement>("details")?.open ?? false;
    return element("details", { class: "notes", open: wasOpen }, [
      element("summary", {}, [t("impression")]),
      element("p", {}, [result.impression]),
      ...(result.warnings.length ? [element("h3", {}, [t("warnings")]), ...result.warnings.map((words) => element("p", {}, [words]))] : []),
      element("p", { class: "hint" }, [`${result.reader.name} ${result.reader.version}`]),
    ]);
  }

  #item(one: Shown): HTMLElement {
    const { finding, decision } = one;
    const { room } = this;
    const isSelected = room.state.selected === finding.id;
    const head = element(
      "button",
      {
        type: "button",
        class: "head",
        "aria-expanded": String(isSelected),
        "aria-current": isSelected ? "true" : undefined,
        "data-key": `head-${finding.id}`,
      },
      [
        element("strong", {}, [finding.id]),
        element("span", { class: "size" }, [finding.diameter_mm ? millimetres(finding.diameter_mm.mean) : finding.concept.meaning]),
        element("span", { class: "kind" }, [[finding.attenuation && t(`attenuation.${finding.attenuation}`), place(finding)].filter(Boolean).join(" · ")]),
        finding.category ? element("span", { class: "chip" }, [finding.category.value]) : undefined,
        element("span", { class: `decision ${decision}` }, [`${SIGN[decision]} ${t(`decision.${decision}`)}`]),
      ],
    );
    head.addEventListener("click", () => this.jump(finding));
    return element("li", { class: `finding ${decision}${isSelected ? " selected" : ""}`, "data-finding": finding.id }, [
      head,
      ...(isSelected ? [this.#details(one), this.#deciding(one)] : []),
    ]);
  }

  #details(one: Shown): HTMLElement {
    const { finding } = one;
    const rows: [string, string | undefined][] = [
      ["image.shows", finding.instance_number === null ? undefined : String(finding.instance_number)],
      ["diameters", finding.diameter_mm ? `${finding.diameter_mm.long.toFixed(1)} × ${millimetres(finding.diameter_mm.short)}` : undefined],
      ["volume", finding.volume_mm3 === null || finding.volume_mm3 === undefined ? undefined : `${finding.volume_mm3.toFixed(0)} mm³`],
      ["solid", finding.solid_part_mm ? millimetres(finding.solid_part_mm.mean) : undefined],
      ["place", [place(finding), finding.zone && t(`zone.${finding.zone}`), finding.juxtapleural && t("juxtapleural")].filter(Boolean).join(", ")],
      ["attributes", finding.attributes.map((each) => `${each.concept.meaning}: ${each.value.meaning}`).join("; ")],
      ["probability", one.decision === "added" ? undefined : `${Math.round(finding.probability * 100)} %`],
      ["category", finding.category ? `${finding.category.scheme} ${finding.category.value} (${finding.category.version})` : undefined],
      ["rule", finding.category?.rule],
      ["management", finding.category?.management],
      ["against.prior", growth(finding)],
      ["reason", one.reason],
    ];
    return element(
      "dl",
      {},
      rows.flatMap(([key, value]) => (value ? [element("dt", {}, [t(key)]), element("dd", {}, [value])] : [])),
    );
  }

  #deciding(one: Shown): HTMLElement {
    const { finding, decision } = one;
    if (this.room.state.editing === finding.id) return this.#editor(one);
    if (this.#rejecting === finding.id) return this.#rejection(one);
    const act = (key: string, run: () => void): HTMLButtonElement =>
      button(t(key), run, { class: key, "data-key": `${key}-${finding.id}`, "aria-keyshortcuts": KEYS[key] ?? "" });
    return element("div", { class: "deciding" }, [
      ...(decision === "accepted" || decision === "added" ? [] : [act("accept", () => void this.accept(one))]),
      act("edit", () => this.room.change({ editing: finding.id })),
      ...(decision === "rejected" ? [] : [act("reject", () => this.reject(one))]),
      ...(decision === "open" || decision === "added" ? [] : [act("undecide", () => void this.decisions.decide(one, "unreviewed"))]),
    ]);
  }

  async accept(one: Shown): Promise<void> {
    await this.decisions.decide(one, "accepted");
  }

  reject(one: Shown): void {
    this.#rejecting = one.finding.id;
    this.draw();
    this.root.querySelector<HTMLElement>(".rejection select")?.focus();
  }

  #rejection(one: Shown): HTMLElement {
    const { id } = one.finding;
    const choice = element("select", { name: "reason", "data-key": `reason-${id}` }, REASONS.map((name) => element("option", { value: t(`reason.${name}`) }, [t(`reason.${name}`)])));
    const form = element("form", { class: "rejection", "data-of": id }, [
      element("label", {}, [t("reason"), choice]),
      element("button", { type: "submit", class: "reject" }, [t("reject")]),
      button(t("cancel"), () => {
        this.#rejecting = undefined;
        this.draw();
      }),
    ]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#rejecting = undefined;
      void this.decisions.decide(one, "rejected", { reason: choice.value });
    });
    this.#carry(form, ["reason"]);
    return form;
  }

  #editor(one: Shown): HTMLElement {
    const { finding } = one;
    const figure = (name: string, value: number | undefined): HTMLInputElement =>
      element("input", { name, type: "number", step: "0.1", min: "0.1", max: "300", value: value?.toFixed(1), "data-key": `${name}-${finding.id}` });
    const long = figure("long", finding.diameter_mm?.long);
    const short = figure("short", finding.diameter_mm?.short);
    const choice = (name: string, values: string[], now: string | null): HTMLSelectElement =>
      element("select", { name, "data-key": `${name}-${finding.id}` }, [
        ...(now ? [] : [element("option", { value: "" }, [t("unknown")])]),
        ...values.map((value) => element("option", { value, selected: value === now }, [t(`${name}.${value}`)])),
      ]);
    const attenuation = choice("attenuation", KINDS, finding.attenuation);
    const lobe = choice("lobe", LOBES, finding.lobe);
    const original = this.room.result?.findings.find((each) => each.id === finding.id) ?? finding;
    const size = `${long.value} ${short.value}`;
    const form = element("form", { class: "editor", "data-of": finding.id, "data-size": size }, [
      element("p", { class: "hint" }, [t("edit.hint")]),
      element("label", {}, [t("long.axis"), long]),
      element("label", {}, [t("short.axis"), short]),
      element("label", {}, [t("attenuation"), attenuation]),
      element("label", {}, [t("lobe"), lobe]),
      element("button", { type: "submit", class: "accept" }, [t("save")]),
      button(t("cancel"), () => {
        this.room.change({ editing: undefined });
        this.decisions.apply(this.room.result);
      }),
    ]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const edits: Edits = {};
      if (Number(long.value) !== original.diameter_mm?.long && long.value) edits.long_mm = Number(long.value);
      if (Number(short.value) !== original.diameter_mm?.short && short.value) edits.short_mm = Number(short.value);
      if (attenuation.value && attenuation.value !== original.attenuation) edits.attenuation = attenuation.value;
      if (lobe.value && lobe.value !== original.lobe) {
        edits.lobe = lobe.value;
        edits.laterality = lobe.value.split(" ")[0]!;
      }
      const typed = Number(long.value) !== finding.diameter_mm?.long || Number(short.value) !== finding.diameter_mm?.short;
      if (!typed && finding.axes_lps_mm && finding.axes_lps_mm !== original.axes_lps_mm) edits.axes_lps_mm = finding.axes_lps_mm;
      this.room.change({ editing: undefined });
      if (Object.keys(edits).length) void this.decisions.decide(one, "edited", { edits });
      else this.draw();
    });
    // Of the figures those count that came last: typed, or of an axis that was dragged since.
    const isSame = this.root.querySelector<HTMLElement>("form.editor")?.dataset["size"] === size;
    this.#carry(form, ["attenuation", "lobe", ...(isSame ? ["long", "short"] : [])]);
    return form;
  }

  /** Give a form what was chosen in the one whose place it takes. */
  #carry(form: HTMLFormElement, names: string[]): void {
    const before = this.root.querySelector<HTMLFormElement>(`form.${form.className}[data-of="${form.dataset["of"]}"]`);
    for (const name of before ? names : []) {
      (form.elements.namedItem(name) as HTMLInputElement).value = (before!.elements.namedItem(name) as HTMLInputElement).value;
    }
  }
}

const SIGN = { open: "○", accepted: "✓", edited: "✎", rejected: "✕", added: "+" } as const;
const KEYS: Record<string, string> = { accept: "a", edit: "e", reject: "x" };

function place(finding: Finding): string {
  if (finding.lobe) return t(`lobe.${finding.lobe}`);
  return finding.laterality ? t(`side.${finding.laterality}`) : "";
}

function growth(finding: Finding): string | undefined {
  const told = finding.comparison;
  if (!told) return undefined;
  const signed = (mm: number): string => `${mm > 0 ? "+" : ""}${mm.toFixed(1)} mm`;
  return [
    t(`change.${told.change}`),
    told.prior_mean_mm === null ? "" : t("was", millimetres(told.prior_mean_mm), day(told.prior_date)),
    told.growth_mm === null ? "" : t("growth", signed(told.growth_mm), String(told.interval_days ?? "?")),
    told.volume_doubling_days === null ? "" : t("doubling", told.volume_doubling_days.toFixed(0)),
  ]
    .filter(Boolean)
    .join("; ");
}

/** Opening a study: what is there, which series is shown, and everything around it. */
import { cache, utilities, volumeLoader } from "@cornerstonejs/core";
import { Claim } from "./claim";
import { describe, engine } from "./cornerstone";
import { Decisions } from "./decisions";
import { number, TAG, text, type Metadata } from "./dicom";
import { button, element } from "./dom";
import { keepDrawn } from "./drawn";
import { FindingsPanel } from "./findings";
import { keyMap, listen } from "./keys";
import { keyActs } from "./key_acts";
import { Loading } from "./loading";
import { choose, clearMeasurements, join, measured, startMeasuring } from "./measure";
import type { Pane } from "./pane";
import { planeName } from "./planes";
import { inPlane, listenIn } from "./pointer";
import { Priors } from "./priors";
import { ORIENTATIONS, ReformatPane } from "./reformat_pane";
import type { Finding, Result } from "./result";
import { PRESETS, Room, type State } from "./room";
import { centreOf, ontoFrame, seriesFrom, type Series } from "./series";
import { DICOMWEB, metadataOf, outlinesOf, Refused, resultOf, seriesOf } from "./server";
import { StackPane } from "./stack_pane";
import { toolbar } from "./toolbar";
import { Undo } from "./undo";
import { cross, distance, dot, subtract, type Vec3 } from "./vector";
import { day, t } from "./wording";

const NO_PICTURES = ["SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "PLAN"];
const HOUNSFIELD = ["CT"];
const CLOSE_UP = 4; // sizes of a finding that its pane is high while its axes are dragged

/** Read the study that the page names, and build the reading room around it. */
export async function openStudy(root: HTMLElement): Promise<void> {
  const study = root.dataset["study"] ?? "";
  root.replaceChildren(element("p", { class: "opening", role: "status" }, [t("opening")]));
  const hasResult = root.dataset["result"] === "on";
  const [listed, result, made] = await Promise.all([seriesOf(study), hasResult ? resultOf(study) : undefined, engine()]);
  const shown = withPictures(listed);
  const wanted = new URLSearchParams(location.search).get("series") ?? result?.series_uid;
  const chosen = shown.find((one) => text(one, TAG.series) === wanted) ?? shown[0];
  if (!chosen) {
    root.replaceChildren(element("div", { class: "opening" }, [element("p", {}, [t("nothing.images")]), ways(root)]));
    return;
  }
  const metadata = await metadataOf(study, text(chosen, TAG.series));
  const series = seriesFrom(metadata, DICOMWEB);
  describe(series, metadata);
  await new ReadingRoom(root, study, made, shown, series, metadata, result).open();
}

/** Say what went wrong and what can be done. */
export function fail(root: HTMLElement, problem: unknown): void {
  const told = problem instanceof Refused ? [problem.message, problem.remedy].filter(Boolean).join(" ") : String(problem);
  root.replaceChildren(
    element("div", { class: "opening", role: "alert" }, [
      element("h1", {}, [t("error.title")]),
      element("p", {}, [told]),
      button(t("error.retry"), () => location.reload()),
      ways(root),
    ]),
  );
  if (!(problem instanceof Refused)) throw problem;
}

/** Series with pictures, those with the most images first. */
function withPictures(listed: Metadata[]): Metadata[] {
  const count = (one: Metadata): number => number(one, TAG.seriesInstances) ?? 0;
  return listed
    .filter((one) => !NO_PICTURES.includes(text(one, TAG.modality)))
    .sort((a, b) => count(b) - count(a) || (number(a, TAG.seriesNumber) ?? 0) - (number(b, TAG.seriesNumber) ?? 0));
}

/** The ways to the other pages, where this server has them. */
function ways(root: HTMLElement): HTMLElement {
  const { study, worklist, reportPage } = root.dataset;
  return element("nav", { class: "ways", "aria-label": t("pages") }, [
    worklist === "on" && element("a", { href: "/" }, [t("worklist")]),
    reportPage === "on" && element("a", { href: `/studies/${study}/report` }, [t("report")]),
  ]);
}

class ReadingRoom {
  readonly room: Room;
  readonly undo = new Undo();
  readonly decisions: Decisions;
  readonly panel: FindingsPanel;
  readonly panes: Pane[] = [];
  readonly loading: Loading;
  readonly stack: StackPane;
  readonly reformats: ReformatPane[] = [];
  readonly priors: Priors;
  readonly claim: Claim;
  readonly #pictures = element("div", { class: "pictures" });
  #slab: ReformatPane | undefined;
  #active: Pane | undefined;
  #cine: number | undefined;
  readonly #isWindowed: boolean;

  constructor(
    readonly root: HTMLElement,
    readonly study: string,
    readonly engine: Awaited<ReturnType<typeof import("./cornerstone").engine>>,
    readonly listed: Metadata[],
    readonly series: Series,
    readonly metadata: Metadata[],
    readonly result: Result | undefined,
  ) {
    this.#isWindowed = HOUNSFIELD.includes(series.modality);
    const middle = series.frames[Math.floor(series.frames.length / 2)];
    this.room = new Room({
      point: (middle && centreOf(middle)) ?? [0, 0, 0],
      window: PRESETS.lung,
      invert: false,
      slab: 0,
      findings: startsWithFindings(root),
      crosshair: true,
      tool: "window",
      layout: series.obstacle || !series.normal ? "single" : "planes",
      selected: undefined,
      editing: undefined,
    });
    this.room.result = result;
    this.room.affine = result?.grid?.affine;
    this.loading = new Loading(series);
    this.decisions = new Decisions(study, this.room, this.undo);
    this.decisions.apply(result);
    this.panel = new FindingsPanel(this.room, this.decisions, (finding) => this.jump(finding));
    this.stack = new StackPane("stack", this.engine, this.room, series, this.loading);
    this.claim = new Claim(study, root.dataset);
    this.priors = new Priors(study, this.room, this.engine, this.stack, metadata, result, (pane) => this.add(pane));
  }

  async open(): Promise<void> {
    const { room, series } = this;
    startMeasuring();
    this.add(this.stack);
    const own = series.normal ? planeName(series.normal) : "oblique";
    if (series.normal && series.frames.length > 1) this.#planReformats(own === "oblique" ? "axial" : own);
    this.#page();
    room.onChange((changed) => this.#follow(changed));
    room.onFindings(() => this.panes.forEach((pane) => pane.drawn()));
    this.stack.enable();
    join(this.stack.id, this.engine.id);
    const first = Math.floor(series.frames.length / 2);
    const opened = this.stack.open(first);
    this.loading.onProgress(() => this.#progress());
    await opened;
    if (!this.#isWindowed) this.#takeWindow();
    else this.stack.setWindow(room.state.window, room.state.invert);
    await this.stack.rendered();
    this.loading.start(); // not before: the first picture would wait for the others
    performance.mark("tview:first-image");
    this.root.dataset["state"] = "first-image";
    this.#expose();
    void this.#later();
    void this.claim.begin();
    await this.loading.whole;
    performance.mark("tview:whole-series");
    this.root.dataset["state"] = "whole-series";
    this.stack.drawn();
    if (this.reformats.length) await this.#openReformats();
    performance.mark("tview:planes");
    this.root.dataset["state"] = "planes";
  }

  add(pane: Pane): void {
    this.panes.push(pane);
    this.#pictures.append(pane.root);
    pane.root.addEventListener("focusin", () => this.#activate(pane));
    pane.root.addEventListener("pointerenter", () => this.#activate(pane));
    const shift = (point: Vec3): Vec3 => (pane instanceof StackPane ? subtract(point, pane.shift) : point);
    listenIn(
      pane,
      this.room,
      (point) => inPlane(shift(point), pane.plane && { ...pane.plane, point: shift(pane.plane.point) }, this.room.state.point),
      (at) => void this.#addFinding(at),
    );
    new ResizeObserver(() => this.#resize()).observe(pane.root);
  }

  /** Show a finding in every plane. */
  jump(finding: Finding): void {
    const { frames } = this.series;
    // Its centre, on the slice on which it was measured: there are its axes.
    const measured = frames.findIndex(
      (frame) => frame.sopInstanceUid === finding.sop_instance_uid && frame.frameNumber === (finding.frame_number ?? 1),
    );
    const point = measured < 0 ? finding.center_lps_mm : ontoFrame(this.series, measured, finding.center_lps_mm);
    this.room.change({ selected: finding.id, point, editing: undefined });
    this.priors.lookAt(finding);
  }

  #planReformats(own: "axial" | "coronal" | "sagittal"): void {
    const { series } = this;
    for (const name of ["axial", "coronal", "sagittal"] as const) {
      if (name === own) continue;
      const pane = new ReformatPane(name, this.engine, this.room, series, ORIENTATIONS[name], stepAlong(series, ORIENTATIONS[name].normal));
      if (series.obstacle) pane.progress = t(`obstacle.${series.obstacle}`);
      else this.reformats.push(pane);
      this.add(pane);
    }
  }

  async #openReformats(): Promise<void> {
    const volumeId = `tview:${this.series.uid}`;
    await volumeLoader.createAndCacheVolumeFromImages(volumeId, this.series.frames.map((frame) => frame.imageId));
    for (const pane of this.reformats) {
      await pane.open(volumeId);
      join(pane.id, this.engine.id);
      pane.drawn();
    }
    if (this.room.state.slab > 0) await this.#showSlab();
  }

  async #showSlab(): Promise<void> {
    const { slab } = this.room.state;
    const volumeId = `tview:${this.series.uid}`;
    const first = this.series.frames[0];
    if (slab > 0 && !this.#slab && cache.getVolume(volumeId) && first && this.series.normal) {
      // Away from the viewer, whichever way the series is looked through: else it would be mirrored.
      const orientation = { right: first.right!, down: first.down!, normal: cross(first.right!, first.down!) };
      this.#slab = new ReformatPane("slab", this.engine, this.room, this.series, orientation, stepAlong(this.series, this.series.normal), true);
      this.add(this.#slab);
      this.#layout();
      await this.#slab.open(volumeId);
      join(this.#slab.id, this.engine.id);
    }
    this.#layout();
    for (const pane of [...this.reformats, this.#slab]) pane?.setSlab(slab);
  }

  #progress(): void {
    const { there, count } = this.loading.queue;
    for (const pane of this.reformats) {
      const words = t("loading", String(Math.floor((there / count) * 100)));
      if (pane.isReady || pane.progress === words) continue;
      pane.progress = words;
      pane.drawn();
    }
    this.stack.drawn();
  }

  /** The window that the image itself asks for. */
  #takeWindow(): void {
    const range = this.stack.viewport.getProperties().voiRange;
    if (!range) return;
    const { windowWidth, windowCenter } = utilities.windowLevel.toWindowLevel(range.lower, range.upper);
    const invert = this.stack.viewport.getProperties().invert ?? false;
    this.room.change({ window: { width: windowWidth, centre: windowCenter }, invert });
  }

  async #later(): Promise<void> {
    if (this.result && this.result.series_uid === this.series.uid) {
      const outlines = await outlinesOf(this.study).catch(() => new Map<string, never>());
      for (const one of this.room.shown) one.voxels = outlines.get(one.finding.id) ?? one.voxels;
      this.room.findingsChanged();
    }
    if (this.result && this.root.dataset["report"] === "on") {
      await this.decisions.load();
      this.root.dataset["decisions"] = "loaded";
    }
  }

  #follow(changed: Set<keyof State>): void {
    const { state } = this.room;
    if (changed.has("point")) for (const pane of this.panes) if (pane.isEnabled) pane.show(state.point);
    if (changed.has("window") || changed.has("invert")) {
      for (const pane of this.panes) {
        if (!pane.isEnabled) continue;
        pane.setWindow(state.window, state.invert);
        pane.render();
      }
    }
    if (changed.has("slab")) void this.#showSlab();
    if (changed.has("tool")) {
      choose(state.tool);
      this.#pictures.dataset["tool"] = state.tool;
      if (state.tool === "add") {
        this.panel.say(t("add.hint"));
        void this.decisions.prepare();
      }
    }
    const edited = this.room.shown.find((one) => one.finding.id === state.editing)?.finding;
    if (changed.has("editing") && edited) this.stack.closeUp(edited.center_lps_mm, Math.max(...edited.size_mm) * CLOSE_UP);
    if (changed.has("layout")) {
      this.#layout();
      if (state.layout === "prior") void this.priors.show().then(() => this.#layout());
    }
    for (const pane of this.panes) pane.drawn();
  }

  #layout(): void {
    const { layout, slab } = this.room.state;
    this.#pictures.dataset["layout"] = layout;
    this.#pictures.dataset["slab"] = String(slab > 0 && this.#slab !== undefined);
    this.#pictures.dataset["count"] = String(this.panes.length);
  }

  #resize(): void {
    if (this.panes.some((pane) => pane.isEnabled)) {
      this.engine.resize(true, true);
      for (const pane of this.panes) pane.drawn();
    }
  }

  #activate(pane: Pane): void {
    this.#active = pane;
    for (const one of this.panes) one.root.classList.toggle("active", one === pane);
  }

  get #pane(): Pane {
    return this.#active ?? this.stack;
  }

  async #addFinding(at: Vec3): Promise<void> {
    this.room.change({ point: at, tool: "window" });
    await this.decisions.add(at);
  }

  #page(): void {
    const header = this.metadata[0]!;
    const acts = {
      invert: () => this.room.change({ invert: !this.room.state.invert }),
      cine: () => this.#playOrStop(),
      rotate: () => this.#pane.rotate(90),
      flip: () => this.#pane.flip(),
      reset: () => this.#pane.reset(),
      undo: () => void this.undo.back(),
      clear: () => clearMeasurements(),
      help: () => help.showModal(),
    };
    const keys = keyActs(this.room, acts, {
      step: (by) => this.#pane.step(by),
      nextPane: () => this.#nextPane(),
      nextFinding: (by) => this.#nextFinding(by),
      selected: (act) => {
        const one = this.room.selected;
        if (!one) return;
        if (act === "accept") void this.panel.accept(one);
        if (act === "reject") this.panel.reject(one);
        if (act === "edit") this.room.change({ editing: one.finding.id });
      },
    });
    const help = keyMap(keys);
    listen(keys);
    const bar = toolbar(this.room, acts, this.#chooser(), {
      planes: this.reformats.length > 0,
      hounsfield: this.#isWindowed,
      add: this.series.normal !== undefined && this.#isWindowed,
    });
    this.root.replaceChildren(
      element("header", { class: "patient" }, [
        ways(this.root),
        element("h1", {}, [text(header, TAG.patientName) || t("unknown")]),
        element("span", {}, [text(header, TAG.patientId)]),
        element("span", {}, [[day(text(header, TAG.birthDate)), text(header, TAG.sex)].filter(Boolean).join(" ")]),
        element("span", {}, [[day(text(header, TAG.studyDate)), text(header, TAG.studyDescription)].filter(Boolean).join(" · ")]),
        this.claim.root,
      ]),
      bar,
      this.#pictures,
      this.panel.root,
      help,
    );
    this.#pictures.dataset["tool"] = this.room.state.tool;
    this.#layout();
    keepDrawn(this.undo, () => this.panes.forEach((pane) => pane.isEnabled && pane.render()));
  }

  #chooser(): HTMLSelectElement {
    const chooser = element(
      "select",
      { "aria-label": t("series") },
      this.listed.map((one) => {
        const uid = text(one, TAG.series);
        const count = number(one, TAG.seriesInstances);
        const name = [number(one, TAG.seriesNumber), text(one, TAG.modality), text(one, TAG.seriesDescription)].filter(Boolean).join(" ");
        return element("option", { value: uid, selected: uid === this.series.uid }, [`${name} · ${t(count === 1 ? "images.one" : "images", String(count ?? "?"))}`]);
      }),
    );
    chooser.addEventListener("change", () => {
      const address = new URL(location.href);
      address.searchParams.set("series", chooser.value);
      location.assign(address);
    });
    return chooser;
  }

  #nextPane(): void {
    const seen = this.panes.filter((pane) => pane.root.offsetParent !== null);
    seen[(seen.indexOf(this.#pane) + 1) % seen.length]?.root.focus();
  }

  #nextFinding(by: number): void {
    const { shown, state } = this.room;
    if (!state.findings || !shown.length) return;
    const at = shown.findIndex((one) => one.finding.id === state.selected);
    const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length;
    this.jump(shown[next]!.finding);
  }

  #playOrStop(): void {
    if (this.#cine !== undefined) {
      clearInterval(this.#cine);
      this.#cine = undefined;
      return;
    }
    const { stack } = this;
    let forth = 1;
    this.#cine = window.setInterval(() => {
      if (stack.missing && stack.shown !== this.series.frames.length - 1 && !this.loading.queue.isWhole) return;
      if (stack.shown >= this.series.frames.length - 1) forth = -1;
      if (stack.shown <= 0) forth = 1;
      stack.step(forth);
    }, 1000 / 12);
  }

  /** What tests and benchmarks read. */
  #expose(): void {
    Object.assign(window, {
      tview: {
        room: this.room,
        panes: new Proxy({}, { get: (_, id) => this.panes.find((pane) => pane.id === id) }),
        measured,
        loading: this.loading,
        distance,
      },
    });
  }
}

/** Whether AI findings are shown at the start: the address says so, else the page. */
function startsWithFindings(root: HTMLElement): boolean {
  const told = new URLSearchParams(location.search).get("ai");
  return (told ?? root.dataset["findings"] ?? "on") !== "off";
}

/** The distance of two planes of a series' grid along a direction; mm. */
function stepAlong(series: Series, normal: Vec3): number {
  const first = series.frames[0]!;
  const last = series.frames.at(-1)!;
  const between = Math.abs(dot(subtract(last.position!, first.position!), series.normal!)) / Math.max(1, series.frames.length - 1);
  const [rowMm, columnMm] = first.spacing ?? [1, 1];
  const along = (axis: Vec3): number => Math.abs(dot(axis, normal));
  const steps: [number, number][] = [
    [along(series.normal!), between],
    [along(first.right!), columnMm],
    [along(first.down!), rowMm],
  ];
  return steps.sort((a, b) => b[0] - a[0])[0]![1];
}

/** The prior study in a pane of its own, opened when it is first asked for. */
import type { RenderingEngine } from "@cornerstonejs/core";
import { describe } from "./cornerstone";
import { number, TAG, text, type Metadata } from "./dicom";
import { Loading } from "./loading";
import { join } from "./measure";
import type { Pane } from "./pane";
import { align } from "./prior";
import type { Finding, Result } from "./result";
import type { Room } from "./room";
import { nearestFrame, seriesFrom, type Series } from "./series";
import { ask, DICOMWEB, metadataOf, resultOf, seriesOf } from "./server";
import { StackPane } from "./stack_pane";
import { tie } from "./tied";
import { add } from "./vector";
import { day, t } from "./wording";

export class Priors {
  pane: StackPane | undefined;
  #opening: Promise<void> | undefined;
  #follow: () => void = () => undefined;
  #result: Result | undefined;

  constructor(
    readonly study: string,
    readonly room: Room,
    readonly engine: RenderingEngine,
    readonly beside: StackPane,
    readonly metadata: Metadata[],
    readonly result: Result | undefined,
    readonly join: (pane: Pane) => void,
  ) {}

  get series(): Series {
    return this.beside.series;
  }

  /** Open the prior; the second time it is there. Without one the layout goes back. */
  async show(): Promise<void> {
    this.#opening ??= this.#open();
    await this.#opening;
    if (!this.pane) this.room.change({ layout: this.series.obstacle ? "single" : "planes" });
  }

  /** Align the prior at a finding, where it is matched there. */
  lookAt(finding: Finding | undefined): void {
    if (!this.pane) return;
    const { shift, by, finding: at } = align(
      { series: this.series, result: this.result },
      { series: this.pane.series, result: this.#result },
      finding,
    );
    this.pane.shift = shift;
    this.pane.root.dataset["aligned"] = by;
    const words = { finding: t("prior.matched", at ?? ""), lungs: t("prior.lungs"), centre: t("prior.centre"), frame: "" };
    this.pane.root.title = words[by];
    this.pane.show(this.room.state.point);
    this.#follow();
    this.pane.drawn();
  }

  async #open(): Promise<void> {
    const uid = await this.#uid();
    if (!uid) return this.#none();
    const [listed, result] = await Promise.all([seriesOf(uid), resultOf(uid)]);
    this.#result = result;
    const chosen =
      listed.find((one) => text(one, TAG.series) === result?.series_uid) ??
      listed
        .filter((one) => text(one, TAG.modality) === this.series.modality)
        .sort((a, b) => (number(b, TAG.seriesInstances) ?? 0) - (number(a, TAG.seriesInstances) ?? 0))[0];
    if (!chosen) return this.#none();
    const metadata = await metadataOf(uid, text(chosen, TAG.series));
    const series = seriesFrom(metadata, DICOMWEB);
    if (!series.frames.length) return this.#none();
    describe(series, metadata);
    const label = t("prior.label", day(text(metadata[0]!, TAG.studyDate)));
    const pane = new StackPane("prior", this.engine, this.room, series, new Loading(series), [0, 0, 0], label);
    this.join(pane);
    pane.enable();
    join(pane.id, this.engine.id);
    const { shift } = align({ series: this.series, result: this.result }, { series, result }, this.room.selected?.finding);
    pane.shift = shift;
    await pane.open(nearestFrame(series, add(this.room.state.point, shift)));
    pane.setWindow(this.room.state.window, this.room.state.invert);
    pane.loading.onProgress(() => pane.drawn());
    pane.loading.start();
    this.pane = pane;
    this.#follow = tie(this.beside, pane);
    this.lookAt(this.room.selected?.finding);
    pane.render();
  }

  /** The prior that the AI compared with, else the patient's newest earlier study of the same kind. */
  async #uid(): Promise<string | undefined> {
    if (this.result?.prior) return this.result.prior.study_uid;
    const header = this.metadata[0]!;
    const patient = text(header, TAG.patientId);
    const date = text(header, TAG.studyDate);
    if (!patient || !date) return undefined;
    const query = new URLSearchParams({ PatientID: patient, ModalitiesInStudy: this.series.modality, StudyDate: `-${date}` });
    const { body } = await ask<Metadata[] | undefined>(`${DICOMWEB}/studies?${query}`, { headers: { Accept: "application/dicom+json" } });
    return (body ?? [])
      .filter((one) => text(one, TAG.patientId) === patient && text(one, TAG.study) !== this.study)
      .sort((a, b) => text(b, TAG.studyDate).localeCompare(text(a, TAG.studyDate)))
      .map((one) => text(one, TAG.study))[0];
  }

  #none(): void {
    const button = document.querySelector('[data-layout="prior"]');
    button?.setAttribute("title", t("prior.none"));
    button?.setAttribute("disabled", "");
  }
}

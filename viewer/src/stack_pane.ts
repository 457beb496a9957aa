/** A pane that shows the images of a series as they are stored. */
import { Enums, type RenderingEngine, type Types } from "@cornerstonejs/core";
import type { Loading } from "./loading";
import { Pane } from "./pane";
import type { Plane } from "./planes";
import type { Room } from "./room";
import { centreOf, nearestFrame, ontoFrame, type Frame, type Series } from "./series";
import { add, subtract, type Vec3 } from "./vector";
import { t } from "./wording";

export class StackPane extends Pane {
  #wanted = 0;

  constructor(
    id: string,
    engine: RenderingEngine,
    room: Room,
    readonly series: Series,
    readonly loading: Loading,
    /** From the room's points to this series' patient coordinates: a prior was taken in another position. */
    public shift: Vec3 = [0, 0, 0],
    readonly label = "",
  ) {
    super(id, engine, room, Enums.ViewportType.STACK);
  }

  override get viewport(): Types.IStackViewport {
    return super.viewport as Types.IStackViewport;
  }

  /** Show the first picture; what the panes share is told from it. */
  async open(index: number): Promise<void> {
    this.#wanted = index;
    this.loading.lookAt(index);
    await this.viewport.setStack(this.series.frames.map((frame) => frame.imageId), index);
    this.loading.queue.arrived(index);
  }

  /** The frame whose pixels are on the screen, whatever is on its way. */
  get shown(): number {
    const image = this.isEnabled ? this.viewport.getCornerstoneImage() : undefined;
    const index = image ? this.series.frames.findIndex((frame) => frame.imageId === image.imageId) : -1;
    return index < 0 ? this.#wanted : index;
  }

  /** Whether another slice than the one on the screen is on its way. */
  get isWaiting(): boolean {
    return this.shown !== this.#wanted;
  }

  get plane(): Plane | undefined {
    const frame: Frame | undefined = this.series.frames[this.shown];
    const centre = frame && centreOf(frame);
    if (!frame || !centre || !this.series.normal) return undefined;
    return { point: centre, right: frame.right!, down: frame.down!, normal: this.series.normal };
  }

  show(point: Vec3): void {
    if (this.series.normal) this.showFrame(nearestFrame(this.series, add(point, this.shift)));
  }

  showFrame(index: number): void {
    if (index === this.#wanted) return;
    this.#wanted = index;
    this.loading.lookAt(index);
    this.drawn(); // the marker, until it is there
    void this.viewport.setImageIdIndex(index).then(
      () => this.loading.queue.arrived(index),
      () => this.drawn(),
    );
  }

  stepped(by: number): Vec3 | undefined {
    const index = Math.max(0, Math.min(this.series.frames.length - 1, this.#wanted + by));
    if (!this.series.normal) {
      this.showFrame(index);
      return undefined;
    }
    return subtract(ontoFrame(this.series, index, add(this.room.state.point, this.shift)), this.shift);
  }

  get place(): string {
    const frame = this.series.frames[this.shown];
    const at = `${this.shown + 1}/${this.series.frames.length}`;
    const number = frame?.instanceNumber === undefined ? "" : `  ${t("image.letter")} ${frame.instanceNumber}`;
    const plane = this.plane;
    const mm = plane && this.series.frames.length > 1 ? `  ${along(plane)} mm` : "";
    return `${at}${number}${mm}`;
  }

  get missing(): string {
    if (this.isWaiting) return t("waiting", `${this.#wanted + 1}`);
    const { there, count, failed } = this.loading.queue;
    if (failed) return t("failed", `${failed}`);
    return there < count ? t("loading", `${Math.floor((there / count) * 100)}`) : "";
  }

  get title(): string {
    const plane = this.planeTitle;
    const frame = this.series.frames[this.shown];
    const scale = !frame?.spacing ? t("no.scale") : frame.atDetector ? t("detector") : "";
    return [this.label, plane, plane ? "" : this.series.description, scale].filter(Boolean).join(" · ");
  }
}

function along(plane: Plane): string {
  const widest = [0, 1, 2].reduce((a, b) => (Math.abs(plane.normal[b]!) > Math.abs(plane.normal[a]!) ? b : a));
  return plane.point[widest]!.toFixed(1);
}

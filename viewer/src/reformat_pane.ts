/** A pane that shows a plane through the volume of a series, or a maximum-intensity slab around it. */
import { Enums, type RenderingEngine, type Types } from "@cornerstonejs/core";
import { Pane } from "./pane";
import { depth, type Plane } from "./planes";
import type { Room } from "./room";
import type { Series } from "./series";
import { add, scale, type Vec3 } from "./vector";
import { t } from "./wording";

/** How a plane lies in the patient; `normal` points away from the viewer. */
export interface Orientation {
  right: Vec3;
  down: Vec3;
  normal: Vec3;
}

export const ORIENTATIONS = {
  axial: { right: [1, 0, 0], down: [0, 1, 0], normal: [0, 0, 1] },
  coronal: { right: [1, 0, 0], down: [0, 0, -1], normal: [0, 1, 0] },
  sagittal: { right: [0, 1, 0], down: [0, 0, -1], normal: [-1, 0, 0] },
} as const satisfies Record<string, Orientation>;

export class ReformatPane extends Pane {
  #ready = false;
  /** Words on how much of the volume is there, until it is whole. */
  progress = "";

  constructor(
    id: string,
    engine: RenderingEngine,
    room: Room,
    readonly series: Series,
    readonly orientation: Orientation,
    readonly stepMm: number,
    readonly isForSlab = false,
  ) {
    super(id, engine, room, Enums.ViewportType.ORTHOGRAPHIC);
  }

  override get viewport(): Types.IVolumeViewport {
    return super.viewport as Types.IVolumeViewport;
  }

  get isReady(): boolean {
    return this.#ready;
  }

  /** Show the volume, which is whole. */
  async open(volumeId: string): Promise<void> {
    this.enable();
    await this.viewport.setVolumes([{ volumeId }]);
    this.viewport.setOrientation({
      viewPlaneNormal: scale(this.orientation.normal, -1),
      viewUp: scale(this.orientation.down, -1),
    });
    this.#ready = true;
    this.setWindow(this.room.state.window, this.room.state.invert);
    this.setSlab(this.room.state.slab);
    this.show(this.room.state.point);
    this.render();
  }

  get plane(): Plane | undefined {
    return { point: this.room.state.point, ...this.orientation };
  }

  show(point: Vec3): void {
    if (!this.#ready) return;
    const { focalPoint, position } = this.viewport.getCamera();
    const off = depth({ point: [...focalPoint!] as Vec3, ...this.orientation }, point);
    if (Math.abs(off) > 1e-4) {
      const move = scale(this.orientation.normal, off);
      this.viewport.setCamera({
        focalPoint: add([...focalPoint!] as Vec3, move),
        position: add([...position!] as Vec3, move),
      });
    }
    this.render();
  }

  stepped(by: number): Vec3 | undefined {
    return add(this.room.state.point, scale(this.orientation.normal, by * this.stepMm * this.#forward));
  }

  /** Planes are looked through from head to feet, from front to back, from right to left. */
  get #forward(): number {
    const { normal } = this.orientation;
    const widest = [0, 1, 2].reduce((a, b) => (Math.abs(normal[b]!) > Math.abs(normal[a]!) ? b : a));
    return normal[widest]! * (widest === 2 ? -1 : 1) < 0 ? -1 : 1;
  }

  setSlab(mm: number): void {
    if (!this.#ready) return;
    this.viewport.setBlendMode(
      mm > 0 ? Enums.BlendModes.MAXIMUM_INTENSITY_BLEND : Enums.BlendModes.COMPOSITE,
    );
    if (mm > 0) this.viewport.setSlabThickness(mm);
    else this.viewport.resetSlabThickness();
    this.render();
  }

  override setWindow(window: { centre: number; width: number }, invert: boolean): void {
    if (this.#ready) super.setWindow(window, invert);
  }

  override render(): void {
    if (this.#ready) super.render();
  }

  override drawn(): void {
    if (this.#ready || this.progress) super.drawn();
  }

  get place(): string {
    const { normal } = this.orientation;
    const widest = [0, 1, 2].reduce((a, b) => (Math.abs(normal[b]!) > Math.abs(normal[a]!) ? b : a));
    return `${this.room.state.point[widest]!.toFixed(1)} mm`;
  }

  get missing(): string {
    return this.#ready ? "" : this.progress;
  }

  get title(): string {
    const slab = this.room.state.slab;
    return slab > 0 ? `${this.planeTitle} · MIP ${slab} mm` : this.planeTitle;
  }

  /** Say why there is no picture. */
  refuse(why: string): void {
    this.progress = t(why);
    this.drawn();
  }
}

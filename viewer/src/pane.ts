/** A pane: one picture, what is drawn over it, and what is said in its corners. */
import { Enums, type RenderingEngine, type Types } from "@cornerstonejs/core";
import { element } from "./dom";
import { Overlay } from "./overlay";
import { letters, planeName, type Plane } from "./planes";
import type { Room, Window } from "./room";
import { add, dot, scale, subtract, type Vec3 } from "./vector";
import { t } from "./wording";

export abstract class Pane {
  readonly root: HTMLElement;
  readonly picture: HTMLDivElement;
  readonly overlay: Overlay;
  readonly #marks: Record<"title" | "place" | "window" | "state" | "top" | "left" | "right" | "bottom", HTMLElement>;
  #wheel = 0;

  constructor(
    readonly id: string,
    protected readonly engine: RenderingEngine,
    protected readonly room: Room,
    protected readonly kind: Enums.ViewportType,
  ) {
    const mark = (name: string): HTMLElement => element("span", { class: `mark ${name}` });
    this.#marks = {
      title: mark("title"),
      place: mark("place"),
      window: mark("window"),
      state: element("span", { class: "mark state", role: "status" }),
      top: mark("edge top"),
      left: mark("edge left"),
      right: mark("edge right"),
      bottom: mark("edge bottom"),
    };
    this.picture = element("div", { class: "picture" });
    this.overlay = new Overlay(this, room);
    this.root = element("section", { class: "pane", tabindex: "0", "data-pane": id }, [
      this.picture,
      this.overlay.svg,
      ...Object.values(this.#marks),
    ]);
    this.picture.addEventListener("contextmenu", (event) => event.preventDefault());
    this.root.addEventListener("wheel", (event) => this.#turned(event), { passive: false });
    this.picture.addEventListener(Enums.Events.IMAGE_RENDERED, () => this.drawn());
  }

  /** Give the pane its viewport; its root is in the page and has a size. */
  enable(): void {
    this.engine.enableElement({ viewportId: this.id, element: this.picture, type: this.kind });
  }

  get viewport(): Types.IStackViewport | Types.IVolumeViewport {
    return this.engine.getViewport(this.id) as Types.IStackViewport | Types.IVolumeViewport;
  }

  get isEnabled(): boolean {
    return this.engine.getViewport(this.id) !== undefined;
  }

  /** The plane that is shown now; undefined where the picture has no place in the patient. */
  abstract get plane(): Plane | undefined;
  /** Show the plane through a point. */
  abstract show(point: Vec3): void;
  /** The point so many slices on. */
  abstract stepped(by: number): Vec3 | undefined;
  /** Words on what is shown: which slice of how many. */
  abstract get place(): string;
  /** Words on what is missing, "" for nothing. */
  abstract get missing(): string;
  abstract get title(): string;

  setWindow(window: Window, invert: boolean): void {
    const { centre, width } = window;
    this.viewport.setProperties({
      voiRange: { lower: centre - width / 2, upper: centre + width / 2 },
      invert,
    } as never);
  }

  render(): void {
    this.viewport.render();
  }

  /** Render, and wait until the picture is on the screen; a page in the background draws nothing and is not waited for. */
  rendered(): Promise<void> {
    return new Promise((resolve) => {
      this.picture.addEventListener(Enums.Events.IMAGE_RENDERED, () => resolve(), { once: true });
      if (document.hidden) resolve();
      this.render();
    });
  }

  toCanvas(point: Vec3): [number, number] {
    const [x, y] = this.viewport.worldToCanvas(point);
    return [x, y];
  }

  toPatient(x: number, y: number): Vec3 {
    return [...this.viewport.canvasToWorld([x, y])] as Vec3;
  }

  rotate(degrees: number): void {
    const { rotation = 0 } = this.viewport.getViewPresentation();
    this.viewport.setViewPresentation({ rotation: (rotation + degrees + 360) % 360 });
    this.render();
  }

  flip(): void {
    const { flipHorizontal = false } = this.viewport.getCamera();
    this.viewport.setCamera({ flipHorizontal: !flipHorizontal });
    this.render();
  }

  zoom(by: number): void {
    this.viewport.setZoom(this.viewport.getZoom() * by);
    this.render();
  }

  /** Show a place large: so many mm from top to bottom. */
  closeUp(point: Vec3, heightMm: number): void {
    const { focalPoint, position } = this.viewport.getCamera();
    const plane = this.plane;
    if (!plane) return;
    const off = subtract(point, [...focalPoint!] as Vec3);
    const move = subtract(off, scale(plane.normal, dot(off, plane.normal)));
    this.viewport.setCamera({
      focalPoint: add([...focalPoint!] as Vec3, move),
      position: add([...position!] as Vec3, move),
      parallelScale: heightMm / 2,
    });
    this.render();
  }

  reset(): void {
    this.viewport.setCamera({ flipHorizontal: false, flipVertical: false });
    this.viewport.setViewPresentation({ rotation: 0 });
    this.viewport.resetCamera();
    this.show(this.room.state.point);
    this.render();
  }

  /** Draw what is over the picture, for the picture that is there now. */
  drawn(): void {
    const { window } = this.room.state;
    const { title, place, window: told, state } = this.#marks;
    title.textContent = this.title;
    place.textContent = this.place;
    told.textContent = `${t("window.letter")} ${Math.round(window.width)}  ${t("centre.letter")} ${Math.round(window.centre)}`;
    state.textContent = this.missing;
    this.root.classList.toggle("incomplete", this.missing !== "");
    this.#edges();
    this.overlay.draw();
  }

  #edges(): void {
    const plane = this.plane;
    const { top, left, right, bottom } = this.#marks;
    if (!plane || !this.isEnabled) return;
    // Where the picture is turned or mirrored, the letters go along.
    const origin = this.toCanvas(plane.point);
    const along = (direction: Vec3): [number, number] => {
      const [x, y] = this.toCanvas([
        plane.point[0] + direction[0] * 10,
        plane.point[1] + direction[1] * 10,
        plane.point[2] + direction[2] * 10,
      ]);
      return [x - origin[0], y - origin[1]];
    };
    const sides: [HTMLElement, number, number][] = [
      [right, 1, 0],
      [left, -1, 0],
      [bottom, 0, 1],
      [top, 0, -1],
    ];
    const directions = [plane.right, plane.down].flatMap((one) => [one, one.map((v) => -v) as Vec3]);
    for (const [side, x, y] of sides) {
      const best = directions
        .map((direction) => ({ direction, way: along(direction) }))
        .sort((a, b) => b.way[0] * x + b.way[1] * y - (a.way[0] * x + a.way[1] * y))[0];
      side.textContent = best ? letters(best.direction) : "";
    }
  }

  #turned(event: WheelEvent): void {
    event.preventDefault();
    if (event.ctrlKey) {
      this.zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
      return;
    }
    this.#wheel += event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY / 60 : event.deltaY;
    const steps = Math.trunc(this.#wheel) || (Math.abs(event.deltaY) >= 60 ? Math.sign(event.deltaY) : 0);
    if (!steps) return;
    this.#wheel = 0;
    this.step(Math.sign(steps) * Math.min(Math.abs(steps), event.shiftKey ? 10 : 3) * (event.shiftKey ? 5 : 1));
  }

  step(by: number): void {
    const point = this.stepped(by);
    if (point) this.room.change({ point });
  }

  /** The name of the plane that is shown. */
  get planeTitle(): string {
    return this.plane ? t(`plane.${planeName(this.plane.normal)}`) : "";
  }
}

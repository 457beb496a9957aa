/** What is drawn over a picture: the crosshair, the outlines of findings, their labels, axes that can be dragged. */
import { drawn } from "./dom";
import { outline } from "./outline";
import type { Pane } from "./pane";
import { depth, type Plane } from "./planes";
import type { Axes } from "./result";
import type { Room, Shown } from "./room";
import { add, distance, middle, scale, subtract, type Vec3 } from "./vector";
import { millimetres } from "./wording";

const GAP = 14; // of the crosshair around its point, at the least; CSS pixels
const ON_PLANE_MM = 0.75;

type End = { axis: "long" | "short"; end: 0 | 1 };

export class Overlay {
  readonly svg = drawn("svg", { class: "overlay", "aria-hidden": "true" });

  constructor(
    readonly pane: Pane,
    readonly room: Room,
  ) {}

  draw(): void {
    this.svg.replaceChildren();
    const { pane, room } = this;
    const plane = pane.isEnabled ? pane.plane : undefined;
    if (!plane || !this.isPlaced()) return;
    if (room.state.crosshair) this.#crosshair();
    if (!room.state.findings) return;
    for (const one of room.shown) this.#finding(one, plane);
  }

  /** Whether findings lie in this pane's patient coordinates; those of a prior do not. */
  isPlaced(): boolean {
    return !("shift" in this.pane) || (this.pane.shift as Vec3).every((value) => value === 0);
  }

  #crosshair(): void {
    const { width, height } = this.svg.getBoundingClientRect();
    const [x, y] = this.pane.toCanvas(this.room.state.point);
    const gap = this.#gap(x);
    const line = (x1: number, y1: number, x2: number, y2: number): SVGLineElement =>
      drawn("line", { x1, y1, x2, y2, class: "crosshair" });
    this.svg.append(
      line(0, y, x - gap, y),
      line(x + gap, y, width, y),
      line(x, 0, x, y - gap),
      line(x, y + gap, x, height),
    );
  }

  /** The lines leave what is looked at free. */
  #gap(x: number): number {
    const selected = this.room.selected?.finding;
    const plane = this.pane.plane;
    if (!selected || !plane) return GAP;
    const reach = Math.max(...selected.size_mm) / 2;
    const [edge, y] = this.pane.toCanvas(add(this.room.state.point, scale(plane.right, reach)));
    const [, from] = this.pane.toCanvas(this.room.state.point);
    return Math.max(GAP, Math.hypot(edge - x, y - from) + 6);
  }

  #finding(one: Shown, plane: Plane): void {
    const { finding, voxels, decision } = one;
    const isSelected = this.room.state.selected === finding.id;
    const group = drawn("g", {
      class: ["finding", decision, isSelected ? "selected" : ""].join(" "),
      "data-finding": finding.id,
    });
    const corner = this.#outline(one, plane, group);
    const axes = finding.axes_lps_mm;
    if (axes && onPlane(axes, plane) && (isSelected || !voxels)) this.#axes(one, axes, group);
    if (corner) {
      const size = finding.diameter_mm ? ` ${millimetres(finding.diameter_mm.mean)}` : "";
      const told = `${finding.id}${size}${decision === "rejected" ? " ✕" : decision === "accepted" ? " ✓" : ""}`;
      const [x, y] = [corner[0] + 8, corner[1] - 8];
      group.append(
        drawn("line", { x1: corner[0] + 1, y1: corner[1] - 1, x2: x, y2: y, class: "leader" }),
        drawn("text", { x: x + 2, y, class: "label" }, [told]),
      );
    }
    if (group.childNodes.length) this.svg.append(group);
  }

  /** Add the outline; return the corner to the right above it, for the label. */
  #outline(one: Shown, plane: Plane, group: SVGGElement): [number, number] | undefined {
    const { finding, voxels } = one;
    const { affine } = this.room;
    if (voxels && affine) {
      const loops = outline(voxels, affine, plane).map((loop) => loop.map((point) => this.pane.toCanvas(point)));
      if (!loops.length) return undefined;
      const path = loops.map((loop) => `M${loop.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join("L")}Z`).join("");
      group.append(drawn("path", { d: path, class: "halo" }), drawn("path", { d: path, class: "outline" }));
      return corner(loops.flat());
    }
    const radius = Math.max(...(finding.size_mm ?? [10, 10, 10])) / 2;
    const off = Math.abs(depth(plane, finding.center_lps_mm));
    if (off > radius) return undefined;
    const [x, y] = this.pane.toCanvas(finding.center_lps_mm);
    const [ex, ey] = this.pane.toCanvas(add(finding.center_lps_mm, scale(plane.right, Math.sqrt(radius ** 2 - off ** 2))));
    const r = Math.max(Math.hypot(ex - x, ey - y), 6);
    group.append(drawn("circle", { cx: x, cy: y, r, class: "outline around" }));
    return [x + r * 0.7, y - r * 0.7];
  }

  #axes(one: Shown, axes: Axes, group: SVGGElement): void {
    const isEditing = this.room.state.editing === one.finding.id;
    for (const name of ["long", "short"] as const) {
      const [a, b] = axes[name].map((point) => this.pane.toCanvas(point)) as [[number, number], [number, number]];
      group.append(drawn("line", { x1: a[0], y1: a[1], x2: b[0], y2: b[1], class: `axis ${name}` }));
      if (!isEditing) continue;
      for (const end of [0, 1] as const) {
        const [x, y] = end ? b : a;
        const handle = drawn("circle", { cx: x, cy: y, r: 6, class: "handle", "data-end": `${name}-${end}` });
        handle.addEventListener("pointerdown", (event) => this.#drag(event, one, { axis: name, end }));
        group.append(handle);
      }
    }
  }

  #drag(event: PointerEvent, one: Shown, { axis, end }: End): void {
    event.preventDefault();
    event.stopPropagation();
    const plane = this.pane.plane;
    if (!plane) return;
    const move = (moved: PointerEvent): void => {
      const box = this.svg.getBoundingClientRect();
      const point = this.pane.toPatient(moved.clientX - box.left, moved.clientY - box.top);
      const axes = one.finding.axes_lps_mm!;
      const held = axes[axis][1 - end]!;
      const pair = (end ? [held, point] : [point, held]) as [Vec3, Vec3];
      one.finding = withAxes(one, { ...axes, [axis]: pair });
      this.room.findingsChanged();
    };
    const up = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.dispatchEvent(new CustomEvent("tview:axes", { detail: one.finding.id }));
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  }
}

/** The finding with other axes, and the diameters that they have; mm, to 0.1. */
export function withAxes(one: Shown, axes: Axes): Shown["finding"] {
  const lengths = [distance(...axes.long), distance(...axes.short)].map((mm) => Math.round(mm * 10) / 10);
  const [long, short] = [Math.max(...lengths), Math.min(...lengths)] as [number, number];
  const ordered = distance(...axes.long) < distance(...axes.short) ? { long: axes.short, short: axes.long } : axes;
  const mean = Math.round(((long + short) / 2) * 10) / 10;
  return { ...one.finding, axes_lps_mm: ordered, diameter_mm: { long, short, mean } };
}

/** Lengthen or shorten axes about their middles to other diameters. */
export function resized(axes: Axes, long: number, short: number): Axes {
  const to = (pair: [Vec3, Vec3], mm: number): [Vec3, Vec3] => {
    const centre = middle(...pair);
    const by = mm / Math.max(distance(...pair), 1e-6);
    return [
      add(centre, scale(subtract(pair[0], centre), by)),
      add(centre, scale(subtract(pair[1], centre), by)),
    ];
  };
  return { long: to(axes.long, long), short: to(axes.short, short) };
}

function onPlane(axes: Axes, plane: Plane): boolean {
  return [...axes.long, ...axes.short].every((point) => Math.abs(depth(plane, point)) < ON_PLANE_MM);
}

function corner(points: [number, number][]): [number, number] {
  return points.reduce((best, point) => (point[0] - point[1] > best[0] - best[1] ? point : best));
}

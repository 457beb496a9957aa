/** What the left button does in a picture, where no tool of Cornerstone has it. */
import { isOnMeasurement } from "./measure";
import type { Pane } from "./pane";
import type { Room } from "./room";
import { add, scale, subtract, type Vec3 } from "./vector";

const PIXELS_A_SLICE = 6;
const LEAST_WIDTH = 1;

/** Listen in a pane. `place` turns what is pointed at into the room's point; `point` is called by the tool `add`. */
export function listenIn(pane: Pane, room: Room, place: (point: Vec3) => Vec3, point: (at: Vec3) => void): void {
  const at = (event: MouseEvent): Vec3 => {
    const box = pane.picture.getBoundingClientRect();
    return place(pane.toPatient(event.clientX - box.left, event.clientY - box.top));
  };
  const go = (event: MouseEvent): void => {
    if (pane.plane) room.change({ point: at(event) });
  };
  pane.picture.addEventListener("dblclick", go);
  pane.picture.addEventListener("pointerdown", (event) => {
    pane.root.focus({ preventScroll: true });
    if (event.button !== 0 || !pane.isEnabled || isOnMeasurement()) return;
    const { tool, window: first } = room.state;
    if (tool === "add") return point(at(event));
    const isCross = tool === "crosshair" || event.shiftKey;
    if (!isCross && tool !== "window" && tool !== "scroll") return;
    if (isCross) go(event);
    const [x, y] = [event.clientX, event.clientY];
    let stepped = 0;
    const move = (moved: PointerEvent): void => {
      const [dx, dy] = [moved.clientX - x, moved.clientY - y];
      if (isCross) return go(moved);
      if (tool === "scroll") {
        const steps = Math.round(dy / PIXELS_A_SLICE);
        if (steps !== stepped) pane.step(steps - stepped);
        stepped = steps;
        return;
      }
      const gain = Math.max(first.width / 400, 0.25);
      room.change({
        window: { width: Math.max(LEAST_WIDTH, first.width + dx * gain), centre: first.centre + dy * gain },
      });
    };
    const up = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  });
}

/** Bring a point of a picture into the plane that the room's point is in: a click chooses no depth. */
export function inPlane(point: Vec3, plane: { point: Vec3; normal: Vec3 } | undefined, now: Vec3): Vec3 {
  if (!plane) return point;
  const off = subtract(now, point);
  const along = off[0] * plane.normal[0] + off[1] * plane.normal[1] + off[2] * plane.normal[2];
  return add(point, scale(plane.normal, along));
}

/** The names of planes and directions in the patient. */
import { dot, type Vec3 } from "./vector";

export type PlaneName = "axial" | "coronal" | "sagittal" | "oblique";

const ALONG = 0.9; // cosine: 25 degrees

/** Name a plane by its normal. */
export function planeName(normal: Vec3): PlaneName {
  const [x, y, z] = normal.map(Math.abs) as Vec3;
  if (z > ALONG) return "axial";
  if (y > ALONG) return "coronal";
  return x > ALONG ? "sagittal" : "oblique";
}

/** The letters of a direction, the strongest first: R, L, A, P, H, F (PS3.3 C.7.6.1.1.1). */
export function letters(direction: Vec3): string {
  const [x, y, z] = direction;
  const parts: [number, string][] = [
    [Math.abs(x), x > 0 ? "L" : "R"],
    [Math.abs(y), y > 0 ? "P" : "A"],
    [Math.abs(z), z > 0 ? "H" : "F"],
  ];
  const told = parts.filter(([share]) => share > 0.2).sort((a, b) => b[0] - a[0]);
  return told.map(([, letter]) => letter).join("");
}

/** A plane that is looked at: a point of it, the directions of the screen, and the normal, away from the viewer. */
export interface Plane {
  point: Vec3;
  right: Vec3;
  down: Vec3;
  normal: Vec3;
}

/** Distance of a point from a plane, along its normal; mm. */
export const depth = (plane: Plane, point: Vec3): number =>
  dot(plane.normal, [point[0] - plane.point[0], point[1] - plane.point[1], point[2] - plane.point[2]]);

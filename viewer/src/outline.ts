/** The outline of a finding's voxels in a plane. */
import type { Plane } from "./planes";
import { add, cross, dot, length, scale, subtract, unit, type Vec3 } from "./vector";

/** Rows x, y, z of the map from (slice, row, column, 1) to patient coordinates, as result.json has it. */
export type Affine = [Row, Row, Row];
type Row = [number, number, number, number];

/** A box of voxels on a grid; index 0 is the slice, 1 the row, 2 the column. */
export interface Voxels {
  offset: Vec3;
  shape: Vec3;
  has(slice: number, row: number, column: number): boolean;
}

/** A closed line of points in the patient. */
export type Loop = Vec3[];

/** Read a box as `/api/studies/{uid}/outlines` gives it. */
export function voxelsFrom(offset: Vec3, shape: Vec3, base64: string): Voxels {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const [slices, rows, columns] = shape;
  return {
    offset,
    shape,
    has: (slice, row, column) => {
      const [k, j, i] = [slice - offset[0], row - offset[1], column - offset[2]];
      if (k < 0 || j < 0 || i < 0 || k >= slices || j >= rows || i >= columns) return false;
      const bit = (k * rows + j) * columns + i;
      return ((bytes[bit >> 3]! >> (bit & 7)) & 1) === 1;
    },
  };
}

export const axis = (affine: Affine, n: 0 | 1 | 2): Vec3 => [affine[0][n], affine[1][n], affine[2][n]];

export function toLps(affine: Affine, index: Vec3): Vec3 {
  return affine.map((row) => row[0] * index[0] + row[1] * index[1] + row[2] * index[2] + row[3]) as Vec3;
}

export function toIndex(affine: Affine, point: Vec3): Vec3 {
  const [a, b, c] = [axis(affine, 0), axis(affine, 1), axis(affine, 2)];
  const from = subtract(point, [affine[0][3], affine[1][3], affine[2][3]]);
  const volume = dot(a, cross(b, c));
  return [dot(from, cross(b, c)) / volume, dot(from, cross(c, a)) / volume, dot(from, cross(a, b)) / volume];
}

/**
 * Outline voxels in a plane, along the voxels' edges where the plane lies along the grid; where it cuts through at an
 * angle, along squares of half the smallest spacing.
 */
export function outline(voxels: Voxels, affine: Affine, plane: Plane): Loop[] {
  const lattice = latticeOf(voxels, affine, plane);
  if (!lattice) return [];
  const { rows, columns, inside, place } = lattice;
  return loops(rows, columns, inside).map((loop) => loop.map(([row, column]) => place(row, column)));
}

interface Lattice {
  rows: number;
  columns: number;
  inside(row: number, column: number): boolean;
  place(row: number, column: number): Vec3;
}

const ALONG = 0.9999;

function latticeOf(voxels: Voxels, affine: Affine, plane: Plane): Lattice | undefined {
  const axes = ([0, 1, 2] as const).map((n) => unit(axis(affine, n)));
  const match = (direction: Vec3): number => axes.findIndex((one) => Math.abs(dot(one, direction)) > ALONG);
  const through = match(plane.normal);
  const across = match(plane.right);
  const along = match(plane.down);
  if (through >= 0 && across >= 0 && along >= 0) {
    const fixed = Math.round(toIndex(affine, plane.point)[through]!);
    if (fixed < voxels.offset[through]! || fixed >= voxels.offset[through]! + voxels.shape[through]!) return undefined;
    const index = (row: number, column: number): Vec3 => {
      const made: Vec3 = [0, 0, 0];
      made[through] = fixed;
      made[along] = voxels.offset[along]! + row;
      made[across] = voxels.offset[across]! + column;
      return made;
    };
    return {
      rows: voxels.shape[along]!,
      columns: voxels.shape[across]!,
      inside: (row, column) => voxels.has(...index(row, column)),
      place: (row, column) => onto(plane, toLps(affine, index(row, column))),
    };
  }
  const step = Math.min(...([0, 1, 2] as const).map((n) => length(axis(affine, n)))) / 2;
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) =>
    toLps(affine, [0, 1, 2].map((n) => voxels.offset[n]! - 0.5 + ((bits >> n) & 1) * voxels.shape[n]!) as Vec3),
  );
  const depths = corners.map((corner) => dot(subtract(corner, plane.point), plane.normal));
  if (Math.min(...depths) > 0 || Math.max(...depths) < 0) return undefined;
  const xs = corners.map((corner) => dot(subtract(corner, plane.point), plane.right));
  const ys = corners.map((corner) => dot(subtract(corner, plane.point), plane.down));
  const [left, top] = [Math.min(...xs) + step / 2, Math.min(...ys) + step / 2];
  const place = (row: number, column: number): Vec3 =>
    add(add(plane.point, scale(plane.right, left + column * step)), scale(plane.down, top + row * step));
  return {
    rows: Math.ceil((Math.max(...ys) - top) / step) + 1,
    columns: Math.ceil((Math.max(...xs) - left) / step) + 1,
    inside: (row, column) => voxels.has(...(toIndex(affine, place(row, column)).map(Math.round) as Vec3)),
    place,
  };
}

function onto(plane: Plane, point: Vec3): Vec3 {
  return add(point, scale(plane.normal, dot(subtract(plane.point, point), plane.normal)));
}

/** Trace the edges of cells, the inside on the right hand; corners lie half a cell beside the cells' centres. */
export function loops(
  rows: number,
  columns: number,
  inside: (row: number, column: number) => boolean,
): [number, number][][] {
  const cell = (row: number, column: number): boolean =>
    row >= 0 && column >= 0 && row < rows && column < columns && inside(row, column);
  const next = new Map<string, [number, number][]>();
  const edge = (from: [number, number], to: [number, number]): void => {
    const key = from.join();
    next.set(key, [...(next.get(key) ?? []), to]);
  };
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!cell(row, column)) continue;
      if (!cell(row - 1, column)) edge([row, column], [row, column + 1]);
      if (!cell(row, column + 1)) edge([row, column + 1], [row + 1, column + 1]);
      if (!cell(row + 1, column)) edge([row + 1, column + 1], [row + 1, column]);
      if (!cell(row, column - 1)) edge([row + 1, column], [row, column]);
    }
  }
  const found: [number, number][][] = [];
  for (;;) {
    const start = next.keys().next();
    if (start.done) return found;
    const loop: [number, number][] = [];
    let key = start.value;
    for (;;) {
      const ways = next.get(key);
      const to = ways?.shift();
      if (!to) break;
      if (!ways!.length) next.delete(key);
      loop.push([to[0] - 0.5, to[1] - 0.5]);
      key = to.join();
    }
    found.push(straightened(loop));
  }
}

/** Leave out corners on a straight line. */
function straightened(loop: [number, number][]): [number, number][] {
  return loop.filter((corner, n) => {
    const before = loop.at(n - 1)!;
    const after = loop[(n + 1) % loop.length]!;
    return (corner[0] - before[0]) * (after[1] - corner[1]) !== (corner[1] - before[1]) * (after[0] - corner[0]);
  });
}

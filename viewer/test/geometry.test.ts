import { describe, expect, it } from "vitest";
import type { Metadata } from "../src/dicom";
import { loops, outline, toIndex, toLps, voxelsFrom, type Affine } from "../src/outline";
import { letters, planeName } from "../src/planes";
import { align } from "../src/prior";
import { NearestFirst } from "../src/queue";
import { centreOf, nearestFrame, ontoFrame, seriesFrom } from "../src/series";
import { resized } from "../src/overlay";
import { distance, dot, type Vec3 } from "../src/vector";

const value = (...values: unknown[]) => ({ vr: "DS", Value: values });

function slices(positions: Vec3[], axes = [1, 0, 0, 0, 1, 0], more: Metadata = {}): Metadata[] {
  return positions.map((position, n) => ({
    "00080018": { vr: "UI", Value: [`1.${n + 1}`] },
    "0020000D": { vr: "UI", Value: ["1"] },
    "0020000E": { vr: "UI", Value: ["2"] },
    "00080060": { vr: "CS", Value: ["CT"] },
    "00200013": value(n + 1),
    "00200032": value(...position),
    "00200037": value(...axes),
    "00280010": value(10),
    "00280011": value(20),
    "00280030": value(2, 1),
    ...more,
  }));
}

const line = (count: number, step: Vec3): Vec3[] => Array.from({ length: count }, (_, n) => step.map((mm) => mm * n) as Vec3);
const made = (metadata: Metadata[]) => seriesFrom(metadata, "http://x/dicom-web");

describe("a series", () => {
  it("is looked through from head to feet, whichever way it is numbered", () => {
    const up = made(slices(line(6, [0, 0, 2])));
    const down = made(slices(line(6, [0, 0, -2])));
    expect(up.frames.map((frame) => frame.instanceNumber)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(down.frames.map((frame) => frame.instanceNumber)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(up.obstacle).toBeNull();
  });

  it("makes up no volume where the gantry was tilted, slices are missing, or sizes differ", () => {
    expect(made(slices(line(20, [0, 0.6, 2]))).obstacle).toBe("tilted");
    expect(made(slices(line(8, [0, 0, 2]).filter((_, n) => n !== 3))).obstacle).toBe("irregular");
    const mixed = slices(line(6, [0, 0, 2]));
    mixed[2]!["00280010"] = value(12);
    expect(made(mixed).obstacle).toBe("mixed");
    expect(made(slices(line(2, [0, 0, 2]))).obstacle).toBe("too-few");
  });

  it("takes planes of a multi-frame image from its functional groups", () => {
    const group = (z: number): Metadata => ({
      "00209113": { vr: "SQ", Value: [{ "00200032": value(0, 0, z) }] },
    });
    const [one] = slices([[9, 9, 9]]);
    const enhanced: Metadata = {
      ...one!,
      "00280008": value(5),
      "52009229": {
        vr: "SQ",
        Value: [
          {
            "00209116": { vr: "SQ", Value: [{ "00200037": value(1, 0, 0, 0, 1, 0) }] },
            "00289110": { vr: "SQ", Value: [{ "00280030": value(0.5, 0.5) }] },
          },
        ],
      },
      "52009230": { vr: "SQ", Value: [0, 3, 6, 9, 12].map(group) },
    };
    const series = made([enhanced]);
    expect(series.frames.map((frame) => frame.position![2])).toEqual([12, 9, 6, 3, 0]);
    expect(series.frames[0]!.imageId.endsWith("/instances/1.1/frames/5")).toBe(true);
    expect(series.frames[0]!.spacing).toEqual([0.5, 0.5]);
    expect(series.obstacle).toBeNull();
  });

  it("finds the slice nearest to a point, and the point in a slice, in an oblique grid", () => {
    const c = Math.cos(0.4);
    const s = Math.sin(0.4);
    const normal: Vec3 = [0, -s, c];
    const series = made(slices(line(12, normal.map((mm) => mm * 3) as Vec3), [1, 0, 0, 0, c, s]));
    expect(series.obstacle).toBeNull();
    const frame = series.frames[4]!;
    const centre = centreOf(frame)!;
    expect(nearestFrame(series, centre)).toBe(4);
    const moved = ontoFrame(series, 7, centre);
    expect(dot(series.normal!, moved) - dot(series.normal!, series.frames[7]!.position!)).toBeCloseTo(0, 9);
    expect(distance(moved, centre)).toBeCloseTo(9, 9);
  });
});

describe("an outline", () => {
  const affine: Affine = [
    [0, 0, 0.5, -10],
    [0, 0.8, 0, -20],
    [2, 0, 0, -30],
  ];
  const voxels = voxelsFrom([3, 4, 5], [2, 2, 3], btoa(String.fromCharCode(0b111111, 0b111)));

  it("runs along the voxels' edges in a plane of the grid", () => {
    const z = toLps(affine, [3, 0, 0])[2];
    const found = outline(voxels, affine, { point: [0, 0, z], right: [1, 0, 0], down: [0, 1, 0], normal: [0, 0, -1] });
    expect(found).toHaveLength(1);
    const xs = found[0]!.map((point) => point[0]);
    const ys = found[0]!.map((point) => point[1]);
    expect([Math.min(...xs), Math.max(...xs)]).toEqual([-10 + 4.5 * 0.5, -10 + 7.5 * 0.5]);
    expect(Math.min(...ys)).toBeCloseTo(-20 + 3.5 * 0.8, 9);
    expect(Math.max(...ys)).toBeCloseTo(-20 + 5.5 * 0.8, 9);
    expect(found[0]!).toHaveLength(4);
  });

  it("is not drawn beside the voxels, and is drawn in a plane at an angle", () => {
    const along = { right: [1, 0, 0] as Vec3, down: [0, 1, 0] as Vec3, normal: [0, 0, -1] as Vec3 };
    expect(outline(voxels, affine, { point: [0, 0, 50], ...along })).toEqual([]);
    const r = Math.SQRT1_2;
    const centre = toLps(affine, [3, 4.5, 6]);
    const tilted = outline(voxels, affine, { point: centre, right: [r, r, 0], down: [0, 0, -1], normal: [-r, r, 0] });
    expect(tilted.length).toBeGreaterThan(0);
    for (const point of tilted.flat()) expect(Math.abs(dot([-r, r, 0], [point[0] - centre[0], point[1] - centre[1], 0]))).toBeLessThan(1e-9);
  });

  it("closes around a hole and around parts that touch at a corner", () => {
    const ring = ["111", "101", "111"];
    expect(loops(3, 3, (row, column) => ring[row]![column] === "1")).toHaveLength(2);
    const corner = ["10", "01"];
    const found = loops(2, 2, (row, column) => corner[row]![column] === "1");
    expect(found.flat().length).toBe(8);
  });

  it("maps points to indices and back", () => {
    const back = toIndex(affine, toLps(affine, [1.5, 2, 7]));
    back.forEach((index, n) => expect(index).toBeCloseTo([1.5, 2, 7][n]!, 9));
  });
});

describe("names and letters", () => {
  it("name planes by their normals", () => {
    expect(planeName([0, 0, -1])).toBe("axial");
    expect(planeName([0.1, 0.98, 0.1])).toBe("coronal");
    expect(planeName([-1, 0, 0])).toBe("sagittal");
    expect(planeName([0.6, 0.6, 0.5])).toBe("oblique");
  });

  it("name directions, the strongest first", () => {
    expect(letters([-1, 0, 0])).toBe("R");
    expect(letters([0, 0.5, 0.8])).toBe("HP");
  });
});

describe("what is fetched", () => {
  it("comes from where the person looks outwards, and follows", () => {
    const queue = new NearestFirst(9);
    expect([queue.take(), queue.take(), queue.take()]).toEqual([4, 5, 3]);
    queue.at = 0;
    expect([queue.take(), queue.take()]).toEqual([0, 1]);
    queue.lost(0, true);
    expect(queue.take()).toBe(0);
    queue.arrived(0);
    expect(queue.there).toBe(1);
  });

  it("is told as failed after the last try, and is not whole then", () => {
    const queue = new NearestFirst(1);
    queue.lost(queue.take()!, false);
    expect([queue.failed, queue.isWhole, queue.take()]).toEqual([1, false, undefined]);
  });
});

describe("a prior", () => {
  it("is aligned at the middle where nothing else is known, and not moved in one frame of reference", () => {
    const here = made(slices(line(6, [0, 0, 2])));
    const there = made(slices(line(6, [0, 0, 2]).map(([x, y, z]) => [x + 5, y, z + 40] as Vec3)));
    expect(align({ series: here, result: undefined }, { series: there, result: undefined }, undefined)).toEqual({
      shift: [5, 0, 40],
      by: "centre",
    });
    const one = { ...here, frameOfReferenceUid: "7" };
    expect(align({ series: one, result: undefined }, { series: one, result: undefined }, undefined).by).toBe("frame");
  });
});

it("axes that are typed keep their middle and direction", () => {
  const axes = resized({ long: [[0, 0, 0], [10, 0, 0]], short: [[5, -2, 0], [5, 2, 0]] }, 20, 6);
  expect(axes.long).toEqual([[-5, 0, 0], [15, 0, 0]]);
  expect(distance(...axes.short)).toBeCloseTo(6, 9);
});

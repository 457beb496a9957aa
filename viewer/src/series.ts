/** A series as planes in the patient: which frames it has, in which order, and whether they make up a volume. */
import { items, number, numbers, TAG, text, type Metadata } from "./dicom";
import { add, cross, dot, length, scale, subtract, unit, type Vec3 } from "./vector";

/** One image: a frame of an instance, with its plane where it has one. Positions are pixels' centres. */
export interface Frame {
  imageId: string;
  sopInstanceUid: string;
  frameNumber: number;
  instanceNumber: number | undefined;
  rows: number;
  columns: number;
  /** Distance of rows, and of columns; mm. */
  spacing: [number, number] | undefined;
  /** Whether the spacing is that at the detector, not in the patient (PS3.3 10.7.1.3). */
  atDetector: boolean;
  position: Vec3 | undefined;
  right: Vec3 | undefined;
  down: Vec3 | undefined;
}

/** Why a series makes up no volume, or null where it does. */
export type Obstacle = "no-geometry" | "too-few" | "tilted" | "irregular" | "mixed" | null;

export interface Series {
  studyUid: string;
  uid: string;
  number: number | undefined;
  modality: string;
  description: string;
  frameOfReferenceUid: string;
  frames: Frame[];
  /** Normal of the planes, in the direction in which the frames are listed. */
  normal: Vec3 | undefined;
  obstacle: Obstacle;
}

const ALIGNED = 0.9999; // cosine above which two directions count as one
const OFF_MM = 0.1; // how far a slice may lie beside its place on the grid
const LEAST_SLICES = 4;

/** Build a series from the metadata of its instances. `url` is the one of the DICOMweb service. */
export function seriesFrom(metadata: Metadata[], url: string): Series {
  const first = metadata[0];
  if (!first) throw new Error("a series without instances");
  const study = text(first, TAG.study);
  const uid = text(first, TAG.series);
  const frames = metadata.flatMap((one) => framesOf(one, `${url}/studies/${study}/series/${uid}`));
  const { sorted, normal } = inOrder(frames);
  return {
    studyUid: study,
    uid,
    number: number(first, TAG.seriesNumber),
    modality: text(first, TAG.modality),
    description: text(first, TAG.seriesDescription),
    frameOfReferenceUid: text(first, TAG.frameOfReference),
    frames: sorted,
    normal,
    obstacle: obstacleOf(sorted, normal),
  };
}

function framesOf(one: Metadata, seriesUrl: string): Frame[] {
  const sop = text(one, TAG.sopInstance);
  const rows = number(one, TAG.rows) ?? 0;
  const columns = number(one, TAG.columns) ?? 0;
  if (!rows || !columns) return [];
  const shared = items(one, TAG.sharedGroups)[0];
  const perFrame = items(one, TAG.perFrameGroups);
  const count = number(one, TAG.frames) ?? 1;
  return Array.from({ length: count }, (_, index) => {
    const groups = [perFrame[index], shared].filter((group) => group !== undefined);
    const look = (sequence: string, tag: string): number[] => {
      for (const group of groups) {
        const item = items(group, sequence)[0];
        if (item && numbers(item, tag).length) return numbers(item, tag);
      }
      return numbers(one, tag);
    };
    const position = look(TAG.planePositions, TAG.position);
    const axes = look(TAG.planeOrientations, TAG.orientation);
    const spacing = look(TAG.pixelMeasures, TAG.pixelSpacing);
    const detector = numbers(one, TAG.imagerPixelSpacing);
    const inPlane = spacing.length === 2 ? spacing : detector;
    return {
      imageId: `wadors:${seriesUrl}/instances/${sop}/frames/${index + 1}`,
      sopInstanceUid: sop,
      frameNumber: index + 1,
      instanceNumber: number(one, TAG.instanceNumber),
      rows,
      columns,
      spacing: inPlane.length === 2 ? [inPlane[0]!, inPlane[1]!] : undefined,
      atDetector: spacing.length !== 2 && detector.length === 2,
      position: position.length === 3 ? (position as Vec3) : undefined,
      right: axes.length === 6 ? unit(axes.slice(0, 3) as Vec3) : undefined,
      down: axes.length === 6 ? unit(axes.slice(3) as Vec3) : undefined,
    };
  });
}

/**
 * Order frames as they are looked through: from head to feet, from front to back, from right to left;
 * frames without a place in the patient by their number.
 */
export function inOrder(frames: Frame[]): { sorted: Frame[]; normal: Vec3 | undefined } {
  const first = frames[0];
  const placed = frames.every((frame) => frame.position && frame.right && frame.down);
  if (!first || !placed) {
    const sorted = [...frames].sort(
      (a, b) => (a.instanceNumber ?? 0) - (b.instanceNumber ?? 0) || a.frameNumber - b.frameNumber,
    );
    return { sorted, normal: undefined };
  }
  let normal = unit(cross(first.right!, first.down!));
  const widest = [0, 1, 2].reduce((a, b) => (Math.abs(normal[b]!) > Math.abs(normal[a]!) ? b : a));
  // Listed from head to feet (-z), from front to back (+y), from right to left (+x).
  if (normal[widest]! * (widest === 2 ? -1 : 1) < 0) normal = scale(normal, -1);
  const at = (frame: Frame): number => dot(frame.position!, normal);
  return { sorted: [...frames].sort((a, b) => at(a) - at(b)), normal };
}

/** Tell why frames in order make up no volume of right angles and equal steps. */
export function obstacleOf(frames: Frame[], normal: Vec3 | undefined): Obstacle {
  const first = frames[0];
  const last = frames.at(-1);
  if (!normal || !first || !last || !first.spacing) return "no-geometry";
  if (frames.length < LEAST_SLICES) return "too-few";
  const alike = frames.every(
    (frame) =>
      frame.rows === first.rows &&
      frame.columns === first.columns &&
      dot(frame.right!, first.right!) > ALIGNED &&
      dot(frame.down!, first.down!) > ALIGNED,
  );
  if (!alike) return "mixed";
  const step = scale(subtract(last.position!, first.position!), 1 / (frames.length - 1));
  const along = dot(step, normal);
  if (along < 1e-3) return "mixed";
  const off = Math.max(OFF_MM, along * 0.05);
  const regular = frames.every(
    (frame, n) => length(subtract(frame.position!, add(first.position!, scale(step, n)))) < off,
  );
  if (!regular) return "irregular";
  // What the gantry's tilt moves over the whole series must stay below a pixel.
  const sideways = length(subtract(step, scale(normal, along))) * (frames.length - 1);
  return sideways > Math.min(...first.spacing) ? "tilted" : null;
}

/** Index of the frame whose plane is nearest to a point; 0 where frames have no planes. */
export function nearestFrame(series: Series, point: Vec3): number {
  const { normal, frames } = series;
  if (!normal) return 0;
  let best = 0;
  let least = Infinity;
  frames.forEach((frame, index) => {
    const off = Math.abs(dot(subtract(point, frame.position!), normal));
    if (off < least) [best, least] = [index, off];
  });
  return best;
}

/** Move a point along the normal into the plane of a frame. */
export function ontoFrame(series: Series, index: number, point: Vec3): Vec3 {
  const frame = series.frames[index];
  if (!series.normal || !frame?.position) return point;
  return add(point, scale(series.normal, dot(subtract(frame.position, point), series.normal)));
}

/** Centre of a frame in the patient; undefined without a plane. */
export function centreOf(frame: Frame): Vec3 | undefined {
  const { position, right, down, spacing, rows, columns } = frame;
  if (!position || !right || !down || !spacing) return undefined;
  const across = scale(right, ((columns - 1) / 2) * spacing[1]);
  return add(add(position, across), scale(down, ((rows - 1) / 2) * spacing[0]));
}

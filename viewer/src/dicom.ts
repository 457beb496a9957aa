/** The DICOM JSON model (PS3.18 annex F): attributes by tag, as WADO-RS gives metadata. */
export interface Attribute {
  vr: string;
  Value?: unknown[];
  BulkDataURI?: string;
}
export type Metadata = Record<string, Attribute>;

export const TAG = {
  sopClass: "00080016",
  sopInstance: "00080018",
  studyDate: "00080020",
  modality: "00080060",
  studyDescription: "00081030",
  seriesDescription: "0008103E",
  patientName: "00100010",
  patientId: "00100020",
  birthDate: "00100030",
  sex: "00100040",
  sliceThickness: "00180050",
  imagerPixelSpacing: "00181164",
  study: "0020000D",
  series: "0020000E",
  seriesNumber: "00200011",
  instanceNumber: "00200013",
  position: "00200032",
  orientation: "00200037",
  frameOfReference: "00200052",
  laterality: "00200060",
  frames: "00280008",
  rows: "00280010",
  columns: "00280011",
  pixelSpacing: "00280030",
  viewPosition: "00185101",
  seriesInstances: "00201209",
  sharedGroups: "52009229",
  perFrameGroups: "52009230",
  planePositions: "00209113",
  planeOrientations: "00209116",
  pixelMeasures: "00289110",
} as const;

/** The first value as text; "" where there is none. Names of persons are given as a person reads them. */
export function text(of: Metadata, tag: string): string {
  const value = of[tag]?.Value?.[0];
  if (value === undefined || value === null) return "";
  if (typeof value === "object") {
    const name = value as { Alphabetic?: string; Ideographic?: string };
    const western = (name.Alphabetic ?? "").split("^").filter(Boolean).join(" ");
    return name.Ideographic ? `${name.Ideographic.replaceAll("^", "")} (${western})` : western;
  }
  return String(value);
}

/** All values as numbers; none where one of them is no number. */
export function numbers(of: Metadata, tag: string): number[] {
  const values = (of[tag]?.Value ?? []).map(Number);
  return values.every(Number.isFinite) ? values : [];
}

export function number(of: Metadata, tag: string): number | undefined {
  return numbers(of, tag)[0];
}

export function items(of: Metadata, tag: string): Metadata[] {
  return (of[tag]?.Value ?? []) as Metadata[];
}

/** What is asked of the server: DICOMweb, and the JSON below /api. */
import type { Metadata } from "./dicom";
import { voxelsFrom, type Voxels } from "./outline";
import type { Result } from "./result";
import type { Vec3 } from "./vector";

export const DICOMWEB = new URL("/dicom-web", document.baseURI).href;

/** An answer that is no success; `status` 0: the server cannot be reached. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly remedy = "",
    readonly body: unknown = undefined,
  ) {
    super(message);
  }
}

/** Send a request and return its JSON, with the answer's headers; 404 of a GET is undefined. */
export async function ask<T>(path: string, options: RequestInit = {}): Promise<{ body: T; headers: Headers }> {
  const headers = new Headers(options.headers);
  if (!headers.has("Accept")) headers.set("Accept", "application/json");
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
  if (token && options.method && options.method !== "GET") headers.set("X-CSRF-Token", token);
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, headers, credentials: "same-origin" });
  } catch {
    throw new Refused(0, "The server does not answer.");
  }
  const body: unknown = answer.status === 204 ? undefined : await answer.json().catch(() => undefined);
  if (!answer.ok) {
    const told = (body ?? {}) as { error?: string; remedy?: string };
    throw new Refused(answer.status, told.error ?? `HTTP ${answer.status}`, told.remedy ?? "", body);
  }
  return { body: body as T, headers: answer.headers };
}

export const JSON_BODY = { "Content-Type": "application/json" };

async function orNone<T>(path: string): Promise<T | undefined> {
  try {
    return (await ask<T>(path)).body;
  } catch (problem) {
    if (problem instanceof Refused && (problem.status === 404 || problem.status === 403)) return undefined;
    throw problem;
  }
}

const dicomJson = { headers: { Accept: "application/dicom+json" } };

/** The series of a study (QIDO-RS). */
export async function seriesOf(study: string): Promise<Metadata[]> {
  return (await ask<Metadata[] | undefined>(`${DICOMWEB}/studies/${study}/series?limit=500`, dicomJson)).body ?? [];
}

/** The metadata of every instance of a series, in one request (WADO-RS). */
export async function metadataOf(study: string, series: string): Promise<Metadata[]> {
  return (await ask<Metadata[]>(`${DICOMWEB}/studies/${study}/series/${series}/metadata`, dicomJson)).body;
}

/** The newest result of a study; undefined where there is none, or it may not be seen. */
export const resultOf = (study: string): Promise<Result | undefined> => orNone(`/api/studies/${study}/result`);

/** The voxels of the findings of the newest result, by the findings' ids. */
export async function outlinesOf(study: string): Promise<Map<string, Voxels>> {
  const found = await orNone<{ outlines: { finding: string; offset: Vec3; shape: Vec3; bits: string }[] }>(
    `/api/studies/${study}/outlines`,
  );
  return new Map(found?.outlines.map((one) => [one.finding, voxelsFrom(one.offset, one.shape, one.bits)]) ?? []);
}

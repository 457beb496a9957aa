/** Cornerstone, set up for this page: one rendering engine, its cache, its decoders, its tools. */
import { cache, Enums, imageRetrievalPoolManager, init as startCore, RenderingEngine } from "@cornerstonejs/core";
import { init as startLoader, wadors } from "@cornerstonejs/dicom-image-loader";
import { init as startTools } from "@cornerstonejs/tools";
import { TAG, type Attribute, type Metadata } from "./dicom";
import type { Series } from "./series";

const CACHE_BYTES = 3 * 2 ** 30;
export const AT_ONCE = 8; // frames that are asked for at once; a browser opens six connections to a server

let made: RenderingEngine | undefined;

/** Return the engine; the first call starts everything. */
export async function engine(): Promise<RenderingEngine> {
  if (made) return made;
  // One WebGL context: planes of one volume share its texture.
  await startCore({ rendering: { webGlContextCount: 1 }, debug: {} });
  startTools();
  startLoader({ maxWebWorkers: Math.max(1, Math.min(6, (navigator.hardwareConcurrency || 2) - 1)) });
  cache.setMaxCacheSize(CACHE_BYTES);
  for (const kind of [Enums.RequestType.Prefetch, Enums.RequestType.Interaction]) {
    imageRetrievalPoolManager.setMaxSimultaneousRequests(kind, AT_ONCE);
  }
  made = new RenderingEngine("tview");
  return made;
}

const decimals = (...Value: number[]): Attribute => ({ vr: "DS", Value });

/** Tell Cornerstone the headers of a series: it asks for them by the ids of images. */
export function describe(series: Series, metadata: Metadata[]): void {
  const bySop = new Map(metadata.map((one) => [String(one[TAG.sopInstance]?.Value?.[0]), one]));
  for (const frame of series.frames) {
    const header = bySop.get(frame.sopInstanceUid);
    if (!header) continue;
    // Cornerstone measures in mm only where an image has a place in the patient and a scale there. An X-ray has a scale
    // at the detector, and the pane says so; the place that is made up here is shown nowhere.
    const made = frame.spacing && !frame.position ? { [TAG.position]: decimals(0, 0, 0), [TAG.orientation]: decimals(1, 0, 0, 0, 1, 0) } : {};
    const scale = frame.atDetector ? { [TAG.pixelSpacing]: header[TAG.imagerPixelSpacing]! } : {};
    const told: Metadata = { ...header, ...made, ...scale };
    wadors.metaDataManager.add(frame.imageId, told as never);
  }
}

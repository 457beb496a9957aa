/** The prior study beside the current one: the same place of the patient in both. */
import type { Finding, Result } from "./result";
import { centreOf, type Series } from "./series";
import { scale, add, subtract, type Vec3 } from "./vector";

/** How the prior lies: add `shift` to a point of the current study and have the same place in the prior. */
export interface Alignment {
  shift: Vec3;
  by: "frame" | "finding" | "lungs" | "centre";
  finding?: string;
}

/**
 * Align a prior: at a matched finding where one is named, else at the middle of the lungs of both reads, else at the
 * middle of both series. In one frame of reference nothing has to be moved.
 */
export function align(
  current: { series: Series; result: Result | undefined },
  prior: { series: Series; result: Result | undefined },
  finding: Finding | undefined,
): Alignment {
  if (current.series.frameOfReferenceUid && current.series.frameOfReferenceUid === prior.series.frameOfReferenceUid) {
    return { shift: [0, 0, 0], by: "frame" };
  }
  const matched = prior.result?.findings.find(
    (one) => one.tracking_uid === finding?.comparison?.prior_tracking_uid || one.tracking_uid === finding?.tracking_uid,
  );
  if (finding && matched) {
    return { shift: subtract(matched.center_lps_mm, finding.center_lps_mm), by: "finding", finding: finding.id };
  }
  const [ours, theirs] = [lungs(current.result), lungs(prior.result)];
  if (ours && theirs) return { shift: subtract(theirs, ours), by: "lungs" };
  const [here, there] = [middleOf(current.series), middleOf(prior.series)];
  return { shift: here && there ? subtract(there, here) : [0, 0, 0], by: "centre" };
}

function lungs(result: Result | undefined): Vec3 | undefined {
  const boxes = result?.structures.filter((one) => one.center_lps_mm && /lung/i.test(one.name)) ?? [];
  if (!boxes.length) return undefined;
  return scale(
    boxes.reduce<Vec3>((sum, one) => add(sum, one.center_lps_mm!), [0, 0, 0]),
    1 / boxes.length,
  );
}

function middleOf(series: Series): Vec3 | undefined {
  const first = series.frames[0] && centreOf(series.frames[0]);
  const last = series.frames.at(-1) && centreOf(series.frames.at(-1)!);
  return first && last ? scale(add(first, last), 0.5) : undefined;
}

/** Measurements that are drawn, moved and removed, as steps that can be taken back: one for each act. */
import { eventTarget, type Types } from "@cornerstonejs/core";
import { annotation, Enums } from "@cornerstonejs/tools";
import type { Undo } from "./undo";

/** Where the ends of all measurements are. */
type Drawn = Map<string, { kept: unknown; points: Types.Point3[] }>;
type Told = CustomEvent<{ annotation: { annotationUID?: string } }>;

const { ANNOTATION_ADDED, ANNOTATION_COMPLETED, ANNOTATION_REMOVED } = Enums.Events;

/** Watch what is drawn; `redraw` is called when a step was taken back. */
export function keepDrawn(undo: Undo, redraw: () => void): void {
  // One that is being drawn is not there yet: it has its ends only when it is done.
  const underWay = new Set<string>();
  let known: Drawn = new Map();
  let isRestoring = false;

  const look = (): void => {
    if (isRestoring) return;
    const now = drawnNow(underWay);
    const before = known;
    if (isSame(before, now)) return;
    known = now;
    undo.push(() => {
      isRestoring = true;
      restore(before, underWay);
      isRestoring = false;
      known = drawnNow(underWay);
      redraw();
    });
  };
  const uid = (event: Event): string => (event as Told).detail.annotation.annotationUID ?? "";
  eventTarget.addEventListener(ANNOTATION_ADDED, (event: Event) => underWay.add(uid(event)));
  for (const name of [ANNOTATION_COMPLETED, ANNOTATION_REMOVED]) {
    eventTarget.addEventListener(name, (event: Event) => {
      underWay.delete(uid(event));
      look();
    });
  }
  // Of one that is moved no event tells the end. The button's comes here after it was to Cornerstone.
  for (const name of ["mouseup", "touchend"]) window.addEventListener(name, look);
}

function drawnNow(without: Set<string>): Drawn {
  return new Map(
    annotation.state
      .getAllAnnotations()
      .filter((one) => !without.has(one.annotationUID!))
      .map((one) => {
        const points = (one.data.handles?.points ?? []).map((point) => [...point] as Types.Point3);
        return [one.annotationUID!, { kept: one, points }];
      }),
  );
}

function isSame(a: Drawn, b: Drawn): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([uid, { points }]) => String(b.get(uid)?.points ?? "") === String(points));
}

/** Bring measurements back to where they were, but `without`. */
function restore(before: Drawn, without: Set<string>): void {
  const manager = annotation.state.getAnnotationManager() as { addAnnotation(one: unknown): void };
  for (const one of annotation.state.getAllAnnotations()) {
    const uid = one.annotationUID!;
    if (!before.has(uid) && !without.has(uid)) annotation.state.removeAnnotation(uid);
  }
  for (const [uid, { kept, points }] of before) {
    const there = annotation.state.getAnnotation(uid) ?? kept;
    const data = (there as { data: { handles: { points: Types.Point3[] } }; invalidated: boolean }).data;
    data.handles.points = points.map((point) => [...point] as Types.Point3);
    (there as { invalidated: boolean }).invalidated = true;
    if (!annotation.state.getAnnotation(uid)) manager.addAnnotation(there);
  }
}

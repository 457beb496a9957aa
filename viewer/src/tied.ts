/** Two panes that are looked at together: what is enlarged and moved in one is in the other, too. */
import { Enums } from "@cornerstonejs/core";
import type { StackPane } from "./stack_pane";
import { add, subtract, type Vec3 } from "./vector";

/** Tie two panes; returns what brings the second to where the first is. */
export function tie(first: StackPane, second: StackPane): () => void {
  let isFollowing = false;
  const follow = (from: StackPane, to: StackPane): void => {
    if (isFollowing || !from.isEnabled || !to.isEnabled) return;
    isFollowing = true; // the other tells that it was moved, too
    look(from, to);
    isFollowing = false;
  };
  first.picture.addEventListener(Enums.Events.CAMERA_MODIFIED, () => follow(first, second));
  second.picture.addEventListener(Enums.Events.CAMERA_MODIFIED, () => follow(second, first));
  return () => follow(first, second);
}

/** Look at the same place of the patient, as large; where the pictures have no place in the patient, at the same part. */
function look(from: StackPane, to: StackPane): void {
  const { focalPoint, parallelScale } = from.viewport.getCamera();
  if (from.plane && to.plane && focalPoint && parallelScale) {
    const place = add(subtract([...focalPoint] as Vec3, from.shift), to.shift);
    to.closeUp(place, parallelScale * 2);
    return;
  }
  const { zoom = 1, pan = [0, 0] } = from.viewport.getViewPresentation();
  to.viewport.setViewPresentation({ zoom, pan });
  to.render();
}

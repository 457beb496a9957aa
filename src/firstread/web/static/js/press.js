/** A click is lost where what it began on is made anew before it ends: who makes it anew waits for it here. */

let isPressed = false;
const waiting = new Set();

// A press on a field may open a list of the system's, and its end is then not told.
addEventListener("pointerdown", (event) => (isPressed = event.target.closest?.("a, button, summary") != null), true);
for (const kind of ["pointerup", "pointercancel"]) {
  addEventListener(
    kind,
    () => {
      isPressed = false;
      for (const run of waiting) setTimeout(run);
      waiting.clear();
    },
    true,
  );
}

/** Run at once, or after the click that has begun; a function that waits already runs once. */
export function afterPress(run) {
  if (isPressed) waiting.add(run);
  else run();
}

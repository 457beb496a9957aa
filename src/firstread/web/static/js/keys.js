/** The keyboard: what each key does on this page. A key does nothing while somebody types, or while a dialog is open. */

const bound = new Map();
let first = "";
let forget;

/**
 * Give keys a meaning: `bind({ j: next, "g w": () => … })`; two keys in a row are written with a space.
 * @param {Record<string, (event: KeyboardEvent) => unknown>} keys
 */
export function bind(keys) {
  for (const [key, act] of Object.entries(keys)) bound.set(key, act);
}

export const isTyping = (target) =>
  target instanceof Element && target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable='true']") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && isTyping(event.target)) return event.target.blur();
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if ((event.key === "Enter" || event.key === " ") && event.target.closest?.("a, button, summary")) return;
  const both = `${first} ${event.key}`;
  const act = bound.get(both) ?? bound.get(event.key);
  clearTimeout(forget);
  first = event.key;
  forget = setTimeout(() => (first = ""), 1200);
  if (act) {
    event.preventDefault();
    if (bound.has(both)) first = "";
    act(event);
  }
});

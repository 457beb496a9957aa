/** Elements of the page. */
type Child = Node | string | undefined | false;

/** Make an element with attributes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string | boolean | undefined> = {},
  children: Child[] = [],
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(name), attributes, children);
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element. */
export function drawn<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number> = {},
  children: Child[] = [],
): SVGElementTagNameMap[K] {
  const texts = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, String(value)]));
  return fill(document.createElementNS(SVG, name), texts, children);
}

function fill<E extends Element>(made: E, attributes: Record<string, string | boolean | undefined>, children: Child[]): E {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child): child is Node | string => child !== undefined && child !== false && child !== ""));
  return made;
}

/** A button that does something. */
export function button(
  label: string,
  act: () => void,
  attributes: Record<string, string | boolean | undefined> = {},
): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, [label]);
  made.addEventListener("click", act);
  return made;
}

/**
 * A function that runs another at once, or, while a press on a button of the element has begun, after its click:
 * a click is lost where what it began on is made anew meanwhile.
 */
export function afterPress(root: HTMLElement): (run: () => void) => void {
  let isPressed = false;
  const waiting = new Set<() => void>();
  // A press on a field may open a list of the system's, and its end is then not told.
  root.addEventListener("pointerdown", (event) => (isPressed = (event.target as Element).closest("button, summary") !== null), true);
  const ended = (): void => {
    isPressed = false;
    for (const run of waiting) setTimeout(run);
    waiting.clear();
  };
  for (const kind of ["pointerup", "pointercancel"]) window.addEventListener(kind, ended, true);
  return (run) => {
    if (isPressed) waiting.add(run);
    else run();
  };
}

export function required(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

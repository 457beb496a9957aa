/** Parts of a page that follow the node: `data-follow="study"`, with `data-of` only one study. */

import { OF_ITSELF } from "./http.js";
import * as live from "./live.js";
import { afterPress } from "./press.js";
import { followTime, sayMoments } from "./spans.js";

const EVERY_MS = 1500;
const parser = new DOMParser();

for (const kind of new Set([...document.querySelectorAll("[data-follow]")].map((part) => part.dataset.follow))) {
  let due = null;
  const refresh = () => {
    due ??= setTimeout(load, EVERY_MS);
  };
  const exchange = (parts, text) => {
    const fresh = parser.parseFromString(text, "text/html").querySelectorAll(`[data-follow="${kind}"]`);
    parts.forEach((part, at) => {
      const other = fresh[at];
      if (!other) return;
      const focused = part.contains(document.activeElement) ? place(part, document.activeElement) : null;
      part.replaceChildren(...document.adoptNode(other).childNodes);
      sayMoments(part);
      if (focused !== null) part.querySelectorAll("a, button")[focused]?.focus({ preventScroll: true });
    });
  };
  const load = async () => {
    due = null;
    if (document.hidden) return document.addEventListener("visibilitychange", refresh, { once: true });
    const parts = [...document.querySelectorAll(`[data-follow="${kind}"]`)];
    if (parts.some((part) => part.contains(document.activeElement) && document.activeElement.matches("select, input, textarea"))) {
      return refresh();
    }
    const answer = await fetch(location.href, { headers: { Accept: "text/html", ...OF_ITSELF } }).catch(() => null);
    // Read to its end in any case: an answer left unread keeps its connection.
    const text = answer?.ok ? await answer.text().catch(() => null) : null;
    if (text === null) return;
    afterPress(() => exchange(parts, text));
  };
  live.on(kind, (content) => {
    const parts = [...document.querySelectorAll(`[data-follow="${kind}"]`)];
    if (parts.some((part) => !part.dataset.of || content.studies?.includes(part.dataset.of) || content.study === part.dataset.of)) refresh();
  });
  let begun = false;
  live.on("hello", () => {
    if (begun) refresh();
    begun = true;
  });
}

const place = (part, element) => [...part.querySelectorAll("a, button")].indexOf(element);

followTime();

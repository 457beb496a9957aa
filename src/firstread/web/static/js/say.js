/** Sentences for everybody, screen readers included; they go away by themselves. */

let ends;

/** @param {string} text @param {{urgent?: boolean, seconds?: number}} [options] */
export function say(text, { urgent = false, seconds = 6 } = {}) {
  const place = document.getElementById(urgent ? "urgent" : "said");
  place.textContent = text;
  clearTimeout(ends);
  ends = setTimeout(() => (place.textContent = ""), seconds * 1000);
}

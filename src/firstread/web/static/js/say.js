/** Sentences for everybody, screen readers included; they go away by themselves. */

const ends = new Map();

/** @param {string} text @param {{urgent?: boolean, seconds?: number}} [options] */
export function say(text, { urgent = false, seconds = 6 } = {}) {
  const place = document.getElementById(urgent ? "urgent" : "said");
  place.textContent = text;
  clearTimeout(ends.get(place));
  ends.set(
    place,
    setTimeout(() => (place.textContent = ""), seconds * 1000),
  );
}

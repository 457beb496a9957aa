/** Time left on clocks of alerts, in the words of the page. */

/**
 * @param {string} deadline ISO 8601
 * @param {Record<string, string>} words
 * @returns {{text: string, late: boolean}}
 */
export function timeLeft(deadline, words) {
  const left = (new Date(deadline) - Date.now()) / 60000;
  const minutes = Math.floor(Math.abs(left));
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  const span = fill(d ? words.days : h ? words.hours : words.minutes, { d, h, m });
  return { text: fill(left < 0 ? words.overdue : words.left, { time: span }), late: left < 0 };
}

/** @param {string} text @param {Record<string, string | number>} fields */
export function fill(text, fields) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => fields[name] ?? whole);
}

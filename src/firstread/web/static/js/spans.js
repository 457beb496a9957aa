/** Moments as people say them: how long ago in the last day, else the date; in the page's language. */

const lang = document.documentElement.lang;
const ago = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" });
const date = new Intl.DateTimeFormat(lang, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });
const whole = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium" });

/** Say every moment of a part of the page. @param {ParentNode} within */
export function sayMoments(within = document) {
  const present = Date.now();
  for (const element of within.querySelectorAll("time[datetime]")) {
    const then = new Date(element.dateTime);
    const minutes = Math.round((then - present) / 60000);
    let text;
    if ("span" in element.dataset && minutes > -60) text = ago.format(Math.min(minutes, 0), "minute");
    else if ("span" in element.dataset && minutes > -24 * 60) text = ago.format(Math.round(minutes / 60), "hour");
    else text = date.format(then);
    if (element.textContent !== text) element.textContent = text;
    if (!element.title) element.title = whole.format(then);
  }
}

/** Say them, and go on as time passes. */
export function followTime() {
  sayMoments();
  setInterval(() => document.hidden || sayMoments(), 30000);
}

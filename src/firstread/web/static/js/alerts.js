/** The clocks on the pages of alerts, which go on while the page is looked at. */

import { timeLeft } from "./alert_time.js";

function show() {
  for (const clock of document.querySelectorAll("[data-deadline]")) {
    const words = JSON.parse(clock.closest("[data-words]").dataset.words);
    const { text, late } = timeLeft(clock.dataset.deadline, words);
    if (clock.textContent !== text) clock.textContent = text;
    clock.classList.toggle("late", late);
  }
}

show();
setInterval(show, 1000);

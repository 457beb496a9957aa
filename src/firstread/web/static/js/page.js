/** What every page does: keyboard, dialogs, copying, the live sign. */

import { bind } from "./keys.js";
import * as live from "./live.js";
import { say } from "./say.js";
import { sayMoments } from "./spans.js";
import "./http.js";

const way = (name) => document.querySelector(`[data-way="${name}"]`);

bind({
  "?": () => document.getElementById("help")?.showModal(),
  "/": () => document.querySelector("[data-search]")?.focus(),
});
for (const link of document.querySelectorAll("[data-way]")) {
  bind({ [`g ${link.dataset.way[0]}`]: () => way(link.dataset.way)?.click() });
}

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) return document.getElementById(opener.dataset.open)?.showModal();
  const closer = event.target.closest("[data-close]");
  if (closer) {
    event.preventDefault();
    return closer.closest("dialog")?.close();
  }
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    const text = document.getElementById(copier.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      say(copier.dataset.copied);
    } catch {
      getSelection().selectAllChildren(document.getElementById(copier.dataset.copy));
    }
  }
  if (event.target.closest("[data-print]")) print();
});

document.addEventListener("change", (event) => event.target.closest("form[data-at-once]")?.requestSubmit());

sayMoments();

if (document.body.dataset.live === "on") {
  live.on("left", () => say(document.body.dataset.ended, { urgent: true, seconds: 3600 }));
  live.on("glass", () => say(document.body.dataset.glass, { urgent: true, seconds: 60 }));
  live.start();
}

/** The tour: shown once in a browser, and again whenever it is asked for. */

const KEY = "firstread-tour";

export function startTour() {
  const dialog = document.getElementById("tour");
  if (!dialog) return;
  const steps = [...dialog.querySelectorAll("[data-step]")];
  const next = dialog.querySelector("[data-next]");
  const before = dialog.querySelector("[data-before]");
  let at = 0;

  function show(to) {
    at = to;
    steps.forEach((step, each) => (step.hidden = each !== at));
    before.hidden = at === 0;
    next.textContent = at === steps.length - 1 ? next.dataset.end : next.dataset.more;
  }

  next.addEventListener("click", () => (at === steps.length - 1 ? dialog.close() : show(at + 1)));
  before.addEventListener("click", () => show(at - 1));
  dialog.addEventListener("close", () => localStorage.setItem(KEY, "seen"));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-tour]")) {
      show(0);
      dialog.showModal();
    }
  });
  if (localStorage.getItem(KEY) === null) {
    show(0);
    dialog.showModal();
  }
}

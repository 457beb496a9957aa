/** A light viewer: the images around a finding, one at a time, with two windows. */

const dialog = document.getElementById("pictures");
const image = dialog.querySelector("[data-image]");
const slice = document.getElementById("slice");
const title = document.getElementById("pictures-title");
let images = [];
let base = "";
let look = "-600,1500";
let name = "";

const address = (at) => `${base}${images[at]}/rendered?window=${look},linear&viewport=640,640`;

function show() {
  const at = Number(slice.value);
  image.src = address(at);
  title.textContent = `${name} · ${at + 1}/${images.length}`;
  for (const near of [at - 1, at + 1]) if (images[near]) new Image().src = address(near);
}

function move(by) {
  slice.value = String(Number(slice.value) + by);
  show();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-pictures]");
  if (!opener) return;
  images = JSON.parse(opener.dataset.pictures);
  base = opener.dataset.of;
  name = opener.dataset.name;
  slice.max = String(images.length - 1);
  slice.value = opener.dataset.at;
  show();
  dialog.showModal();
  slice.focus();
});
slice.addEventListener("input", show);
image.addEventListener("wheel", (event) => {
  event.preventDefault();
  move(Math.sign(event.deltaY));
}, { passive: false });
let from = null;
image.addEventListener("pointerdown", (event) => (from = event.clientY));
image.addEventListener("pointermove", (event) => {
  if (from === null || Math.abs(event.clientY - from) < 14) return;
  move(Math.sign(event.clientY - from));
  from = event.clientY;
});
for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => (from = null));
for (const button of dialog.querySelectorAll("[data-window]")) {
  button.addEventListener("click", () => {
    look = button.dataset.window;
    show();
  });
}

/** The bar above the pictures. */
import { button, element } from "./dom";
import { PRESETS, type Layout, type Room, type Tool } from "./room";
import { t } from "./wording";

const TOOLS: [Tool, string][] = [
  ["window", "w"],
  ["crosshair", "c"],
  ["scroll", "s"],
  ["pan", "p"],
  ["zoom", "z"],
  ["length", "l"],
  ["ellipse", "o"],
  ["probe", "h"],
  ["add", "n"],
];
const SLABS = [0, 5, 10, 20, 40];

export interface Acts {
  invert(): void;
  cine(): void;
  rotate(): void;
  flip(): void;
  reset(): void;
  undo(): void;
  clear(): void;
  help(): void;
}

/** Make the bar; it follows the room. */
export function toolbar(room: Room, acts: Acts, series: HTMLSelectElement, can: { planes: boolean; hounsfield: boolean; add: boolean }): HTMLElement {
  const tools = TOOLS.filter(([tool]) => (tool !== "crosshair" || can.planes) && (tool !== "add" || can.add)).map(([tool, key]) =>
    button(t(`tool.${tool}`), () => room.change({ tool }), { "data-tool": tool, title: `${t(`tool.${tool}`)} (${key.toUpperCase()})`, "aria-keyshortcuts": key }),
  );
  const presets = (Object.keys(PRESETS) as (keyof typeof PRESETS)[]).map((name, n) =>
    button(t(`preset.${name}`), () => room.change({ window: PRESETS[name] }), { "data-preset": name, title: `${t(`preset.${name}`)} (${n + 1})` }),
  );
  const slab = element(
    "select",
    { "aria-label": t("act.slab"), "data-act": "slab" },
    SLABS.map((mm) => element("option", { value: String(mm) }, [mm ? `${mm} mm` : t("act.slab.off")])),
  );
  slab.addEventListener("change", () => room.change({ slab: Number(slab.value) }));
  const layouts = (["planes", "single", "prior"] as Layout[])
    .filter((layout) => layout !== "planes" || can.planes)
    .map((layout) => button(t(`layout.${layout}`), () => room.change({ layout }), { "data-layout": layout }));
  const act = (name: keyof Acts, key: string): HTMLButtonElement =>
    button(t(`act.${name}`), () => acts[name](), { "data-act": name, title: `${t(`act.${name}`)} (${key})` });
  const group = (label: string, ...children: HTMLElement[]): HTMLElement =>
    element("div", { role: "group", "aria-label": label, class: "group" }, children);
  const bar = element("div", { class: "toolbar", role: "toolbar", "aria-label": t("keys.look") }, [
    group(t("series"), series),
    group(t("act.layout"), ...layouts),
    group(t("keys.measure"), ...tools),
    ...(can.hounsfield ? [group(t("tool.window"), ...presets)] : []),
    ...(can.planes ? [group(t("act.slab"), element("label", { class: "slab" }, [t("act.slab"), slab]))] : []),
    group(t("keys.look"), act("invert", "I"), act("cine", "Space"), act("rotate", "R"), act("flip", "M"), act("reset", "0")),
    group(t("act.undo"), act("undo", "U"), act("clear", "Delete")),
    group(t("keys.title"), act("help", "?")),
  ]);
  const follow = (): void => {
    const { state } = room;
    const press = (one: Element, is: boolean): void => one.setAttribute("aria-pressed", String(is));
    for (const one of tools) press(one, one.dataset["tool"] === state.tool);
    for (const one of layouts) press(one, one.dataset["layout"] === state.layout);
    for (const one of presets) {
      const { centre, width } = PRESETS[one.dataset["preset"] as keyof typeof PRESETS];
      press(one, centre === state.window.centre && width === state.window.width);
    }
    const invert = bar.querySelector('[data-act="invert"]');
    if (invert) press(invert, state.invert);
    slab.value = String(state.slab);
  };
  room.onChange(follow);
  follow();
  return bar;
}

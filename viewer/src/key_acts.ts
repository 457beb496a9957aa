/** Which key does what. */
import type { KeyAct } from "./keys";
import { PRESETS, type Room, type Tool } from "./room";
import type { Acts } from "./toolbar";
import { t } from "./wording";

export interface Moves {
  step(by: number): void;
  nextPane(): void;
  nextFinding(by: number): void;
  selected(act: "accept" | "edit" | "reject"): void;
}

const FAR = 100_000;

export function keyActs(room: Room, acts: Acts, moves: Moves): KeyAct[] {
  const look = (keys: string[], label: string, words: string, act: KeyAct["act"]): KeyAct => ({ keys, label, words, group: "look", act });
  const tool = (key: string, name: Tool): KeyAct => ({
    keys: [key],
    label: key.toUpperCase(),
    words: t(`tool.${name}`),
    group: ["length", "ellipse", "probe"].includes(name) ? "measure" : name === "add" ? "findings" : "look",
    act: () => room.change({ tool: name }),
  });
  return [
    look(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"], "↑ ↓", t("key.scroll"), (event) =>
      moves.step(event.key === "ArrowUp" || event.key === "ArrowLeft" ? -1 : 1),
    ),
    look(["PageUp", "PageDown"], "PgUp PgDn", t("key.page"), (event) => moves.step(event.key === "PageUp" ? -10 : 10)),
    look(["Home", "End"], "Home End", t("key.ends"), (event) => moves.step(event.key === "Home" ? -FAR : FAR)),
    look(["`", "v"], "V", t("key.pane"), () => moves.nextPane()),
    look(["1", "2", "3"], "1 2 3", t("key.presets"), (event) =>
      room.change({ window: [PRESETS.lung, PRESETS.mediastinum, PRESETS.bone][Number(event.key) - 1]! }),
    ),
    tool("w", "window"),
    tool("c", "crosshair"),
    tool("s", "scroll"),
    tool("p", "pan"),
    tool("z", "zoom"),
    look(["k"], "K", t("key.crosshair"), () => room.change({ crosshair: !room.state.crosshair })),
    look(["i"], "I", t("act.invert"), () => acts.invert()),
    look([" "], "Space", t("act.cine"), () => acts.cine()),
    look(["r"], "R", t("act.rotate"), () => acts.rotate()),
    look(["m"], "M", t("act.flip"), () => acts.flip()),
    look(["0"], "0", t("act.reset"), () => acts.reset()),
    look(["d"], "D", t("act.slab"), () => room.change({ slab: room.state.slab ? 0 : 10 })),
    look(["q"], "Q", t("act.layout"), () => room.change({ layout: room.state.layout === "planes" ? "single" : "planes" })),
    look(["b"], "B", t("layout.prior"), () => room.change({ layout: room.state.layout === "prior" ? "planes" : "prior" })),
    look(["?"], "?", t("keys.title"), () => acts.help()),
    tool("l", "length"),
    tool("o", "ellipse"),
    tool("h", "probe"),
    { keys: ["u", "Ctrl+z"], label: "U", words: t("act.undo"), group: "measure", act: () => acts.undo() },
    { keys: ["Delete"], label: "Del", words: t("act.clear"), group: "measure", act: () => acts.clear() },
    { keys: ["f"], label: "F", words: t("key.findings"), group: "findings", act: () => room.change({ findings: !room.state.findings }) },
    { keys: ["j"], label: "J", words: t("key.next"), group: "findings", act: (event) => moves.nextFinding(event.shiftKey ? -1 : 1) },
    { keys: ["a"], label: "A", words: t("accept"), group: "findings", act: () => moves.selected("accept") },
    { keys: ["e"], label: "E", words: t("edit"), group: "findings", act: () => moves.selected("edit") },
    { keys: ["x"], label: "X", words: t("reject"), group: "findings", act: () => moves.selected("reject") },
    tool("n", "add"),
  ];
}

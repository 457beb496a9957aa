/** What all panes and panels share: where the person looks, and how. */
import type { Finding, Result } from "./result";
import type { Affine, Voxels } from "./outline";
import type { Vec3 } from "./vector";

export type Tool = "window" | "crosshair" | "scroll" | "pan" | "zoom" | "length" | "ellipse" | "probe" | "add";
export type Layout = "planes" | "single" | "prior";

export interface Window {
  centre: number;
  width: number;
}

export const PRESETS = {
  lung: { centre: -600, width: 1500 },
  mediastinum: { centre: 40, width: 400 },
  bone: { centre: 400, width: 1800 },
} as const satisfies Record<string, Window>;

export interface State {
  point: Vec3;
  window: Window;
  invert: boolean;
  /** Thickness of the maximum-intensity slab; 0: none. mm. */
  slab: number;
  /** Whether the AI's findings are shown. */
  findings: boolean;
  crosshair: boolean;
  tool: Tool;
  layout: Layout;
  /** The finding that is looked at. */
  selected: string | undefined;
  /** The finding whose axes can be dragged. */
  editing: string | undefined;
}

/** A finding as it stands, with its voxels: the AI's, changed by what the person decided. */
export interface Shown {
  finding: Finding;
  decision: "open" | "accepted" | "edited" | "rejected" | "added";
  reason: string;
  voxels: Voxels | undefined;
}

type Listener = (changed: Set<keyof State>) => void;

/** State that tells who listens of its changes, once for each change. */
export class Room {
  #listeners: Listener[] = [];
  #redraw: (() => void)[] = [];
  shown: Shown[] = [];
  affine: Affine | undefined;
  result: Result | undefined;

  constructor(public state: State) {}

  change(values: Partial<State>): void {
    const changed = new Set(
      (Object.keys(values) as (keyof State)[]).filter((key) => values[key] !== this.state[key]),
    );
    if (!changed.size) return;
    this.state = { ...this.state, ...values };
    for (const listener of this.#listeners) listener(changed);
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Called when the findings themselves changed. */
  onFindings(listener: () => void): void {
    this.#redraw.push(listener);
  }

  findingsChanged(): void {
    for (const listener of this.#redraw) listener();
  }

  get selected(): Shown | undefined {
    return this.shown.find((one) => one.finding.id === this.state.selected);
  }
}

/** Measuring: Cornerstone's length, ellipse and probe, in this page's words; and zoom and pan on the other buttons. */
import { cache, Enums as Core, type Types } from "@cornerstonejs/core";
import {
  addTool,
  annotation,
  EllipticalROITool,
  Enums,
  LengthTool,
  PanTool,
  ProbeTool,
  ToolGroupManager,
  ZoomTool,
} from "@cornerstonejs/tools";
import type { Tool } from "./room";
import { t } from "./wording";

const OF_IMAGE = "imageId:";

/** Cornerstone's probe looks for slice n of a stack in the one slice that an image is, and finds nothing there. */
class VoxelProbe extends ProbeTool {
  static override toolName = "Probe";

  override _calculateCachedStats(...given: Parameters<ProbeTool["_calculateCachedStats"]>): unknown {
    const stats = super._calculateCachedStats(...given) as Record<string, Stats>;
    for (const [target, one] of Object.entries(stats)) {
      const image = target.startsWith(OF_IMAGE) ? cache.getImage(target.slice(OF_IMAGE.length)) : undefined;
      const [i, j] = (one["index"] as number[] | undefined) ?? [];
      if (image && i !== undefined && j !== undefined && "modalityUnit" in one) one["value"] = image.voxelManager?.getAtIJK(i, j, 0);
    }
    return stats;
  }
}

const GROUP = "tview";
const TOOLS = { length: LengthTool, ellipse: EllipticalROITool, probe: VoxelProbe } as const;
const { Primary, Secondary, Auxiliary } = Enums.MouseBindings;

type Stats = Record<string, unknown>;
type Measured = { cachedStats: Record<string, Stats> };

const told = (value: unknown, digits: number): string => (typeof value === "number" ? value.toFixed(digits) : "");
const unit = (value: unknown): string => (value === undefined || value === "raw" ? "" : ` ${String(value)}`);

const lines = {
  length: (data: Measured, target: string): string[] | undefined => {
    const { length, unit: of } = data.cachedStats[target] ?? {};
    return typeof length === "number" ? [`${told(length, 1)}${unit(of)}`] : undefined;
  },
  ellipse: (data: Measured, target: string): string[] | undefined => {
    const { mean, stdDev, area, areaUnit, modalityUnit } = data.cachedStats[target] ?? {};
    if (typeof mean !== "number") return undefined;
    return [
      `${t("mean.value")} ${told(mean, 1)}${unit(modalityUnit)}`,
      `${t("sd")} ${told(stdDev, 1)}${unit(modalityUnit)}`,
      `${t("area")} ${told(area, 1)}${unit(areaUnit)}`,
    ];
  },
  probe: (data: Measured, target: string): string[] | undefined => {
    const { value, modalityUnit } = data.cachedStats[target] ?? {};
    return typeof value === "number" ? [`${told(value, 0)}${unit(modalityUnit)}`] : undefined;
  },
};

/** Make the tools; panes join with `join`. */
export function startMeasuring(): void {
  for (const tool of [...Object.values(TOOLS), PanTool, ZoomTool]) addTool(tool);
  const group = ToolGroupManager.createToolGroup(GROUP)!;
  for (const name of Object.keys(TOOLS) as (keyof typeof TOOLS)[]) {
    group.addTool(TOOLS[name].toolName, { getTextLines: lines[name], calculateStats: true });
    group.setToolPassive(TOOLS[name].toolName);
  }
  group.addTool(PanTool.toolName);
  group.addTool(ZoomTool.toolName);
  annotation.config.style.setDefaultToolStyles({
    global: {
      color: "rgb(255, 214, 102)",
      colorHighlighted: "rgb(255, 244, 204)",
      colorSelected: "rgb(255, 244, 204)",
      lineWidth: "1.5",
      textBoxFontFamily: "inherit",
      textBoxFontSize: "13px",
      textBoxColor: "rgb(255, 214, 102)",
      textBoxColorHighlighted: "rgb(255, 244, 204)",
      textBoxColorSelected: "rgb(255, 244, 204)",
    },
  });
  choose("window");
}

export function join(viewportId: string, engineId: string): void {
  ToolGroupManager.getToolGroup(GROUP)?.addViewport(viewportId, engineId);
}

/** What the left button does; zoom and pan stay on the right and the middle one. */
export function choose(tool: Tool): void {
  const group = ToolGroupManager.getToolGroup(GROUP);
  if (!group) return;
  for (const name of Object.keys(TOOLS) as (keyof typeof TOOLS)[]) {
    if (name === tool) group.setToolActive(TOOLS[name].toolName, { bindings: [{ mouseButton: Primary }] });
    else group.setToolPassive(TOOLS[name].toolName, { removeAllBindings: true });
  }
  const also = (name: Tool) => (tool === name ? [{ mouseButton: Primary }] : []);
  for (const [of, own, name] of [
    [ZoomTool.toolName, Secondary, "zoom"],
    [PanTool.toolName, Auxiliary, "pan"],
  ] as const) {
    group.setToolPassive(of, { removeAllBindings: true });
    group.setToolActive(of, { bindings: [{ mouseButton: own }, ...also(name)] });
  }
}

/** Whether the mouse is on a measurement that can be moved. */
export function isOnMeasurement(): boolean {
  return annotation.state.getAllAnnotations().some((one) => one.highlighted);
}

export function clearMeasurements(): void {
  annotation.state.removeAllAnnotations();
}

/** What was measured, for whoever reads it: the tool, its points (LPS, mm) and its values. */
export function measured(): { tool: string; points: Types.Point3[]; stats: Stats[] }[] {
  return annotation.state.getAllAnnotations().map((one) => ({
    tool: one.metadata?.toolName ?? "",
    points: (one.data.handles?.points ?? []) as Types.Point3[],
    stats: Object.values((one.data as unknown as Measured).cachedStats ?? {}),
  }));
}

export const RENDERED = Core.Events.IMAGE_RENDERED;

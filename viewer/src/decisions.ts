/** What the person decides of findings, kept by the report's API; each step can be taken back. */
import type { Axes, Finding, Result } from "./result";
import type { Room, Shown } from "./room";
import { resized } from "./overlay";
import { ask, JSON_BODY, Refused } from "./server";
import type { Undo } from "./undo";
import type { Vec3 } from "./vector";
import { t } from "./wording";

type Verdict = "unreviewed" | "accepted" | "edited" | "rejected";

/** What is said of a finding in place of the AI; what is left out stays. */
export interface Edits {
  long_mm?: number;
  short_mm?: number;
  axes_lps_mm?: Axes;
  attenuation?: string;
  lobe?: string;
  laterality?: string;
}

/** A finding as the report has it: the AI's (null where a person added it), and as it stands (null where rejected). */
interface Told {
  id: string;
  decision: Verdict | "added";
  reason: string;
  edited: Edits | null;
  ai: Finding | null;
  finding: Finding | null;
}

interface Report {
  state: string;
  version: number;
  /** Whether it can be changed: it is not signed, or is being amended. */
  open: boolean;
  findings: Told[];
}

const NAMED = { unreviewed: "open", accepted: "accepted", edited: "edited", rejected: "rejected", added: "added" } as const;

/** Return a finding with a person's edits. */
export function edited(finding: Finding, edits: Edits | null | undefined): Finding {
  if (!edits) return finding;
  const { long_mm, short_mm, axes_lps_mm, attenuation, lobe, laterality } = edits;
  const given = finding.diameter_mm;
  const long = long_mm ?? given?.long;
  const short = short_mm ?? given?.short;
  const diameters =
    long !== undefined && short !== undefined ? { long, short, mean: Math.round((long + short) * 5) / 10 } : given;
  const axes =
    axes_lps_mm ??
    (finding.axes_lps_mm && (long_mm !== undefined || short_mm !== undefined) && long !== undefined && short !== undefined
      ? resized(finding.axes_lps_mm, long, short)
      : finding.axes_lps_mm);
  return {
    ...finding,
    diameter_mm: diameters,
    axes_lps_mm: axes,
    attenuation: attenuation ?? finding.attenuation,
    lobe: lobe ?? finding.lobe,
    laterality: laterality ?? finding.laterality,
  };
}

export class Decisions {
  #report: Report | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  /** Words on whether the last step was kept. */
  said: (words: string, isProblem: boolean) => void = () => undefined;

  constructor(
    readonly study: string,
    readonly room: Room,
    readonly undo: Undo,
  ) {}

  get isThere(): boolean {
    return this.#report !== undefined;
  }

  get #path(): string {
    return `/api/studies/${this.study}/report`;
  }

  /** Load the report; a server without reports, or a person who may not see them, has none. */
  async load(): Promise<void> {
    try {
      this.#take(await ask<Report>(this.#path));
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
    }
  }

  /** Decide of a finding. */
  async decide(one: Shown, decision: Verdict, { reason = "", edits }: { reason?: string; edits?: Edits } = {}): Promise<void> {
    const before = this.#told(one);
    if (!(await this.#send({ [one.finding.id]: change(decision, reason, edits) }))) return;
    this.undo.push(async () => {
      await this.#send({ [one.finding.id]: change(before.decision, before.reason, before.edits) });
    });
  }

  /** Have the engine segment and measure what is at a point, and add it. */
  async add(center: Vec3): Promise<string | undefined> {
    const known = new Set(this.room.shown.map((one) => one.finding.id));
    this.said(t("add.working"), false);
    await this.#exclusively(async () => {
      this.#take(
        await ask<Report>(`/api/studies/${this.study}/findings`, {
          method: "POST",
          headers: { ...JSON_BODY, ...this.#match() },
          body: JSON.stringify({ center_lps_mm: center }),
        }),
      );
    });
    const added = this.room.shown.find((one) => !known.has(one.finding.id));
    if (!added) return undefined;
    const { id, diameter_mm } = added.finding;
    this.undo.push(async () => {
      await this.#send({ [id]: change("rejected", t("act.undo")) });
    });
    this.room.change({ selected: id });
    this.said(t("add.done", id, diameter_mm ? `${diameter_mm.long} × ${diameter_mm.short} mm` : ""), false);
    return id;
  }

  /** Have the server decode the series, so that what is pointed at is measured at once. */
  async prepare(): Promise<void> {
    if (this.#report?.open) await ask(`/api/studies/${this.study}/findings/prepare`, { method: "POST" }).catch(() => undefined);
  }

  #told(one: Shown): { decision: Verdict; reason: string; edits: Edits | undefined } {
    const kept = this.#report?.findings.find((each) => each.id === one.finding.id);
    const decision = kept?.decision ?? "unreviewed";
    return {
      decision: decision === "added" ? "unreviewed" : decision,
      reason: kept?.reason ?? "",
      edits: kept?.edited ?? undefined,
    };
  }

  /** Send changes; false where they were not kept, and why was said. */
  async #send(findings: Record<string, unknown>): Promise<boolean> {
    this.said(t("saving"), false);
    return this.#exclusively(async () => {
      this.#take(
        await ask<Report>(this.#path, {
          method: "PATCH",
          headers: { ...JSON_BODY, ...this.#match() },
          body: JSON.stringify({ findings }),
        }),
      );
      this.said(t("saved"), false);
    });
  }

  #match(): Record<string, string> {
    return this.#report ? { "If-Match": `"${this.#report.version}"` } : {};
  }

  /** One step after the other: each has to know the version that the one before made. */
  async #exclusively(step: () => Promise<unknown>): Promise<boolean> {
    const turn = this.#queue.then(async () => {
      try {
        await step();
        return true;
      } catch (problem) {
        if (!(problem instanceof Refused)) throw problem;
        this.#explain(problem);
        return false;
      }
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #explain(problem: Refused): void {
    const newer = (problem.body as { report?: Report } | undefined)?.report;
    if (problem.status === 409 && newer) {
      this.#report = newer;
      this.apply(this.room.result);
      this.said(t("report.other"), true);
    } else if (problem.status === 409 && this.#report && !this.#report.open) {
      this.said(t("report.signed"), true);
    } else if ([404, 405, 428].includes(problem.status) && !this.#report) {
      this.said(t("report.absent"), true);
    } else if (problem.status === 401 || problem.status === 403) {
      this.said([t("report.denied"), problem.remedy].filter(Boolean).join(" "), true);
    } else {
      this.said(t("not.saved", [problem.message, problem.remedy].filter(Boolean).join(" ")), true);
    }
    this.room.findingsChanged();
  }

  #take({ body }: { body: Report }): void {
    this.#report = body;
    this.apply(this.room.result);
  }

  /** Show the findings as they stand; a rejected one as the AI has it. */
  apply(result: Result | undefined): void {
    const before = new Map(this.room.shown.map((one) => [one.finding.id, one.voxels]));
    const ais: Shown[] = (result?.findings ?? []).map((finding) => {
      const told = this.#report?.findings.find((one) => one.id === finding.id);
      return {
        finding: told?.finding ? { ...told.finding, axes_lps_mm: edited(finding, told.edited).axes_lps_mm } : finding,
        decision: NAMED[told?.decision ?? "unreviewed"],
        reason: told?.reason ?? "",
        voxels: before.get(finding.id),
      };
    });
    const added = (this.#report?.findings ?? []).flatMap<Shown>(({ id, decision, finding }) =>
      decision === "added" && finding ? [{ finding, decision, reason: "", voxels: before.get(id) }] : [],
    );
    this.room.shown = [...ais, ...added];
    this.room.findingsChanged();
  }
}

function change(decision: Verdict, reason: string, edits?: Edits): Record<string, unknown> {
  return { decision, ...(reason ? { reason } : {}), ...(edits && decision === "edited" ? { edited: edits } : {}) };
}

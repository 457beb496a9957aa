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

interface Told {
  id: string;
  decision?: Verdict | "added";
  verdict?: Verdict | "added";
  reason?: string;
  edited?: Edits | null;
  edits?: Edits | null;
  finding?: Finding;
}

interface Report {
  state: string;
  version: number;
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
    await this.#send({ [one.finding.id]: change(decision, reason, edits) });
    this.undo.push(() => this.#send({ [one.finding.id]: change(before.decision, before.reason, before.edits) }));
  }

  /** Have the engine segment and measure what is at a point, and add it. */
  async add(center: Vec3): Promise<string | undefined> {
    const known = new Set(this.room.shown.map((one) => one.finding.id));
    this.said(t("add.working"), false);
    await this.#exclusively(async () => {
      const { body } = await ask<{ id?: string; finding?: Finding } | undefined>(`/api/studies/${this.study}/findings`, {
        method: "POST",
        headers: { ...JSON_BODY, ...this.#match() },
        body: JSON.stringify({ center_lps_mm: center }),
      });
      await this.load();
      const named = body?.finding?.id ?? body?.id;
      if (body?.finding && !this.room.shown.some((one) => one.finding.id === body.finding!.id)) {
        this.room.shown.push({ finding: body.finding, decision: "added", reason: "", voxels: undefined });
        this.room.findingsChanged();
      }
      return named;
    });
    const added = this.room.shown.find((one) => !known.has(one.finding.id));
    if (!added) return undefined;
    const { id, diameter_mm } = added.finding;
    this.undo.push(() => this.#send({ [id]: change("rejected", "-") }));
    this.room.change({ selected: id });
    this.said(t("add.done", id, diameter_mm ? `${diameter_mm.long} × ${diameter_mm.short} mm` : ""), false);
    return id;
  }

  #told(one: Shown): { decision: Verdict; reason: string; edits: Edits | undefined } {
    const kept = this.#report?.findings.find((each) => each.id === one.finding.id);
    const decision = kept?.decision ?? kept?.verdict ?? "unreviewed";
    return {
      decision: decision === "added" ? "unreviewed" : decision,
      reason: kept?.reason ?? "",
      edits: kept?.edited ?? kept?.edits ?? undefined,
    };
  }

  async #send(findings: Record<string, unknown>): Promise<void> {
    this.said(t("saving"), false);
    await this.#exclusively(async () => {
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
  async #exclusively(step: () => Promise<unknown>): Promise<void> {
    const turn = this.#queue.then(async () => {
      try {
        await step();
      } catch (problem) {
        if (!(problem instanceof Refused)) throw problem;
        await this.#explain(problem);
      }
    });
    this.#queue = turn.catch(() => undefined);
    await turn;
  }

  async #explain(problem: Refused): Promise<void> {
    const told: Record<number, string> = { 401: "report.denied", 403: "report.denied" };
    if (problem.status === 412 || problem.status === 428) {
      await this.load();
      this.said(t("report.other"), true);
    } else if ((problem.status === 404 || problem.status === 405) && !this.#report) {
      this.said(t("report.absent"), true);
    } else {
      const key = told[problem.status];
      this.said(key ? t(key) : t("not.saved", [problem.message, problem.remedy].filter(Boolean).join(" ")), true);
    }
    this.room.findingsChanged();
  }

  #take({ body, headers }: { body: Report; headers: Headers }): void {
    const tag = Number((headers.get("ETag") ?? "").replace(/\D/g, ""));
    this.#report = { ...body, version: body.version ?? tag, findings: body.findings ?? [] };
    this.apply(this.room.result);
  }

  /** Show the findings as they stand. */
  apply(result: Result | undefined): void {
    const voxels = new Map(this.room.shown.map((one) => [one.finding.id, one.voxels]));
    const known = new Map((result?.findings ?? []).map((finding) => [finding.id, finding]));
    const shown: Shown[] = [...known.values()].map((finding) => {
      const told = this.#report?.findings.find((one) => one.id === finding.id);
      return {
        finding: edited(finding, told?.edited ?? told?.edits),
        decision: NAMED[told?.decision ?? told?.verdict ?? "unreviewed"],
        reason: told?.reason ?? "",
        voxels: voxels.get(finding.id),
      };
    });
    for (const told of this.#report?.findings ?? []) {
      const finding = told.finding ?? ("center_lps_mm" in told ? (told as unknown as Finding) : undefined);
      if (known.has(told.id) || !finding) continue;
      shown.push({ finding: { ...finding, id: told.id }, decision: "added", reason: "", voxels: voxels.get(told.id) });
    }
    this.room.shown = shown;
    this.room.findingsChanged();
  }
}

function change(decision: Verdict, reason: string, edits?: Edits): Record<string, unknown> {
  return { decision, ...(reason ? { reason } : {}), ...(edits && decision === "edited" ? { edited: edits } : {}) };
}

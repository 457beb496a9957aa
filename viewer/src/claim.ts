/** Who reads the study: claimed by opening it where nobody has it, so that no two read it unknowingly. */
import { button, element } from "./dom";
import { ask, Refused } from "./server";
import { t } from "./wording";

/** js/live.js of the other pages: of all tabs of a browser one listens. */
interface Live {
  on(kind: "taken", act: (told: { study: string; claim: number; by: string; reason: string }) => void): void;
  start(): void;
}
/** `id` of the claim that holds, "" for one that is not known; `holder` is who else has it. */
type State = { kind: "free" } | { kind: "mine"; id: string } | { kind: "other"; holder: string; id: string };

export class Claim {
  readonly root = element("div", { class: "claim", role: "status" });
  #state: State;
  #said = "";

  constructor(
    readonly study: string,
    readonly page: DOMStringMap,
  ) {
    const { holder = "", claim = "" } = page;
    this.#state = page["mine"] === "on" ? { kind: "mine", id: claim } : holder ? { kind: "other", holder, id: claim } : { kind: "free" };
    this.#draw();
  }

  /** Claim the study where it is to be read and nobody has it, and listen for who takes it over. */
  async begin(): Promise<void> {
    if (this.page["claims"] === "on" && this.#state.kind === "free") await this.#claim();
    if (this.page["mayClaim"] !== "on" || !this.page["live"]) return;
    const live = (await import(/* @vite-ignore */ this.page["live"])) as Live;
    live.on("taken", ({ study, claim, by, reason }) => {
      if (study !== this.study || this.#state.kind !== "mine" || this.#state.id !== String(claim)) return;
      this.#show({ kind: "other", holder: by, id: "" }, t("claim.taken", by, reason));
    });
    live.start();
  }

  async #claim(form: Record<string, string> = {}): Promise<void> {
    try {
      const { body } = await ask<{ claim: number }>(`/worklist/${this.study}/claim`, { method: "POST", body: new URLSearchParams(form) });
      this.#show({ kind: "mine", id: String(body.claim) });
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      const { holder, claim } = (problem.body ?? {}) as { holder?: string; claim?: number };
      const before = this.#state;
      if (form["reason"] && !form["seen"] && before.kind === "other" && before.holder === holder) {
        return this.#claim({ ...form, seen: String(claim) });
      }
      if (problem.status === 409 && claim !== undefined) this.#show({ kind: "other", holder: holder ?? "", id: String(claim) });
      else this.#show(this.#state, [problem.message, problem.remedy].filter(Boolean).join(" "));
    }
  }

  async #release(): Promise<void> {
    try {
      await ask(`/worklist/${this.study}/release`, { method: "POST" });
      this.#show({ kind: "free" });
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.#show(this.#state, problem.message);
    }
  }

  #show(state: State, said = ""): void {
    this.#state = state;
    this.#said = said;
    this.#draw();
  }

  #draw(): void {
    const state = this.#state;
    const may = this.page["mayClaim"] === "on";
    const isOther = state.kind === "other";
    this.root.dataset["state"] = state.kind;
    this.root.hidden = !isOther && !may;
    this.root.replaceChildren(
      element("span", { class: isOther || this.#said ? "warned" : "" }, [
        this.#said || (isOther ? t("claim.other", state.holder) : t(`claim.${state.kind}`)),
      ]),
    );
    if (!may) return;
    if (state.kind === "free") this.root.append(button(t("claim.claim"), () => void this.#claim()));
    if (state.kind === "mine") this.root.append(button(t("claim.release"), () => void this.#release()));
    if (isOther) this.root.append(button(t("claim.take"), () => this.#takeOver(state.holder, state.id)));
  }

  /** Ask why it is taken over: the other is shown it. */
  #takeOver(holder: string, id: string): void {
    const reason = element("input", { id: "claim-reason", required: true, maxlength: "500", autocomplete: "off" });
    const dialog = element("dialog", { class: "take-over", "aria-labelledby": "claim-title" }, [
      element("form", { method: "dialog" }, [
        element("h2", { id: "claim-title" }, [t("claim.title")]),
        element("p", {}, [t("claim.other", holder)]),
        element("label", { for: "claim-reason" }, [t("reason")]),
        reason,
        element("p", { class: "hint" }, [t("claim.hint")]),
        element("button", { value: "take" }, [t("claim.take")]),
        button(t("cancel"), () => dialog.close()),
      ]),
    ]);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue === "take") void this.#claim({ reason: reason.value, ...(id ? { seen: id } : {}) });
    });
    this.root.append(dialog);
    dialog.showModal();
  }
}

/** Keys, and the map of them that `?` shows. */
import { element, button } from "./dom";
import { t } from "./wording";

/** What a key does: its name on the keyboard, the words for it, and the act. `group` is where the map lists it. */
export interface KeyAct {
  keys: string[];
  label: string;
  words: string;
  group: "look" | "measure" | "findings";
  act: (event: KeyboardEvent) => void;
}

/** Listen for keys; those that are typed into a field are left alone. */
export function listen(acts: KeyAct[]): void {
  const byKey = new Map(acts.flatMap((one) => one.keys.map((key) => [key, one] as const)));
  document.addEventListener("keydown", (event) => {
    const at = event.target as HTMLElement;
    if (at.closest("input, select, textarea, dialog") && event.key !== "Escape") return;
    if (event.altKey || event.metaKey) return;
    const name = event.ctrlKey ? `Ctrl+${event.key.toLowerCase()}` : event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const one = byKey.get(name);
    if (!one) return;
    event.preventDefault();
    one.act(event);
  });
}

/** Make the map of the keys. */
export function keyMap(acts: KeyAct[]): HTMLDialogElement {
  const dialog = element("dialog", { class: "keys", "aria-labelledby": "keys-title" });
  const groups = (["look", "measure", "findings"] as const).map((group) =>
    element("section", {}, [
      element("h3", {}, [t(`keys.${group}`)]),
      element(
        "dl",
        {},
        acts
          .filter((one) => one.group === group)
          .flatMap((one) => [element("dt", {}, [element("kbd", {}, [one.label])]), element("dd", {}, [one.words])]),
      ),
    ]),
  );
  dialog.append(
    element("h2", { id: "keys-title" }, [t("keys.title")]),
    element("div", { class: "groups" }, groups),
    element("p", { class: "hint" }, [t("key.mouse")]),
    button(t("close"), () => dialog.close(), { autofocus: true }),
  );
  return dialog;
}

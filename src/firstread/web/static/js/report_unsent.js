/**
 * Text that the node has not acknowledged, kept in this browser for one account and one study. It is offered to the same
 * account alone: workstations are shared.
 */

const PREFIX = "firstread-unsent";
const LASTS_MS = 14 * 24 * 3600 * 1000;

export class Unsent {
  #key;

  /** @param {string} account @param {string} study */
  constructor(account, study) {
    this.#key = `${PREFIX} ${account} ${study}`;
    forgetOld(`${PREFIX} ${account} `);
  }

  /** @param {Record<string, string>} sections */
  keep(sections) {
    try {
      if (Object.keys(sections).length === 0) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify({ at: Date.now(), sections }));
    } catch {
      // No room, or storage is switched off: the text is still on the page.
    }
  }

  /** @returns {{at: number, sections: Record<string, string>} | null} */
  get kept() {
    return parsed(this.#key);
  }
}

function parsed(key) {
  try {
    const found = JSON.parse(localStorage.getItem(key));
    return found && typeof found.at === "number" && typeof found.sections === "object" ? found : null;
  } catch {
    return null;
  }
}

function forgetOld(prefix) {
  try {
    for (const key of Object.keys(localStorage)) {
      const found = key.startsWith(prefix) ? parsed(key) : null;
      if (found && Date.now() - found.at > LASTS_MS) localStorage.removeItem(key);
    }
  } catch {
    // Storage is switched off.
  }
}

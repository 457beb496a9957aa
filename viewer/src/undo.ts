/** Steps that can be taken back, the last first. */
const MOST = 200;

export class Undo {
  #steps: (() => void | Promise<void>)[] = [];

  push(back: () => void | Promise<void>): void {
    this.#steps.push(back);
    if (this.#steps.length > MOST) this.#steps.shift();
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  async back(): Promise<boolean> {
    const step = this.#steps.pop();
    if (!step) return false;
    await step();
    return true;
  }
}

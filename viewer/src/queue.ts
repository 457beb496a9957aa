/** What is fetched next: of what is missing, that which is nearest to where the person looks. */
export class NearestFirst {
  readonly #state: Uint8Array; // 0 missing, 1 asked for, 2 there, 3 failed
  #at: number;
  #there = 0;
  #failed = 0;

  constructor(
    readonly count: number,
    at: number = Math.floor(count / 2),
  ) {
    this.#state = new Uint8Array(count);
    this.#at = at;
  }

  /** Where the person looks now. */
  set at(index: number) {
    this.#at = index;
  }

  get there(): number {
    return this.#there;
  }

  get failed(): number {
    return this.#failed;
  }

  get isWhole(): boolean {
    return this.#there === this.count;
  }

  has(index: number): boolean {
    return this.#state[index] === 2;
  }

  /** Take the next index to ask for; undefined where none is missing. */
  take(): number | undefined {
    for (let away = 0; away < this.count; away++) {
      for (const index of away ? [this.#at + away, this.#at - away] : [this.#at]) {
        if (index >= 0 && index < this.count && this.#state[index] === 0) {
          this.#state[index] = 1;
          return index;
        }
      }
    }
    return undefined;
  }

  arrived(index: number): void {
    if (this.#state[index] === 2) return;
    if (this.#state[index] === 3) this.#failed--;
    this.#state[index] = 2;
    this.#there++;
  }

  /** It did not come; with `again` it is asked for once more. */
  lost(index: number, again: boolean): void {
    if (this.#state[index] !== 1) return;
    this.#state[index] = again ? 0 : 3;
    if (!again) this.#failed++;
  }
}

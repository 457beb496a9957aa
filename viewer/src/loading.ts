/** Fetching a series: from where the person looks outwards, several frames at once. */
import { Enums, imageLoader } from "@cornerstonejs/core";
import { AT_ONCE } from "./cornerstone";
import { NearestFirst } from "./queue";
import type { Series } from "./series";

const TRIES = 3;
const TOLD_MS = 200; // each time that progress is told, the page is drawn again

export class Loading {
  readonly queue: NearestFirst;
  #tries: Uint8Array;
  #listeners: (() => void)[] = [];
  #told: number | undefined;
  #whole: () => void = () => undefined;
  /** Fulfilled when every frame is there. */
  readonly whole: Promise<void>;

  constructor(readonly series: Series) {
    this.queue = new NearestFirst(series.frames.length);
    this.#tries = new Uint8Array(series.frames.length);
    this.whole = new Promise((resolve) => (this.#whole = resolve));
  }

  /** Begin; the frame that is looked at first is asked for by its pane. */
  start(): void {
    if (this.queue.isWhole) this.#whole();
    for (let n = 0; n < AT_ONCE; n++) void this.#work();
  }

  /** The person looks elsewhere: what is near comes next. */
  lookAt(index: number): void {
    this.queue.at = index;
  }

  /** Called some time after frames arrived, or failed; not for each. */
  onProgress(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async #work(): Promise<void> {
    for (let index = this.queue.take(); index !== undefined; index = this.queue.take()) {
      try {
        await imageLoader.loadAndCacheImage(this.series.frames[index]!.imageId, {
          priority: 0,
          requestType: Enums.RequestType.Prefetch,
        });
        this.queue.arrived(index);
      } catch {
        this.queue.lost(index, ++this.#tries[index]! < TRIES);
      }
      if (this.queue.isWhole) this.#whole();
      this.#tell();
    }
  }

  #tell(): void {
    this.#told ??= window.setTimeout(() => {
      this.#told = undefined;
      for (const listener of this.#listeners) listener();
    }, TOLD_MS);
  }
}

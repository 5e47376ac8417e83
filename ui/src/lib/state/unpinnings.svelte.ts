/** Pins that are to be removed, as long as that has not begun: what is told of them, and undoing it. */

import type { Undone } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform } from "../platform/index.ts";

export interface Waiting {
  id: string;
  pins: number;
  /** By `performance.now()`. */
  begins_at: number;
}

export class Unpinnings {
  /** The latest last. */
  list = $state.raw<Waiting[]>([]);
  /** What is being undone, which takes a while where it is much. */
  undoing = $state<string | null>(null);
  readonly refresh = coalesce(() => this.#load());
  #platform: Platform;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async undo(id: string): Promise<Undone> {
    this.undoing = id;
    try {
      const undone = await this.#platform.call("undo_unpin", id);
      await this.refresh();
      return undone;
    } finally {
      this.undoing = null;
    }
  }

  async #load(): Promise<void> {
    const told = await this.#platform.call("unpinnings");
    const now = performance.now();
    this.list = told.map(({ id, pins, begins_in }) => ({ id, pins, begins_at: now + begins_in }));
    clearTimeout(this.#timer);
    // What has begun is not told any more.
    const next = Math.min(...told.map(({ begins_in }) => begins_in));
    if (told.length > 0) this.#timer = setTimeout(() => void this.refresh(), next + 50);
  }
}

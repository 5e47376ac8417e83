/** Comparisons of pins with files on this computer: those under way, and what the last one of each pin came to. */

import { SvelteMap } from "svelte/reactivity";
import type { CompareWith, Comparison, ComparisonProgress, IpcError, PinKey } from "../bindings/ipc.ts";
import { toIpcError } from "../error.ts";
import type { Platform } from "../platform/index.ts";

const PROGRESS_GAP_MS = 300;

export type Compared =
  | { state: "running"; progress: ComparisonProgress | null }
  | { state: "done"; comparison: Comparison; compared_with: CompareWith }
  | { state: "failed"; error: IpcError };

export class Comparisons {
  #platform: Platform;
  #of = new SvelteMap<string, Compared>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** What is known since the window opened; `null` when nothing was asked. */
  of(pin: PinKey): Compared | null {
    return this.#of.get(nameOf(pin)) ?? null;
  }

  /** The system's dialog asks for the file or folder; that nothing was chosen changes nothing. */
  async start({ account, id }: PinKey, compare_with: CompareWith): Promise<void> {
    const pin = { account, id };
    const name = nameOf(pin);
    const before = this.of(pin);
    if (before?.state === "running") return;
    this.#of.set(name, { state: "running", progress: null });
    const asking = setInterval(() => void this.#askProgress(pin), PROGRESS_GAP_MS);
    try {
      const comparison = await this.#platform.call("compare_pin", { pin, with: compare_with });
      if (comparison) this.#of.set(name, { state: "done", comparison, compared_with: compare_with });
      else this.#putBack(name, before);
    } catch (reason) {
      const error = toIpcError(reason);
      if (error.code === "cancelled") this.#putBack(name, before);
      else this.#of.set(name, { state: "failed", error });
    } finally {
      clearInterval(asking);
    }
  }

  async stop({ account, id }: PinKey): Promise<void> {
    await this.#platform.call("stop_comparing", { account, id });
  }

  async #askProgress(pin: PinKey): Promise<void> {
    const progress = await this.#platform.call("comparison_progress", pin).catch(() => null);
    if (progress && this.of(pin)?.state === "running") {
      this.#of.set(nameOf(pin), { state: "running", progress });
    }
  }

  #putBack(name: string, before: Compared | null): void {
    if (before) this.#of.set(name, before);
    else this.#of.delete(name);
  }
}

function nameOf({ account, id }: PinKey): string {
  return `${account}\n${id}`;
}

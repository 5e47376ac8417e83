/** Asking accounts for their copies: the runs under way, one for each place that shows one. */

import { SvelteMap } from "svelte/reactivity";
import type { CheckProgress, CopiesChecked, IpcError, PinKey, PinSet } from "../bindings/ipc.ts";
import { toIpcError } from "../error.ts";
import type { Platform } from "../platform/index.ts";

const PROGRESS_GAP_MS = 300;

export type Checked =
  | { state: "running"; run: number; progress: CheckProgress | null }
  | { state: "done"; result: CopiesChecked }
  | { state: "failed"; error: IpcError };

/** What a run is shown for: a selection, or one pin. */
export type Place = "selection" | PinKey;

export class Checks {
  #platform: Platform;
  #at = new SvelteMap<string, Checked>();
  #next_run = 1;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  at(place: Place): Checked | null {
    return this.#at.get(nameOf(place)) ?? null;
  }

  async start(place: Place, pins: PinSet, every_block = false): Promise<void> {
    const name = nameOf(place);
    if (this.at(place)?.state === "running") return;
    const run = this.#next_run++;
    this.#at.set(name, { state: "running", run, progress: null });
    const asking = setInterval(() => void this.#askProgress(name, run), PROGRESS_GAP_MS);
    try {
      const result = await this.#platform.call("check_copies", { run, pins, every_block });
      this.#at.set(name, { state: "done", result });
    } catch (reason) {
      this.#at.set(name, { state: "failed", error: toIpcError(reason) });
    } finally {
      clearInterval(asking);
    }
  }

  async stop(place: Place): Promise<void> {
    const checked = this.at(place);
    if (checked?.state === "running") await this.#platform.call("stop_checking", checked.run);
  }

  dismiss(place: Place): void {
    if (this.at(place)?.state !== "running") this.#at.delete(nameOf(place));
  }

  async #askProgress(name: string, run: number): Promise<void> {
    const progress = await this.#platform.call("check_progress", run).catch(() => null);
    if (progress && this.#at.get(name)?.state === "running") {
      this.#at.set(name, { state: "running", run, progress });
    }
  }
}

function nameOf(place: Place): string {
  return place === "selection" ? place : `${place.account}\n${place.id}`;
}

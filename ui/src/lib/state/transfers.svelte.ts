/** Transfers: the durable list, and the passing figures of those that run. */

import type { Transfer, TransferCounts, TransferProgress } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform, Unsubscribe } from "../platform/index.ts";

const REFRESH_GAP_MS = 150;
const NO_COUNTS: TransferCounts = { queued: 0, running: 0, waiting: 0, asked: 0, failed: 0, done: 0 };

/** What ended between two looks at the list. */
export interface Ended {
  done: Transfer[];
  failed: Transfer[];
}

export class Transfers {
  list = $state.raw<Transfer[]>([]);
  counts = $state.raw<TransferCounts>(NO_COUNTS);
  loaded = $state(false);
  progress = $state.raw<ReadonlyMap<string, TransferProgress>>(new Map());
  /** Sum over what runs; `null` when nobody knows. */
  bytes_per_second = $derived.by(() => {
    const rates = [...this.progress.values()]
      .map((one) => one.bytes_per_second)
      .filter((rate) => rate !== null);
    return rates.length > 0 ? rates.reduce((sum, rate) => sum + rate, 0) : null;
  });
  onEnded: (ended: Ended) => void = () => {};
  readonly refresh = coalesce(() => this.#load(), REFRESH_GAP_MS);
  #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  watch(): Unsubscribe {
    return this.#platform.watchProgress(({ running }) => {
      this.progress = new Map(running.map((one) => [one.id, one]));
    });
  }

  async cancel(id: string): Promise<void> {
    await this.#platform.call("cancel_transfer", id);
    await this.refresh();
  }

  async retry(id: string): Promise<void> {
    await this.#platform.call("retry_transfer", id);
    await this.refresh();
  }

  async clearFinished(): Promise<void> {
    await this.#platform.call("clear_finished_transfers");
    await this.refresh();
  }

  async #load(): Promise<void> {
    const { transfers, counts } = await this.#platform.call("transfers");
    const before = new Map(this.list.map((transfer) => [transfer.id, transfer.state]));
    const first_look = !this.loaded;
    this.list = transfers;
    this.counts = counts;
    this.loaded = true;
    if (counts.running === 0) this.progress = new Map();
    if (first_look) return;
    const reached = (state: Transfer["state"]) =>
      transfers.filter((transfer) => transfer.state === state && before.get(transfer.id) !== state);
    const ended = { done: reached("done"), failed: reached("failed") };
    if (ended.done.length + ended.failed.length > 0) this.onEnded(ended);
  }
}

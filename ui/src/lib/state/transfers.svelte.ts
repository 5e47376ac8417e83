/** Transfers: the durable list, and the passing figures of those that run. */

import type { ClosedGate, HeldAccount, HeldUp, Transfer } from "../bindings/ipc.ts";
import type { GateReason, TransferCounts, TransferProgress } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform, Unsubscribe } from "../platform/index.ts";

const REFRESH_GAP_MS = 150;
/** Where only their numbers are shown. */
const UNSEEN_GAP_MS = 1000;
const NO_COUNTS: TransferCounts = { queued: 0, running: 0, waiting: 0, asked: 0, failed: 0, done: 0 };

/** Why a transfer that could begin does not. */
export type Hold = GateReason | "no_secret" | "paused" | "all_paused";

/** Keys that are missing are not keys that were refused. */
export function holdOf({ reason, error }: ClosedGate): Hold {
  const is_missing = error.code === "no_secret" || error.code === "keyring_unavailable";
  return reason === "locked_out" && is_missing ? "no_secret" : reason;
}

/** What ended between two looks at the list. */
export interface Ended {
  done: Transfer[];
  failed: Transfer[];
}

export class Transfers {
  list = $state.raw<Transfer[]>([]);
  counts = $state.raw<TransferCounts>(NO_COUNTS);
  held_up = $state.raw<HeldUp>({ paused: false, accounts: [] });
  /** When that was told, in milliseconds since the Unix epoch. */
  told_at = $state(0);
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
  readonly refresh = coalesce(
    () => this.#load(),
    () => (this.#is_shown() ? REFRESH_GAP_MS : UNSEEN_GAP_MS),
  );
  #platform: Platform;
  #is_shown: () => boolean;

  constructor(platform: Platform, is_shown: () => boolean) {
    this.#platform = platform;
    this.#is_shown = is_shown;
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

  async retryFailed(): Promise<void> {
    await this.#platform.call("retry_failed_transfers");
    await this.refresh();
  }

  async clearFinished(): Promise<void> {
    await this.#platform.call("clear_finished_transfers");
    await this.refresh();
  }

  async clearFailed(): Promise<void> {
    await this.#platform.call("clear_failed_transfers");
    await this.refresh();
  }

  /** Tries an account that gets no work, whatever is waited for. */
  async tryNow(account: string): Promise<void> {
    await this.#platform.call("try_account_now", account);
    await this.refresh();
  }

  /** Of one account, or (`null`) of all. */
  async pause(account: string | null): Promise<void> {
    await this.#platform.call("pause_transfers", account);
    await this.refresh();
  }

  async resume(account: string | null): Promise<void> {
    await this.#platform.call("resume_transfers", account);
    await this.refresh();
  }

  held(account: string): HeldAccount | null {
    return this.held_up.accounts.find((held) => held.account === account) ?? null;
  }

  /** What keeps a transfer from beginning; `null` where nothing does but its turn or its own time. */
  hold({ state, account }: Transfer): Hold | null {
    if (state !== "queued" && state !== "waiting") return null;
    if (this.held_up.paused) return "all_paused";
    const held = this.held(account);
    if (held?.paused) return "paused";
    const [gate] = held?.gates ?? [];
    return gate ? holdOf(gate) : null;
  }

  async #load(): Promise<void> {
    const { transfers, counts, held_up } = await this.#platform.call("transfers");
    const before = new Map(this.list.map((transfer) => [transfer.id, transfer.state]));
    const first_look = !this.loaded;
    this.list = transfers;
    this.counts = counts;
    this.held_up = held_up;
    this.told_at = Date.now();
    this.loaded = true;
    if (counts.running === 0) this.progress = new Map();
    if (first_look) return;
    const reached = (state: Transfer["state"]) =>
      transfers.filter((transfer) => transfer.state === state && before.get(transfer.id) !== state);
    const ended = { done: reached("done"), failed: reached("failed") };
    if (ended.done.length + ended.failed.length > 0) this.onEnded(ended);
  }
}

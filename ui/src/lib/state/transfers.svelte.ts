/** The queue: batches as they were asked for, the transfers of the one that is open, and the passing figures of what runs. */

import type { Act, Batch, ClosedGate, HeldAccount, HeldUp, OpenBatch, QueueTotals } from "../bindings/ipc.ts";
import type { GateReason, Transfer, TransferCounts, TransferProgress, Which } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform, Unsubscribe } from "../platform/index.ts";

const REFRESH_GAP_MS = 150;
/** Where only their numbers are shown. */
const UNSEEN_GAP_MS = 1000;
/** Rows are asked for in these parts. */
const PAGE = 50;
const NO_COUNTS: TransferCounts = {
  ...{ queued: 0, running: 0, waiting: 0, undoable: 0, paused: 0 },
  ...{ asked: 0, failed: 0, done: 0, cancelled: 0 },
};
const NO_TOTALS: QueueTotals = { transfers: 0, taken: 0, bytes: 0, bytes_done: 0 };

/** Why a transfer that could begin does not. */
export type Hold = GateReason | "no_secret" | "paused" | "all_paused";

/** Keys that are missing are not keys that were refused. */
export function holdOf({ reason, error }: ClosedGate): Hold {
  const is_missing = error.code === "no_secret" || error.code === "keyring_unavailable";
  return reason === "locked_out" && is_missing ? "no_secret" : reason;
}

/** Reasons for which one transfer at a time finds out whether the account is back. */
const OUTAGES: readonly GateReason[] = ["unreachable", "not_running"];

/** What ended between two looks at the queue. */
export interface Ended {
  done: number;
  failed: number;
  /** Batches of which more has failed, with how much. */
  batches: { batch: Batch; failed: number }[];
}

/** Some rows of a long list. */
interface Part<Row> {
  offset: number;
  rows: Row[];
}

/** The queue as one progress. */
export interface Whole {
  transfers: number;
  taken: number;
  bytes: number;
  bytes_done: number;
  seconds_left: number | null;
}

export class Transfers {
  counts = $state.raw<TransferCounts>(NO_COUNTS);
  held_up = $state.raw<HeldUp>({ paused: false, accounts: [] });
  /** When that was told, in milliseconds since the Unix epoch. */
  told_at = $state(0);
  loaded = $state(false);
  /** How many batches there are. */
  total = $state(0);
  /** The batch whose transfers are looked at. */
  open = $state<string | null>(null);
  open_batch = $state.raw<Batch | null>(null);
  progress = $state.raw<ReadonlyMap<string, TransferProgress>>(new Map());
  /** Of all together; `null` when nobody knows. */
  bytes_per_second = $state<number | null>(null);
  onEnded: (ended: Ended) => void = () => {};
  readonly refresh = coalesce(
    () => this.#load(),
    () => (this.#is_shown() ? REFRESH_GAP_MS : UNSEEN_GAP_MS),
  );
  #batches = $state.raw<Part<Batch>>({ offset: 0, rows: [] });
  #transfers = $state.raw<Part<Transfer>>({ offset: 0, rows: [] });
  #totals = $state.raw<QueueTotals>(NO_TOTALS);
  #wanted = { offset: 0, limit: PAGE };
  #wanted_open = { offset: 0, limit: PAGE };
  #platform: Platform;
  #is_shown: () => boolean;

  constructor(platform: Platform, is_shown: () => boolean) {
    this.#platform = platform;
    this.#is_shown = is_shown;
  }

  watch(): Unsubscribe {
    return this.#platform.watchProgress(({ running, bytes_per_second }) => {
      this.progress = new Map(running.map((one) => [one.id, one]));
      this.bytes_per_second = running.length > 0 ? bytes_per_second : null;
    });
  }

  /** `null` until it has been asked for. */
  batch(index: number): Batch | null {
    return this.#batches.rows[index - this.#batches.offset] ?? null;
  }

  /** Of the open batch. */
  transfer(index: number): Transfer | null {
    return this.#transfers.rows[index - this.#transfers.offset] ?? null;
  }

  /** The batches of these rows are seen. */
  show(first: number, end: number): void {
    const wanted = pagesAround(first, end);
    if (covers(this.#wanted, wanted)) return;
    this.#wanted = wanted;
    void this.refresh.now();
  }

  /** The transfers of these rows are seen. */
  showOpen(first: number, end: number): void {
    const wanted = pagesAround(first, end);
    if (covers(this.#wanted_open, wanted)) return;
    this.#wanted_open = wanted;
    void this.refresh.now();
  }

  /** Looks at the transfers of a batch, or at none. */
  async openBatch(batch: Batch | null): Promise<void> {
    this.open = batch?.id ?? null;
    this.open_batch = batch;
    this.#transfers = { offset: 0, rows: [] };
    this.#wanted_open = { offset: 0, limit: PAGE };
    await this.refresh.now();
  }

  /** Does something with one transfer, a batch, or everything. */
  async steer(act: Act, which: Which): Promise<void> {
    await this.#platform.call("steer", { act, which });
    await this.refresh.now();
  }

  /** Sends to another account what has failed of a batch. */
  async sendFailedTo(batch: string, account: string): Promise<void> {
    await this.#platform.call("send_failed_to", { batch, account });
    await this.refresh.now();
  }

  /** Forgets what is done or cancelled, or what has failed. */
  async clear(which: "finished" | "failed"): Promise<void> {
    await this.#platform.call(which === "finished" ? "clear_finished_transfers" : "clear_failed_transfers");
    await this.refresh.now();
  }

  /** Tries an account that gets no work, whatever is waited for. */
  async tryNow(account: string): Promise<void> {
    await this.#platform.call("try_account_now", account);
    await this.refresh.now();
  }

  /** Of one account, or (`null`) of all. */
  async pause(account: string | null): Promise<void> {
    await this.#platform.call("pause_transfers", account);
    await this.refresh.now();
  }

  async resume(account: string | null): Promise<void> {
    await this.#platform.call("resume_transfers", account);
    await this.refresh.now();
  }

  held(account: string): HeldAccount | null {
    return this.held_up.accounts.find((held) => held.account === account) ?? null;
  }

  /** What keeps a transfer from going on; `null` where nothing does but its turn or its own time. */
  hold({ id, state, account }: Transfer): Hold | null {
    if (state === "paused") return "paused";
    if (state === "running") return this.#isTrial(id, account) ? this.#holdOfAccount(account) : null;
    return state === "queued" || state === "waiting" ? this.#holdOfAccount(account) : null;
  }

  /** The same of a batch: what all of its accounts have in common, or what is so of the first. */
  holdOfBatch({ accounts, counts, only }: Batch): Hold | null {
    if (only) return this.hold(only);
    const waits = counts.queued + counts.waiting > 0 || counts.running > 0;
    if (!waits) return counts.paused > 0 ? "paused" : null;
    const holds = accounts.map((account) => this.#holdOfAccount(account));
    const is_held = holds.every((hold) => hold !== null);
    const goes_on = counts.running > 0 && !accounts.every((account) => this.#isOut(account));
    return is_held && !goes_on ? (holds[0] ?? null) : null;
  }

  /** What is under way or waits, as one progress; `null` where nothing is. */
  get whole(): Whole | null {
    const { transfers, taken, bytes, bytes_done } = this.#totals;
    if (transfers === 0) return null;
    const running = [...this.progress.values()];
    const sent = Math.min(
      bytes,
      running.reduce((sum, one) => sum + one.bytes_done, bytes_done),
    );
    const rate = this.bytes_per_second;
    const seconds_left = rate !== null && rate > 0 && bytes > sent ? (bytes - sent) / rate : null;
    return { transfers, taken, bytes, bytes_done: sent, seconds_left };
  }

  #holdOfAccount(account: string): Hold | null {
    if (this.held_up.paused) return "all_paused";
    const held = this.held(account);
    if (held?.paused) return "paused";
    const [gate] = held?.gates ?? [];
    return gate ? holdOf(gate) : null;
  }

  /** Its account is out, and one transfer at a time finds out whether it still is: nothing is being sent. */
  #isTrial(id: string, account: string): boolean {
    return this.#isOut(account) && (this.progress.get(id)?.bytes_done ?? 0) === 0;
  }

  #isOut(account: string): boolean {
    return this.held(account)?.gates.some(({ reason }) => OUTAGES.includes(reason)) ?? false;
  }

  async #load(): Promise<void> {
    const { offset, limit } = this.#wanted;
    const asked = this.open;
    const open = asked === null ? null : { batch: asked, ...this.#wanted_open };
    const queue = await this.#platform.call("queue", { offset, limit, open });
    const before = { counts: this.counts, batches: this.#batches.rows };
    const first_look = !this.loaded;
    this.#batches = { offset, rows: queue.batches };
    this.#totals = queue.totals;
    this.total = queue.total;
    this.counts = queue.counts;
    this.held_up = queue.held_up;
    this.told_at = Date.now();
    this.loaded = true;
    if (asked !== null && asked === this.open) this.#acceptOpen(queue.open, open?.offset ?? 0);
    if (queue.counts.running === 0) {
      this.progress = new Map();
      this.bytes_per_second = null;
    }
    if (!first_look) this.#tellEnded(before.counts, before.batches);
  }

  /** What is no more is not looked at any longer. */
  #acceptOpen(open: OpenBatch | null, offset: number): void {
    this.#transfers = { offset, rows: open?.transfers ?? [] };
    this.open_batch = open?.batch ?? null;
    if (open === null) this.open = null;
  }

  #tellEnded(counts: TransferCounts, batches: Batch[]): void {
    const done = Math.max(0, this.counts.done - counts.done);
    const failed = Math.max(0, this.counts.failed - counts.failed);
    if (done + failed === 0) return;
    const known = new Map(batches.map((batch) => [batch.id, batch.counts.failed]));
    const more = this.#batches.rows
      .map((batch) => ({ batch, failed: batch.counts.failed - (known.get(batch.id) ?? 0) }))
      .filter(({ failed }) => failed > 0);
    this.onEnded({ done, failed, batches: failed > 0 ? more : [] });
  }
}

/** Whole pages with these rows and one more before and behind. */
function pagesAround(first: number, end: number): { offset: number; limit: number } {
  const offset = Math.max(0, Math.floor(first / PAGE) - 1) * PAGE;
  return { offset, limit: (Math.floor(end / PAGE) + 2) * PAGE - offset };
}

function covers(part: { offset: number; limit: number }, wanted: { offset: number; limit: number }): boolean {
  return part.offset === wanted.offset && part.limit === wanted.limit;
}

/** What becomes a pin and is none yet, as far as the table of pins shows it. */

import type { Batch, Transfer } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform } from "../platform/index.ts";
import type { Filter, Pins } from "./pins.svelte.ts";
import type { Transfers } from "./transfers.svelte.ts";

/** So many have rows of their own; the others are counted. */
const MOST_ROWS = 4;
/** Batches that are looked through for one that is under way: those that run come first. */
const MOST_BATCHES = 50;

export class Sending {
  /** Asks for the first few of the batches that are under way, once it is known which these are. */
  readonly refresh = coalesce(() => this.#load());
  #platform: Platform;
  #pins: Pins;
  #transfers: Transfers;
  #list = $state.raw<Transfer[]>([]);
  #under_way = $state(0);
  /** What runs comes first. */
  shown = $derived.by(() => {
    const { filter } = this.#pins;
    return this.#list.filter((transfer) => matches(transfer, filter));
  });
  /** How many have no row; of a filtered table nobody knows. */
  more = $derived.by(() =>
    this.#pins.is_filtered || this.shown.length === 0 ? 0 : Math.max(0, this.#under_way - this.shown.length),
  );
  /** Rows of the table's height that it takes. */
  rows = $derived(this.shown.length + (this.more > 0 ? 1 : 0));

  constructor(platform: Platform, pins: Pins, transfers: Transfers) {
    this.#platform = platform;
    this.#pins = pins;
    this.#transfers = transfers;
  }

  async #load(): Promise<void> {
    await this.#transfers.refresh();
    const batches = Array.from({ length: MOST_BATCHES }, (_, index) => this.#transfers.batch(index));
    const open = batches.filter((batch) => batch !== null && openOf(batch) > 0) as Batch[];
    this.#under_way = open.reduce((sum, batch) => sum + openOf(batch), 0);
    const list: Transfer[] = [];
    for (const { id } of open) {
      if (list.length >= MOST_ROWS) break;
      const part = { batch: id, offset: 0, limit: MOST_ROWS - list.length };
      const { open: told } = await this.#platform.call("queue", { offset: 0, limit: 0, open: part });
      list.push(...(told?.transfers.filter(becomesPin) ?? []));
    }
    this.#list = list;
  }
}

/** Those of a batch that become pins, and are not with their service yet. */
function openOf({ origin, counts }: Batch): number {
  return origin === "unpinned" ? 0 : counts.queued + counts.running + counts.waiting + counts.paused;
}

/** One that the service works on has a row of its own already. */
function becomesPin({ kind, state }: Transfer): boolean {
  return kind !== "unpin" && ["running", "queued", "waiting", "paused"].includes(state);
}

function matches({ account, name }: Transfer, filter: Filter): boolean {
  if (filter.status !== null) return false;
  if (filter.account !== null && filter.account !== account) return false;
  return name.toLocaleLowerCase().includes(filter.search.toLocaleLowerCase());
}

/** What becomes a pin and is none yet, as far as the table of pins shows it. */

import type { Transfer } from "../bindings/ipc.ts";
import type { Filter, Pins } from "./pins.svelte.ts";
import type { Transfers } from "./transfers.svelte.ts";

/** So many have rows of their own; the others are counted. */
const MOST_ROWS = 4;

const UNDER_WAY = ["running", "queued", "waiting", "asked"];

export class Sending {
  #pins: Pins;
  #transfers: Transfers;
  #all = $derived.by(() => {
    const { filter } = this.#pins;
    return this.#transfers.list.filter((transfer) => becomesPin(transfer) && matches(transfer, filter));
  });
  /** What runs comes first. */
  shown = $derived(this.#all.slice(0, MOST_ROWS));
  /** How many have no row; of a filtered table, among those that are known here. */
  more = $derived.by(() => {
    const rest = this.#all.length - this.shown.length;
    const { is_filtered } = this.#pins;
    const { queued, running, waiting, asked } = this.#transfers.counts;
    const known = this.#transfers.list.filter(({ state }) => UNDER_WAY.includes(state)).length;
    return is_filtered || rest === 0 ? rest : rest + Math.max(0, queued + running + waiting + asked - known);
  });
  /** Rows of the table's height that it takes. */
  rows = $derived(this.shown.length + (this.more > 0 ? 1 : 0));

  constructor(pins: Pins, transfers: Transfers) {
    this.#pins = pins;
    this.#transfers = transfers;
  }
}

/** One that the service works on has a row of its own already. */
function becomesPin({ kind, state }: Transfer): boolean {
  return kind === "upload"
    ? UNDER_WAY.includes(state) && state !== "asked"
    : kind === "pin" && state === "running";
}

function matches({ account, name }: Transfer, filter: Filter): boolean {
  if (filter.status !== null) return false;
  if (filter.account !== null && filter.account !== account) return false;
  return name.toLocaleLowerCase().includes(filter.search.toLocaleLowerCase());
}

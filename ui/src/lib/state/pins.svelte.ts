/**
 * The rows of the table that are on screen. Rust sorts, filters and searches; here are only pages of its answer,
 * fetched as they come into view. Old rows stay until their successors are there.
 */

import type {
  CopyWhat,
  IpcError,
  Pin,
  PinDetails,
  PinKey,
  PinQuery,
  PinSet,
  PinSort,
} from "../bindings/ipc.ts";
import type { PinPage, SomePins, UnpinImpact } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import { toIpcError } from "../error.ts";
import type { Platform } from "../platform/index.ts";
import { ROW_HEIGHT } from "../virtual.ts";
import type { Chosen } from "./chosen.ts";
import { keyOf, RowSelection } from "./selection.svelte.ts";

export const PAGE_ROWS = 100;
/** A range of more rows is known by its ends. */
const MOST_NAMED = 200;
const KEPT_PAGES = 24;
const MOST_REQUESTS = 2;
const REFRESH_GAP_MS = 150;
/** For what came, went or changed outside of the view: it moves the rows, and is looked at in no hurry. */
const UNSEEN_GAP_MS = 1000;

export type Filter = Omit<PinQuery, "offset" | "limit">;

const FIRST_FILTER: Filter = { sort: "pinned_at", descending: true, search: "", account: null, status: null };

interface Page {
  rows: Pin[];
  /** The generation that was current when it was asked for. */
  generation: number;
}

export class Pins {
  filter = $state.raw<Filter>(FIRST_FILTER);
  total = $state(0);
  total_bytes = $state(0);
  loaded = $state(false);
  /** The rows on screen answer an earlier filter. */
  outdated = $state(false);
  error = $state.raw<IpcError | null>(null);
  /** How many times the accounts are being asked for their lists because a person wants it. */
  refreshing = $state(0);
  /** Counts the looks at what changed at the other side. */
  revision = $state(0);
  /** Row position of the table, kept while another screen is shown. */
  position = 0;
  /** Rows that came above those in view since the table was last at its top. */
  came_above = $state(0);
  /** What draws the rows has to follow them. */
  onMoved: (position: number) => void = () => {};
  readonly selection = new RowSelection();
  /** Asks again for what is shown. */
  readonly invalidate = coalesce(() => this.#lookAgain(), REFRESH_GAP_MS);
  /** The same, where no row in view is other than it was. */
  readonly #invalidateLater = coalesce(() => this.#lookAgain(), UNSEEN_GAP_MS);

  #platform: Platform;
  #is_shown: () => boolean;
  #pages = $state.raw<ReadonlyMap<number, Page>>(new Map());
  #generation = 0;
  /** Answers to questions before this generation belong to another filter. */
  #filter_generation = 0;
  #wanted = { first: 0, end: PAGE_ROWS };
  #asked = new Map<number, number>();
  #range_requests = 0;
  /** The generation in which the ends of a selected range were asked for. */
  #placed_generation = 0;

  constructor(platform: Platform, is_shown: () => boolean = () => true) {
    this.#platform = platform;
    this.#is_shown = is_shown;
  }

  get is_filtered(): boolean {
    return this.filter.search !== "" || this.filter.account !== null || this.filter.status !== null;
  }

  row(index: number): Pin | null {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.rows[index % PAGE_ROWS] ?? null;
  }

  /** Tells which rows are in view; the missing ones are fetched. */
  show(first: number, end: number): void {
    this.#wanted = { first, end };
    this.#fill();
  }

  /** Asks for what changed while another screen was shown, also where no rows were. */
  look(): void {
    this.#fill();
  }

  /** Something changed at the other side. A table that is not shown asks when it is. */
  async changed(which: SomePins): Promise<void> {
    if (!this.#is_shown()) this.#generation += 1;
    else if (which.which === "these" && this.#areInView(which.pins)) await this.invalidate();
    else await this.#invalidateLater();
  }

  setFilter(change: Partial<Filter>): void {
    const filter = { ...this.filter, ...change };
    const matches_other_rows = change.search !== undefined || "account" in change || "status" in change;
    this.filter = filter;
    this.#range_requests += 1;
    if (matches_other_rows) this.selection.clear();
    else this.selection.reorder();
    this.selection.moveTo(0);
    this.#generation += 1;
    this.#filter_generation = this.#generation;
    this.#wanted = { first: 0, end: this.#wanted.end - this.#wanted.first };
    this.outdated = true;
    this.came_above = 0;
    this.#fill();
  }

  /** The same column again turns the order round. Sizes and dates begin with the greatest. */
  sortBy(sort: PinSort): void {
    const { filter } = this;
    const descending = filter.sort === sort ? !filter.descending : sort === "size" || sort === "pinned_at";
    this.setFilter({ sort, descending });
  }

  /** Extends the selection to `index`: by its rows where these are few and at hand, else by the pins at its ends. */
  async selectTo(index: number): Promise<void> {
    const { selection } = this;
    const [first, last] = selection.rangeTo(index);
    const request = ++this.#range_requests;
    const at_hand = this.#rowsAtHand(first, last);
    if (at_hand) {
      selection.range(at_hand, index);
      return;
    }
    selection.active = index;
    const { anchor } = selection;
    const [from, to] = await Promise.all([anchor.pin ?? this.#pinAt(anchor.index), this.#pinAt(index)]);
    if (request !== this.#range_requests || !from || !to) return;
    const [one, other] = keysOf([from, to]);
    if (one && other) selection.between([one, other], [first, last], index);
  }

  /** What is selected: by name, or as what matches. */
  get chosen(): Chosen {
    const { selection, filter } = this;
    const { together } = selection;
    const named = keysOf(selection.pins);
    const pins: PinSet =
      together.of === "nothing"
        ? { which: "named", pins: named }
        : {
            which: "matching",
            query: { ...filter, offset: 0, limit: 0 },
            between: together.of === "range" ? together.ends : null,
            except: keysOf(selection.except),
            also: named,
          };
    return { pins, count: selection.count(this.total) };
  }

  /** How many are selected, how large they are as far as that is known, and how many of each account, where that is known. */
  get summary(): { count: number; bytes: number | null; of_accounts: ReadonlyMap<string, number> | null } {
    const { selection } = this;
    const bytesOf = (pins: Pin[]) => pins.reduce((sum, { size }) => sum + (size ?? 0), 0);
    const count = selection.count(this.total);
    if (selection.together.of === "range") return { count, bytes: null, of_accounts: null };
    if (selection.together.of === "all")
      return { count, bytes: this.total_bytes - bytesOf(selection.except), of_accounts: null };
    const of_accounts = new Map<string, number>();
    for (const { account } of selection.pins) of_accounts.set(account, (of_accounts.get(account) ?? 0) + 1);
    return { count, bytes: bytesOf(selection.pins), of_accounts };
  }

  details(key: PinKey): Promise<PinDetails> {
    return this.#platform.call("pin_details", { account: key.account, id: key.id });
  }

  /** What is left when these go. */
  impact(pins: PinSet): Promise<UnpinImpact> {
    return this.#platform.call("unpin_impact", pins);
  }

  /** Removes them after a while in which that can be undone, if they are as many as the person was told. */
  async unpin(pins: PinSet, confirmed: number): Promise<void> {
    await this.#platform.call("unpin", { pins, confirmed });
    this.selection.clear();
  }

  /** Asks anew for what the service has given up. */
  async again({ account, id }: PinKey): Promise<void> {
    await this.#platform.call("pin_again", { account, id });
  }

  /** The pin may come back under another id: what knew it by the old one follows. */
  async edit(before: PinKey, name: string | null, metadata: Record<string, string>): Promise<Pin> {
    const pin = { account: before.account, id: before.id };
    const after = await this.#platform.call("edit_pin", { pin, name, metadata });
    this.selection.replace(before, after);
    void this.invalidate();
    return after;
  }

  /** Says how many. */
  copy(pins: PinSet, what: CopyWhat): Promise<number> {
    return this.#platform.call("copy_pins", { pins, what });
  }

  async openInBrowser(pin: PinKey): Promise<void> {
    await this.#platform.call("open_in_browser", { account: pin.account, id: pin.id });
  }

  async refreshFromAccounts(): Promise<void> {
    this.refreshing += 1;
    try {
      await this.#platform.call("refresh_pins");
      await this.invalidate();
    } finally {
      this.refreshing -= 1;
    }
  }

  async #lookAgain(): Promise<void> {
    this.revision += 1;
    const anchored = this.loaded && !this.outdated && this.position >= ROW_HEIGHT;
    if (anchored && (await this.#lookFromAnchor())) return this.#followRange();
    this.#generation += 1;
    this.#fill();
  }

  /**
   * Asks again so that the first row in view stays where it is, wherever it is in the table by now. Nothing is drawn before
   * all that comes into view is there. `false` when the row cannot be found, or something else was asked meanwhile.
   */
  async #lookFromAnchor(): Promise<boolean> {
    const { first, end } = this.#wanted;
    const anchor = this.row(first);
    if (!anchor) return false;
    const generation = this.#generation;
    const fetched = new Map<number, PinPage>();
    const page = async (number: number): Promise<PinPage> => {
      const known = fetched.get(number);
      if (known) return known;
      const query = { ...this.filter, offset: number * PAGE_ROWS, limit: PAGE_ROWS };
      const answer = await this.#platform.call("pins", query);
      fetched.set(number, answer);
      return answer;
    };
    const find = async (guess: number): Promise<number | null> => {
      const number = Math.floor(Math.max(0, guess) / PAGE_ROWS);
      const at = (await page(number)).rows.findIndex((pin) => keyOf(pin) === keyOf(anchor));
      return at < 0 ? null : number * PAGE_ROWS + at;
    };
    try {
      let at = await find(first);
      const { total = this.total } = fetched.values().next().value ?? {};
      // What came before it has moved it by as many rows; where some of that came behind it, by fewer.
      for (const guess of [first + total - this.total, first + PAGE_ROWS, first - PAGE_ROWS]) {
        if (at === null) at = await find(guess);
      }
      if (at === null) return false;
      const moved = at - first;
      for (let row = first; row < end; row += PAGE_ROWS) await page(Math.floor((row + moved) / PAGE_ROWS));
      const last = await page(Math.floor(Math.max(0, Math.min(end + moved, total) - 1) / PAGE_ROWS));
      if (generation !== this.#generation || this.#wanted.first !== first) return false;
      this.#generation += 1;
      this.#pages = new Map(
        [...fetched].map(([number, { rows }]) => [number, { rows, generation: this.#generation }]),
      );
      [this.total, this.total_bytes, this.error] = [last.total, last.total_bytes, null];
      this.#moveBy(moved);
      return true;
    } catch (error) {
      this.error = toIpcError(error);
      return true;
    }
  }

  /** The rows in view are so many rows further down by now. */
  #moveBy(rows: number): void {
    this.came_above = Math.max(0, this.came_above + rows);
    if (rows === 0) return;
    this.selection.shift(rows, this.total);
    this.#wanted = { first: this.#wanted.first + rows, end: this.#wanted.end + rows };
    this.position += rows * ROW_HEIGHT;
    this.onMoved(this.position);
  }

  #areInView(pins: PinKey[]): boolean {
    const in_view = new Set<string>();
    for (let index = this.#wanted.first; index < this.#wanted.end; index += 1) {
      const pin = this.row(index);
      if (pin) in_view.add(keyOf(pin));
    }
    return pins.every((pin) => in_view.has(keyOf(pin)));
  }

  #rowsAtHand(first: number, last: number): Pin[] | null {
    const rows: Pin[] = [];
    if (last - first >= MOST_NAMED) return null;
    for (let index = first; index <= last; index += 1) {
      const row = this.row(index);
      if (!row) return null;
      rows.push(row);
    }
    return rows;
  }

  async #pinAt(index: number): Promise<PinKey | undefined> {
    const at_hand = this.row(index);
    if (at_hand) return at_hand;
    const page = await this.#platform.call("pins", { ...this.filter, offset: index, limit: 1 });
    return page.rows[0];
  }

  /** Finds the ends of a selected range again, once after each change. */
  async #followRange(): Promise<void> {
    const { together } = this.selection;
    if (together.of !== "range" || this.#placed_generation >= this.#generation) return;
    this.#placed_generation = this.#generation;
    const query = { ...this.filter, offset: 0, limit: 0 };
    try {
      const places = await this.#platform.call("pin_places", { query, pins: together.ends });
      const { together: still } = this.selection;
      if (still.of === "range" && still.ends === together.ends) this.selection.placed(places);
    } catch (error) {
      this.error = toIpcError(error);
    }
  }

  #fill(): void {
    void this.#followRange();
    for (const page of this.#pagesInView()) {
      if (this.#asked.size >= MOST_REQUESTS) return;
      const held = this.#pages.get(page)?.generation ?? -1;
      const asked = this.#asked.get(page) ?? -1;
      if (Math.max(held, asked) < this.#generation && asked < 0) void this.#ask(page);
    }
  }

  #pagesInView(): number[] {
    const { first, end } = this.#wanted;
    const from = Math.floor(first / PAGE_ROWS);
    const to = Math.floor(Math.max(first, end - 1) / PAGE_ROWS);
    const pages = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    // The page that is about to come into view, once those in view are there.
    const next = end % PAGE_ROWS > PAGE_ROWS / 2 ? to + 1 : from - 1;
    if (next >= 0 && next * PAGE_ROWS < this.total && !this.outdated) pages.push(next);
    return pages;
  }

  async #ask(page: number): Promise<void> {
    const generation = this.#generation;
    this.#asked.set(page, generation);
    try {
      const query = { ...this.filter, offset: page * PAGE_ROWS, limit: PAGE_ROWS };
      const answer = await this.#platform.call("pins", query);
      const held = this.#pages.get(page)?.generation ?? -1;
      if (generation >= Math.max(this.#filter_generation, held))
        this.#take(page, { rows: answer.rows, generation }, answer);
    } catch (error) {
      this.error = toIpcError(error);
      // Asked again with the next change, not in a circle.
      this.#keep(page, { rows: this.#pages.get(page)?.rows ?? [], generation });
    } finally {
      this.#asked.delete(page);
      this.#fill();
    }
  }

  #take(number: number, page: Page, { total, total_bytes }: { total: number; total_bytes: number }): void {
    if (this.outdated) this.#pages = new Map();
    this.#keep(number, page);
    this.total = total;
    this.total_bytes = total_bytes;
    this.loaded = true;
    this.outdated = false;
    this.error = null;
    if (this.selection.active >= total) this.selection.active = Math.max(0, total - 1);
  }

  #keep(number: number, page: Page): void {
    const pages = new Map(this.#pages).set(number, page);
    if (pages.size > KEPT_PAGES) {
      const middle = (this.#wanted.first + this.#wanted.end) / 2 / PAGE_ROWS;
      const far = [...pages.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
      for (const other of far.slice(0, pages.size - KEPT_PAGES)) pages.delete(other);
    }
    this.#pages = pages;
  }
}

/** Only what the command takes: the rest of a row stays here. */
export function keysOf(pins: PinKey[]): PinKey[] {
  return pins.map(({ account, id }) => ({ account, id }));
}

/** One alone. */
export function named(pin: PinKey): PinSet {
  return { which: "named", pins: keysOf([pin]) };
}

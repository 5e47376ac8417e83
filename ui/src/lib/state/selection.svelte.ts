/**
 * Which rows of the table are selected, and which one the keyboard stands on.
 *
 * Rows are known by their pin, so a selection survives sorting and refreshing. Many are known together, by what they have in
 * common, with those that are left out and those that are added: the web view never holds all the rows.
 */

import type { Pin, PinKey } from "../bindings/ipc.ts";

/** One string per pin, for maps. Neither part can contain the separator. */
export function keyOf({ account, id }: PinKey): string {
  return `${account}\u0000${id}`;
}

/** What is selected as a whole. */
export type Together =
  | { of: "nothing" }
  /** Everything that matches. */
  | { of: "all" }
  /** What is from one pin to another in the table's order, and at which indexes these are. */
  | { of: "range"; ends: [PinKey, PinKey]; first: number; last: number };

const NOTHING: Together = { of: "nothing" };

export class RowSelection {
  /** Index of the row with the roving tab stop. */
  active = $state(0);
  together = $state.raw<Together>(NOTHING);
  /** Where a range begins; its pin, where that was at hand. */
  #anchor: { index: number; pin: PinKey | null } = { index: 0, pin: null };
  /** Selected by themselves. */
  #also = $state.raw<ReadonlyMap<string, Pin>>(new Map());
  #except = $state.raw<ReadonlyMap<string, Pin>>(new Map());

  /** What is selected by a range is so by its row's index. */
  has(pin: PinKey, index?: number): boolean {
    const key = keyOf(pin);
    return this.#also.has(key) || (this.#isWithin(index) && !this.#except.has(key));
  }

  /** `total` is how many rows match the table's filters. */
  count(total: number): number {
    const { together } = this;
    const all =
      together.of === "all" ? total : together.of === "range" ? together.last + 1 - together.first : 0;
    return Math.max(0, all - this.#except.size) + this.#also.size;
  }

  /** The pins that are selected by themselves; not the answer where others are selected together. */
  get pins(): Pin[] {
    return [...this.#also.values()];
  }

  /** What is left out of what is selected together. */
  get except(): Pin[] {
    return [...this.#except.values()];
  }

  get anchor(): { readonly index: number; readonly pin: PinKey | null } {
    return this.#anchor;
  }

  /** What a range has that is extended to `index`. */
  rangeTo(index: number): [first: number, last: number] {
    return [Math.min(this.#anchor.index, index), Math.max(this.#anchor.index, index)];
  }

  only(pin: Pin, index: number): void {
    this.#set([pin]);
    this.#standOn(pin, index);
  }

  toggle(pin: Pin, index: number): void {
    const key = keyOf(pin);
    const [also, except] = [new Map(this.#also), new Map(this.#except)];
    if (!this.has(pin, index)) {
      if (!except.delete(key)) also.set(key, pin);
    } else if (!also.delete(key)) {
      except.set(key, pin);
    }
    [this.#also, this.#except] = [also, except];
    this.#standOn(pin, index);
  }

  /** Replaces the selection by these rows; where a range begins stays. */
  range(pins: Pin[], active: number): void {
    this.#set(pins);
    this.active = active;
  }

  /** The same by the two pins at the ends of the range, whose indexes are these. */
  between(ends: [PinKey, PinKey], [first, last]: [number, number], active: number): void {
    this.#set([], { of: "range", ends, first, last });
    this.active = active;
  }

  /** The ends of a range stand there by now; one that stands nowhere leaves nothing selected. */
  placed(places: (number | null)[]): void {
    const { together } = this;
    if (together.of !== "range") return;
    const [one, other] = places;
    if (one == null || other == null) this.clear();
    else this.together = { ...together, first: Math.min(one, other), last: Math.max(one, other) };
  }

  /** The table has another order: what was from one row to another is not so any more. */
  reorder(): void {
    if (this.together.of === "range") this.clear();
  }

  /** The rows are at other indexes by now, so many further down. */
  shift(rows: number, total: number): void {
    const moved = (index: number) => Math.min(Math.max(0, index + rows), Math.max(0, total - 1));
    this.active = moved(this.active);
    this.#anchor = { ...this.#anchor, index: moved(this.#anchor.index) };
    const { together } = this;
    if (together.of === "range") {
      this.together = { ...together, first: moved(together.first), last: moved(together.last) };
    }
  }

  /** Moves the tab stop without selecting anything. */
  moveTo(index: number): void {
    this.active = index;
    this.#anchor = { index, pin: null };
  }

  selectAll(): void {
    this.#set([], { of: "all" });
  }

  clear(): void {
    this.#set([]);
  }

  /** The same pin under another id, or with other values. */
  replace(before: PinKey, after: Pin): void {
    const renamed = (pins: ReadonlyMap<string, Pin>) =>
      new Map([...pins].map(([key, pin]) => (key === keyOf(before) ? [keyOf(after), after] : [key, pin])));
    this.#except = renamed(this.#except);
    this.#also = renamed(this.#also);
    const same = (pin: PinKey): PinKey => (keyOf(pin) === keyOf(before) ? after : pin);
    const { together } = this;
    if (together.of === "range") {
      const [from, to] = together.ends;
      this.together = { ...together, ends: [same(from), same(to)] };
    }
  }

  #isWithin(index: number | undefined): boolean {
    const { together } = this;
    if (together.of !== "range") return together.of === "all";
    return index !== undefined && index >= together.first && index <= together.last;
  }

  #standOn(pin: PinKey, index: number): void {
    this.#anchor = { index, pin };
    this.active = index;
  }

  #set(pins: Pin[], together: Together = NOTHING): void {
    this.together = together;
    this.#except = new Map();
    this.#also = new Map(pins.map((pin) => [keyOf(pin), pin]));
  }
}

/**
 * Which rows of the table are selected, and which one the keyboard stands on.
 *
 * Rows are known by their pin, so a selection survives sorting and refreshing. "Everything that matches" is kept
 * as such with its exceptions: the web view never holds all the rows.
 */

import type { Pin, PinKey } from "../bindings/ipc.ts";

/** One string per pin, for maps. Neither part can contain the separator. */
export function keyOf({ account, id }: PinKey): string {
  return `${account}\u0000${id}`;
}

export class RowSelection {
  /** Index of the row with the roving tab stop. */
  active = $state(0);
  /** Everything that matches is selected, but for `#except`. */
  all = $state(false);
  #anchor = 0;
  #pins = $state.raw<ReadonlyMap<string, Pin>>(new Map());
  #except = $state.raw<ReadonlyMap<string, Pin>>(new Map());

  has(pin: PinKey): boolean {
    const key = keyOf(pin);
    return this.all ? !this.#except.has(key) : this.#pins.has(key);
  }

  /** `total` is how many rows match the table's filters. */
  count(total: number): number {
    return this.all ? Math.max(0, total - this.#except.size) : this.#pins.size;
  }

  /** The selected pins; not the answer when `all` is set. */
  get pins(): Pin[] {
    return [...this.#pins.values()];
  }

  /** What is left out where `all` is set. */
  get except(): Pin[] {
    return [...this.#except.values()];
  }

  /** Where a range that is extended to `index` begins. */
  rangeTo(index: number): [first: number, last: number] {
    return [Math.min(this.#anchor, index), Math.max(this.#anchor, index)];
  }

  only(pin: Pin, index: number): void {
    this.#set([pin]);
    this.#anchor = index;
    this.active = index;
  }

  toggle(pin: Pin, index: number): void {
    const key = keyOf(pin);
    if (this.all) {
      const except = new Map(this.#except);
      if (!except.delete(key)) except.set(key, pin);
      this.#except = except;
    } else {
      const pins = new Map(this.#pins);
      if (!pins.delete(key)) pins.set(key, pin);
      this.#pins = pins;
    }
    this.#anchor = index;
    this.active = index;
  }

  /** Replaces the selection by a range whose anchor stays. */
  range(pins: Pin[], active: number): void {
    this.#set(pins);
    this.active = active;
  }

  /** The rows are at other indexes by now, so many further down. */
  shift(rows: number, total: number): void {
    const moved = (index: number) => Math.min(Math.max(0, index + rows), Math.max(0, total - 1));
    this.active = moved(this.active);
    this.#anchor = moved(this.#anchor);
  }

  /** Moves the tab stop without selecting anything. */
  moveTo(index: number): void {
    this.active = index;
    this.#anchor = index;
  }

  selectAll(): void {
    this.#set([]);
    this.all = true;
  }

  clear(): void {
    this.#set([]);
  }

  /** The same pin under another id, or with other values. */
  replace(before: PinKey, after: Pin): void {
    const renamed = (pins: ReadonlyMap<string, Pin>) =>
      new Map([...pins].map(([key, pin]) => (key === keyOf(before) ? [keyOf(after), after] : [key, pin])));
    this.#except = renamed(this.#except);
    this.#pins = renamed(this.#pins);
  }

  isExcepted(pin: PinKey): boolean {
    return this.#except.has(keyOf(pin));
  }

  #set(pins: Pin[]): void {
    this.all = false;
    this.#except = new Map();
    this.#pins = new Map(pins.map((pin) => [keyOf(pin), pin]));
  }
}

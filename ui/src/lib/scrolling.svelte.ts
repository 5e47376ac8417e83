/** A long list as it is scrolled: which rows are in view, whatever the scrollbar can express of where they are. */

import { untrack } from "svelte";
import {
  isCompressed,
  maxPosition,
  positionFromScroll,
  ROW_HEIGHT,
  scrollFromPosition,
  sliceAt,
  type Extent,
  type Slice,
} from "./virtual.ts";

/** A scroll position this near to the one that was set is the browser's rounding of it. */
const ROUNDING_PX = 1;

interface List {
  /** How many rows of the table it takes. */
  rows: () => number;
  /** Height in which they are seen. */
  viewport: () => number;
  /** Where it stands at first. */
  position?: number;
  /** Whether all of its rows are counted. */
  counted?: () => boolean;
  onmove?: (position: number) => void;
}

/** Belongs to the component that makes it. */
export class Scrolling {
  /** Row position: how far the rows have moved. */
  position = $state(0);
  readonly extent: Extent = $derived.by(() => ({ rows: this.#list.rows(), viewport: this.#list.viewport() }));
  readonly slice: Slice = $derived.by(() => sliceAt(this.position, this.extent));
  #list: List;
  #scroller: HTMLElement | undefined;

  constructor(list: List) {
    this.#list = list;
    this.position = list.position ?? 0;
    // The same row position is elsewhere on the scrollbar.
    $effect(() => {
      const { extent } = this;
      if (this.#scroller)
        this.#scroller.scrollTop = scrollFromPosition(
          untrack(() => this.position),
          extent,
        );
    });
    // The rows may have become fewer.
    $effect(() => {
      const is_known = list.viewport() > 0 && (list.counted?.() ?? true);
      if (is_known && this.position > maxPosition(this.extent)) this.moveTo(maxPosition(this.extent));
    });
  }

  moveTo(next: number): void {
    this.#stand(Math.min(Math.max(0, next), maxPosition(this.extent)));
    if (this.#scroller) this.#scroller.scrollTop = scrollFromPosition(this.position, this.extent);
  }

  /** Attaches it to the element that the browser scrolls. */
  readonly attach = (node: HTMLElement): (() => void) => {
    this.#scroller = node;
    node.scrollTop = untrack(() => scrollFromPosition(this.position, this.extent));
    const onscroll = () => this.#follow(node.scrollTop);
    const onwheel = (event: WheelEvent) => this.#turn(event);
    node.addEventListener("scroll", onscroll, { passive: true });
    node.addEventListener("wheel", onwheel, { passive: false });
    return () => {
      node.removeEventListener("scroll", onscroll);
      node.removeEventListener("wheel", onwheel);
      this.#scroller = undefined;
    };
  };

  #follow(scroll_top: number): void {
    const set = scrollFromPosition(this.position, this.extent);
    // Set from `moveTo`: mapping it back would lose what the scrollbar cannot express.
    if (Math.abs(scroll_top - set) <= ROUNDING_PX && isCompressed(this.extent)) return;
    this.#stand(positionFromScroll(scroll_top, this.extent));
  }

  /** One notch of a wheel is to move a few rows, also where a pixel of the scrollbar is many. */
  #turn(event: WheelEvent): void {
    if (!isCompressed(this.extent) || event.ctrlKey) return;
    event.preventDefault();
    const unit = [1, ROW_HEIGHT, this.extent.viewport][event.deltaMode] ?? 1;
    this.moveTo(this.position + event.deltaY * unit);
  }

  #stand(position: number): void {
    this.position = position;
    this.#list.onmove?.(position);
  }
}

/** A row that leaves the drawn ones would take the keyboard's focus with it: what holds them has it then. */
export function keepFocus(holder: () => HTMLElement | undefined, drawn: () => unknown): void {
  let had_focus = false;
  $effect.pre(() => {
    void drawn();
    had_focus = holder()?.contains(document.activeElement) ?? false;
  });
  $effect(() => {
    void drawn();
    if (had_focus && document.activeElement === document.body) holder()?.focus({ preventScroll: true });
  });
}

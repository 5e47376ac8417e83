/**
 * Where the rows of a long table are: the arithmetic between the scrollbar and the rows.
 *
 * All positions are CSS pixels. The *scroll position* is what the browser knows; the *row position* is how far
 * the rows have moved. They are equal until the rows are taller than a browser can make an element; from there
 * on the scroll position is mapped onto the rows, so that the scrollbar still reaches every one of them.
 */

export const ROW_HEIGHT = 32;

/** Browsers cap an element near 33.5 million pixels (WebKit: 2^31 / 64). */
export const MAX_SCROLL_HEIGHT = 30_000_000;

export interface Extent {
  rows: number;
  /** Height in which rows are seen. */
  viewport: number;
}

export interface Slice {
  first: number;
  /** One past the last row. */
  end: number;
  /** Where the first row's top edge is, relative to the viewport's: never positive. */
  top: number;
}

/** Height to give the scrolled element. */
export function scrollHeight({ rows }: Extent): number {
  return Math.min(rows * ROW_HEIGHT, MAX_SCROLL_HEIGHT);
}

/** True when one pixel of scrollbar is more than one pixel of rows. */
export function isCompressed({ rows }: Extent): boolean {
  return rows * ROW_HEIGHT > MAX_SCROLL_HEIGHT;
}

/** The greatest row position. */
export function maxPosition({ rows, viewport }: Extent): number {
  return Math.max(0, rows * ROW_HEIGHT - viewport);
}

export function positionFromScroll(scroll_top: number, extent: Extent): number {
  const reach = scrollHeight(extent) - extent.viewport;
  if (reach <= 0) return 0;
  const share = clamp(scroll_top / reach, 0, 1);
  return isCompressed(extent) ? share * maxPosition(extent) : clamp(scroll_top, 0, maxPosition(extent));
}

export function scrollFromPosition(position: number, extent: Extent): number {
  const max = maxPosition(extent);
  if (max === 0) return 0;
  const inside = clamp(position, 0, max);
  return isCompressed(extent) ? (inside / max) * (scrollHeight(extent) - extent.viewport) : inside;
}

/** The rows that are at least partly in view. */
export function sliceAt(position: number, extent: Extent): Slice {
  const inside = clamp(position, 0, maxPosition(extent));
  const first = Math.floor(inside / ROW_HEIGHT);
  const end = Math.min(extent.rows, Math.ceil((inside + extent.viewport) / ROW_HEIGHT));
  return { first, end: Math.max(first, end), top: first * ROW_HEIGHT - inside };
}

/** The nearest row position at which `row` is wholly in view. */
export function positionToShow(row: number, position: number, extent: Extent): number {
  const top = row * ROW_HEIGHT;
  const lowest = top + ROW_HEIGHT - extent.viewport;
  return clamp(clamp(position, Math.min(lowest, top), top), 0, maxPosition(extent));
}

/** How many rows PageUp and PageDown move: one less than are wholly in view. */
export function rowsPerPage({ viewport }: Extent): number {
  return Math.max(1, Math.floor(viewport / ROW_HEIGHT) - 1);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

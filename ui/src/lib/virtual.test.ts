import { describe, expect, test } from "vitest";
import {
  isCompressed,
  MAX_SCROLL_HEIGHT,
  maxPosition,
  positionFromScroll,
  positionToShow,
  ROW_HEIGHT,
  rowsPerPage,
  scrollFromPosition,
  scrollHeight,
  sliceAt,
  type Extent,
} from "./virtual.ts";

const few: Extent = { rows: 3, viewport: 480 };
const many: Extent = { rows: 5_000, viewport: 480 };
const ten_million: Extent = { rows: 10_000_000, viewport: 480 };

test("rows that fit need no scrolling and are all in view", () => {
  expect(maxPosition(few)).toBe(0);
  expect(sliceAt(0, few)).toEqual({ first: 0, end: 3, top: 0 });
  expect(positionFromScroll(50, few)).toBe(0);
});

test("no rows give an empty slice", () => {
  expect(sliceAt(0, { rows: 0, viewport: 480 })).toEqual({ first: 0, end: 0, top: 0 });
});

test("below the browsers' cap a pixel of scrollbar is a pixel of rows", () => {
  expect(isCompressed(many)).toBe(false);
  expect(positionFromScroll(1234, many)).toBe(1234);
  expect(scrollFromPosition(1234, many)).toBe(1234);
  expect(sliceAt(1234, many)).toEqual({ first: 38, end: 54, top: 38 * ROW_HEIGHT - 1234 });
});

describe("ten million rows", () => {
  test("the element stays under the browsers' cap", () => {
    expect(isCompressed(ten_million)).toBe(true);
    expect(scrollHeight(ten_million)).toBe(MAX_SCROLL_HEIGHT);
    expect(MAX_SCROLL_HEIGHT).toBeLessThan(2 ** 31 / 64);
  });

  test("the scrollbar's ends are the first and the last row", () => {
    expect(sliceAt(positionFromScroll(0, ten_million), ten_million).first).toBe(0);
    const bottom = scrollHeight(ten_million) - ten_million.viewport;
    const last = sliceAt(positionFromScroll(bottom, ten_million), ten_million);
    expect(last.end).toBe(10_000_000);
    expect(last.top).toBeCloseTo(0, 3);
  });

  test("every row can be shown, and the scrollbar then stands where it leads back to it", () => {
    for (const row of [0, 1, 14, 15, 937_499, 937_500, 5_000_001, 9_999_998, 9_999_999]) {
      const position = positionToShow(row, 0, ten_million);
      const back = positionFromScroll(scrollFromPosition(position, ten_million), ten_million);
      expect(back).toBeCloseTo(position, 3);
      const slice = sliceAt(position, ten_million);
      expect(slice.first).toBeLessThanOrEqual(row);
      expect(slice.end).toBeGreaterThan(row);
    }
  });

  test("a slice holds no more rows than fit", () => {
    for (let position = 0; position < maxPosition(ten_million); position += 12_345_678.9) {
      const slice = sliceAt(position, ten_million);
      expect(slice.end - slice.first).toBeLessThanOrEqual(16);
      expect(slice.top).toBeLessThanOrEqual(0);
      expect(slice.top).toBeGreaterThan(-ROW_HEIGHT);
    }
  });
});

test("showing a row moves no further than it must", () => {
  expect(positionToShow(10, 100, many)).toBe(100);
  expect(positionToShow(0, 100, many)).toBe(0);
  expect(positionToShow(20, 0, many)).toBe(21 * ROW_HEIGHT - 480);
});

test("a viewport lower than a row still shows its top", () => {
  expect(positionToShow(7, 0, { rows: 100, viewport: 20 })).toBe(7 * ROW_HEIGHT);
});

test("a page keeps one row in common with the one before", () => {
  expect(rowsPerPage(many)).toBe(14);
  expect(rowsPerPage({ rows: 5, viewport: 10 })).toBe(1);
});

import { expect, test } from "vitest";
import type { Pin } from "../bindings/ipc.ts";
import { RowSelection } from "./selection.svelte.ts";

const pin = (id: number, account = "a"): Pin => ({
  account,
  id: String(id),
  cid: `cid${id}`,
  name: `${id}`,
  size: 1,
  status: "pinned",
  proof: "verified",
  is_directory: false,
  pinned_at: 0,
});
const TOTAL = 1_000_000;

test("a click selects one row and forgets the others", () => {
  const selection = new RowSelection();
  selection.only(pin(1), 1);
  selection.only(pin(5), 5);
  expect(selection.pins.map(({ id }) => id)).toEqual(["5"]);
  expect(selection.active).toBe(5);
});

test("a click with Ctrl adds a row and takes it away again", () => {
  const selection = new RowSelection();
  selection.only(pin(1), 1);
  selection.toggle(pin(3), 3);
  expect(selection.count(TOTAL)).toBe(2);
  selection.toggle(pin(1), 1);
  expect(selection.has(pin(1))).toBe(false);
  expect(selection.has(pin(3))).toBe(true);
});

test("a range grows and shrinks from where it began", () => {
  const selection = new RowSelection();
  selection.only(pin(4), 4);
  expect(selection.rangeTo(6)).toEqual([4, 6]);
  selection.range([pin(4), pin(5), pin(6)], 6);
  expect(selection.rangeTo(2)).toEqual([2, 4]);
  selection.range([pin(2), pin(3), pin(4)], 2);
  expect(selection.count(TOTAL)).toBe(3);
  expect(selection.has(pin(6))).toBe(false);
});

test("selecting all means what matches, not what is drawn", () => {
  const selection = new RowSelection();
  selection.selectAll();
  expect(selection.count(TOTAL)).toBe(TOTAL);
  expect(selection.has(pin(999_999))).toBe(true);
  selection.toggle(pin(7), 7);
  expect(selection.count(TOTAL)).toBe(TOTAL - 1);
  expect(selection.has(pin(7))).toBe(false);
  selection.toggle(pin(7), 7);
  expect(selection.has(pin(7))).toBe(true);
});

test("the same pin id at two accounts is two rows", () => {
  const selection = new RowSelection();
  selection.only(pin(1, "a"), 0);
  expect(selection.has(pin(1, "b"))).toBe(false);
});

test("clearing leaves the keyboard where it was", () => {
  const selection = new RowSelection();
  selection.only(pin(9), 9);
  selection.clear();
  expect(selection.count(TOTAL)).toBe(0);
  expect(selection.active).toBe(9);
});

test("a pin that gets another id stays selected, or left out, as it was", () => {
  const selection = new RowSelection();
  selection.only(pin(1), 1);
  selection.replace(pin(1), pin(2));
  expect(selection.pins.map(({ id }) => id)).toEqual(["2"]);
  selection.replace(pin(7), pin(8));
  expect(selection.count(TOTAL)).toBe(1);
  selection.selectAll();
  selection.toggle(pin(3), 3);
  selection.replace(pin(3), pin(4));
  expect([selection.has(pin(3)), selection.has(pin(4))]).toEqual([true, false]);
});

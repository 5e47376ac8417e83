import { expect, test } from "vitest";
import { complaintsAbout, isTooLong, metadataOf, rowsOf } from "./pin-edit.ts";

test("a name is measured in bytes, not in letters", () => {
  expect(isTooLong("a".repeat(255))).toBe(false);
  expect(isTooLong("a".repeat(256))).toBe(true);
  expect(isTooLong("ü".repeat(127))).toBe(false);
  expect(isTooLong("ü".repeat(128))).toBe(true);
});

test("metadata becomes rows and comes back the same", () => {
  const metadata = { project: "harbour", year: "2026", empty: "" };
  expect(metadataOf(rowsOf(metadata))).toEqual(metadata);
});

test("what nobody touched stays byte for byte, and a key that is typed is trimmed", () => {
  const metadata = { " spaced ": " a ", spaced: "b", "\u00a0": "c", "": "d" };
  const rows = rowsOf(metadata);
  expect(metadataOf(rows)).toEqual(metadata);
  expect(complaintsAbout(rows).size).toBe(0);
  const changed = rows.map((row) => (row.key === " spaced " ? { ...row, key: " other " } : row));
  expect(Object.keys(metadataOf(changed))).toEqual(["other", "spaced", "\u00a0", ""]);
});

test("rows that are wholly empty are left out, and keys are trimmed", () => {
  const rows = [
    { id: 1, key: "", value: "" },
    { id: 2, key: " a ", value: " 1 " },
  ];
  expect(metadataOf(rows)).toEqual({ a: " 1 " });
  expect(complaintsAbout(rows).size).toBe(0);
});

test("a key named like a part of every object is a key like any other", () => {
  const kept = metadataOf([{ id: 1, key: "__proto__", value: "x" }]);
  expect(Object.entries(kept)).toEqual([["__proto__", "x"]]);
});

test("a value without a key and a key that is there twice are complained about", () => {
  const complaints = complaintsAbout([
    { id: 1, key: "a", value: "1" },
    { id: 2, key: "a ", value: "2" },
    { id: 3, key: " ", value: "3" },
  ]);
  expect([...complaints]).toEqual([
    [2, "twice"],
    [3, "no_key"],
  ]);
});

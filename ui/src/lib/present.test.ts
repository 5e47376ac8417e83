import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Code, IpcError } from "./bindings/ipc.ts";
import { CODES, present } from "./present.ts";

const error = (code: Code): IpcError => ({ code, message: "", retryable: false, details: null });

function codesOfTheContract(): string[] {
  const source = readFileSync(join(import.meta.dirname, "bindings", "ipc.ts"), "utf8");
  const union = /export type Code =([^;]+);/.exec(source)?.[1] ?? "";
  return [...union.matchAll(/"([a-z_]+)"/g)].map(([, code]) => code ?? "");
}

test("every code of the contract has words", () => {
  const codes = codesOfTheContract();
  expect(codes.length).toBeGreaterThan(10);
  expect(CODES.toSorted()).toEqual(codes.toSorted());
});

test("an error says what happened and what to do, and no two codes say the same", () => {
  const titles = CODES.map((code) => present(error(code)).title);
  expect(new Set(titles).size).toBe(titles.length);
  for (const code of CODES) {
    const { title, advice } = present(error(code));
    expect(title.length).toBeGreaterThan(5);
    expect(advice.length).toBeGreaterThan(5);
    expect(title).not.toBe("Failed");
  }
});

test("the provider's own words are kept as details", () => {
  const shown = present({ ...error("unauthorized"), message: "GET /auth: 401", details: "bad key" });
  expect(shown.details).toBe("GET /auth: 401\nbad key");
});

test("a code of a newer backend is still an error in words", () => {
  expect(present(error("brand_new" as Code)).title).toBe(present(error("internal")).title);
});

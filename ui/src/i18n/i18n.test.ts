import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "svelte/compiler";
import { expect, test } from "vitest";
import { en } from "./en.ts";
import { t } from "./index.ts";

const SRC = join(import.meta.dirname, "..");
const KEYS = Object.keys(en);

const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(svelte|ts)$/.test(path) && !path.endsWith(".test.ts"))
  .filter((path) => !path.startsWith("i18n") && !path.startsWith(join("lib", "bindings")))
  .map((path) => ({ path, text: readFileSync(join(SRC, path), "utf8") }));

/** Keys written out, and patterns of keys with a part that is known at run time only. */
function usedKeys(): { exact: Set<string>; patterns: RegExp[] } {
  const exact = new Set<string>();
  const patterns: RegExp[] = [];
  for (const { text } of sources) {
    for (const [, key] of text.matchAll(/"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)"/g)) exact.add(key ?? "");
    for (const [, key] of text.matchAll(/\bt\(\s*`([^`]+)`/g)) {
      const parts = (key ?? "").split(/\$\{[^}]+\}/).map((part) => part.replaceAll(".", "\\."));
      patterns.push(new RegExp(`^${parts.join("[a-z0-9_]+")}$`));
    }
  }
  return { exact, patterns };
}

test("every message that is asked for exists", () => {
  const asked = sources.flatMap(({ text }) => [...text.matchAll(/\bt\(\s*"([^"]+)"/g)].map(([, key]) => key));
  expect(asked.length).toBeGreaterThan(100);
  expect(asked.filter((key) => !KEYS.includes(key ?? ""))).toEqual([]);
});

test("every message is used", () => {
  const { exact, patterns } = usedKeys();
  expect(KEYS.filter((key) => !exact.has(key) && !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
});

test("no message is empty", () => {
  expect(KEYS.filter((key) => en[key as keyof typeof en].toString().trim() === "")).toEqual([]);
});

const SPOKEN_ATTRIBUTES = ["title", "label", "placeholder", "aria-label", "alt", "hint", "body"];

/** Their text is not read by anybody, but for the spoken attributes. */
const HOLDERS = ["Attribute", "StyleDirective"];

interface Node {
  type: string;
  name?: string;
  data?: string;
  value?: unknown;
}

function nodesOf(value: unknown): Node[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (typeof value !== "object" || value === null) return [];
  const own = "type" in value && typeof value.type === "string" ? [value as Node] : [];
  return [...own, ...Object.values(value).flatMap(nodesOf)];
}

const templates = sources
  .filter(({ path }) => path.endsWith(".svelte"))
  .map(({ path, text }) => ({ path, nodes: nodesOf(parse(text, { modern: true }).fragment) }));
const letters = /\p{L}{2,}/u;

test("no template holds words of its own", () => {
  const found = templates.flatMap(({ path, nodes }) => {
    const spoken = nodes.filter(
      ({ type, name }) => type === "Attribute" && SPOKEN_ATTRIBUTES.includes(name ?? ""),
    );
    const in_attributes = spoken.flatMap(({ value }) => nodesOf(value).filter(({ type }) => type === "Text"));
    const attributes = new Set(
      nodes.filter(({ type }) => HOLDERS.includes(type)).flatMap(({ value }) => nodesOf(value)),
    );
    const in_text = nodes.filter((node) => node.type === "Text" && !attributes.has(node));
    return [...in_attributes, ...in_text]
      .filter(({ data }) => letters.test(data ?? ""))
      .map(({ data }) => `${path}: ${data}`);
  });
  expect(found).toEqual([]);
});

test("no template has a style attribute, which the content security policy forbids", () => {
  const found = templates.filter(({ nodes }) =>
    nodes.some(({ type, name }) => type === "Attribute" && name === "style"),
  );
  expect(found.map(({ path }) => path)).toEqual([]);
});

test("a name that is written from the right does not turn the words around it round", () => {
  expect(t("problem.line", "שלום.txt", "a link")).toBe("\u2068שלום.txt\u2069: a link");
  expect(t("problem.line", "hello.txt", "a link")).toBe("hello.txt: a link");
});

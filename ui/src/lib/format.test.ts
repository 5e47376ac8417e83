import { describe, expect, test } from "vitest";
import {
  DAY_MS,
  formatBytes,
  formatDuration,
  formatRate,
  formatRelative,
  HOUR_MS,
  localeFor,
  middleEllipsis,
  share,
} from "./format.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

describe("bytes", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [1500, "1.5 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1 MB"],
    [2_340_000_000, "2.3 GB"],
    [1e21, "1,000 EB"],
  ])("%d is %s", (bytes, text) => expect(plain(formatBytes(bytes))).toBe(text));

  test("a rate is bytes a second", () => expect(plain(formatRate(1_200_000))).toBe("1.2 MB/s"));
});

describe("durations", () => {
  test.each([
    [0, "0 s"],
    [59, "59 s"],
    [60, "1 min"],
    [200, "3 min 20 s"],
    [3840, "1 h 4 min"],
    [90_000, "1 d 1 h"],
  ])("%d seconds is %s", (seconds, text) => expect(plain(formatDuration(seconds))).toBe(text));
});

describe("relative times", () => {
  const now = Date.UTC(2026, 4, 20, 12);
  test("what just happened is now", () => expect(formatRelative(now - 2000, now)).toBe("now"));
  test("minutes", () => expect(formatRelative(now - 300_000, now)).toBe("5 minutes ago"));
  test("hours", () => expect(formatRelative(now - 2 * HOUR_MS, now)).toBe("2 hours ago"));
  test("the day before", () => expect(formatRelative(now - DAY_MS, now)).toBe("yesterday"));
  test("the future", () => expect(formatRelative(now + 40_000, now)).toBe("in 40 seconds"));
  test("from a month on it is a date", () => expect(formatRelative(now - 90 * DAY_MS, now)).toMatch(/2026/));
});

describe("middle ellipsis", () => {
  test("keeps what fits", () => expect(middleEllipsis("bafy", 8)).toBe("bafy"));
  test("keeps both ends", () => expect(middleEllipsis("bafybeigdyrzt5sfp7", 9)).toBe("bafy…sfp7"));
  test("never cuts a symbol in two", () => expect(middleEllipsis("🧷🧷🧷🧷🧷🧷", 5)).toBe("🧷🧷…🧷🧷"));
});

describe("share", () => {
  test("is unknown when the total is", () => expect(share(5, 0)).toBeNull());
  test("never passes the whole", () => expect(share(11, 10)).toBe(1));
});

test("the region is the system's only where the language is the catalogue's", () => {
  expect(localeFor("en", ["de-DE", "en-GB"])).toBe("en-GB");
  expect(localeFor("en", ["de-DE"])).toBe("en");
});

import { describe, expect, test, vi } from "vitest";
import type { Pin, PinPage, PinQuery } from "../bindings/ipc.ts";
import type { Platform } from "../platform/index.ts";
import { ROW_HEIGHT } from "../virtual.ts";
import { createMock } from "../platform/mock.ts";
import { Checks } from "./checks.svelte.ts";
import { Pins } from "./pins.svelte.ts";

interface Question {
  query: PinQuery;
  answer: (total: number) => Promise<void>;
  refuse: () => Promise<void>;
}

const pin = (index: number, search: string): Pin => ({
  account: "a",
  id: `${search}${index}`,
  cid: `bafy${index}`,
  name: `${search}${index}`,
  size: 1,
  status: "pinned",
  proof: "verified",
  is_directory: false,
  pinned_at: 0,
});

const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

/** Answers only when the test says so, in whatever order. */
function slowBackend(): { pins: Pins; asked: Question[] } {
  const asked: Question[] = [];
  const call = (_command: string, query: PinQuery) =>
    new Promise<PinPage>((resolve, reject) => {
      asked.push({
        query,
        answer: (total) => {
          const count = Math.max(0, Math.min(query.limit, total - query.offset));
          const rows = Array.from({ length: count }, (_, index) => pin(query.offset + index, query.search));
          resolve({ rows, total, total_bytes: total });
          return settled();
        },
        refuse: () => {
          reject({ code: "network", message: "down", retryable: true, details: null });
          return settled();
        },
      });
    });
  return { pins: new Pins({ call } as unknown as Platform), asked };
}

const at = <T>(list: T[], index: number): T => {
  const one = list.at(index);
  if (one === undefined) throw new Error(`nothing at ${index}`);
  return one;
};

test("an answer to an earlier search never shows under a later one", async () => {
  const { pins, asked } = slowBackend();
  pins.show(0, 16);
  await at(asked, 0).answer(1000);
  pins.setFilter({ search: "old" });
  const old = at(asked, -1);
  pins.setFilter({ search: "new" });
  await old.answer(500);
  expect(pins.row(0)?.name).toBe("0");
  expect(pins.outdated).toBe(true);
  await at(asked, -1).answer(7);
  expect(pins.row(0)?.name).toBe("new0");
  expect(pins.total).toBe(7);
  expect(pins.outdated).toBe(false);
});

test("rows stay on screen while they are asked for again", async () => {
  const { pins, asked } = slowBackend();
  pins.show(0, 16);
  await at(asked, 0).answer(50);
  await pins.invalidate();
  expect(pins.row(3)?.name).toBe("3");
  expect(asked).toHaveLength(2);
});

test("a fast scroll asks for where it ends, not for everything on the way", async () => {
  const { pins, asked } = slowBackend();
  pins.show(0, 16);
  await at(asked, 0).answer(1_000_000);
  for (let first = 0; first < 900_000; first += 1000) pins.show(first, first + 16);
  expect(asked.length).toBeLessThanOrEqual(3);
  for (let answered = 1; answered < asked.length; answered += 1) await at(asked, answered).answer(1_000_000);
  expect(pins.row(899_000)?.name).toBe("899000");
  expect(asked.length).toBeLessThan(8);
});

test("a refusal is told once and asked again with the next change", async () => {
  const { pins, asked } = slowBackend();
  pins.show(0, 16);
  await at(asked, 0).refuse();
  expect(pins.error?.code).toBe("network");
  expect(asked).toHaveLength(1);
  await pins.invalidate();
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  await at(asked, 1).answer(5);
  expect(pins.error).toBeNull();
});

describe("a range over rows that are not at hand", () => {
  /** A table of so many rows with the range from row 3 to another. */
  async function ranged(rows: number, to: number) {
    const mock = createMock({ pins: rows, busy: false });
    const pins = new Pins(mock);
    pins.show(0, 16);
    await vi.waitFor(() => expect(pins.row(3)).not.toBeNull());
    pins.selection.only(pins.row(3) as Pin, 3);
    mock.calls.length = 0;
    await pins.selectTo(to);
    return { mock, pins };
  }

  test("is the pins at its ends, of which the unseen one is asked for alone", async () => {
    const { mock, pins } = await ranged(5000, 4321);
    expect(pins.selection.count(5000)).toBe(4319);
    expect(mock.calls).toMatchObject([{ command: "pins", request: { offset: 4321, limit: 1 } }]);
    const { pins: set, count } = pins.chosen;
    expect(set).toMatchObject({ which: "matching", except: [], also: [] });
    expect(set.which === "matching" && set.between?.map((end) => Object.keys(end))).toEqual([
      ["account", "id"],
      ["account", "id"],
    ]);
    expect(count).toBe(4319);
  });

  test("has rows left out and added, and goes to the core as that", async () => {
    const { pins } = await ranged(5000, 2000);
    const [inside, outside] = [pins.row(10) as Pin, pins.row(1) as Pin];
    pins.selection.toggle(inside, 10);
    pins.selection.toggle(outside, 1);
    expect([pins.selection.has(inside, 10), pins.selection.has(outside, 1)]).toEqual([false, true]);
    expect(pins.selection.count(5000)).toBe(1998);
    expect(pins.chosen.pins).toMatchObject({ except: [{ id: inside.id }], also: [{ id: outside.id }] });
    pins.selection.toggle(inside, 10);
    pins.selection.toggle(outside, 1);
    expect(pins.chosen.pins).toMatchObject({ except: [], also: [] });
  });

  test("stays on its pins when others come, and is copied, verified and unpinned with one request", async () => {
    const { mock, pins } = await ranged(5000, 3000);
    const first = pins.row(3) as Pin;
    mock.takeAway(pins.row(0) as Pin);
    await pins.changed({ which: "many" });
    await vi.waitFor(() => expect(pins.selection.has(first, 2)).toBe(true));
    expect([pins.selection.has(first, 1), pins.selection.count(4999)]).toEqual([false, 2998]);
    mock.calls.length = 0;
    expect(await pins.copy(pins.chosen.pins, "cid")).toBe(2998);
    await new Checks(mock).start("selection", pins.chosen.pins);
    await pins.unpin(pins.chosen.pins, 2998);
    expect(mock.calls.map(({ command }) => command)).toEqual(["copy_pins", "check_copies", "unpin"]);
  });

  test("is none any more when one of its ends is gone, or the order is another one", async () => {
    const { mock, pins } = await ranged(5000, 3000);
    mock.takeAway(pins.row(3) as Pin);
    await pins.changed({ which: "many" });
    await vi.waitFor(() => expect(pins.selection.count(4999)).toBe(0));
    const other = (await ranged(5000, 3000)).pins;
    other.sortBy("name");
    expect(other.selection.count(5000)).toBe(0);
  });

  test("is not set by an answer that comes after another filter", async () => {
    const { pins, asked } = slowBackend();
    pins.show(0, 16);
    await at(asked, 0).answer(2000);
    pins.selection.only(pin(0, ""), 0);
    const done = pins.selectTo(1199);
    const end = at(asked, -1);
    pins.setFilter({ search: "other" });
    await end.answer(2000);
    await done;
    expect(pins.selection.count(2000)).toBe(0);
  });
});

/** Answers at once, from rows that a test may change. */
function tableOf(rows: Pin[]): { pins: Pins; asked: PinQuery[] } {
  const asked: PinQuery[] = [];
  const call = (_command: string, query: PinQuery) => {
    asked.push(query);
    const page = rows.slice(query.offset, query.offset + query.limit);
    return Promise.resolve({ rows: page, total: rows.length, total_bytes: rows.length });
  };
  return { pins: new Pins({ call } as unknown as Platform), asked };
}

describe("rows do not slide under the pointer", () => {
  const names = (pins: Pins, first: number) => [0, 1, 15].map((row) => pins.row(first + row)?.name);

  async function scrolledTo(row: number, rows: Pin[]) {
    const { pins, asked } = tableOf(rows);
    const moved: number[] = [];
    pins.onMoved = (position) => moved.push(position / ROW_HEIGHT);
    pins.show(0, 16);
    await settled();
    pins.position = row * ROW_HEIGHT;
    pins.show(row, row + 16);
    await settled();
    pins.selection.only(pins.row(row + 2) as Pin, row + 2);
    asked.length = 0;
    return { pins, asked, moved };
  }

  const many = Array.from({ length: 5000 }, (_, index) => pin(index, "old"));

  test("when others come above them, and it is said how many", async () => {
    const rows = [...many];
    const { pins, asked, moved } = await scrolledTo(1000, rows);
    rows.unshift(...Array.from({ length: 120 }, (_, index) => pin(index, "new")));
    await pins.changed({ which: "many" });
    await vi.waitFor(() => expect(moved).toEqual([1120]));
    expect(names(pins, 1120)).toEqual(["old1000", "old1001", "old1015"]);
    expect([pins.came_above, pins.total, pins.selection.active]).toEqual([120, 5120, 1122]);
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  test("when others go above them", async () => {
    const rows = [...many];
    const { pins, moved } = await scrolledTo(1000, rows);
    rows.splice(10, 30);
    await pins.changed({ which: "many" });
    await vi.waitFor(() => expect(moved).toEqual([970]));
    expect(names(pins, 970)).toEqual(["old1000", "old1001", "old1015"]);
    expect(pins.came_above).toBe(0);
  });

  test("unless the table is at its top, or the first of them is gone", async () => {
    const rows = [...many];
    const top = await scrolledTo(0, rows);
    rows.unshift(pin(1, "new"));
    await top.pins.changed({ which: "many" });
    await settled();
    expect(names(top.pins, 0)).toEqual(["new1", "old0", "old14"]);
    const { pins, moved } = await scrolledTo(1000, rows);
    rows.splice(1000, 1);
    await pins.changed({ which: "many" });
    await vi.waitFor(() => expect(pins.total).toBe(5000));
    expect([moved, names(pins, 1000)]).toEqual([[], ["old1000", "old1001", "old1015"]]);
  });
});

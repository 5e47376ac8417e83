import { expect, test, vi } from "vitest";
import { coalesce } from "./coalesce.ts";

test("a storm of requests during a run costs one further run", async () => {
  let runs = 0;
  let open = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const ask = coalesce(async () => {
    runs += 1;
    await gate;
  });
  const first = ask();
  await Promise.resolve();
  await Promise.resolve();
  const later = Promise.all(Array.from({ length: 50 }, () => ask()));
  open();
  await first;
  await later;
  expect(runs).toBe(2);
});

test("a request waits for a run that began after it", async () => {
  let value = 0;
  let seen = 0;
  const ask = coalesce(async () => {
    seen = value;
  });
  await ask();
  value = 7;
  await ask();
  expect(seen).toBe(7);
});

test("what a person waits for does not wait for the gap, and what comes after it does", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  let runs = 0;
  const ask = coalesce(async () => void (runs += 1), 1000);
  await ask();
  const slow = ask();
  await vi.advanceTimersByTimeAsync(10);
  expect(runs).toBe(1);
  await ask.now();
  await slow;
  expect(runs).toBe(2);
  void ask();
  await vi.advanceTimersByTimeAsync(900);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(200);
  expect(runs).toBe(3);
  vi.useRealTimers();
});

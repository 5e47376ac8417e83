import { fireEvent, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SCREENS } from "../../lib/state/navigation.svelte.ts";
import { byTestId, openApp, requestsOf, type Opened } from "../../test-app.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** So many pins go in a moment, and nothing else is under way. */
async function openUnpinning(pins: number): Promise<Opened> {
  const opened = await openApp({ pins, busy: false });
  opened.app.pins.selection.selectAll();
  await opened.app.pins.unpin(opened.app.pins.chosen.pins, pins);
  await vi.advanceTimersByTimeAsync(1000);
  return opened;
}

const undo = (target: EventTarget = document.body, meta = false) =>
  fireEvent.keyDown(target as Element, { key: "z", [meta ? "metaKey" : "ctrlKey"]: true });

test.each(SCREENS)(
  "what goes in a moment is told on %s with its undo, and the keyboard undoes it",
  async (on) => {
    const { app, mock } = await openUnpinning(400);
    app.navigation.go(on);
    await vi.advanceTimersByTimeAsync(1000);
    expect(byTestId("unpinnings").textContent).toContain("400 pins will be unpinned");
    expect(byTestId("undo-unpin").getAttribute("aria-keyshortcuts")).toBe("Control+Z Meta+Z");
    await undo(document.body, true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(screen.queryByTestId("unpinnings")).toBeNull();
    expect(requestsOf(mock, "undo_unpin")).toHaveLength(1);
  },
);

test("who undoes a text that is being written undoes nothing else, and who turned a switch does", async () => {
  const { app, mock } = await openUnpinning(4);
  await undo(byTestId("search"));
  expect(requestsOf(mock, "undo_unpin")).toEqual([]);
  app.navigation.go("settings");
  await vi.advanceTimersByTimeAsync(100);
  const choice = document.querySelector<HTMLElement>("main input[type=radio]");
  await undo(choice ?? document.body);
  expect(requestsOf(mock, "undo_unpin")).toHaveLength(1);
});

test("until its time is over it neither waits in the status bar nor is part of the progress", async () => {
  const { app, mock } = await openUnpinning(4000);
  const bar = () => byTestId("status-bar").textContent ?? "";
  await waitFor(() => expect(app.transfers.counts.undoable).toBe(4000));
  expect(bar()).not.toContain("waiting");
  expect(bar()).not.toContain("4,000");
  expect(bar()).not.toContain("Nothing under way");
  expect(screen.queryByTestId("tide")).toBeNull();
  expect(byTestId("nav-transfers").textContent).not.toContain("4000");
  await vi.advanceTimersByTimeAsync(10_000);
  mock.advance();
  await vi.advanceTimersByTimeAsync(2000);
  expect(screen.queryByTestId("unpinnings")).toBeNull();
  expect(bar()).toContain("0 of 4,000");
});

test("a batch says that it can be undone", async () => {
  const { app } = await openUnpinning(30);
  app.navigation.go("transfers");
  await vi.advanceTimersByTimeAsync(1000);
  expect(byTestId("batch-row").textContent).toContain("0 of 30 · can be undone");
  expect(byTestId("batch-row").dataset["standing"]).toBe("waiting");
});

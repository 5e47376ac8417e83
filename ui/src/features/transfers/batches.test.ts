import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { Selection, Transfer } from "../../lib/bindings/ipc.ts";
import { HOSTED, THIS_COMPUTER } from "../../lib/platform/mock-accounts.ts";
import { failure } from "../../lib/platform/mock-accounts.ts";
import { allByTestId, byTestId, openApp, requestsOf, type Opened } from "../../test-app.ts";

const shown = (id: string) => document.querySelector(`[data-testid="${id}"]`);

const selectionOf = (count: number): Selection => ({
  ...{ id: "many", files: count, bytes: count * 1_000_000, skipped: [], remarks: [], refused: [] },
  items: Array.from({ length: count }, (_, index) => ({
    ...{ name: `photo-${index}.jpg`, kind: "file" as const, files: 1, bytes: 1_000_000 },
  })),
  needs_confirmation: null,
});

/** The Transfers screen with one batch of so many files, none of which has begun. */
async function openWith(count: number): Promise<Opened & { photos: () => Transfer[] }> {
  const opened = await openApp({ screen: "pins", busy: false });
  opened.mock.drop({ type: "dropped", selection: selectionOf(count) });
  await waitFor(() => expect(requestsOf(opened.mock, "start_upload")).toHaveLength(1));
  opened.app.navigation.go("transfers");
  await waitFor(() => expect(shown("batch-row")).toBeTruthy());
  return { ...opened, photos: () => opened.mock.transfers };
}

function become(opened: Opened, which: (index: number) => boolean, change: Partial<Transfer>) {
  opened.mock.transfers = opened.mock.transfers.map((one, index) =>
    which(index) ? { ...one, ...change } : one,
  );
  opened.mock.changed("transfers");
}

test("what was dropped together is one row with its name, where it goes and how far it is", async () => {
  const opened = await openWith(2_000);
  expect(allByTestId("batch-row")).toHaveLength(1);
  expect(byTestId("batch-row").textContent).toContain("photo-0.jpg and 1,999 more");
  expect(byTestId("batch-row").textContent).toContain("To This computer");
  become(opened, (index) => index < 312, { state: "done" });
  await waitFor(() => expect(byTestId("batch-row").textContent).toContain("312 of 2,000"));
  expect(byTestId("batch-row").textContent).toMatch(/312.MB of 2.GB/);
  expect(byTestId("status-figures").textContent).toMatch(/312 of 2,000 · 312.MB of 2.GB/);
  expect(byTestId("tide").getAttribute("aria-valuenow")).toBe("16");
});

test("however many there are only the rows in view are drawn, and those that are asked for", async () => {
  const { mock } = await openWith(2_000);
  await fireEvent.click(byTestId("batch-open"));
  await waitFor(() => expect(allByTestId("transfer-row").length).toBeGreaterThan(0));
  expect(allByTestId("transfer-row").length).toBeLessThan(20);
  const asked = requestsOf(mock, "queue") as { open: { limit: number } | null }[];
  expect(Math.max(...asked.map(({ open }) => open?.limit ?? 0))).toBeLessThanOrEqual(150);
  await fireEvent.click(byTestId("batch-back"));
  await waitFor(() => expect(shown("batch-row")).toBeTruthy());
});

test("a batch is paused, goes on, is moved up and cancelled by its buttons", async () => {
  const { mock } = await openWith(30);
  const batch = byTestId("batch-row").dataset["id"];
  await fireEvent.click(byTestId("batch-pause"));
  await waitFor(() => expect(byTestId("batch-row").dataset["standing"]).toBe("paused"));
  expect(byTestId("status-bar").textContent).toContain("30 paused");
  await fireEvent.click(byTestId("batch-resume"));
  await waitFor(() => expect(byTestId("batch-row").dataset["standing"]).toBe("waiting"));
  await fireEvent.click(byTestId("batch-more"));
  await fireEvent.click(byTestId("menu-move-up"));
  await fireEvent.click(byTestId("batch-cancel"));
  await waitFor(() => expect(byTestId("batch-row").dataset["standing"]).toBe("cancelled"));
  const which = { type: "batch", id: batch };
  expect(requestsOf(mock, "steer")).toEqual(
    ["pause", "resume", "move_up", "cancel"].map((act) => ({ act, which })),
  );
});

test("a reason is said once for all files of a batch, with the way to send them elsewhere", async () => {
  const opened = await openWith(40);
  const error = failure("over_quota", "The service answered 403.", "storage limit reached");
  become(opened, () => true, { state: "failed", error });
  await waitFor(() => expect(byTestId("batch-line").textContent).toContain("40 failed: The account is full"));
  expect(allByTestId("transfer-error")).toHaveLength(0);
  await fireEvent.click(byTestId("batch-open"));
  await waitFor(() => expect(shown("batch-troubles")).toBeTruthy());
  expect(byTestId("batch-troubles").querySelectorAll("li")).toHaveLength(1);
  expect(byTestId("batch-troubles").textContent).toContain("40 failed at This computer: The account is full");
  await fireEvent.click(byTestId("batch-more"));
  await fireEvent.click(byTestId("menu-send-to"));
  await waitFor(() => expect(requestsOf(opened.mock, "send_failed_to")).toMatchObject([{ account: HOSTED }]));
  // The batch is empty by now, and so is looked at no longer.
  await waitFor(() => expect(shown("open-batch")).toBeNull());
  expect(opened.mock.transfers.every(({ account }) => account === HOSTED)).toBe(true);
});

test("what failed of a batch can be removed from the list", async () => {
  const opened = await openWith(5);
  become(opened, () => true, { state: "failed", error: failure("refused", "no", null) });
  await waitFor(() => expect(byTestId("batch-row").dataset["standing"]).toBe("failed"));
  await fireEvent.click(byTestId("batch-more"));
  await fireEvent.click(byTestId("menu-clear"));
  await waitFor(() => expect(shown("batch-row")).toBeNull());
});

test("everything is cancelled after a question that says how much", async () => {
  const { mock } = await openWith(30);
  await fireEvent.click(byTestId("cancel-all"));
  expect(requestsOf(mock, "steer")).toHaveLength(0);
  await fireEvent.click(byTestId("confirm-cancel-all"));
  await waitFor(() =>
    expect(requestsOf(mock, "steer")).toEqual([{ act: "cancel", which: { type: "everything" } }]),
  );
});

test("while an account is out what finds out whether it is back looks like all that waits", async () => {
  const opened = await openWith(30);
  opened.mock.trouble(THIS_COMPUTER, "unreachable", "no route to host");
  become(opened, (index) => index === 0, { state: "running" });
  await waitFor(() =>
    expect(byTestId("batch-line").textContent).toContain("This computer cannot be reached"),
  );
  expect(byTestId("batch-row").dataset["standing"]).toBe("waiting");
  await fireEvent.click(byTestId("batch-open"));
  await waitFor(() => expect(allByTestId("transfer-row").length).toBeGreaterThan(1));
  expect(allByTestId("transfer-row")[0]?.textContent).toContain("Waiting");
  expect(allByTestId("transfer-row")[0]?.textContent).toContain("waits for This computer");
  expect(byTestId("status-bar").classList.contains("amber")).toBe(true);
});

test("failures of several batches are one message with a line for each", async () => {
  const opened = await openWith(30);
  opened.app.navigation.go("pins");
  opened.mock.drop({ type: "dropped", selection: { ...selectionOf(3), id: "few" } });
  await waitFor(() => expect(opened.mock.transfers).toHaveLength(33));
  await waitFor(() => expect(byTestId("status-figures").textContent).toContain("0 of 33"));
  become(opened, () => true, { state: "failed", error: failure("refused", "no", null) });
  await waitFor(() => expect(document.body.textContent).toContain("33 transfers failed"));
  const [message, ...others] = allByTestId("toast").filter(({ textContent }) =>
    textContent?.includes("failed"),
  );
  expect(others).toHaveLength(0);
  expect(message?.textContent).toContain("photo-0.jpg and 29 more: 30");
  expect(message?.textContent).toContain("photo-0.jpg and 2 more: 3");
});

test("the queue is paused and goes on from the status bar", async () => {
  const { app, mock } = await openWith(30);
  app.navigation.go("folders");
  await fireEvent.click(byTestId("status-pause"));
  await waitFor(() => expect(byTestId("status-held").textContent).toContain("Everything is paused, 30 wait"));
  await fireEvent.click(byTestId("status-resume"));
  await waitFor(() => expect(requestsOf(mock, "resume_transfers")).toEqual([null]));
});

import { fireEvent, screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { Transfer } from "../../lib/bindings/ipc.ts";
import { HOSTED, THIS_COMPUTER } from "../../lib/platform/mock-accounts.ts";
import { allByTestId, byTestId, NOW, openApp } from "../../test-app.ts";

const upload = (name: string, change: Partial<Transfer> = {}): Transfer => ({
  ...{ id: name, kind: "upload", account: THIS_COMPUTER, name, cid: null, state: "queued" },
  ...{ bytes_done: 0, bytes_total: 1_000_000, attempts: 0, error: null, retry_at: null },
  ...{ created_at: NOW, updated_at: NOW, verified: null },
  ...change,
});

async function openWith(transfers: Transfer[], pins = 10) {
  const opened = await openApp({ pins, busy: false });
  opened.mock.transfers = transfers;
  opened.mock.changed("transfers");
  return opened;
}

const names = () => allByTestId("sending-row").map((row) => row.dataset["name"]);

test("what is being sent is a row with how far it is, and a pin's row when it is one", async () => {
  const { app, mock } = await openWith([upload("holiday.mp4")], 0);
  await waitFor(() => expect(byTestId("sending-row").textContent).toContain("Accepted"));
  mock.advance();
  mock.advance();
  await waitFor(() => expect(byTestId("sending-row").textContent).toMatch(/Sending \d+ %/));
  while (mock.transfers.some(({ state }) => state === "running")) mock.advance();
  await waitFor(() => expect(names()).toEqual([]), { timeout: 3000 });
  await waitFor(() => expect(byTestId("pin-row").dataset["name"]).toBe("holiday.mp4"), { timeout: 3000 });
  expect(app.sending.rows).toBe(0);
});

test("of many only a few have rows, and the rest is counted and leads to them", async () => {
  const { app } = await openWith([
    ...Array.from({ length: 30 }, (_, index) => upload(`file ${index}`)),
    upload("gone", { kind: "unpin" }),
    upload("done", { state: "done" }),
  ]);
  await waitFor(() => expect(names()).toEqual(["file 0", "file 1", "file 2", "file 3"]));
  expect(byTestId("sending-more").textContent).toContain("26 more");
  await fireEvent.click(byTestId("sending-more"));
  expect(app.navigation.screen).toBe("transfers");
});

test("a filtered table shows of what is sent only what matches", async () => {
  const { app } = await openWith([upload("a.txt"), upload("b.txt", { account: HOSTED })]);
  await waitFor(() => expect(names()).toEqual(["a.txt", "b.txt"]));
  app.pins.setFilter({ account: HOSTED });
  await waitFor(() => expect(names()).toEqual(["b.txt"]));
  app.pins.setFilter({ account: null, search: "A.T" });
  await waitFor(() => expect(names()).toEqual(["a.txt"]));
  app.pins.setFilter({ search: "", status: "pinned" });
  await waitFor(() => expect(screen.queryByTestId("sending")).toBeNull());
});

test("several pins are summed up in the panel, with what can be done with them", async () => {
  const { app } = await openWith([], 40);
  await waitFor(() => expect(allByTestId("pin-row")[0]?.dataset["cid"]).toBeTruthy());
  const rows = () => allByTestId("pin-row");
  rows()[0]?.focus();
  await fireEvent.keyDown(rows()[0] as HTMLElement, { key: "Enter" });
  await waitFor(() => expect(byTestId("details")).toBeTruthy());
  await fireEvent.click(rows()[0] as HTMLElement);
  for (const index of [1, 2, 3]) await fireEvent.click(rows()[index] as HTMLElement, { ctrlKey: true });
  await waitFor(() => expect(byTestId("selection-figures").textContent).toMatch(/^4 pins, .*B, 2 accounts$/));
  expect(screen.queryByTestId("details")).toBeNull();
  await fireEvent.keyDown(rows()[3] as HTMLElement, { key: "a", ctrlKey: true });
  await waitFor(() => expect(byTestId("selection-figures").textContent).toMatch(/^40 pins, .*B$/));
  await fireEvent.click(byTestId("selection-unpin"));
  await waitFor(() => expect(byTestId("unpin-dialog").textContent).toContain("Unpin 40 pins?"));
  await fireEvent.click(rows()[0] as HTMLElement);
  await waitFor(() => expect(byTestId("details")).toBeTruthy());
  expect(app.pins.selection.count(40)).toBe(1);
});

test("a list that takes a while to be read is said to be, with how far that is", async () => {
  const { mock } = await openWith([], 40);
  expect(screen.queryByTestId("reading")).toBeNull();
  mock.read(HOSTED, 12_000);
  await waitFor(() =>
    expect(byTestId("reading").textContent).toContain("list of Studio archive: 12,000 pins so far"),
  );
  expect(byTestId("refresh").getAttribute("aria-busy")).toBe("true");
  mock.read(HOSTED, null);
  await waitFor(() => expect(screen.queryByTestId("reading")).toBeNull(), { timeout: 3000 });
  expect(byTestId("refresh").getAttribute("aria-busy")).toBe("false");
});

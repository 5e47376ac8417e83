import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

const rowOf = (state: string) => {
  const row = allByTestId("transfer-row").find((one) => one.dataset["state"] === state);
  if (!row) throw new Error(`no transfer is ${state}`);
  return row;
};

async function openTransfers() {
  const opened = await openApp({ screen: "transfers" });
  await waitFor(() => expect(allByTestId("transfer-row").length).toBeGreaterThan(0));
  return opened;
}

test("a failure says why, what to do, and keeps the provider's own words", async () => {
  await openTransfers();
  const error = rowOf("failed").querySelector("[data-testid=transfer-error]");
  expect(error?.textContent).toContain("The account is full");
  expect(error?.textContent).toContain("storage limit reached");
});

test("what runs shows bytes, rate and time left from the ticks", async () => {
  const { mock } = await openTransfers();
  mock.advance();
  await waitFor(() => expect(rowOf("running").textContent).toMatch(/of 1\.2\sGB · 100\sMB\/s · \d+\ss left/));
  await waitFor(() => expect(byTestId("status-bar").textContent).toMatch(/MB\/s/));
});

test("a pin by its CID is not done before the service has pinned it, and says why it was not", async () => {
  const { app, mock } = await openTransfers();
  mock.transfers = [];
  mock.nextPinFailure = "this service has no other source for it";
  const cid = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
  await mock.call("pin_cid", { accounts: ["hosted"], text: cid, name: null, metadata: {} });
  await waitFor(() => expect(rowOf("queued").textContent).toContain(cid));
  mock.advance();
  mock.advance();
  await waitFor(() => expect(rowOf("asked").textContent).toContain("Being pinned"));
  expect(byTestId("status-bar").textContent).toContain("1 being pinned");
  expect(byTestId("status-bar").textContent).not.toContain("done");
  app.navigation.go("pins");
  mock.advance();
  await waitFor(() => expect(byTestId("toast").textContent).toContain("1 transfer failed"));
  expect(byTestId("nav-transfers").textContent).toContain("1 failed");
  app.navigation.go("transfers");
  await waitFor(() => expect(rowOf("failed").textContent).toContain("this service has no other source"));
  expect(rowOf("failed").querySelector("[data-testid=transfer-retry]")).toBeTruthy();
});

test("cancel and retry ask Rust", async () => {
  const { mock } = await openTransfers();
  const failed = rowOf("failed");
  await fireEvent.click(failed.querySelector("[data-testid=transfer-retry]") as HTMLElement);
  await waitFor(() =>
    expect(requestsOf(mock, "steer")).toEqual([
      { act: "retry", which: { type: "one", id: failed.dataset["id"] } },
    ]),
  );
  const running = rowOf("running");
  await fireEvent.click(running.querySelector("[data-testid=transfer-cancel]") as HTMLElement);
  await waitFor(() => expect(rowOf("cancelled")).toBeTruthy());
});

test("the totals are on every screen", async () => {
  const { app } = await openTransfers();
  for (const screen of ["pins", "folders", "accounts", "settings"] as const) {
    app.navigation.go(screen);
    await waitFor(() => expect(byTestId("status-bar").textContent).toContain("1 failed"));
  }
});

test("what fails meanwhile is announced, with the way to it", async () => {
  const { app, mock } = await openTransfers();
  app.navigation.go("pins");
  mock.transfers = mock.transfers.map((one) => (one.state === "queued" ? { ...one, state: "failed" } : one));
  mock.changed("transfers");
  await waitFor(() => expect(byTestId("toast").textContent).toContain("1 transfer failed"));
  expect(byTestId("announcement").textContent).toContain("1 transfer failed");
});

import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

const HOSTED = "hosted";

const shown = (id: string) => document.querySelector(`[data-testid="${id}"]`);
const rowNamed = (name: string) => {
  const row = allByTestId("transfer-row").find((one) => one.dataset["name"] === name);
  if (!row) throw new Error(`no transfer is called ${name}`);
  return row;
};

async function openTransfers() {
  const opened = await openApp({ screen: "transfers" });
  await waitFor(() => expect(allByTestId("transfer-row").length).toBeGreaterThan(0));
  const [first] = opened.mock.transfers;
  if (!first) throw new Error("no transfer");
  const held = ["a.txt", "b.txt"].map((name) => ({
    ...{ ...first, id: name, name, account: HOSTED, bytes_done: 0, state: "queued" as const },
  }));
  opened.mock.transfers = [...opened.mock.transfers, ...held];
  return opened;
}

test("an account that gets no work is said once, with how many wait, when it is tried and the way to do it now", async () => {
  const { mock } = await openTransfers();
  expect(shown("held")).toBeNull();
  mock.trouble(HOSTED, "unreachable", "no route to host");
  await waitFor(() => expect(allByTestId("held-account")).toHaveLength(1));
  const line = byTestId("held-account").textContent;
  expect(line).toContain("Studio archive cannot be reached.");
  expect(line).toContain("3 transfers wait.");
  expect(line).toMatch(/Tried again in 1[12]\ss\./);
  expect(rowNamed("a.txt").textContent).toContain("waits for Studio archive: it cannot be reached");
  expect(rowNamed("a.txt").textContent).toContain("Waiting");
  expect(byTestId("status-held").textContent).toContain("Studio archive cannot be reached, 3 wait");
  await fireEvent.click(byTestId("try-now"));
  expect(requestsOf(mock, "try_account_now")).toEqual([HOSTED]);
  mock.trouble(HOSTED, "ok");
  await waitFor(() => expect(shown("held")).toBeNull());
  expect(shown("status-held")).toBeNull();
});

test("what waits at its account's gate does not repeat what is said of the account", async () => {
  const { mock } = await openTransfers();
  const [waiting] = mock.transfers.filter(({ state }) => state === "waiting");
  if (!waiting) throw new Error("nothing waits");
  const error = { code: "network" as const, message: "refused", retryable: true, details: null };
  mock.transfers = mock.transfers.map((one) =>
    one.id === waiting.id ? { ...one, error, retry_at: null } : one,
  );
  mock.trouble(HOSTED, "unreachable", "no route to host");
  await waitFor(() => expect(rowNamed(waiting.name).textContent).toContain("it cannot be reached"));
  expect(rowNamed(waiting.name).querySelector("[data-testid=transfer-error]")).toBeNull();
});

test("keys that are missing are entered from the account's line", async () => {
  const { mock } = await openTransfers();
  mock.trouble(HOSTED, "no_secret", "the secret is not there");
  await waitFor(() =>
    expect(byTestId("held-account").textContent).toContain("The keys of Studio archive are missing."),
  );
  expect(byTestId("held-account").textContent).not.toContain("Tried again");
  await fireEvent.click(byTestId("held-keys"));
  await waitFor(() => expect(byTestId("account-dialog").textContent).toContain("Studio archive"));
});

test("everything is paused and goes on, and every transfer that has not begun says so", async () => {
  const { mock } = await openTransfers();
  await fireEvent.click(byTestId("pause"));
  await fireEvent.click(byTestId("menu-pause-everything"));
  await waitFor(() => expect(byTestId("held-everything").textContent).toContain("Everything is paused."));
  expect(shown("pause")).toBeNull();
  expect(rowNamed("orchard.csv").textContent).toContain("Paused");
  expect(byTestId("status-held").textContent).toContain("Everything is paused");
  await fireEvent.click(byTestId("resume-everything"));
  await waitFor(() => expect(shown("held")).toBeNull());
  expect(requestsOf(mock, "pause_transfers")).toEqual([null]);
  expect(requestsOf(mock, "resume_transfers")).toEqual([null]);
});

test("one account is paused and the others are not", async () => {
  const { mock } = await openTransfers();
  await fireEvent.click(byTestId("pause"));
  const choice = allByTestId("menu-pause-account").find((one) => one.textContent?.includes("Studio archive"));
  await fireEvent.click(choice as HTMLElement);
  await waitFor(() => expect(byTestId("held-account").textContent).toContain("Studio archive is paused."));
  expect(rowNamed("a.txt").textContent).toContain("Paused");
  expect(rowNamed("orchard.csv").textContent).toContain("Waiting");
  expect(shown("try-now")).toBeNull();
  await fireEvent.click(byTestId("resume-account"));
  await waitFor(() => expect(shown("held")).toBeNull());
  expect(requestsOf(mock, "resume_transfers")).toEqual([HOSTED]);
});

test("all that failed is tried again, or cleared", async () => {
  const { mock } = await openTransfers();
  await fireEvent.click(byTestId("retry-failed"));
  await waitFor(() => expect(shown("retry-failed")).toBeNull());
  mock.transfers = mock.transfers.map((one) => ({ ...one, state: "failed" as const }));
  mock.changed("transfers");
  await waitFor(() => expect(shown("retry-failed")).toBeTruthy());
  await fireEvent.click(byTestId("clear"));
  await fireEvent.click(byTestId("menu-clear-failed"));
  await waitFor(() => expect(allByTestId("transfer-row")).toHaveLength(0));
});

test("failures that come one after another are one message with how many they are", async () => {
  const { app, mock } = await openTransfers();
  app.navigation.go("pins");
  for (const name of ["a.txt", "b.txt"]) {
    mock.transfers = mock.transfers.map((one) =>
      one.id === name ? { ...one, state: "failed" as const } : one,
    );
    mock.changed("transfers");
    await waitFor(() =>
      expect(byTestId("toast").textContent).toContain(`${name === "a.txt" ? 1 : 2} transfer`),
    );
  }
  expect(allByTestId("toast")).toHaveLength(1);
  expect(byTestId("toast").textContent).toContain("2 transfers failed");
});

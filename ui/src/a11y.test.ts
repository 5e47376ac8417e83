/** axe on every screen. Contrast needs a real layout and is checked in a browser, not here. */

import { fireEvent, waitFor } from "@testing-library/svelte";
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { madeUpPinOnly, PIN_ONLY } from "./lib/platform/mock-accounts.ts";
import { SCREENS } from "./lib/state/navigation.svelte.ts";
import { allByTestId, byTestId, NOW, openApp } from "./test-app.ts";

const THEMES = ["light", "dark"] as const;

async function violations(): Promise<string[]> {
  const { violations: found } = await axe.run(document.body, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

afterEach(() => {
  delete document.documentElement.dataset["theme"];
});

for (const theme of THEMES) {
  test.each(SCREENS)(`%s has no violation in the ${theme} theme`, async (screen) => {
    const { app } = await openApp({ screen });
    await app.settings.setTheme(theme);
    // Folders are asked for when they are looked at.
    const loaded = () =>
      app.transfers.loaded && app.pins.loaded && (screen !== "folders" || app.folders.loaded);
    await waitFor(() => expect(loaded()).toBe(true));
    expect(await violations()).toEqual([]);
  });
}

test("the accounts with all that can be said about them have no violation", async () => {
  await openApp({ screen: "accounts", accounts: [madeUpPinOnly(NOW)] });
  for (const button of allByTestId("account-abilities")) await fireEvent.click(button);
  expect(allByTestId("abilities")).toHaveLength(3);
  expect(await violations()).toEqual([]);
});

test.each(["2", "3", "other"])("the account dialog for service %s has no violation", async (preset) => {
  await openApp({ screen: "accounts" });
  await fireEvent.click(byTestId("add-account"));
  const field = (name: string) => document.querySelector(`dialog [name=${name}]`) as HTMLInputElement;
  await fireEvent.change(field("preset"), { target: { value: preset } });
  await fireEvent.input(field("endpoint"), { target: { value: "http://192.168.1.9:5001" } });
  expect(field("plain_http")).toBeTruthy();
  expect(await violations()).toEqual([]);
});

test("editing an account has no violation", async () => {
  await openApp({ screen: "accounts" });
  await fireEvent.click(byTestId("edit-account"));
  const field = document.querySelector("dialog [name=gateway]") as HTMLInputElement;
  await fireEvent.input(field, { target: { value: "http://192.168.1.9:8080" } });
  expect(await violations()).toEqual([]);
});

test("the import from Kubo has no violation", async () => {
  await openApp({ screen: "accounts" });
  await fireEvent.click(byTestId("import-kubo"));
  await waitFor(() => expect(allByTestId("kubo-service")).toHaveLength(4));
  expect(await violations()).toEqual([]);
});

test("files for an account that takes none have no violation", async () => {
  const { app, mock } = await openApp({ accounts: [madeUpPinOnly(NOW)] });
  await app.settings.setDefaultAccount(PIN_ONLY);
  const selection = await mock.call("pick_files");
  if (selection) mock.drop({ type: "dropped", selection });
  await waitFor(() => expect(allByTestId("needs-node")).toHaveLength(2));
  expect(await violations()).toEqual([]);
});

test("editing a pin has no violation", async () => {
  const { app } = await openApp({ accounts: [madeUpPinOnly(NOW)] });
  app.pins.setFilter({ account: PIN_ONLY });
  await waitFor(() => expect(app.pins.row(0)?.account).toBe(PIN_ONLY));
  await waitFor(() => expect(byTestId("pin-row").dataset["name"]).toBe(app.pins.row(0)?.name));
  await fireEvent.dblClick(byTestId("pin-row"));
  await waitFor(() => expect(byTestId<HTMLButtonElement>("edit-pin").disabled).toBe(false));
  await fireEvent.click(byTestId("edit-pin"));
  await fireEvent.click(byTestId("add-metadata"));
  expect(await violations()).toEqual([]);
});

test("the account dialog has no violation", async () => {
  await openApp({ screen: "accounts" });
  await fireEvent.click(byTestId("add-account"));
  expect(await violations()).toEqual([]);
});

test("the details panel has no violation", async () => {
  await openApp();
  await waitFor(() => expect(byTestId("pin-row").dataset["cid"]).toBeTruthy());
  await fireEvent.dblClick(byTestId("pin-row"));
  await waitFor(() => expect(byTestId("details").textContent).toContain("Multihash"));
  expect(await violations()).toEqual([]);
});

test("batches, and the transfers of one of them, have no violation", async () => {
  const { mock } = await openApp({ busy: false });
  const items = ["a.txt", "b.txt"].map((name) => ({ name, kind: "file" as const, files: 1, bytes: 10 }));
  const rest = { skipped: [], remarks: [], refused: [], needs_confirmation: null };
  mock.drop({ type: "dropped", selection: { id: "two", items, files: 2, bytes: 20, ...rest } });
  await fireEvent.click(byTestId("nav-transfers"));
  await waitFor(() => byTestId("batch-row"));
  expect(await violations()).toEqual([]);
  await fireEvent.click(byTestId("batch-open"));
  await waitFor(() => expect(allByTestId("transfer-row")).toHaveLength(2));
  expect(await violations()).toEqual([]);
});

test("the berths of the overlay have no violation", async () => {
  const { mock } = await openApp();
  mock.drop({ type: "enter", count: 2 });
  await waitFor(() => expect(allByTestId("berth")).toHaveLength(4));
  expect(await violations()).toEqual([]);
});

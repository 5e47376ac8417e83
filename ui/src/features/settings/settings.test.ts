import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { byTestId, openApp, requestsOf } from "../../test-app.ts";

test("a chosen theme is kept in Rust and shown at once", async () => {
  const { mock } = await openApp({ screen: "settings" });
  await fireEvent.click(byTestId("theme-dark"));
  await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe("dark"));
  expect(requestsOf(mock, "save_settings")).toEqual([{ theme: "dark", default_account: null }]);
  await fireEvent.click(byTestId("theme-system"));
  await waitFor(() => expect(document.documentElement.dataset["theme"]).toBeUndefined());
});

test("a setting that could not be kept is not shown as if it were", async () => {
  const { mock } = await openApp({ screen: "settings" });
  mock.failNext("save_settings", { code: "internal", message: "disk full", retryable: false, details: null });
  await fireEvent.click(byTestId("theme-dark"));
  await waitFor(() => expect(byTestId("toast").textContent).toContain("The setting was not saved"));
  expect(document.documentElement.dataset["theme"]).toBeUndefined();
});

test("where state lives and the keyring's state are told", async () => {
  await openApp({ screen: "settings", keyring: { state: "unavailable", reason: "No Secret Service." } });
  expect(byTestId("home").textContent).toContain("holdfast");
  expect(byTestId("keyring").textContent).toContain("No Secret Service.");
});

/** axe on every screen. Contrast needs a real layout and is checked in a browser, not here. */

import { fireEvent, waitFor } from "@testing-library/svelte";
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { SCREENS } from "./lib/state/navigation.svelte.ts";
import { byTestId, openApp } from "./test-app.ts";

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
    await waitFor(() => expect(app.transfers.loaded && app.folders.loaded && app.pins.loaded).toBe(true));
    expect(await violations()).toEqual([]);
  });
}

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

import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

test("the details of a pin that failed do not say that it is one", async () => {
  const { app, mock } = await openApp({ pins: 200 });
  app.pins.setFilter({ status: "failed" });
  await waitFor(() => expect(app.pins.outdated).toBe(false));
  await waitFor(() => expect(allByTestId("pin-row")[0]?.dataset["status"]).toBe("failed"));
  await fireEvent.dblClick(allByTestId("pin-row")[0] as HTMLElement);
  await waitFor(() => expect(byTestId("details-message").textContent).toContain("no provider answered"));
  const words = byTestId("details").textContent;
  expect(words).toContain("Asked for");
  expect(words).not.toMatch(/last copy|Pinned \d|accepted/);
  await fireEvent.click(byTestId("pin-again"));
  await waitFor(() => expect(requestsOf(mock, "pin_again")).toHaveLength(1));
});

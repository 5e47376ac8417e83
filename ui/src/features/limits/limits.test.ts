import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { byTestId, openApp, requestsOf } from "../../test-app.ts";
import { parsed, typed } from "./typed-limits.ts";

const UNLIMITED = {
  ...{ up: null, down: null, at_once: 3, schedule: [] },
  ...{ keep_days: 30, keep_transfers: 10_000 },
};

function input(name: string): HTMLInputElement {
  const found = byTestId("limit-settings").querySelector<HTMLInputElement>(`input[name=${name}]`);
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

test("limits are shown, changed and kept in Rust", async () => {
  const { mock } = await openApp({ screen: "settings" });
  await waitFor(() => expect(input("at_once").value).toBe("3"));
  await fireEvent.input(input("up"), { target: { value: "2,5" } });
  await fireEvent.click(byTestId("add-hours"));
  await fireEvent.input(input("until"), { target: { value: "17:30" } });
  await fireEvent.click(byTestId("save-limits"));
  await waitFor(() => expect(requestsOf(mock, "set_limits")).toHaveLength(1));
  expect(requestsOf(mock, "set_limits")).toEqual([
    { ...UNLIMITED, up: 2_500_000, schedule: [{ from: "08:00", until: "17:30", rate: 500_000 }] },
  ]);
  await waitFor(() => expect(byTestId<HTMLButtonElement>("save-limits").disabled).toBe(true));
});

test("what is no number is said and not sent", async () => {
  const { mock } = await openApp({ screen: "settings" });
  await waitFor(() => expect(input("at_once").value).toBe("3"));
  await fireEvent.input(input("at_once"), { target: { value: "many" } });
  await fireEvent.click(byTestId("save-limits"));
  await waitFor(() => expect(byTestId("limit-problem").textContent).toContain("no number"));
  expect(requestsOf(mock, "set_limits")).toEqual([]);
});

test("limits are typed as they are shown, and nothing else is taken for one", () => {
  const limits = { ...UNLIMITED, up: 1, down: 1_500_000, at_once: 16 };
  expect(parsed(typed(limits))).toEqual(limits);
  const shown = typed(UNLIMITED);
  const wrong = [
    { up: "0" },
    { down: "-1" },
    { up: "fast" },
    { at_once: "17" },
    { at_once: "1.5" },
    { keep_days: "" },
  ];
  for (const one of wrong) expect(parsed({ ...shown, ...one }), JSON.stringify(one)).toBeNull();
  const hours = { from: "08:00", until: "18:00", rate: "" };
  expect(parsed({ ...shown, schedule: [hours] })).toBeNull();
});

import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

function input(name: string): HTMLInputElement {
  const found = byTestId("fetch-settings").querySelector<HTMLInputElement>(`input[name=${name}]`);
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

async function add(gateway: string) {
  await fireEvent.input(input("new_gateway"), { target: { value: gateway } });
  await fireEvent.click(byTestId("add-gateway"));
}

test("gateways are added, shown and taken back in Settings", async () => {
  const { mock } = await openApp({ screen: "settings", busy: false });
  expect(byTestId("fetch-settings").textContent).toContain("fetches from nowhere");
  await fireEvent.click(byTestId("add-offered"));
  await waitFor(() => expect(allByTestId("remove-gateway")).toHaveLength(1));
  await add("http://127.0.0.1:8080");
  await waitFor(() => expect(allByTestId("remove-gateway")).toHaveLength(2));
  for (const left of [1, 0]) {
    await fireEvent.click(byTestId("remove-gateway"));
    await waitFor(() => expect(allByTestId("remove-gateway")).toHaveLength(left));
  }
  expect(requestsOf(mock, "set_fetch_sources").at(-1)).toMatchObject({ gateways: [], of_accounts: false });
  expect(byTestId("fetch-settings").textContent).toContain("fetches from nowhere");
});

test("a gateway that is not encrypted is asked only where that is meant", async () => {
  const { mock } = await openApp({ screen: "settings", busy: false });
  await add("http://nas.example:8080");
  await waitFor(() => expect(byTestId("fetch-settings").textContent).toContain("Others on the way see"));
  expect(requestsOf(mock, "set_fetch_sources")).toEqual([]);
  await fireEvent.click(input("plain_http"));
  await fireEvent.click(byTestId("add-gateway"));
  await waitFor(() => expect(allByTestId("remove-gateway")).toHaveLength(1));
});

test("gateways of other accounts are asked when that is said, and the account tells it", async () => {
  const { app, mock } = await openApp({ screen: "settings", busy: false });
  expect(byTestId("fetch-settings").textContent).toContain("Studio archive");
  await fireEvent.click(input("of_accounts"));
  await waitFor(() =>
    expect(requestsOf(mock, "set_fetch_sources")).toMatchObject([{ gateways: [], of_accounts: true }]),
  );
  app.navigation.go("accounts");
  await waitFor(() =>
    expect(byTestId("fetches-from").textContent).toContain("https://gateway.aiozpin.network"),
  );
  await fireEvent.click(byTestId("change-fetching"));
  await waitFor(() => byTestId("fetch-settings"));
});

import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { MockOptions } from "../../lib/platform/mock.ts";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

async function openImport(options: MockOptions = {}) {
  const opened = await openApp({ ...options, screen: "accounts" });
  await fireEvent.click(byTestId("import-kubo"));
  await waitFor(() => expect(allByTestId("kubo-service").length).toBeGreaterThan(0));
  return opened;
}

function box(name: string): HTMLInputElement {
  const input = byTestId("kubo-import").querySelector<HTMLInputElement>(`input[value=${name}]`);
  if (!input) throw new Error(`no service ${name}`);
  return input;
}

const submit = () => fireEvent.click(byTestId("kubo-import-submit"));

test("the services that Kubo knows are listed, and those that are here already cannot be chosen", async () => {
  await openImport();
  expect(byTestId("kubo-import").textContent).toContain("https://api.filebase.io/v1/ipfs");
  expect(byTestId("kubo-import").textContent).toContain("IPFS Pinning Service API");
  expect([box("filebase").checked, box("filebase").disabled]).toEqual([true, false]);
  expect([box("pinata").checked, box("pinata").disabled]).toEqual([false, true]);
  expect(byTestId("kubo-import").textContent).toContain("Already added");
  expect([box("attic").checked, box("attic").disabled]).toEqual([false, true]);
  expect(byTestId("kubo-import").textContent).toContain("It has no key in Kubo's configuration.");
});

test("only what is chosen is imported", async () => {
  const { mock, app } = await openImport();
  await fireEvent.click(box("everland"));
  expect(byTestId("kubo-import-submit").textContent).toContain("Import 1 service");
  await submit();
  await waitFor(() => expect(allByTestId("kubo-import")).toHaveLength(0));
  expect(requestsOf(mock, "import_kubo_services")).toEqual([{ names: ["filebase"], session_only: false }]);
  expect(app.accounts.list.map(({ label }) => label)).toContain("filebase");
  expect(byTestId("toast").textContent).toContain("1 account was added");
});

test("one that fails says why, and the others are imported", async () => {
  const { mock, app } = await openImport();
  const details = "401 Unauthorized";
  mock.failNext("import_kubo_services", {
    code: "unauthorized",
    message: "refused",
    retryable: false,
    details,
  });
  await submit();
  await waitFor(() => expect(byTestId("kubo-service-error").textContent).toContain("The keys were refused"));
  expect(byTestId("kubo-service-error").closest("li")?.dataset["name"]).toBe("filebase");
  expect(app.accounts.list.map(({ label }) => label)).toContain("everland");
  expect([box("everland").disabled, box("filebase").checked]).toEqual([true, true]);
  await submit();
  await waitFor(() => expect(allByTestId("kubo-import")).toHaveLength(0));
});

test("without a keyring the session is offered", async () => {
  const { mock } = await openImport({ keyring: { state: "unavailable", reason: "No Secret Service." } });
  await submit();
  await waitFor(() => expect(allByTestId("kubo-service-error")).toHaveLength(2));
  await fireEvent.click(byTestId("kubo-import-session"));
  await waitFor(() => expect(allByTestId("kubo-import")).toHaveLength(0));
  expect(requestsOf(mock, "import_kubo_services").at(-1)).toEqual({
    names: ["everland"],
    session_only: true,
  });
});

test("where nothing is found, it says so and where it looked", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  mock.kubo_services = [];
  await fireEvent.click(byTestId("import-kubo"));
  await waitFor(() => expect(byTestId("kubo-import-none").textContent).toContain("~/.ipfs/config"));
  expect(allByTestId("kubo-import-submit")).toHaveLength(0);
});

test("a configuration that cannot be read is an error, not nothing found; it can be tried again", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  const error = {
    code: "file_unreadable",
    message: "permission denied",
    retryable: false,
    details: null,
  } as const;
  mock.failNext("find_kubo_services", error);
  await fireEvent.click(byTestId("import-kubo"));
  await waitFor(() => expect(byTestId("kubo-import-error").textContent).toContain("could not be read"));
  expect(allByTestId("kubo-import-none")).toHaveLength(0);
  await fireEvent.click(byTestId("kubo-look-again"));
  await waitFor(() => expect(allByTestId("kubo-service")).toHaveLength(4));
});

test("a configuration that is broken says where, and is not nothing found", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  const message = "/home/ann/.ipfs/config is no Kubo configuration (line 3, column 7).";
  mock.failNext("find_kubo_services", { code: "invalid_input", message, retryable: false, details: null });
  await fireEvent.click(byTestId("import-kubo"));
  await waitFor(() => expect(byTestId("kubo-import-error").textContent).toContain("line 3, column 7"));
  expect(byTestId("kubo-import-error").textContent).toContain("Kubo's configuration cannot be read");
  expect(allByTestId("kubo-import-none")).toHaveLength(0);
});

test("a service whose name another account has says what its account will be called", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  mock.kubo_services = mock.kubo_services.map((one) =>
    one.name === "everland" ? { ...one, label: "everland (2)" } : one,
  );
  await fireEvent.click(byTestId("import-kubo"));
  await waitFor(() =>
    expect(byTestId("kubo-import").textContent).toContain("Its account is called everland (2)."),
  );
  expect(byTestId("kubo-import").textContent).not.toContain("called filebase");
});

test("no Kubo on this computer is nothing found, not a mistake of the person", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  const error = { code: "not_found", message: "no Kubo here", retryable: false, details: null } as const;
  mock.failNext("find_kubo_services", error);
  await fireEvent.click(byTestId("import-kubo"));
  await waitFor(() => expect(byTestId("kubo-import-none").textContent).toContain("~/.ipfs/config"));
  expect(byTestId("kubo-import-none").textContent).toContain("no Kubo here");
  expect(allByTestId("kubo-import-error")).toHaveLength(0);
});

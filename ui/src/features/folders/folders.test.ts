import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { madeUpPinOnly, PIN_ONLY } from "../../lib/platform/mock-accounts.ts";
import { allByTestId, byTestId, NOW, openApp, requestsOf } from "../../test-app.ts";

async function openFolders() {
  const opened = await openApp({ screen: "folders" });
  await waitFor(() => expect(allByTestId("folder-card")).toHaveLength(2));
  return opened;
}

test("a folder's figures are shown, and the entries that are not pinned have their reasons", async () => {
  await openFolders();
  const card = byTestId("folder-card");
  for (const text of ["1,284", "1,262", "14", "6", "2"]) expect(card.textContent).toContain(text);
  await fireEvent.click(byTestId("folder-entries"));
  await waitFor(() => expect(allByTestId("folder-entry")).toHaveLength(3));
  expect(card.textContent).toContain("links are not followed");
});

test("with several accounts the account is asked for", async () => {
  const { mock } = await openFolders();
  await fireEvent.click(byTestId("add-folder-watch"));
  expect(requestsOf(mock, "add_folder")).toHaveLength(0);
  await fireEvent.click(byTestId("watch-choose"));
  await waitFor(() => expect(requestsOf(mock, "add_folder")).toEqual([{ account: "this-computer" }]));
  await waitFor(() => expect(allByTestId("folder-card")).toHaveLength(3));
});

test("an account that takes no files gets no folder", async () => {
  const { mock } = await openApp({ screen: "folders", accounts: [madeUpPinOnly(NOW)] });
  await fireEvent.click(byTestId("add-folder-watch"));
  const select = byTestId("watch-dialog").querySelector("select") as HTMLSelectElement;
  await fireEvent.change(select, { target: { value: PIN_ONLY } });
  expect(byTestId("watch-dialog").textContent).toContain("takes no files itself");
  expect(byTestId<HTMLButtonElement>("watch-choose").disabled).toBe(true);
  await fireEvent.submit(byTestId("watch-dialog").querySelector("form") as HTMLFormElement);
  expect(requestsOf(mock, "add_folder")).toHaveLength(0);
});

test("stopping says that nothing is unpinned", async () => {
  const { mock } = await openFolders();
  await fireEvent.click(byTestId("folder-remove"));
  expect(document.querySelector("dialog")?.textContent).toContain("Nothing is unpinned");
  expect(requestsOf(mock, "remove_folder")).toHaveLength(0);
  await fireEvent.click(byTestId("confirm-remove-folder"));
  await waitFor(() => expect(allByTestId("folder-card")).toHaveLength(1));
});

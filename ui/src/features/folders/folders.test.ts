import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

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

test("stopping says that nothing is unpinned", async () => {
  const { mock } = await openFolders();
  await fireEvent.click(byTestId("folder-remove"));
  expect(document.querySelector("dialog")?.textContent).toContain("Nothing is unpinned");
  expect(requestsOf(mock, "remove_folder")).toHaveLength(0);
  await fireEvent.click(byTestId("confirm-remove-folder"));
  await waitFor(() => expect(allByTestId("folder-card")).toHaveLength(1));
});

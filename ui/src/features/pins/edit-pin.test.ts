import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { Account, EditPinRequest } from "../../lib/bindings/ipc.ts";
import { madeUpPinOnly, PIN_ONLY } from "../../lib/platform/mock-accounts.ts";
import { allByTestId, byTestId, NOW, openApp, requestsOf } from "../../test-app.ts";

async function openDetails(account: string, about: Partial<Account> = {}) {
  const opened = await openApp({ accounts: [{ ...madeUpPinOnly(NOW), ...about }] });
  opened.app.pins.setFilter({ account });
  await waitFor(() => expect(opened.app.pins.row(0)?.account).toBe(account));
  await waitFor(() => expect(byTestId("pin-row").dataset["name"]).toBe(opened.app.pins.row(0)?.name));
  await fireEvent.click(byTestId("pin-row"));
  await fireEvent.dblClick(byTestId("pin-row"));
  await waitFor(() => expect(byTestId("details").textContent).toContain("harbour survey"));
  return opened;
}

async function openEditor(about: Partial<Account> = {}) {
  const opened = await openDetails(PIN_ONLY, about);
  await fireEvent.click(byTestId("edit-pin"));
  return opened;
}

function inputs(name: string): HTMLInputElement[] {
  return [...byTestId("edit-pin-dialog").querySelectorAll<HTMLInputElement>(`[name="${name}"]`)];
}

async function type(name: string, index: number, value: string) {
  const input = inputs(name)[index];
  if (!input) throw new Error(`no ${name} ${index}`);
  await fireEvent.input(input, { target: { value } });
}

const can_save = () => !byTestId<HTMLButtonElement>("save-pin").disabled;

test("editing is offered only where the account can", async () => {
  await openDetails("hosted");
  expect(allByTestId("edit-pin")).toHaveLength(0);
});

test("the name and the metadata are changed, and the panel follows the pin to its new id", async () => {
  const { mock, app } = await openEditor();
  const before = app.pins.selection.pins[0];
  expect(inputs("name")[0]?.value).toBe(before?.name);
  await type("name", 0, "  Harbour at dawn ");
  await type("metadata-value", 1, "2027");
  await fireEvent.click(byTestId("add-metadata"));
  await type("metadata-key", 2, "place");
  await type("metadata-value", 2, "Lerwick");
  await fireEvent.click(byTestId("save-pin"));
  await waitFor(() => expect(allByTestId("edit-pin-dialog")).toHaveLength(0));
  const [request] = requestsOf(mock, "edit_pin") as EditPinRequest[];
  expect(request).toEqual({
    pin: { account: PIN_ONLY, id: before?.id },
    name: "Harbour at dawn",
    metadata: { project: "harbour survey", year: "2027", place: "Lerwick" },
  });
  await waitFor(() => expect(byTestId("details").textContent).toContain("Lerwick"));
  expect(byTestId("details").textContent).toContain("Harbour at dawn");
  expect(app.pins.selection.pins[0]?.id).not.toBe(before?.id);
});

test("what nobody touched is sent as it is", async () => {
  const { mock } = await openEditor();
  const before = inputs("name")[0]?.value;
  await fireEvent.click(byTestId("save-pin"));
  await waitFor(() => expect(requestsOf(mock, "edit_pin")).toHaveLength(1));
  expect(requestsOf(mock, "edit_pin")).toMatchObject([{ name: before }]);
});

test("an empty name is no name, and a row can be taken away", async () => {
  const { mock } = await openEditor();
  await type("name", 0, " ");
  await fireEvent.click(allByTestId("remove-metadata")[0] as HTMLElement);
  await fireEvent.click(byTestId("save-pin"));
  await waitFor(() => expect(requestsOf(mock, "edit_pin")).toHaveLength(1));
  expect(requestsOf(mock, "edit_pin")).toMatchObject([{ name: null }]);
  expect((requestsOf(mock, "edit_pin")[0] as EditPinRequest).metadata).toEqual({ year: "2026" });
});

test("where pins have no metadata, only the name is asked for and sent", async () => {
  const { mock } = await openEditor({ keeps_metadata: false });
  expect(inputs("metadata-key")).toHaveLength(0);
  expect(allByTestId("add-metadata")).toHaveLength(0);
  expect(byTestId("edit-pin-dialog").textContent).not.toContain("metadata");
  await type("name", 0, "Harbour at dawn");
  await fireEvent.click(byTestId("save-pin"));
  await waitFor(() => expect(requestsOf(mock, "edit_pin")).toHaveLength(1));
  expect(requestsOf(mock, "edit_pin")).toMatchObject([{ name: "Harbour at dawn" }]);
  expect((requestsOf(mock, "edit_pin")[0] as EditPinRequest).metadata).toEqual({});
});

test("the focus goes to a new row, and after a removal to what is next", async () => {
  await openEditor();
  await fireEvent.click(byTestId("add-metadata"));
  await waitFor(() => expect(document.activeElement).toBe(inputs("metadata-key")[2]));
  await fireEvent.click(allByTestId("remove-metadata")[0] as HTMLElement);
  expect(document.activeElement).toBe(allByTestId("remove-metadata")[0]);
  await fireEvent.click(allByTestId("remove-metadata")[1] as HTMLElement);
  expect(document.activeElement).toBe(byTestId("add-metadata"));
});

test("what cannot be saved says why, and waits", async () => {
  await openEditor();
  await type("name", 0, "ü".repeat(128));
  expect(byTestId("edit-pin-dialog").textContent).toContain("at most 255 bytes");
  expect(can_save()).toBe(false);
  await type("name", 0, "short");
  expect(can_save()).toBe(true);
  await type("metadata-key", 1, "project");
  expect(byTestId("edit-pin-dialog").textContent).toContain("Another row has this key already");
  expect(inputs("metadata-key")[1]?.getAttribute("aria-invalid")).toBe("true");
  expect(can_save()).toBe(false);
  await type("metadata-key", 1, "");
  expect(byTestId("edit-pin-dialog").textContent).toContain("This value has no key");
});

test("a refusal is shown, and what was typed stays", async () => {
  const { mock } = await openEditor();
  await type("name", 0, "Harbour");
  mock.failNext("edit_pin", { code: "unavailable", message: "503", retryable: true, details: null });
  await fireEvent.click(byTestId("save-pin"));
  await waitFor(() => expect(byTestId("edit-pin-error").textContent).toContain("not available right now"));
  expect(inputs("name")[0]?.value).toBe("Harbour");
  await fireEvent.click(byTestId("save-pin"));
  await waitFor(() => expect(allByTestId("edit-pin-dialog")).toHaveLength(0));
});

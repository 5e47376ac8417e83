import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { MockOptions } from "../../lib/platform/mock.ts";
import { madeUpPinOnly } from "../../lib/platform/mock-accounts.ts";
import { allByTestId, byTestId, NOW, openApp, requestsOf } from "../../test-app.ts";

const NOTHING = { id: "pin-only", label: null, gateway: null, plain_http: false };

const inCard = (what: string) => {
  const found = document.querySelector<HTMLElement>(
    `[data-testid=account-card][data-label=Pinata] [data-testid=${what}]`,
  );
  if (!found) throw new Error(`no ${what}`);
  return found;
};

function field(name: string): HTMLInputElement {
  const input = byTestId("edit-account-dialog").querySelector<HTMLInputElement>(`[name="${name}"]`);
  if (!input) throw new Error(`no field ${name}`);
  return input;
}

const type = (name: string, value: string) => fireEvent.input(field(name), { target: { value } });
const save = () => fireEvent.click(byTestId("save-edited-account"));
const can_save = () => !byTestId<HTMLButtonElement>("save-edited-account").disabled;

async function openAccounts(options: MockOptions = {}) {
  return openApp({ ...options, screen: "accounts", accounts: [madeUpPinOnly(NOW)] });
}

async function openEditor() {
  const opened = await openAccounts();
  await fireEvent.click(inCard("edit-account"));
  return opened;
}

test("label and gateway are changed, each alone or together", async () => {
  const { mock, app } = await openEditor();
  expect([field("label").value, field("gateway").value]).toEqual(["Pinata", ""]);
  await type("gateway", " https://gateway.example.com ");
  await save();
  await waitFor(() => expect(allByTestId("edit-account-dialog")).toHaveLength(0));
  await fireEvent.click(inCard("edit-account"));
  await type("label", " Photos ");
  await type("gateway", "");
  await save();
  await waitFor(() => expect(app.accounts.find("pin-only")?.label).toBe("Photos"));
  expect(requestsOf(mock, "edit_account")).toEqual([
    { ...NOTHING, gateway: "https://gateway.example.com" },
    { ...NOTHING, label: "Photos", gateway: "" },
  ]);
  expect(app.accounts.find("pin-only")?.gateway).toBeNull();
});

test("where nothing was changed, nothing is asked", async () => {
  const { mock } = await openEditor();
  await save();
  await waitFor(() => expect(allByTestId("edit-account-dialog")).toHaveLength(0));
  expect(requestsOf(mock, "edit_account")).toHaveLength(0);
});

test("an unencrypted gateway of another machine has to be agreed to, and each address anew", async () => {
  const { mock } = await openEditor();
  await type("gateway", "http://192.168.1.5:8080");
  expect(can_save()).toBe(false);
  await fireEvent.click(field("plain_http"));
  expect(can_save()).toBe(true);
  await type("gateway", "http://192.168.1.6:8080");
  expect(can_save()).toBe(false);
  await fireEvent.click(field("plain_http"));
  await save();
  await waitFor(() => expect(requestsOf(mock, "edit_account")).toHaveLength(1));
  expect(requestsOf(mock, "edit_account")).toMatchObject([{ plain_http: true }]);
});

test("a label that another account has is refused, and what was typed stays", async () => {
  await openEditor();
  await type("label", "");
  expect(can_save()).toBe(false);
  await type("label", "Studio archive");
  await save();
  await waitFor(() => expect(byTestId("edit-account-error").textContent).toContain("already"));
  expect(field("label").value).toBe("Studio archive");
});

test("this computer cannot be changed", async () => {
  await openAccounts();
  const card = document.querySelector('[data-testid=account-card][data-label="This computer"]');
  expect(card?.querySelectorAll("[data-testid=edit-account]")).toHaveLength(0);
});

test("keys that a locked keyring did not give up are said to be there", async () => {
  await openAccounts({ keyring: { state: "unavailable", reason: "It is locked." } });
  await fireEvent.click(inCard("remove-account"));
  await fireEvent.click(byTestId("confirm-remove-account"));
  await waitFor(() => expect(byTestId("toast").textContent).toContain("still in the keyring"));
});

import { fireEvent, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { AddAccountRequest } from "../../lib/bindings/ipc.ts";
import type { MockOptions } from "../../lib/platform/mock.ts";
import { allByTestId, byTestId, openApp, requestsOf } from "../../test-app.ts";

const SECRET = "canary-5f1d";

function field(name: string): HTMLInputElement {
  const input = byTestId("account-dialog").querySelector<HTMLInputElement>(`[name="${name}"]`);
  if (!input) throw new Error(`no field ${name}`);
  return input;
}

async function type(name: string, value: string) {
  await fireEvent.input(field(name), { target: { value } });
}

async function openFilled(options: MockOptions = {}, secret = SECRET) {
  const opened = await openApp({ ...options, screen: "accounts" });
  await fireEvent.click(byTestId("add-account"));
  await type("label", "My archive");
  await type("key", "key-1");
  await type("secret", secret);
  return opened;
}

const NO_KEYRING: MockOptions = {
  keyring: { state: "unavailable", reason: "No Secret Service is running." },
};

test("the fields of a known service are filled in", async () => {
  await openApp({ screen: "accounts" });
  await fireEvent.click(byTestId("add-account"));
  expect(field("endpoint").value).toBe("https://api.aiozpin.network");
  expect(field("secret").type).toBe("password");
  expect(byTestId<HTMLButtonElement>("save-account").disabled).toBe(true);
});

test("another host asks for its address", async () => {
  await openApp({ screen: "accounts" });
  await fireEvent.click(byTestId("add-account"));
  const preset = byTestId("account-dialog").querySelector<HTMLSelectElement>("select[name=preset]");
  if (!preset) throw new Error("no preset");
  await fireEvent.change(preset, { target: { value: "other" } });
  expect(field("endpoint").value).toBe("");
  expect(field("gateway").value).toBe("");
});

test("saving sends the secret once and leaves it nowhere on the page", async () => {
  const { mock, app } = await openFilled();
  await fireEvent.click(byTestId("save-account"));
  await waitFor(() => expect(allByTestId("account-dialog")).toHaveLength(0));
  const [request] = requestsOf(mock, "add_account") as AddAccountRequest[];
  expect(request?.draft.credentials).toEqual({ form: "key_and_secret", key: "key-1", secret: SECRET });
  expect(request?.session_only).toBe(false);
  expect(document.documentElement.outerHTML).not.toContain(SECRET);
  expect(app.accounts.list.map(({ label }) => label)).toContain("My archive");
});

test("the secret's field is empty as soon as it is sent, and the test's answer is said in words", async () => {
  const { mock } = await openFilled({}, "wrong");
  await fireEvent.click(byTestId("test-account"));
  expect(field("secret").value).toBe("");
  await waitFor(() => expect(byTestId("account-error").textContent).toContain("The keys were refused"));
  expect(byTestId("account-error").textContent).toContain("401 Unauthorized");
  expect(requestsOf(mock, "add_account")).toHaveLength(0);
});

test("keys that work can be saved without typing the secret again", async () => {
  const { mock } = await openFilled();
  await fireEvent.click(byTestId("test-account"));
  await waitFor(() => expect(byTestId("account-works")).toBeTruthy());
  expect(field("secret").value).toBe("");
  await fireEvent.click(byTestId("save-account"));
  await waitFor(() => expect(allByTestId("account-dialog")).toHaveLength(0));
  expect(requestsOf(mock, "add_account")).toMatchObject([{ draft: { credentials: { secret: SECRET } } }]);
});

test("without a keyring the reason is shown and the session is offered", async () => {
  const { mock, app } = await openFilled(NO_KEYRING);
  expect(allByTestId("keep-for-session")).toHaveLength(0);
  await fireEvent.click(byTestId("save-account"));
  await waitFor(() =>
    expect(byTestId("account-error").textContent).toContain("No Secret Service is running."),
  );
  await fireEvent.click(byTestId("keep-for-session"));
  await waitFor(() => expect(allByTestId("account-dialog")).toHaveLength(0));
  expect((requestsOf(mock, "add_account") as AddAccountRequest[]).at(-1)?.session_only).toBe(true);
  expect(app.accounts.list.at(-1)?.secret_kept).toBe("session");
});

test("an answer about other values is taken back when they change", async () => {
  await openFilled({}, "wrong");
  await fireEvent.click(byTestId("test-account"));
  await waitFor(() => byTestId("account-error"));
  await type("key", "key-2");
  expect(allByTestId("account-error")).toHaveLength(0);
});

test("This computer cannot be removed; the removal of another is asked about first", async () => {
  const { mock } = await openApp({ screen: "accounts" });
  expect(allByTestId("account-card")).toHaveLength(2);
  expect(allByTestId("remove-account")).toHaveLength(1);
  await fireEvent.click(byTestId("remove-account"));
  expect(requestsOf(mock, "remove_account")).toHaveLength(0);
  await fireEvent.click(byTestId("confirm-remove-account"));
  await waitFor(() => expect(allByTestId("account-card")).toHaveLength(1));
});

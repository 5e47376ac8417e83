import { fireEvent, waitFor } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import type { AddAccountRequest, ProviderKind } from "../../lib/bindings/ipc.ts";
import type { Mock, MockOptions } from "../../lib/platform/mock.ts";
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

function has(name: string): boolean {
  return byTestId("account-dialog").querySelector(`[name="${name}"]`) !== null;
}

async function choose(name: "preset" | "form", value: string) {
  const select = byTestId("account-dialog").querySelector<HTMLSelectElement>(`select[name=${name}]`);
  if (!select) throw new Error(`no choice of ${name}`);
  await fireEvent.change(select, { target: { value } });
}

async function chooseKind(kind: ProviderKind) {
  await choose("preset", "other");
  const radio = byTestId("account-dialog").querySelector<HTMLInputElement>(`[name=kind][value=${kind}]`);
  if (!radio) throw new Error(`no kind ${kind}`);
  await fireEvent.click(radio);
}

async function openDialog(options: MockOptions = {}) {
  const opened = await openApp({ ...options, screen: "accounts" });
  await fireEvent.click(byTestId("add-account"));
  return opened;
}

async function save(mock: Mock): Promise<AddAccountRequest["draft"] | undefined> {
  await fireEvent.click(byTestId("save-account"));
  await waitFor(() => expect(allByTestId("account-dialog")).toHaveLength(0));
  return (requestsOf(mock, "add_account") as AddAccountRequest[]).at(-1)?.draft;
}

const can_save = () => !byTestId<HTMLButtonElement>("save-account").disabled;

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
  await choose("preset", "other");
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

test("a preset says what it needs, and where to read more, as a line to copy", async () => {
  await openDialog();
  expect(byTestId("account-dialog").textContent).toContain("Make an API key on the dashboard's page");
  expect(byTestId("help-link").textContent).toContain("https://aiozpin.network/docs/aioz-pin-api");
  expect(byTestId("help-link").querySelector("a")).toBeNull();
  await choose("preset", "1");
  expect(allByTestId("help-link")).toHaveLength(0);
});

describe("the fields follow the service", () => {
  test("a service with a token asks for what it calls it, and for nothing else", async () => {
    const { mock } = await openDialog();
    await choose("preset", "2");
    expect(byTestId("account-dialog").textContent).toContain("JWT");
    expect([has("key"), has("user"), has("form"), has("kind")]).toEqual([false, false, false, false]);
    await type("secret", ` ${SECRET}\n`);
    expect(await save(mock)).toMatchObject({
      ...{ kind: "psa", endpoint: "https://api.pinata.cloud/psa", plain_http: false },
      credentials: { form: "token", token: SECRET },
    });
  });

  test("a node needs no secret, and takes one where its owner set one", async () => {
    const { mock } = await openDialog();
    await choose("preset", "3");
    expect(has("secret")).toBe(false);
    expect(can_save()).toBe(true);
    await choose("form", "login");
    expect(can_save()).toBe(false);
    await type("user", "ada");
    await type("secret", " spaces are kept ");
    expect(await save(mock)).toMatchObject({
      kind: "kubo",
      credentials: { form: "login", user: "ada", password: " spaces are kept " },
    });
  });

  test("another service is chosen by its kind first, each explained in a line", async () => {
    const { mock } = await openDialog();
    await choose("preset", "other");
    const radios = byTestId("account-dialog").querySelectorAll<HTMLInputElement>("[name=kind]");
    expect([...radios].map(({ value }) => value)).toEqual(["aioz", "psa", "kubo", "cluster"]);
    for (const radio of radios) {
      const hint = document.getElementById(radio.getAttribute("aria-describedby") ?? "");
      expect(hint?.textContent.length).toBeGreaterThan(20);
    }
    await chooseKind("cluster");
    expect(has("secret")).toBe(false);
    await choose("form", "token");
    await type("label", "Team");
    await type("endpoint", "https://cluster.example.com");
    await type("secret", SECRET);
    expect(await save(mock)).toMatchObject({
      kind: "cluster",
      credentials: { form: "token", token: SECRET },
    });
  });

  test("a secret that was typed for one service is not sent to another", async () => {
    const { mock } = await openFilled();
    await fireEvent.click(byTestId("test-account"));
    await waitFor(() => byTestId("account-works"));
    await choose("preset", "2");
    expect(allByTestId("account-works")).toHaveLength(0);
    expect(can_save()).toBe(false);
    await choose("preset", "3");
    expect(JSON.stringify(await save(mock))).not.toContain(SECRET);
  });
});

describe("an unencrypted address of another machine", () => {
  const agree = () => fireEvent.click(field("plain_http"));

  test("has to be agreed to before anything is sent", async () => {
    const { mock } = await openFilled();
    expect(has("plain_http")).toBe(false);
    await type("endpoint", "http://192.168.1.9:5001");
    expect(byTestId("account-dialog").textContent).toContain("the secret travels unencrypted");
    expect(can_save()).toBe(false);
    expect(byTestId<HTMLButtonElement>("test-account").disabled).toBe(true);
    await agree();
    expect(await save(mock)).toMatchObject({ endpoint: "http://192.168.1.9:5001", plain_http: true });
  });

  test("is agreed to for that address only", async () => {
    await openFilled();
    await type("endpoint", "http://192.168.1.9:5001");
    await agree();
    await type("endpoint", "http://192.168.1.10:5001");
    expect(field("plain_http").checked).toBe(false);
    expect(can_save()).toBe(false);
  });

  test("is not spoken of for this computer or an encrypted address", async () => {
    const { mock } = await openFilled();
    await type("endpoint", "http://localhost:5001");
    expect(has("plain_http")).toBe(false);
    await type("endpoint", "https://192.168.1.9");
    expect(has("plain_http")).toBe(false);
    expect(await save(mock)).toMatchObject({ plain_http: false });
  });
});

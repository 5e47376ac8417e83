import { fireEvent, waitFor } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import type { Selection } from "../../lib/bindings/ipc.ts";
import { madeUpNode, madeUpPinOnly, PIN_ONLY } from "../../lib/platform/mock-accounts.ts";
import { allByTestId, byTestId, NOW, openApp, requestsOf } from "../../test-app.ts";

const selection = (change: Partial<Selection> = {}): Selection => ({
  id: "selection-9",
  items: [
    { name: "a.txt", kind: "file", files: 1, bytes: 10 },
    { name: "b.txt", kind: "file", files: 1, bytes: 20 },
    { name: "c", kind: "directory", files: 4, bytes: 300 },
  ],
  files: 6,
  bytes: 330,
  skipped: [],
  remarks: [],
  refused: [],
  needs_confirmation: null,
  ...change,
});

test("the overlay names the account while files hang over the window, and goes with them", async () => {
  const { mock } = await openApp();
  expect(allByTestId("drop-overlay")).toHaveLength(0);
  mock.drop({ type: "enter", count: 3 });
  await waitFor(() => expect(byTestId("drop-overlay").textContent).toContain("This computer"));
  expect(byTestId("drop-overlay").textContent).toContain("3 items");
  mock.drop({ type: "leave" });
  await waitFor(() => expect(allByTestId("drop-overlay")).toHaveLength(0));
});

test("what is dropped is accepted at once, and nobody says pinned", async () => {
  const { mock } = await openApp({ busy: false });
  mock.drop({ type: "enter", count: 3 });
  mock.drop({ type: "dropped", selection: selection() });
  await waitFor(() => expect(byTestId("toast").textContent).toContain("3 items accepted"));
  expect(allByTestId("drop-overlay")).toHaveLength(0);
  expect(byTestId("toast").textContent).not.toMatch(/pinned/i);
  expect(requestsOf(mock, "start_upload")).toEqual([
    { selection: "selection-9", accounts: ["this-computer"], name: null, metadata: {} },
  ]);
});

describe("berths", () => {
  const at = (id: string) => {
    const berth = allByTestId("berth").find(({ dataset }) => dataset["berth"] === id);
    if (!berth) throw new Error(`there is no berth ${id}`);
    return berth;
  };

  /** The DOM of the tests has no layout: the berths stand beside each other, 100 pixels wide. */
  function layOut() {
    allByTestId("berth").forEach((berth, index) => {
      berth.getBoundingClientRect = () => new DOMRect(index * 100, 400, 100, 72);
    });
  }

  async function hold(x: number, y: number) {
    const opened = await openApp({ busy: false });
    opened.mock.drop({ type: "enter", count: 3 });
    await waitFor(() => expect(allByTestId("berth").length).toBeGreaterThan(0));
    layOut();
    opened.mock.drop({ type: "over", x, y });
    return opened;
  }

  test("are the accounts and all of them together, and say who can see what goes there", async () => {
    await hold(0, 0);
    expect(allByTestId("berth").map(({ dataset }) => dataset["berth"])).toEqual([
      "this-computer",
      "hosted",
      "all",
      "asked",
    ]);
    expect(at("this-computer").textContent).toContain("Only this computer");
    expect(at("hosted").textContent).toContain("Public");
  });

  test("take what is let go on them, and the middle is the default account", async () => {
    const { mock } = await hold(150, 420);
    await waitFor(() => expect(at("hosted").classList.contains("aimed")).toBe(true));
    mock.drop({ type: "let_go", x: 150, y: 420 });
    await waitFor(() => expect(allByTestId("drop-overlay")).toHaveLength(0));
    mock.drop({ type: "dropped", selection: selection() });
    await waitFor(() => expect(requestsOf(mock, "start_upload")).toMatchObject([{ accounts: ["hosted"] }]));
    mock.drop({ type: "enter", count: 1 });
    await waitFor(() => expect(allByTestId("berth").length).toBeGreaterThan(0));
    layOut();
    mock.drop({ type: "let_go", x: 150, y: 20 });
    mock.drop({ type: "dropped", selection: selection({ id: "another" }) });
    await waitFor(() => expect(requestsOf(mock, "start_upload")).toHaveLength(2));
    expect(requestsOf(mock, "start_upload")[1]).toMatchObject({ accounts: ["this-computer"] });
  });

  test("ask for accounts, a name and metadata where that is wanted", async () => {
    const { mock } = await hold(350, 420);
    await waitFor(() => expect(at("asked").classList.contains("aimed")).toBe(true));
    mock.drop({ type: "let_go", x: 350, y: 420 });
    mock.drop({ type: "dropped", selection: selection() });
    await waitFor(() => byTestId("confirm-selection"));
    expect(requestsOf(mock, "start_upload")).toHaveLength(0);
    expect(byTestId<HTMLDetailsElement>("new-pin-fields").open).toBe(false);
    await fireEvent.click(byTestId("confirm-upload"));
    await waitFor(() =>
      expect(requestsOf(mock, "start_upload")).toMatchObject([{ accounts: ["this-computer"], name: null }]),
    );
  });

  test("give it to every account together", async () => {
    const { mock } = await hold(250, 420);
    mock.drop({ type: "let_go", x: 250, y: 420 });
    mock.drop({ type: "dropped", selection: selection() });
    await waitFor(() =>
      expect(requestsOf(mock, "start_upload")).toMatchObject([{ accounts: ["this-computer", "hosted"] }]),
    );
  });
});

test("files are added with a name and metadata to several accounts when that is asked for", async () => {
  const { mock } = await openApp();
  mock.nextSelection = selection();
  await fireEvent.click(byTestId("add-options"));
  await fireEvent.click(byTestId("menu-add-files"));
  await waitFor(() => expect(byTestId("confirm-selection")).toBeTruthy());
  expect(requestsOf(mock, "start_upload")).toHaveLength(0);
  await fireEvent.click(byTestId("several-accounts"));
  const hosted = byTestId("accounts-field").querySelector<HTMLInputElement>("[value=hosted]");
  await fireEvent.click(hosted as HTMLInputElement);
  const name = byTestId("confirm-selection").querySelector("[name=name]") as HTMLInputElement;
  await fireEvent.input(name, { target: { value: "holiday" } });
  await fireEvent.click(byTestId("confirm-upload"));
  await waitFor(() =>
    expect(requestsOf(mock, "start_upload")).toEqual([
      { selection: "selection-9", accounts: ["this-computer", "hosted"], name: "holiday", metadata: {} },
    ]),
  );
});

test("a double click on the answer makes one pin of each", async () => {
  const { mock } = await openApp({ busy: false });
  mock.nextSelection = selection();
  await fireEvent.click(byTestId("add-options"));
  await fireEvent.click(byTestId("menu-add-files"));
  await waitFor(() => byTestId("confirm-selection"));
  mock.latency_ms = 50;
  const go = byTestId("confirm-upload");
  await Promise.all([fireEvent.click(go), fireEvent.click(go)]);
  await waitFor(() => expect(allByTestId("confirm-selection")).toHaveLength(0));
  expect(requestsOf(mock, "start_upload")).toHaveLength(1);
  expect(mock.transfers).toHaveLength(3);
});

test("a text that is pasted beside every field is looked at, and one in a field is the field's", async () => {
  const { mock } = await openApp();
  const cid = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
  const paste = (target: Element) => {
    const clipboardData = { getData: () => cid };
    return fireEvent(target, Object.assign(new Event("paste", { bubbles: true }), { clipboardData }));
  };
  await paste(byTestId("search"));
  expect(requestsOf(mock, "drop_text")).toEqual([]);
  await paste(document.body);
  await waitFor(() => byTestId("pin-cid-dialog"));
  expect(requestsOf(mock, "drop_text")).toEqual([cid]);
});

test("the chosen default account gets the files", async () => {
  const { mock, app } = await openApp();
  await app.settings.setDefaultAccount("hosted");
  mock.drop({ type: "dropped", selection: selection() });
  await waitFor(() => expect(requestsOf(mock, "start_upload")).toMatchObject([{ accounts: ["hosted"] }]));
});

test("what was left out or refused is listed with its reason, and the message stays", async () => {
  const { mock } = await openApp();
  const skipped = [{ name: "c/link", reason: "a symbolic link" }];
  const refused = [{ name: "pipe", reason: "a pipe" }];
  mock.drop({ type: "dropped", selection: selection({ skipped, refused }) });
  await waitFor(() => expect(byTestId("toast").textContent).toContain("c/link: a symbolic link"));
  expect(byTestId("toast").textContent).toContain("pipe: a pipe");
});

test("nothing that can be pinned starts nothing and is said", async () => {
  const { mock } = await openApp();
  const refused = [{ name: "pipe", reason: "a pipe" }];
  mock.drop({ type: "dropped", selection: selection({ items: [], refused }) });
  await waitFor(() => expect(byTestId("toast").textContent).toContain("pipe: a pipe"));
  expect(requestsOf(mock, "start_upload")).toHaveLength(0);
  await waitFor(() => expect(requestsOf(mock, "discard_selection")).toEqual(["selection-9"]));
});

test("a doubtful selection waits for a yes", async () => {
  const { mock } = await openApp();
  const needs_confirmation = "This is your home folder.";
  mock.drop({ type: "dropped", selection: selection({ needs_confirmation }) });
  await waitFor(() => expect(byTestId("confirm-selection").textContent).toContain(needs_confirmation));
  expect(requestsOf(mock, "start_upload")).toHaveLength(0);
  await fireEvent.click(byTestId("confirm-upload"));
  await waitFor(() => expect(requestsOf(mock, "start_upload")).toHaveLength(1));
  await waitFor(() => expect(allByTestId("confirm-selection")).toHaveLength(0));
});

test("files chosen in the system's dialog take the same way; cancelling it does nothing", async () => {
  const { mock } = await openApp();
  mock.nextSelection = selection();
  await fireEvent.click(byTestId("add-files"));
  await waitFor(() => expect(byTestId("toast").textContent).toContain("3 items accepted"));
});

test("a refused upload says why", async () => {
  const { mock } = await openApp();
  mock.failNext("start_upload", { code: "internal", message: "disk full", retryable: false, details: null });
  mock.drop({ type: "dropped", selection: selection() });
  await waitFor(() => expect(byTestId("toast").textContent).toContain("Nothing was accepted"));
  expect(byTestId("toast").textContent).toContain("disk full");
});

describe("an account that takes CIDs only", () => {
  async function openWithPinOnly(node = false) {
    const accounts = [madeUpPinOnly(NOW), ...(node ? [madeUpNode(NOW)] : [])];
    const opened = await openApp({ accounts });
    await opened.app.settings.setDefaultAccount(PIN_ONLY);
    return opened;
  }
  const confirm = () => byTestId<HTMLButtonElement>("confirm-upload");

  async function chooseAccount(value: string) {
    const select = byTestId("confirm-selection").querySelector("select") as HTMLSelectElement;
    await fireEvent.change(select, { target: { value } });
  }

  test("is known before anything is dropped, and offers the node", async () => {
    const { mock } = await openWithPinOnly();
    await waitFor(() => expect(byTestId("needs-node").textContent).toContain("Pinata"));
    expect(byTestId("needs-node").textContent).toContain("takes no files itself");
    mock.drop({ type: "enter", count: 1 });
    await waitFor(() => expect(byTestId("drop-overlay").textContent).toContain("takes no files itself"));
    await fireEvent.click(byTestId("add-node"));
    expect(byTestId("account-dialog")).toBeTruthy();
  });

  test("gets nothing that is dropped: another account can be chosen for it", async () => {
    const { mock } = await openWithPinOnly();
    mock.drop({ type: "dropped", selection: selection() });
    await waitFor(() => expect(confirm().disabled).toBe(true));
    expect(byTestId("confirm-selection").textContent).toContain("takes no files itself");
    expect(byTestId("confirm-selection").textContent).toContain("Pinata (takes no files)");
    const form = byTestId("confirm-selection").querySelector("form") as HTMLFormElement;
    await fireEvent.submit(form);
    expect(requestsOf(mock, "start_upload")).toHaveLength(0);
    await chooseAccount("hosted");
    expect(confirm().disabled).toBe(false);
    await fireEvent.click(confirm());
    await waitFor(() => expect(requestsOf(mock, "start_upload")).toMatchObject([{ accounts: ["hosted"] }]));
  });

  test("takes what is dropped once there is a node, without choosing again", async () => {
    const { mock } = await openWithPinOnly();
    mock.drop({ type: "dropped", selection: selection() });
    await waitFor(() => expect(confirm().disabled).toBe(true));
    await fireEvent.click(allByTestId("add-node").at(-1) as HTMLElement);
    await fireEvent.click(byTestId("save-account"));
    await waitFor(() => expect(confirm().disabled).toBe(false));
    expect(byTestId("confirm-selection").textContent).toContain("Files go through Kubo.");
    await fireEvent.click(confirm());
    await waitFor(() => expect(requestsOf(mock, "start_upload")).toMatchObject([{ accounts: [PIN_ONLY] }]));
  });

  test("with a node says through which its files go, and takes them at once", async () => {
    const { mock } = await openWithPinOnly(true);
    await waitFor(() => expect(byTestId("through-node").textContent).toContain("go through My Kubo"));
    mock.drop({ type: "enter", count: 1 });
    await waitFor(() => expect(byTestId("drop-overlay").textContent).toContain("through My Kubo"));
    mock.drop({ type: "dropped", selection: selection() });
    await waitFor(() => expect(requestsOf(mock, "start_upload")).toMatchObject([{ accounts: [PIN_ONLY] }]));
  });

  test("cannot be added to where there is no other", async () => {
    const { app, mock } = await openWithPinOnly();
    app.accounts.list = app.accounts.list.filter(({ id }) => id === PIN_ONLY);
    await waitFor(() => expect(byTestId<HTMLButtonElement>("add-files").disabled).toBe(true));
    expect(byTestId<HTMLButtonElement>("add-folder").disabled).toBe(true);
    await fireEvent.keyDown(document.body, { key: "o", ctrlKey: true });
    await waitFor(() => expect(byTestId("toast").textContent).toContain("takes no files itself"));
    expect(requestsOf(mock, "pick_files")).toHaveLength(0);
  });
});

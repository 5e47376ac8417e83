import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Account } from "../bindings/ipc.ts";
import { allByTestId, byTestId, openApp } from "../../test-app.ts";
import { createMock, type Mock } from "../platform/mock.ts";
import type { Platform } from "../platform/index.ts";
import { Accounts } from "./accounts.svelte.ts";
import { App } from "./app.svelte.ts";
import type { Screen } from "./navigation.svelte.ts";

const CID = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
const TRANSFERS = 1000;
const PER_SECOND = 100;
/** As often as the shell tells of changes at the most. */
const TOLD_MS = 60;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** An app on a screen, and what the web view asked for from then on. */
async function openOn(screen: Screen): Promise<{ app: App; mock: Mock }> {
  const mock = createMock({ pins: 5000, busy: false });
  const app = new App(mock);
  app.listen();
  await app.load();
  app.navigation.go(screen);
  await vi.advanceTimersByTimeAsync(5000);
  mock.calls.length = 0;
  return { app, mock };
}

/** Small uploads, one after the other, as the shell tells of them. */
async function uploadMany(mock: Mock): Promise<void> {
  for (let done = 0; done < TRANSFERS; done += (PER_SECOND * TOLD_MS) / 1000) {
    const ids = [done, done + 1, done + 2].map((number) => `transfer-${number}`);
    mock.tell({
      transfers: { which: "these", ids },
      pins: { which: "these", pins: ids.map((id) => ({ account: "this-computer", id })) },
    });
    await vi.advanceTimersByTimeAsync(TOLD_MS);
  }
  await vi.advanceTimersByTimeAsync(5000);
}

test.each<[Screen, number]>([
  ["pins", 40],
  ["transfers", 80],
  ["folders", 15],
  ["accounts", 30],
  ["settings", 15],
])("a thousand small uploads cost the window on %s at most %d requests", async (screen, most) => {
  const { mock } = await openOn(screen);
  await uploadMany(mock);
  expect(mock.calls.length).toBeLessThanOrEqual(most);
  const asked = new Set(mock.calls.map(({ command }) => command));
  if (screen !== "pins") expect(asked).not.toContain("pins");
  if (screen !== "accounts") expect(asked).not.toContain("accounts");
  expect(asked).not.toContain("folders");
});

test("what changed while another screen was shown is asked for when the table is", async () => {
  const { app, mock } = await openOn("settings");
  mock.changed("pins");
  await vi.advanceTimersByTimeAsync(5000);
  expect(mock.calls).toEqual([]);
  app.navigation.go("pins");
  app.pins.show(0, 16);
  await vi.advanceTimersByTimeAsync(0);
  expect(mock.calls.map(({ command }) => command)).toContain("pins");
});

test("the first pins that came while another screen was shown are there when theirs is", async () => {
  const { app, mock } = await openApp({ pins: 0, busy: false });
  await vi.advanceTimersByTimeAsync(1000);
  expect(byTestId("empty-state")).toBeTruthy();
  app.navigation.go("transfers");
  await vi.advanceTimersByTimeAsync(1000);
  await mock.call("pin_cid", { accounts: ["hosted"], text: CID, name: "first", metadata: {} });
  for (let step = 0; step < 6; step += 1) mock.advance();
  mock.transfers = [];
  await vi.advanceTimersByTimeAsync(5000);
  app.navigation.go("pins");
  await vi.advanceTimersByTimeAsync(1000);
  expect(allByTestId("pin-row").map(({ dataset }) => dataset["name"])).toEqual(["first"]);
});

test("a row in view is asked for again soon, and what is elsewhere in no hurry", async () => {
  const { app, mock } = await openOn("pins");
  app.pins.show(0, 16);
  await vi.advanceTimersByTimeAsync(1000);
  const shown = app.pins.row(3);
  if (!shown) throw new Error("no row");
  const { account, id } = shown;
  mock.tell({ pins: { which: "these", pins: [{ account, id: "elsewhere" }] } });
  await vi.advanceTimersByTimeAsync(200);
  mock.calls.length = 0;
  mock.tell({ pins: { which: "these", pins: [{ account, id: "elsewhere" }] } });
  await vi.advanceTimersByTimeAsync(200);
  expect(mock.calls).toEqual([]);
  mock.tell({ pins: { which: "these", pins: [{ account, id }] } });
  await vi.advanceTimersByTimeAsync(200);
  expect(mock.calls.map(({ command }) => command)).toContain("pins");
});

test("an older answer about the accounts never wins, whoever asked", async () => {
  const account = (label: string) => ({ id: "a", label }) as Account;
  const answers: ((list: Account[]) => void)[] = [];
  const call = (command: string) => {
    if (command === "check_account") return Promise.resolve(account("checked"));
    return new Promise<Account[]>((resolve) => answers.push(resolve));
  };
  const accounts = new Accounts({ call } as unknown as Platform);
  accounts.list = [account("first")];
  const first = accounts.refresh();
  await vi.advanceTimersByTimeAsync(0);
  const second = accounts.refresh();
  await vi.advanceTimersByTimeAsync(5000);
  expect(answers).toHaveLength(1);
  await accounts.check("a");
  answers[0]?.([account("older")]);
  await vi.advanceTimersByTimeAsync(0);
  expect(accounts.list[0]?.label).toBe("checked");
  answers[1]?.([account("newer")]);
  await first;
  expect(accounts.list[0]?.label).toBe("newer");
  await vi.advanceTimersByTimeAsync(1000);
  answers[2]?.([account("newest")]);
  await second;
  expect([accounts.list[0]?.label, answers.length]).toEqual(["newest", 3]);
});

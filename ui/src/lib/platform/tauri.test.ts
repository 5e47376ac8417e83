import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { afterEach, expect, test, vi } from "vitest";
import { tauri } from "./tauri.ts";

afterEach(() => clearMocks());

test("a request goes to Rust under the name `request`, and none goes without", async () => {
  const seen: unknown[] = [];
  mockIPC((command, args) => {
    seen.push([command, args]);
    return null;
  });
  await tauri.call("check_account", "a1");
  await tauri.call("refresh_pins");
  expect(seen).toEqual([
    ["check_account", { request: "a1" }],
    ["refresh_pins", {}],
  ]);
});

test("a refusal arrives as Rust said it", async () => {
  const refusal = { code: "over_quota", message: "full", retryable: false, details: null };
  mockIPC(() => Promise.reject(refusal));
  await expect(tauri.call("refresh_pins")).rejects.toEqual(refusal);
});

test("the shell's own refusals, which are strings, become errors of the same shape", async () => {
  mockIPC(() => Promise.reject("Command refresh_pins not allowed by ACL"));
  await expect(tauri.call("refresh_pins")).rejects.toMatchObject({
    code: "internal",
    message: "Command refresh_pins not allowed by ACL",
  });
});

test("what the shell tells comes through channels of its own, and not to a listener that has left", async () => {
  const sent = new Map<string, (message: unknown) => void>();
  mockIPC((command, args) => {
    const { channel } = args as { channel: { onmessage: (message: unknown) => void } };
    sent.set(command, (message) => channel.onmessage(message));
    return null;
  });
  const listener = vi.fn();
  const leave = tauri.onChanged(listener);
  tauri.onDrop(() => undefined);
  tauri.watchProgress(() => undefined);
  expect([...sent.keys()]).toEqual(["watch_changes", "watch_drops", "watch_progress"]);
  sent.get("watch_changes")?.({ tags: ["pins"] });
  leave();
  leave();
  sent.get("watch_changes")?.({ tags: ["accounts"] });
  expect(listener.mock.calls).toEqual([[{ tags: ["pins"] }]]);
});

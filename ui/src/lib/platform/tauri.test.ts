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

test("a listener that has left hears nothing, even when it left before the subscription was up", async () => {
  const handlers = new Map<string, number>();
  const unlistened: string[] = [];
  mockIPC((command, args) => {
    const { event, handler } = args as { event: string; handler: number };
    if (command === "plugin:event|listen") handlers.set(event, handler);
    if (command === "plugin:event|unlisten") unlistened.push(event);
    return 1;
  });
  Object.assign(window, { __TAURI_EVENT_PLUGIN_INTERNALS__: { unregisterListener: () => undefined } });
  const listener = vi.fn();
  const leave = tauri.onChanged(listener);
  leave();
  leave();
  await vi.waitFor(() => expect(unlistened).toEqual(["changed"]));
  expect(listener).not.toHaveBeenCalled();
});

test("progress comes through a channel of its own", () => {
  const seen: unknown[] = [];
  mockIPC((command, args) => {
    seen.push(command, Object.keys(args as object));
    return null;
  });
  tauri.watchProgress(() => undefined);
  expect(seen).toEqual(["watch_progress", ["channel"]]);
});

/** Turns whatever was thrown into the one error type of the web view. */

import type { IpcError } from "./bindings/ipc.ts";

export function isIpcError(value: unknown): value is IpcError {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as IpcError).code === "string" &&
    typeof (value as IpcError).message === "string"
  );
}

/** The shell's own refusals (an unknown or forbidden command) are plain strings, hence `internal`. */
export function toIpcError(value: unknown): IpcError {
  if (isIpcError(value)) return value;
  const message = value instanceof Error ? value.message : String(value);
  return { code: "internal", message, retryable: false, details: null };
}

/** Chooses the platform at build time: the desktop shell, or the in-memory one for work on the web view alone. */

import { tauri } from "./tauri.ts";
import type { Platform } from "./types.ts";

export type * from "./types.ts";

export async function connect(): Promise<Platform> {
  if (import.meta.env.VITE_PLATFORM === "mock") {
    const { mockFromLocation } = await import("./mock.ts");
    return mockFromLocation(window.location);
  }
  return tauri;
}

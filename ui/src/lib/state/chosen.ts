/** Pins that something is to be done with, as they were when it was asked for: named, or all that match but for some. */

import type { PinSet } from "../bindings/ipc.ts";

export interface Chosen {
  pins: PinSet;
  /** How many they were then. */
  count: number;
}

/** So many are removed only when their number was typed; the core asks for it from the same number on. */
export const CONFIRMED_FROM = 51;

/** Whether a person typed that number, with or without what stands between its digits. */
export function isCount(text: string, count: number): boolean {
  return text.replaceAll(/[\s.,'’\u00a0\u202f]/g, "") === String(count);
}

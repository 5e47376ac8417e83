/** A pin's metadata while it is edited: rows with an order, and what is not right about them. */

import type { PinDetails } from "../../lib/bindings/ipc.ts";

/** Longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255;

export interface Row {
  /** Keeps a row's fields its own while others come and go. */
  id: number;
  key: string;
  value: string;
}

/** A value without a key, or a key that another row has already. */
export type Complaint = "no_key" | "twice";

export function isTooLong(name: string): boolean {
  return new TextEncoder().encode(name).length > MAX_NAME_BYTES;
}

export function rowsOf(metadata: PinDetails["metadata"]): Row[] {
  return Object.entries(metadata).map(([key, value], id) => ({ id, key, value }));
}

/** Rows that are wholly empty are left out. */
export function metadataOf(rows: Row[]): PinDetails["metadata"] {
  return Object.fromEntries(
    rows.map(({ key, value }) => [key.trim(), value] as const).filter(([key]) => key),
  );
}

/** By the row's id. */
export function complaintsAbout(rows: Row[]): Map<number, Complaint> {
  const complaints = new Map<number, Complaint>();
  const seen = new Set<string>();
  for (const { id, key, value } of rows) {
    const name = key.trim();
    if (name === "" && value !== "") complaints.set(id, "no_key");
    if (name !== "" && seen.has(name)) complaints.set(id, "twice");
    seen.add(name);
  }
  return complaints;
}

/** A pin's metadata while it is edited: rows with an order, and what is not right about them. */

import type { PinDetails } from "../../lib/bindings/ipc.ts";

/** Longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255;

export interface Row {
  /** Keeps a row's fields its own while others come and go. */
  id: number;
  key: string;
  value: string;
  /** The key that the service has; as long as nobody changes it, it stays as it is, spaces and all. */
  kept?: string;
}

/** A value without a key, or a key that another row has already. */
export type Complaint = "no_key" | "twice";

export function isTooLong(name: string): boolean {
  return new TextEncoder().encode(name).length > MAX_NAME_BYTES;
}

export function rowsOf(metadata: PinDetails["exact_metadata"]): Row[] {
  return Object.entries(metadata).map(([key, value], id) => ({ id, key, value, kept: key }));
}

/** Rows that are wholly empty are left out, unless they came from the service. */
export function metadataOf(rows: Row[]): PinDetails["exact_metadata"] {
  const wanted = rows.filter((row) => keyOf(row) !== "" || isUntouched(row));
  return Object.fromEntries(wanted.map((row) => [keyOf(row), row.value] as const));
}

function isUntouched({ key, kept }: Row): boolean {
  return key === kept;
}

/** Spaces around a key that somebody typed are slips. */
function keyOf(row: Row): string {
  return isUntouched(row) ? row.key : row.key.trim();
}

/** By the row's id. */
export function complaintsAbout(rows: Row[]): Map<number, Complaint> {
  const complaints = new Map<number, Complaint>();
  const seen = new Set<string>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key === "" && row.value !== "" && !isUntouched(row)) complaints.set(row.id, "no_key");
    if (key !== "" && seen.has(key)) complaints.set(row.id, "twice");
    seen.add(key);
  }
  return complaints;
}

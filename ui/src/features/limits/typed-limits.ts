/** Limits as a person types them: rates in MB/s, nothing for as fast as it goes. */

import type { Limits } from "../../lib/bindings/ipc.ts";

export interface TypedLimits {
  up: string;
  down: string;
  at_once: string;
  schedule: TypedHours[];
  keep_days: string;
  keep_transfers: string;
}

export interface TypedHours {
  from: string;
  until: string;
  rate: string;
}

const BYTES = 1_000_000;

export function typed(limits: Limits): TypedLimits {
  return {
    up: megabytes(limits.up),
    down: megabytes(limits.down),
    at_once: String(limits.at_once),
    schedule: limits.schedule.map(({ from, until, rate }) => ({ from, until, rate: megabytes(rate) })),
    keep_days: String(limits.keep_days),
    keep_transfers: String(limits.keep_transfers),
  };
}

/** What was typed means; `null` where something is no number of its kind. */
export function parsed(typed: TypedLimits): Limits | null {
  const up = rate(typed.up);
  const down = rate(typed.down);
  const at_once = whole(typed.at_once, 1, 16);
  const keep_days = whole(typed.keep_days, 0, 36_500);
  const keep_transfers = whole(typed.keep_transfers, 0, 10_000_000);
  const schedule = typed.schedule.flatMap(({ from, until, rate: most }) => {
    const bytes = rate(most);
    return bytes && from && until ? [{ from, until, rate: bytes }] : [];
  });
  if (up === undefined || down === undefined || schedule.length < typed.schedule.length) return null;
  if (at_once === null || keep_days === null || keep_transfers === null) return null;
  return { up, down, at_once, schedule, keep_days, keep_transfers };
}

function megabytes(bytes: number | null): string {
  return bytes === null ? "" : String(bytes / BYTES);
}

/** Bytes a second; `null` for all, `undefined` for what is no rate. */
function rate(text: string): number | null | undefined {
  if (text.trim() === "") return null;
  const bytes = Math.round(Number(text.replace(",", ".")) * BYTES);
  return bytes > 0 && bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined;
}

function whole(text: string, least: number, most: number): number | null {
  const number = Number(text);
  return text.trim() !== "" && Number.isInteger(number) && number >= least && number <= most ? number : null;
}

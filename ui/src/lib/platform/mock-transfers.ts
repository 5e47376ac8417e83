/** The made-up queue: what it has at first, what is asked of it, and why an account gets no work. */

import type * as Ipc from "../bindings/ipc.ts";
import { failure, HOSTED, THIS_COMPUTER } from "./mock-accounts.ts";
import { madeUpCid } from "./mock-data.ts";

export type Wish = {
  kind: Ipc.TransferKind;
  name: string;
  bytes: number;
  account: string;
  cid: string | null;
  pin_id?: string;
  /** Until then it can be undone. */
  begins_at?: number;
};

export function named({ account, cid, name }: Ipc.Pin): Pick<Wish, "account" | "cid" | "name"> {
  return { account, cid, name };
}

export function gatesOf({ state, state_message }: Ipc.Account): Ipc.ClosedGate[] {
  const message = state_message ?? "";
  switch (state) {
    case "unreachable":
      return [{ reason: "unreachable", error: failure("network", message), next_try: 12_000 }];
    case "no_secret":
      return [{ reason: "locked_out", error: failure("no_secret", message), next_try: null }];
    case "unauthorized":
      return [{ reason: "locked_out", error: failure("unauthorized", message), next_try: null }];
    default:
      return [];
  }
}

export function madeUpTransfers(now: number, random: () => number): Ipc.Transfer[] {
  const one = (name: string, change: Partial<Ipc.Transfer>): Ipc.Transfer => ({
    ...{ id: `transfer-${name}`, kind: "upload", account: THIS_COMPUTER, name, cid: null, state: "queued" },
    ...{ bytes_done: 0, bytes_total: 48_000_000, attempts: 0, error: null, retry_at: null },
    ...{ created_at: now - 60_000, updated_at: now - 5000, verified: null },
    ...change,
  });
  return [
    one("tide-survey.mp4", {
      state: "running",
      bytes_done: 310_000_000,
      bytes_total: 1_200_000_000,
      attempts: 1,
    }),
    one("atlas-scan.tar", { state: "running", bytes_done: 12_000_000, attempts: 1 }),
    one("orchard.csv", {}),
    one("ferry-timetable.pdf", {
      ...{ account: HOSTED, state: "waiting", attempts: 3, retry_at: now + 42_000 },
      error: failure("rate_limited", "The service answered 429.", "Too many requests, slow down."),
    }),
    one("interview-0007.wav", {
      ...{ account: HOSTED, state: "failed", attempts: 5 },
      error: failure(
        "over_quota",
        "The service answered 403.",
        '{"error":"storage limit reached: 5 GB of 5 GB"}',
      ),
    }),
    one("harbour-0001.jpg", {
      state: "done",
      bytes_done: 48_000_000,
      cid: madeUpCid(random),
      verified: true,
    }),
    one("bafybei…linked page", { kind: "pin", state: "done", bytes_total: 0, cid: madeUpCid(random) }),
    one("old-ledger.pdf", { kind: "unpin", state: "cancelled", bytes_total: 0 }),
  ];
}

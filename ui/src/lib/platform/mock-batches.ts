/** Batches of the made-up transfers, in the order that Rust gives them. */

import type * as Ipc from "../bindings/ipc.ts";

/** The batch of a transfer, and how many items that has; a transfer that is not in here is a batch by itself. */
export type Given = Map<string, { batch: string; items: number }>;

interface WithTransfers {
  batch: Ipc.Batch;
  transfers: Ipc.Transfer[];
}

const NO_COUNTS = {
  queued: 0,
  running: 0,
  waiting: 0,
  undoable: 0,
  paused: 0,
  asked: 0,
  failed: 0,
  done: 0,
  cancelled: 0,
};
const ORDER: readonly Ipc.TransferState[] = [
  ...(["running", "failed", "queued", "waiting", "undoable", "paused", "asked"] as const),
];

export function countsOf(transfers: Ipc.Transfer[]): Ipc.TransferCounts {
  const counts = { ...NO_COUNTS };
  for (const { state } of transfers) counts[state] += 1;
  return counts;
}

export function batchesOf(transfers: Ipc.Transfer[], given: Given): WithTransfers[] {
  const groups = groupBy(transfers, ({ id }) => given.get(id)?.batch ?? `b-${id}`);
  const batches = [...groups].map(([id, own]) => batchOf(id, own, given));
  return batches.sort((a, b) => standing(a.batch) - standing(b.batch));
}

/** Those of which something has not begun or is under way, as one progress. */
export function totalsOf(batches: Ipc.Batch[]): Ipc.QueueTotals {
  const open = batches.filter(
    ({ counts }) => counts.queued + counts.running + counts.waiting + counts.paused > 0,
  );
  const sum = (value: (batch: Ipc.Batch) => number) => open.reduce((total, batch) => total + value(batch), 0);
  return {
    transfers: sum(({ counts, listed }) => listed - counts.cancelled),
    taken: sum(({ counts }) => counts.done + counts.asked),
    bytes: sum(({ bytes }) => bytes),
    bytes_done: sum(({ bytes_done }) => bytes_done),
  };
}

export function steered(
  transfers: Ipc.Transfer[],
  act: Ipc.Act,
  which: Ipc.Which,
  given: Given,
): Ipc.Transfer[] {
  const isMeant = ({ id }: Ipc.Transfer) =>
    which.type === "everything" ||
    (which.type === "one" ? id === which.id : (given.get(id)?.batch ?? `b-${id}`) === which.id);
  if (act === "clear") {
    return transfers.filter((one) => !isMeant(one) || !["failed", "done", "cancelled"].includes(one.state));
  }
  const moved = transfers.map((one) => (isMeant(one) ? steeredOne(one, act, which.type === "one") : one));
  return act === "move_up" ? moved.toSorted((a, b) => Number(isMeant(b)) - Number(isMeant(a))) : moved;
}

function steeredOne(one: Ipc.Transfer, act: Ipc.Act, by_itself: boolean): Ipc.Transfer {
  const has_begun = !["queued", "waiting", "running"].includes(one.state);
  const again = { ...one, state: "queued" as const, error: null, retry_at: null };
  if (act === "pause") return has_begun ? one : { ...one, state: "paused" };
  if (act === "resume") return one.state === "paused" ? again : one;
  if (act === "cancel") return ["done", "failed"].includes(one.state) ? one : { ...one, state: "cancelled" };
  const can_retry = one.state === "failed" || (by_itself && ["waiting", "cancelled"].includes(one.state));
  return act === "retry" && can_retry ? again : one;
}

function groupBy<T>(all: T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}

function batchOf(id: string, transfers: Ipc.Transfer[], given: Given): WithTransfers {
  const sorted = transfers.toSorted((a, b) => place(a) - place(b));
  const [first] = transfers;
  const counts = countsOf(transfers);
  const bytes = (states: (state: Ipc.TransferState) => boolean) =>
    transfers.filter(({ state }) => states(state)).reduce((sum, { bytes_total }) => sum + bytes_total, 0);
  const waits = transfers.map(({ retry_at }) => retry_at).filter((at) => at !== null);
  const batch: Ipc.Batch = {
    ...{ id, origin: originOf(first?.kind ?? "upload"), name: first?.name ?? "" },
    ...{ items: given.get(first?.id ?? "")?.items ?? transfers.length, listed: transfers.length, counts },
    accounts: [...new Set(transfers.map(({ account }) => account))],
    created_at: first?.created_at ?? 0,
    bytes: bytes((state) => state !== "cancelled"),
    bytes_done: bytes((state) => state === "done" || state === "asked"),
    next_try: waits.length > 0 ? Math.min(...waits) : null,
    troubles: troublesOf(transfers),
    only: transfers.length === 1 ? (first ?? null) : null,
  };
  return { batch, transfers: sorted };
}

function troublesOf(transfers: Ipc.Transfer[]): Ipc.BatchTrouble[] {
  const troubled = transfers.filter(
    ({ error, state }) => error !== null && ["failed", "waiting"].includes(state),
  );
  const groups = groupBy(troubled, ({ account, state, error }) => `${account} ${state} ${error?.code}`);
  return [...groups.values()].flatMap(([first, ...rest]) =>
    first?.error
      ? [
          {
            ...{ account: first.account, failed: first.state === "failed" },
            ...{ error: first.error, transfers: rest.length + 1 },
          },
        ]
      : [],
  );
}

function originOf(kind: Ipc.TransferKind): Ipc.Origin {
  return kind === "upload" ? "added" : kind === "pin" ? "pinned" : "unpinned";
}

function place({ state }: Ipc.Transfer): number {
  const place = ORDER.indexOf(state);
  return place < 0 ? ORDER.length : place;
}

function standing({ counts }: Ipc.Batch): number {
  if (counts.running > 0) return 0;
  if (counts.failed > 0) return 1;
  const { queued, waiting, undoable, paused, asked } = counts;
  return queued + waiting + undoable + paused + asked > 0 ? 2 : 3;
}

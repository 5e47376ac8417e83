/** A batch in words. */

import { t } from "../../i18n/index.ts";
import type { Batch } from "../../lib/bindings/ipc.ts";
import { formatBytes, formatRelative } from "../../lib/format.ts";
import { present } from "../../lib/present.ts";
import type { Hold } from "../../lib/state/transfers.svelte.ts";

/** Where a batch stands as a whole, in one word and one mark. */
export type Standing = "running" | "waiting" | "paused" | "asked" | "failed" | "done" | "cancelled";

/** Its transfers, without those that were cancelled. */
export function wanted({ counts }: Batch): number {
  return (
    counts.queued +
    counts.running +
    counts.waiting +
    counts.undoable +
    counts.paused +
    counts.asked +
    counts.failed +
    counts.done
  );
}

/** What services have taken of it. */
export function taken({ counts }: Batch): number {
  return counts.done + counts.asked;
}

/** Whether something of it has not ended. */
export function isOpen({ counts }: Batch): boolean {
  const { queued, running, waiting, undoable, paused, asked } = counts;
  return queued + running + waiting + undoable + paused + asked > 0;
}

/** Whether something of it can be paused. */
export function canPause({ counts }: Batch): boolean {
  return counts.queued + counts.running + counts.waiting > 0;
}

export function standingOf({ counts }: Batch, hold: Hold | null): Standing {
  if (hold === "paused" || hold === "all_paused") return "paused";
  if (hold !== null) return "waiting";
  if (counts.running > 0) return "running";
  if (counts.queued + counts.waiting + counts.undoable > 0) return "waiting";
  if (counts.paused > 0) return "paused";
  if (counts.failed > 0) return "failed";
  if (counts.asked > 0) return "asked";
  return counts.done > 0 ? "done" : "cancelled";
}

/** How far it is: what services have taken of it, and the bytes. */
export function figuresOf(batch: Batch, now: number): string {
  const [done, all] = [taken(batch), wanted(batch)];
  const parts = [
    isOpen(batch) || done < all ? t("batch.of", done, all) : t("batch.transfers", all),
    ...(batch.bytes > 0
      ? [
          batch.bytes_done < batch.bytes && isOpen(batch)
            ? t("transfer.bytes", formatBytes(batch.bytes_done), formatBytes(batch.bytes))
            : formatBytes(batch.bytes_done),
        ]
      : []),
    ...(batch.counts.undoable > 0 ? [t("transfer.undoable")] : []),
    ...(isOpen(batch) ? [] : [formatRelative(batch.created_at, now)]),
  ];
  return parts.join(" · ");
}

export interface Reason {
  tone: "bad" | "warn";
  text: string;
  details: string | null;
}

/** Why it does not go on, in one sentence: what needs a person, else its account, else the time that it waits for. */
export function reasonOf(
  batch: Batch,
  hold: Hold | null,
  labelOfAccount: (id: string) => string,
  now: number,
): Reason | null {
  const failed = batch.troubles.filter((trouble) => trouble.failed);
  const [worst] = failed;
  if (worst) {
    const { title, details } = present(worst.error);
    const count = failed.reduce((sum, { transfers }) => sum + transfers, 0);
    const text = t("batch.failed", count, title, failed.length - 1);
    return { tone: "bad", text, details };
  }
  const [account] = batch.accounts;
  if (hold !== null && hold !== "paused" && hold !== "all_paused" && account !== undefined) {
    return { tone: "warn", text: t("batch.held", t(`held.${hold}`, labelOfAccount(account))), details: null };
  }
  const waits = batch.troubles.find((trouble) => !trouble.failed);
  if (hold !== null || !waits || batch.next_try === null) return null;
  const { title, details } = present(waits.error);
  const text = t("batch.waits", waits.transfers, title, formatRelative(batch.next_try, now));
  return { tone: "warn", text, details };
}

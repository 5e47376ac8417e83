/** Runs a piece of work at most once at a time, however often it is asked for. */

export interface Coalesced {
  /** Asks for a run. Resolves when a run that began after this call has ended. */
  (): Promise<void>;
  /** The same without the gap: for what a person waits for. */
  now(): Promise<void>;
}

/**
 * Requests that arrive during a run are answered by one further run. `gap` is the least time between
 * the starts of two runs in milliseconds, so that a storm of events costs a bounded number of them; asked for with each.
 */
export function coalesce(work: () => Promise<void>, gap: number | (() => number) = 0): Coalesced {
  let next: Promise<void> | null = null;
  let current: Promise<void> = Promise.resolve();
  let started_at = -Infinity;
  /** Ends the wait for the gap that is under way. */
  let hurry = () => {};
  let in_a_hurry = false;

  async function run(): Promise<void> {
    // Whoever asked for the previous run was told how it ended.
    await current.catch(() => undefined);
    const gap_ms = typeof gap === "number" ? gap : gap();
    const wait_ms = started_at + gap_ms - performance.now();
    if (wait_ms > 0 && !in_a_hurry) {
      await new Promise<void>((resolve) => {
        hurry = resolve;
        setTimeout(resolve, wait_ms);
      });
    }
    in_a_hurry = false;
    next = null;
    started_at = performance.now();
    current = work();
    await current;
  }

  const ask = () => (next ??= run());
  const now = () => {
    in_a_hurry = true;
    hurry();
    return ask();
  };
  return Object.assign(ask, { now });
}

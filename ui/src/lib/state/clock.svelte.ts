/** The current time for relative times on screen: coarse, so that an idle window costs nothing. */

const TICK_MS = 10_000;

export class Clock {
  /** Milliseconds since the Unix epoch. */
  now = $state(Date.now());

  /** Returns the function that stops it. */
  start(): () => void {
    const timer = setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, TICK_MS);
    return () => clearInterval(timer);
  }
}

/** What a person reads about an error. The only place that looks at an error's `code` to find words. */

import { t, type Messages } from "../i18n/index.ts";
import type { Code, IpcError } from "./bindings/ipc.ts";

export interface Presented {
  /** What happened. */
  title: string;
  /** What to do now. */
  advice: string;
  /** Rust's own sentence about this very case, then the provider's words; `null` when there are none. */
  details: string | null;
}

/** Every code has a title and an advice: the compiler asks for them. */
const TEXT: Record<Code, [title: PlainKey, advice: PlainKey]> = {
  unauthorized: ["error.unauthorized", "error.unauthorized.advice"],
  forbidden: ["error.forbidden", "error.forbidden.advice"],
  not_found: ["error.not_found", "error.not_found.advice"],
  already_exists: ["error.already_exists", "error.already_exists.advice"],
  over_quota: ["error.over_quota", "error.over_quota.advice"],
  rate_limited: ["error.rate_limited", "error.rate_limited.advice"],
  unavailable: ["error.unavailable", "error.unavailable.advice"],
  network: ["error.network", "error.network.advice"],
  protocol: ["error.protocol", "error.protocol.advice"],
  unsupported: ["error.unsupported", "error.unsupported.advice"],
  not_a_pinning_api: ["error.not_a_pinning_api", "error.not_a_pinning_api.advice"],
  keyring_unavailable: ["error.keyring_unavailable", "error.keyring_unavailable.advice"],
  no_secret: ["error.no_secret", "error.no_secret.advice"],
  no_source: ["error.no_source", "error.no_source.advice"],
  invalid_input: ["error.invalid_input", "error.invalid_input.advice"],
  file_unreadable: ["error.file_unreadable", "error.file_unreadable.advice"],
  file_changed: ["error.file_changed", "error.file_changed.advice"],
  file_refused: ["error.file_refused", "error.file_refused.advice"],
  cid_mismatch: ["error.cid_mismatch", "error.cid_mismatch.advice"],
  still_fetching: ["error.still_fetching", "error.still_fetching.advice"],
  pin_failed: ["error.pin_failed", "error.pin_failed.advice"],
  refused: ["error.refused", "error.refused.advice"],
  cancelled: ["error.cancelled", "error.cancelled.advice"],
  count_changed: ["error.count_changed", "error.count_changed.advice"],
  disk_full: ["error.disk_full", "error.disk_full.advice"],
  home_busy: ["error.home_busy", "error.home_busy.advice"],
  internal: ["error.internal", "error.internal.advice"],
};

/** What went wrong is only in the sentence about this very case; no advice for all of its kind says more. */
const SAYS_ITSELF: ReadonlySet<Code> = new Set(["already_exists", "invalid_input", "pin_failed"]);

export const CODES = Object.keys(TEXT) as Code[];

export function present(error: IpcError): Presented {
  // A newer backend may know a code that this catalogue does not.
  const [title, advice] = TEXT[error.code] ?? TEXT.internal;
  if (SAYS_ITSELF.has(error.code) && error.message !== "") {
    return { title: t(title), advice: sentence(error.message), details: error.details };
  }
  const own = [error.message, error.details].filter((text) => text !== null && text.trim() !== "");
  return { title: t(title), advice: t(advice), details: own.length > 0 ? own.join("\n") : null };
}

/** Rust's errors are the ends of sentences. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

type PlainKey = {
  [K in keyof Messages]: Messages[K] extends string ? K : never;
}[keyof Messages];

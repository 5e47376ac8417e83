/** Numbers, sizes, times and CIDs as a person reads them. Pure: the current time comes in as an argument. */

/** Words come from the catalogue's language; how digits and dates are written may follow the system's region. */
export function localeFor(language: string, preferred: readonly string[]): string {
  return preferred.find((tag) => tag === language || tag.startsWith(`${language}-`)) ?? language;
}

const locale = localeFor("en", globalThis.navigator?.languages ?? []);
const integer = new Intl.NumberFormat(locale);
const one_decimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const day_and_time = new Intl.DateTimeFormat(locale, {
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
});
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export function formatCount(count: number): string {
  return integer.format(count);
}

/** Decimal units, as providers bill them: 1 kB is 1000 B. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = Math.max(0, bytes);
  // 999,950 B would print as "1,000 kB".
  while (unit < BYTE_UNITS.length - 1 && value >= (unit === 0 ? 1000 : 999.95)) {
    value /= 1000;
    unit += 1;
  }
  const text = unit === 0 ? integer.format(value) : one_decimal.format(value);
  return `${text}\u00a0${BYTE_UNITS[unit]}`;
}

export function formatRate(bytes_per_second: number): string {
  return `${formatBytes(bytes_per_second)}/s`;
}

/** The two greatest units: "1 h 4 min", "3 min 20 s", "12 s". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours >= 24) return join([Math.floor(hours / 24), "d"], [hours % 24, "h"]);
  if (hours > 0) return join([hours, "h"], [minutes, "min"]);
  if (minutes > 0) return join([minutes, "min"], [whole % 60, "s"]);
  return `${whole}\u00a0s`;
}

function join(...parts: [number, string][]): string {
  return parts
    .filter(([value], index) => index === 0 || value > 0)
    .map(([value, unit]) => `${integer.format(value)}\u00a0${unit}`)
    .join(" ");
}

/** "now", "5 minutes ago", "yesterday"; a date from a month on. Times are ms since the Unix epoch. */
export function formatRelative(at: number, now: number): string {
  const past = now - at;
  const distance = Math.abs(past);
  if (distance < 10 * SECOND_MS) return relative.format(0, "second");
  if (distance < MINUTE_MS) return relative.format(-Math.trunc(past / SECOND_MS), "second");
  if (distance < HOUR_MS) return relative.format(-Math.trunc(past / MINUTE_MS), "minute");
  if (distance < DAY_MS) return relative.format(-Math.trunc(past / HOUR_MS), "hour");
  if (distance < 30 * DAY_MS) return relative.format(-Math.trunc(past / DAY_MS), "day");
  return day.format(at);
}

/** The time of day, with the day where that is another: "14:10", "3 May, 14:10". */
export function formatMoment(at: number, now: number): string {
  const same_day = new Date(at).toDateString() === new Date(now).toDateString();
  return same_day ? time.format(at) : day_and_time.format(at);
}

export function formatExact(at: number): string {
  return exact.format(at);
}

/** Keeps both ends, which is where CIDs differ from each other: "bafybe…k3qy". */
export function middleEllipsis(text: string, max: number): string {
  const symbols = [...text];
  if (symbols.length <= max) return text;
  const kept = Math.max(2, max - 1);
  const head = Math.ceil(kept / 2);
  const tail = kept - head;
  return `${symbols.slice(0, head).join("")}…${symbols.slice(symbols.length - tail).join("")}`;
}

/** Share done from 0 to 1, or `null` where it cannot be known. */
export function share(done: number, total: number): number | null {
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : null;
}

/** The message catalogue. Every word a person sees or hears comes from here. */

import { en } from "./en.ts";

/** A message is text, or a function from its values to text. Other languages have the same keys and arguments. */
export type Messages = typeof en;
export type Key = keyof Messages;
type Values<K extends Key> = Messages[K] extends (...values: infer V) => string ? V : [];

export function t<K extends Key>(key: K, ...values: Values<K>): string {
  const message: string | ((...values: never[]) => string) = en[key];
  return typeof message === "string" ? message : message(...(values as never[]));
}

/** The message catalogue. Every word a person sees or hears comes from here. */

import { en } from "./en.ts";

/** A message is text, or a function from its values to text. Other languages have the same keys and arguments. */
export type Messages = typeof en;
export type Key = keyof Messages;
type Values<K extends Key> = Messages[K] extends (...values: infer V) => string ? V : [];

export function t<K extends Key>(key: K, ...values: Values<K>): string {
  const message: string | ((...values: never[]) => string) = en[key];
  return typeof message === "string" ? message : message(...(values.map(isolated) as never[]));
}

const WRITTEN_FROM_THE_RIGHT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** A name that is written from the right must not turn the words around it round (first strong isolate, UAX #9). */
function isolated(value: unknown): unknown {
  return typeof value === "string" && WRITTEN_FROM_THE_RIGHT.test(value) ? `\u2068${value}\u2069` : value;
}

/** Numbers of things, which choose singular or plural. */

import { formatCount } from "../../lib/format.ts";

export const many = (count: number, one: string, other: string) =>
  `${formatCount(count)} ${count === 1 ? one : other}`;
export const files = (count: number) => many(count, "file", "files");
export const items = (count: number) => many(count, "item", "items");
export const pins = (count: number) => many(count, "pin", "pins");

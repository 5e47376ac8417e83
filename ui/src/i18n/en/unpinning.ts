/** Removing pins, and undoing it. */

import { formatCount } from "../../lib/format.ts";
import { pins } from "./counted.ts";

export const unpinning_words = {
  "unpin.title": (count: number) => `Unpin ${pins(count)}?`,
  "unpin.body": (account: string) =>
    `${account} will no longer keep this content. Your own files stay as they are.`,
  "unpin.body.several": "The accounts will no longer keep this content. Your own files stay as they are.",
  "unpin.last_copy": "This is the last copy that Holdfast knows of.",
  "unpin.last_copies": (count: number, of: number) =>
    count === of
      ? "Of none of these does Holdfast know another copy."
      : `${formatCount(count)} of these ${count === 1 ? "is the last copy" : "are the last copies"} that Holdfast knows of:`,
  "unpin.last_copy_of": (name: string, account: string) => `${name} at ${account}`,
  "unpin.perhaps_last": (count: number, accounts: string) =>
    `${count === 1 ? "One may be a last copy" : `${formatCount(count)} may be last copies`}: ${accounts} may be the same login.`,
  "unpin.kept_elsewhere": (count: number) =>
    count === 1 ? "Another copy is known." : "Of each another copy is known.",
  "unpin.copies_unknown": "Holdfast could not find out whether other copies exist.",
  "unpin.checking": "Looking for other copies…",
  "unpin.more": (count: number) => `and ${formatCount(count)} more`,
  "unpin.confirm": (count: number) => `Unpin ${pins(count)}`,
  "unpin.of_account": (account: string, count: number) => `${formatCount(count)} at ${account}`,
  "unpin.type": (count: string) => `Type ${count} to confirm`,

  "unpinning.line": (count: number) => `${pins(count)} will be unpinned`,
  "unpinning.in": (seconds: number) => `${formatCount(seconds)} s`,
  "unpinning.undo": "Undo",
  "unpinning.undoing": (count: number) => `Letting ${pins(count)} stay…`,
  "unpinning.undone": (count: number) => `Undone: ${pins(count)} ${count === 1 ? "stays" : "stay"}`,
  "unpinning.too_late": (begun: number, kept: number) =>
    `${pins(begun)} had begun to be unpinned${kept > 0 ? `; ${formatCount(kept)} stay` : ""}`,
  "unpinning.undo_failed": "Unpinning could not be undone",
  "unpinning.load_failed": "It is not known what can be undone",
};

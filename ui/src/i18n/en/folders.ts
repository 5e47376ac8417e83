/** Watched folders. */

import { formatCount } from "../../lib/format.ts";
import { many } from "./counted.ts";

export const folders_words = {
  "folders.watch": "Watch a folder",
  "folders.watch.account": "Which account keeps its files?",
  "folders.watch.choose": "Choose a folder…",
  "folders.watch_failed": "The folder is not watched",
  "folders.load_failed": "The folders could not be read",
  "folders.empty.title": "No folder is watched",
  "folders.empty.body":
    "Every file in a watched folder is pinned, and every change is pinned anew. Holdfast never writes into the folder.",

  "folder.state.watching": "Watching",
  "folder.state.scanning": "Scanning",
  "folder.state.missing": "Folder not found",
  "folder.state.polling": "Checking now and then",
  "folder.state.missing.hint": "Nothing is unpinned while it is away.",
  "folder.on_disk": "on disk",
  "folder.pinned": "pinned",
  "folder.held": (count: number) =>
    `${formatCount(count)} of those that wait ${count === 1 ? "is" : "are"} open in a program that may still write.`,
  "folder.waiting": "waiting",
  "folder.skipped": "skipped",
  "folder.failed": "failed",
  "folder.account": (account: string) => `Kept at ${account}`,
  "folder.last_scan": (when: string) => `Last full scan ${when}`,
  "folder.last_scan.never": "Not scanned yet",
  "folder.last_event": (when: string) => `Last change ${when}`,
  "folder.rescan": "Scan again",
  "folder.rescan_failed": "The folder could not be scanned",
  "folder.remove": "Stop watching",
  "folder.remove_failed": "The folder is still watched",
  "folder.remove.title": "Stop watching this folder?",
  "folder.remove.body":
    "Nothing is unpinned, and no file is touched. New and changed files are no longer pinned.",
  "folder.entries": (count: number) => many(count, "entry is not pinned", "entries are not pinned"),
  "folder.entries.loading": "Reading the entries…",
  "folder.entries.none": "Every entry is pinned.",
  "folder.entries.limit": "These are the first 1,000.",
  "folder.entry.waiting": "Waiting",
  "folder.entry.pinned": "Pinned",
  "folder.entry.skipped": "Skipped",
  "folder.entry.failed": "Failed",
};

/** Made-up pins and folders for the in-memory platform. The same every time. */

import type { Folder, FolderEntry, Pin, PinStatus } from "../bindings/ipc.ts";
import { HOSTED, THIS_COMPUTER } from "./mock-accounts.ts";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const EXTENSIONS = ["jpg", "jpg", "jpg", "mp4", "pdf", "txt", "csv", "tar", "png", "html"];
const SUBJECTS = [
  "harbour",
  "kelp",
  "lantern",
  "atlas",
  "ferry",
  "orchard",
  "ledger",
  "tide",
  "survey",
  "interview",
];

/** Marsaglia's xorshift: enough for made-up data, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export function madeUpCid(random: () => number): string {
  return "bafybei" + Array.from({ length: 52 }, () => BASE32[Math.floor(random() * 32)]).join("");
}

export function madeUpPins(count: number, now: number): Pin[] {
  const random = randomFrom(20_260_101);
  return Array.from({ length: count }, (_, index): Pin => {
    const subject = SUBJECTS[Math.floor(random() * SUBJECTS.length)] ?? "file";
    const is_directory = random() < 0.04;
    const extension = EXTENSIONS[Math.floor(random() * EXTENSIONS.length)] ?? "bin";
    const number = String(index + 1).padStart(4, "0");
    const status = statusFrom(random());
    return {
      account: random() < 0.6 ? THIS_COMPUTER : HOSTED,
      id: `pin-${index}`,
      cid: madeUpCid(random),
      name: is_directory ? `${subject} collection ${number}` : `${subject}-${number}.${extension}`,
      size: random() < 0.02 ? null : Math.floor(10 ** (2 + random() * 7)),
      status,
      proof:
        status !== "pinned"
          ? "not_checked"
          : random() < 0.9
            ? "verified"
            : random() < 0.8
              ? "not_checked"
              : "not_reproduced",
      is_directory,
      pinned_at: now - Math.floor(index * 3_600_000 * random()) - 60_000,
    };
  });
}

function statusFrom(chance: number): PinStatus {
  if (chance < 0.9) return "pinned";
  if (chance < 0.93) return "queued";
  if (chance < 0.96) return "fetching";
  if (chance < 0.98) return "failed";
  return chance < 0.99 ? "unpinned" : "unknown";
}

export function madeUpFolders(now: number): Folder[] {
  const watching: Folder = {
    id: "folder-1",
    path: "/home/ada/Pictures/Harbour survey",
    account: THIS_COMPUTER,
    state: "watching",
    message: null,
    on_disk: 1284,
    pinned: 1262,
    waiting: 14,
    held: 3,
    skipped: 6,
    failed: 2,
    last_event: now - 95_000,
    last_scan: now - 1_800_000,
  };
  const missing: Folder = {
    ...watching,
    id: "folder-2",
    path: "/media/ada/Field recordings",
    account: HOSTED,
    state: "missing",
    message: "The drive may not be connected.",
    on_disk: 310,
    pinned: 310,
    waiting: 0,
    held: 0,
    skipped: 0,
    failed: 0,
    last_event: null,
    last_scan: now - 3 * 86_400_000,
  };
  return [watching, missing];
}

export const MADE_UP_ENTRIES: FolderEntry[] = [
  {
    path: "2026/raw/DSC_0042.nef",
    state: "waiting",
    reason: "Still being written; it is read when it has been quiet.",
  },
  { path: "2026/current", state: "skipped", reason: "A symbolic link; links are not followed." },
  { path: "2026/notes.txt", state: "failed", reason: "Permission denied: Holdfast may not read this file." },
];

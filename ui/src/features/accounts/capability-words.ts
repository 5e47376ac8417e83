/** What a service can do, in words: the short list, and the words of its list's API. */

import { t } from "../../i18n/index.ts";
import type { AccountCard } from "../../lib/bindings/ipc.ts";

/** How a line is marked: what it can do, what not, what is worth knowing, what nobody knows, what went wrong. */
export type Mark = "yes" | "no" | "note" | "unknown" | "wrong";

export interface Ability {
  mark: Mark;
  words: string;
}

const DUPLICATES = { same_pin: "note", another_pin: "note", refused: "note", unknown: "unknown" } as const;
const DELETION = { at_once: "yes", later: "note", failed: "wrong", unknown: "unknown" } as const;

/** The lines that a person decides by; the rest is details. */
export function abilitiesOf(card: AccountCard): Ability[] {
  const { upload } = card;
  const either = (can: boolean, yes: string, no: string): Ability => ({
    mark: can ? "yes" : "no",
    words: can ? yes : no,
  });
  const files: Ability[] = upload
    ? [
        { mark: "yes", words: t("card.files.yes") },
        either(upload.empty_files, t("card.empty_files.yes"), t("card.empty_files.no")),
        either(upload.empty_directories, t("card.empty_directories.yes"), t("card.empty_directories.no")),
        either(upload.symlinks, t("card.symlinks.yes"), t("card.symlinks.no")),
        either(upload.car, t("card.car.yes"), t("card.car.no")),
      ]
    : [{ mark: "no", words: t("card.files.no") }];
  return [
    ...files,
    either(card.metadata, t("card.metadata.yes"), t("card.metadata.no")),
    either(card.edit, card.metadata ? t("card.edit.yes") : t("card.edit.name"), t("card.edit.no")),
    { mark: DUPLICATES[card.duplicates], words: t(`card.duplicates.${card.duplicates}`) },
    { mark: DELETION[card.deletion], words: t(`card.deletion.${card.deletion}`) },
  ];
}

const WORDS = {
  filter: {
    cid: t("card.filter.cid"),
    name: t("card.filter.name"),
    status: t("card.filter.status"),
    metadata: t("card.filter.metadata"),
  },
  sort: {
    name: t("card.sort.name"),
    size: t("card.sort.size"),
    status: t("card.sort.status"),
    pinned_at: t("card.sort.pinned_at"),
  },
  paging: {
    offset: t("card.paging.offset"),
    before: t("card.paging.before"),
    whole: t("card.paging.whole"),
  },
} as const;

/** A word that only a newer backend knows is shown as it came. */
export function wordFor(what: keyof typeof WORDS, word: string): string {
  const words: Record<string, string> = WORDS[what];
  return words[word] ?? word;
}

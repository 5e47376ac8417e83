/** English. Values arrive formatted (sizes, times), except counts, which choose singular or plural. */

import { accounts_words } from "./en/accounts.ts";
import { cards_words } from "./en/cards.ts";
import { errors_words } from "./en/errors.ts";
import { folders_words } from "./en/folders.ts";
import { intake_words } from "./en/intake.ts";
import { pins_words } from "./en/pins.ts";
import { proofs_words } from "./en/proofs.ts";
import { settings_words } from "./en/settings.ts";
import { shell_words } from "./en/shell.ts";
import { transfers_words } from "./en/transfers.ts";
import { unpinning_words } from "./en/unpinning.ts";

export const en = {
  ...shell_words,
  ...pins_words,
  ...proofs_words,
  ...unpinning_words,
  ...intake_words,
  ...transfers_words,
  ...folders_words,
  ...accounts_words,
  ...cards_words,
  ...settings_words,
  ...errors_words,
};

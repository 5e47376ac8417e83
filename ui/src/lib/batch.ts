import { t } from "../i18n/index.ts";
import type { Batch } from "./bindings/ipc.ts";

/** What it is called: its folder, or its first item and how many there are beside it. */
export function labelOf({ origin, name, items }: Batch): string {
  return origin === "folder" ? t("batch.folder", name, items) : t("transfers.some", items, name);
}

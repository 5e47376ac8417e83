/** Watched folders. */

import type { Folder, FolderEntry } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform } from "../platform/index.ts";

const REFRESH_GAP_MS = 500;

export class Folders {
  list = $state.raw<Folder[]>([]);
  loaded = $state(false);
  readonly refresh = coalesce(async () => {
    this.list = await this.#platform.call("folders");
    this.loaded = true;
  }, REFRESH_GAP_MS);
  #platform: Platform;
  #is_shown: () => boolean;

  constructor(platform: Platform, is_shown: () => boolean) {
    this.#platform = platform;
    this.#is_shown = is_shown;
  }

  /** Something changed at the other side. A screen that is not shown asks when it is. */
  async changed(): Promise<void> {
    if (this.#is_shown()) await this.refresh();
  }

  /** The system's dialog asks which; `false` when it was cancelled. */
  async add(account: string): Promise<boolean> {
    const folder = await this.#platform.call("add_folder", { account });
    if (folder === null) return false;
    await this.refresh();
    return true;
  }

  async remove(id: string): Promise<void> {
    await this.#platform.call("remove_folder", id);
    this.list = this.list.filter((folder) => folder.id !== id);
  }

  async rescan(id: string): Promise<void> {
    await this.#platform.call("rescan_folder", id);
    await this.refresh();
  }

  entries(id: string): Promise<FolderEntry[]> {
    return this.#platform.call("folder_entries", id);
  }
}

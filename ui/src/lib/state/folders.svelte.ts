/** Watched folders. */

import type { Folder, FolderEntry } from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform } from "../platform/index.ts";

const REFRESH_GAP_MS = 200;

export class Folders {
  list = $state.raw<Folder[]>([]);
  loaded = $state(false);
  readonly refresh = coalesce(async () => {
    this.list = await this.#platform.call("folders");
    this.loaded = true;
  }, REFRESH_GAP_MS);
  #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
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

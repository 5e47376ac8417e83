/** Puts the areas together: starts them, and tells each what changed at the other side. */

import { createContext } from "svelte";
import type { Account, Changed, IpcError } from "../bindings/ipc.ts";
import { toIpcError } from "../error.ts";
import { t } from "../../i18n/index.ts";
import type { Platform, Unsubscribe } from "../platform/index.ts";
import { labelOf } from "../batch.ts";
import { Accounts } from "./accounts.svelte.ts";
import { Checks } from "./checks.svelte.ts";
import { Clock } from "./clock.svelte.ts";
import { Comparisons } from "./comparisons.svelte.ts";
import { Folders } from "./folders.svelte.ts";
import { Intake } from "./intake.svelte.ts";
import { Navigation } from "./navigation.svelte.ts";
import { Pins } from "./pins.svelte.ts";
import { Sending } from "./sending.svelte.ts";
import { Settings } from "./settings.svelte.ts";
import { Toasts } from "./toasts.svelte.ts";
import { Transfers, type Ended } from "./transfers.svelte.ts";
import { Unpinnings } from "./unpinnings.svelte.ts";

/** In one message; more are counted. */
const MOST_BATCHES_TOLD = 4;

export class App {
  readonly platform: Platform;
  readonly navigation = new Navigation();
  readonly toasts = new Toasts();
  readonly clock = new Clock();
  readonly settings: Settings;
  readonly accounts: Accounts;
  readonly pins: Pins;
  readonly checks: Checks;
  readonly comparisons: Comparisons;
  readonly transfers: Transfers;
  readonly sending: Sending;
  readonly unpinnings: Unpinnings;
  readonly folders: Folders;
  readonly intake: Intake;
  ready = $state(false);
  start_error = $state.raw<IpcError | null>(null);
  /** For screen readers: what ended last. */
  announcement = $state("");
  #missed_some = false;
  /** In the message that is shown. */
  #failed_told = { count: 0, batches: new Map<string, { label: string; count: number }>() };

  constructor(platform: Platform) {
    this.platform = platform;
    this.settings = new Settings(platform);
    this.accounts = new Accounts(platform);
    this.pins = new Pins(platform, () => this.navigation.screen === "pins");
    this.checks = new Checks(platform);
    this.comparisons = new Comparisons(platform);
    this.transfers = new Transfers(platform, () => this.navigation.screen === "transfers");
    this.sending = new Sending(platform, this.pins, this.transfers);
    this.unpinnings = new Unpinnings(platform);
    this.folders = new Folders(platform, () => this.navigation.screen === "folders");
    this.intake = new Intake(
      platform,
      this.toasts,
      () => this.default_account,
      (text) => this.navigation.pinCid(text),
      this.accounts,
      () => this.navigation.go("accounts"),
    );
    this.transfers.onEnded = (ended) => this.#tell(ended);
  }

  /** Where files go when nobody chose. */
  get default_account(): Account | null {
    return this.accounts.preferred(this.settings.values.default_account);
  }

  /** To be called before `load`, so that no change falls between. */
  listen(): Unsubscribe {
    const ends = [
      this.platform.onChanged((changed) => this.#onChanged(changed)),
      this.platform.onDrop((event) => void this.intake.onDrop(event)),
      this.transfers.watch(),
      this.clock.start(),
    ];
    return () => ends.forEach((end) => end());
  }

  /** Resolves when the first screen can be drawn: `ready`, or `start_error` says why not. */
  async load(): Promise<void> {
    try {
      const bootstrap = await this.platform.call("bootstrap");
      this.settings.accept(bootstrap);
      this.accounts.list = bootstrap.accounts;
      this.ready = true;
      this.start_error = null;
    } catch (error) {
      this.start_error = toIpcError(error);
      return;
    }
    this.#tellOfLostPort();
    this.pins.show(0, 1);
    if (this.#missed_some) void this.try(t("accounts.load_failed"), () => this.accounts.refresh());
    this.#missed_some = false;
    void this.try(t("transfers.load_failed"), () => this.transfers.refresh());
    void this.try(t("unpinning.load_failed"), () => this.unpinnings.refresh());
  }

  /** Lets pins stay that were about to go: the latest, where none is named. */
  async undoUnpin(id = this.unpinnings.list.at(-1)?.id): Promise<void> {
    if (id === undefined || this.unpinnings.undoing !== null) return;
    await this.try(t("unpinning.undo_failed"), async () => {
      const { pins, begun } = await this.unpinnings.undo(id);
      if (begun > 0) this.toasts.add({ kind: "warning", title: t("unpinning.too_late", begun, pins) });
      else this.announcement = t("unpinning.undone", pins);
    });
  }

  /** Does what a person asked for; says `what` failed, and why, when it does. */
  async try(what: string, wish: () => Promise<unknown>): Promise<boolean> {
    try {
      await wish();
      return true;
    } catch (error) {
      this.toasts.fail(what, toIpcError(error));
      return false;
    }
  }

  /** Each asks again for what it shows of that, in its own time. */
  #onChanged({ accounts, folders, pins, settings, transfers, troubles, unpinnings }: Changed): void {
    if (!this.ready) {
      // The snapshot under way may be older than this change; all else is asked for after it.
      this.#missed_some = true;
      return;
    }
    const counts_pins = this.navigation.screen === "accounts";
    if (pins) void this.try(t("pins.load_failed"), () => this.pins.changed(pins));
    const shows_pins = this.navigation.screen === "pins";
    if (transfers && shows_pins) void this.try(t("transfers.load_failed"), () => this.sending.refresh());
    else if (transfers) void this.try(t("transfers.load_failed"), () => this.transfers.refresh());
    if (accounts || (pins && counts_pins)) {
      void this.try(t("accounts.load_failed"), () => this.accounts.refresh());
    }
    if (folders) void this.try(t("folders.load_failed"), () => this.folders.changed());
    if (settings || troubles) void this.try(t("app.start_failed"), () => this.settings.refresh());
    if (unpinnings) void this.try(t("unpinning.load_failed"), () => this.unpinnings.refresh());
  }

  #tellOfLostPort(): void {
    for (const { gateway, lost_port } of this.accounts.list) {
      if (lost_port === null) continue;
      const lines = [t("account.lost_port", lost_port, gateway ?? "")];
      this.toasts.add({ kind: "warning", title: t("account.lost_port.title"), lines, stays: true });
    }
  }

  #tell({ done, failed, batches }: Ended): void {
    const parts: string[] = [];
    if (done > 0) parts.push(t("transfers.announce.done", done));
    if (failed > 0) parts.push(t("transfers.announce.failed", failed));
    this.announcement = parts.join(", ");
    if (failed === 0 || this.navigation.screen === "transfers") return;
    if (!this.toasts.tells("failed")) this.#failed_told = { count: 0, batches: new Map() };
    this.#failed_told.count += failed;
    for (const { batch, failed: more } of batches) {
      const told = this.#failed_told.batches.get(batch.id)?.count ?? 0;
      this.#failed_told.batches.set(batch.id, { label: labelOf(batch), count: told + more });
    }
    const lines = [...this.#failed_told.batches.values()].map(({ label, count }) =>
      t("transfers.announce.batch", label, count),
    );
    const rest = lines.length - MOST_BATCHES_TOLD;
    this.toasts.add({
      kind: "error",
      topic: "failed",
      title: t("transfers.announce.failed", this.#failed_told.count),
      lines: [...lines.slice(0, MOST_BATCHES_TOLD), ...(rest > 0 ? [t("intake.confirm.more", rest)] : [])],
      action: { label: t("transfers.failed_show"), run: () => this.navigation.go("transfers") },
      stays: true,
    });
  }
}

export const [useApp, provideApp] = createContext<App>();

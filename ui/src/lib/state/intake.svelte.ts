/** How files come in: dropped on the window or chosen in the system's dialog. Only Rust knows their paths. */

import type { Account, DropEvent, Problem, Selection } from "../bindings/ipc.ts";
import { toIpcError } from "../error.ts";
import { t } from "../../i18n/index.ts";
import type { Platform } from "../platform/index.ts";
import { isTrouble, type Accounts } from "./accounts.svelte.ts";
import type { Toasts } from "./toasts.svelte.ts";

/** More are counted, not listed. */
const MOST_PROBLEMS = 100;
/** Longer texts are cut where they are shown. */
const MOST_SHOWN = 200;

export class Intake {
  /** How many items hang over the window; `null` when none do. */
  hovering = $state<number | null>(null);
  /** Waits for a person to say yes, or to choose an account that takes files. */
  pending = $state.raw<Selection | null>(null);
  #platform: Platform;
  #toasts: Toasts;
  #defaultAccount: () => Account | null;
  #pinCid: (text: string) => void;
  #accounts: Accounts;
  #showAccounts: () => void;

  constructor(
    platform: Platform,
    toasts: Toasts,
    defaultAccount: () => Account | null,
    pinCid: (text: string) => void,
    accounts: Accounts,
    showAccounts: () => void,
  ) {
    this.#platform = platform;
    this.#toasts = toasts;
    this.#defaultAccount = defaultAccount;
    this.#pinCid = pinCid;
    this.#accounts = accounts;
    this.#showAccounts = showAccounts;
  }

  async onDrop(event: DropEvent): Promise<void> {
    this.hovering = event.type === "enter" ? event.count : null;
    if (event.type === "dropped") await this.#receive(event.selection);
    if (event.type === "cid") this.#pinCid(event.text);
    if (event.type === "text") {
      const lines = [event.text.slice(0, MOST_SHOWN), t("intake.text.advice")];
      this.#toasts.add({ kind: "warning", title: t("intake.text"), lines, stays: true });
    }
  }

  async dropText(text: string): Promise<void> {
    try {
      await this.#platform.call("drop_text", text);
    } catch (error) {
      this.#toasts.fail(t("intake.failed"), toIpcError(error));
    }
  }

  async pickFiles(): Promise<void> {
    await this.#pick("pick_files");
  }

  async pickDirectory(): Promise<void> {
    await this.#pick("pick_directory");
  }

  /** Says yes to the pending selection. */
  async confirm(account: string): Promise<void> {
    const selection = this.pending;
    if (!selection) return;
    await this.#upload(selection, account);
    this.pending = null;
  }

  async discard(): Promise<void> {
    const selection = this.pending;
    this.pending = null;
    if (selection) await this.#discard(selection);
  }

  async #pick(command: "pick_files" | "pick_directory"): Promise<void> {
    try {
      const selection = await this.#platform.call(command);
      if (selection) await this.#receive(selection);
    } catch (error) {
      this.#toasts.fail(t("intake.failed"), toIpcError(error));
    }
  }

  async #receive(selection: Selection): Promise<void> {
    const account = this.#defaultAccount();
    if (selection.items.length === 0 || account === null) {
      const title = account === null ? t("drop.no_account") : t("intake.nothing");
      this.#toasts.add({ kind: "warning", title, lines: problemLines(selection), stays: true });
      await this.#discard(selection);
    } else if (selection.needs_confirmation === null && account.can_upload !== "needs_node") {
      try {
        await this.#upload(selection, account.id);
      } catch (error) {
        this.#toasts.fail(t("intake.failed"), toIpcError(error));
      }
    } else {
      // One question at a time: the newer one replaces the older.
      await this.discard();
      this.pending = selection;
    }
  }

  async #upload(selection: Selection, account: string): Promise<void> {
    await this.#platform.call("start_upload", { selection: selection.id, account, name: null, metadata: {} });
    const { items, skipped, refused } = selection;
    const to = this.#accounts.find(account);
    if (to && isTrouble(to.state)) {
      this.#toasts.add({
        kind: "warning",
        title: t("intake.waits", items.length),
        lines: [t(`intake.waits.${to.state}`, to.label), ...problemLines(selection)],
        action: { label: t("intake.waits.show"), run: this.#showAccounts },
        stays: true,
      });
      return;
    }
    const parts = [t("intake.accepted", items.length)];
    if (skipped.length > 0) parts.push(t("intake.skipped", skipped.length));
    if (refused.length > 0) parts.push(t("intake.refused", refused.length));
    const has_problems = parts.length > 1 || selection.remarks.length > 0;
    this.#toasts.add({
      kind: has_problems ? "warning" : "success",
      title: parts.join(", "),
      lines: problemLines(selection),
      stays: has_problems,
    });
  }

  async #discard(selection: Selection): Promise<void> {
    try {
      await this.#platform.call("discard_selection", selection.id);
    } catch (error) {
      // It costs memory in Rust and nothing else.
      console.warn(toIpcError(error).message);
    }
  }
}

function problemLines({ refused, skipped, remarks }: Selection): string[] {
  const problems: Problem[] = [...refused, ...skipped, ...remarks];
  const lines = problems.slice(0, MOST_PROBLEMS).map(({ name, reason }) => t("problem.line", name, reason));
  const rest = problems.length - lines.length;
  return rest > 0 ? [...lines, t("intake.confirm.more", rest)] : lines;
}

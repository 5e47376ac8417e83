/** How files come in: dropped on the window or chosen in the system's dialog. Only Rust knows their paths. */

import type { Account, DropEvent, Problem, Selection, StartUploadRequest } from "../bindings/ipc.ts";
import { toIpcError } from "../error.ts";
import { t } from "../../i18n/index.ts";
import type { Platform } from "../platform/index.ts";
import { isTrouble, type Accounts } from "./accounts.svelte.ts";
import type { Toasts } from "./toasts.svelte.ts";

type Metadata = StartUploadRequest["metadata"];

/** More are counted, not listed. */
const MOST_PROBLEMS = 100;
/** Longer texts are cut where they are shown. */
const MOST_SHOWN = 200;

/** Where what is dropped goes: to these accounts, (`null`) to the default one, or where a person says when asked. */
export type Destination = readonly string[] | "asked" | null;

/** A question for a person: what, and to which accounts it would go. */
export interface Pending {
  selection: Selection;
  accounts: readonly string[];
}

export class Intake {
  /** How many items hang over the window; `null` when none do. */
  hovering = $state<number | null>(null);
  /** Where they hang, in the page's pixels. */
  over = $state.raw<{ x: number; y: number } | null>(null);
  /** Says which destination is at a place; there is one while an overlay shows them. */
  destinationAt: (x: number, y: number) => Destination = () => null;
  /** Waits for a person to say yes, or to choose an account that takes files. */
  pending = $state.raw<Pending | null>(null);
  /** Where what was let go last goes, once it has been looked at. */
  #destination: Destination = null;
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
    if (event.type === "over") {
      this.over = { x: event.x, y: event.y };
      return;
    }
    if (event.type === "let_go") this.#destination = this.destinationAt(event.x, event.y);
    this.hovering = event.type === "enter" ? event.count : null;
    this.over = null;
    if (event.type === "dropped") {
      const destination = this.#destination;
      this.#destination = null;
      const accounts = destination === "asked" ? null : destination;
      await this.#receive(event.selection, accounts, destination === "asked");
    }
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
    await this.#pick("pick_files", false);
  }

  async pickDirectory(): Promise<void> {
    await this.#pick("pick_directory", false);
  }

  /** The same, and asks for accounts, a name and metadata before anything is sent. */
  async pickFilesFor(): Promise<void> {
    await this.#pick("pick_files", true);
  }

  async pickDirectoryFor(): Promise<void> {
    await this.#pick("pick_directory", true);
  }

  /** Says yes to the pending selection. */
  async confirm(accounts: readonly string[], name: string | null, metadata: Metadata): Promise<void> {
    const { pending } = this;
    if (!pending) return;
    await this.#upload(pending.selection, accounts, name, metadata);
    this.pending = null;
  }

  async discard(): Promise<void> {
    const { pending } = this;
    this.pending = null;
    if (pending) await this.#discard(pending.selection);
  }

  async #pick(command: "pick_files" | "pick_directory", asks: boolean): Promise<void> {
    try {
      const selection = await this.#platform.call(command);
      if (selection) await this.#receive(selection, null, asks);
    } catch (error) {
      this.#toasts.fail(t("intake.failed"), toIpcError(error));
    }
  }

  async #receive(selection: Selection, chosen: readonly string[] | null, asks: boolean): Promise<void> {
    const preferred = this.#defaultAccount();
    const accounts = chosen ?? (preferred ? [preferred.id] : []);
    const takes_files = accounts.every((id) => this.#accounts.find(id)?.can_upload !== "needs_node");
    if (selection.items.length === 0 || accounts.length === 0) {
      const title = accounts.length === 0 ? t("drop.no_account") : t("intake.nothing");
      this.#toasts.add({ kind: "warning", title, lines: problemLines(selection), stays: true });
      await this.#discard(selection);
    } else if (selection.needs_confirmation === null && takes_files && !asks) {
      try {
        await this.#upload(selection, accounts, null, {});
      } catch (error) {
        this.#toasts.fail(t("intake.failed"), toIpcError(error));
      }
    } else {
      // One question at a time: the newer one replaces the older.
      await this.discard();
      this.pending = { selection, accounts };
    }
  }

  async #upload(
    selection: Selection,
    accounts: readonly string[],
    name: string | null,
    metadata: Metadata,
  ): Promise<void> {
    const request = { selection: selection.id, accounts: [...accounts], name, metadata };
    await this.#platform.call("start_upload", request);
    const { items, skipped, refused } = selection;
    const to = accounts.map((id) => this.#accounts.find(id)).find((one) => one && isTrouble(one.state));
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

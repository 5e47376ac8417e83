/** Which screen is shown, and the dialog that several screens open. */

import type { Account, ProviderKind } from "../bindings/ipc.ts";

export const SCREENS = ["pins", "transfers", "folders", "accounts", "settings"] as const;
export type Screen = (typeof SCREENS)[number];

export class Navigation {
  screen = $state<Screen>("pins");
  /** An account is being added; `kind` is what it begins with. */
  adding_account = $state.raw<{ kind: ProviderKind | null; again: Account | null } | null>(null);
  /** A CID is being pinned; `text` is where it is found. */
  pinning_cid = $state.raw<{ text: string } | null>(null);

  go(screen: Screen): void {
    this.screen = screen;
  }

  pinCid(text = ""): void {
    this.pinning_cid = { text };
  }

  addAccount(kind: ProviderKind | null = null): void {
    this.adding_account = { kind, again: null };
  }

  /** An account gets other keys. */
  enterKeys(again: Account): void {
    this.adding_account = { kind: again.kind, again };
  }
}

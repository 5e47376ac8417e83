/** The accounts, and which of them takes new files. */

import type {
  Account,
  AccountDraft,
  AccountRemoval,
  EditAccountRequest,
  FoundService,
  SetFetchSourcesRequest,
} from "../bindings/ipc.ts";
import { coalesce } from "../coalesce.ts";
import type { Platform } from "../platform/index.ts";

const REFRESH_GAP_MS = 1000;

/** Where nothing can be asked of an account. */
export type Trouble = "unauthorized" | "unreachable" | "no_secret";

export function isTrouble(state: Account["state"]): state is Trouble {
  return state === "unauthorized" || state === "unreachable" || state === "no_secret";
}

export class Accounts {
  /** One question at a time, so that no earlier answer comes after a later one. */
  readonly refresh = coalesce(() => this.#load(), REFRESH_GAP_MS);
  #list = $state.raw<Account[]>([]);
  /** Counts what was put into the list by other answers. */
  #changes = 0;
  #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  get list(): Account[] {
    return this.#list;
  }

  set list(list: Account[]) {
    this.#changes += 1;
    this.#list = list;
  }

  async #load(): Promise<void> {
    let changes: number;
    let list: Account[];
    do {
      changes = this.#changes;
      list = await this.#platform.call("accounts");
      // What was put there meanwhile may be newer than this answer.
    } while (changes !== this.#changes);
    this.#list = list;
  }

  find(id: string): Account | null {
    return this.list.find((account) => account.id === id) ?? null;
  }

  /** Those that do not answer, or that nothing can be asked of. */
  get troubled(): Account[] {
    return this.list.filter(({ state }) => isTrouble(state));
  }

  /** Those whose lists are being read, where that takes a while. */
  get being_read(): Account[] {
    return this.list.filter(({ reading }) => reading !== null);
  }

  /** Since when what this account told may not be so any more; `null` while it tells, and where nobody knows. */
  outdated(id: string): { since: number | null } | null {
    const account = this.find(id);
    return account?.is_outdated ? { since: account.last_contact } : null;
  }

  /** The others that have a gateway which This computer may be allowed to ask. */
  get with_gateways(): Account[] {
    return this.list.filter(({ this_computer, gateway }) => !this_computer && gateway !== null);
  }

  /** Some account takes files, if need be through a node. */
  get take_files(): boolean {
    return this.list.length === 0 || this.list.some(({ can_upload }) => can_upload !== "needs_node");
  }

  label(id: string): string {
    return this.find(id)?.label ?? id;
  }

  /** Where files go when nobody chose: the chosen default, else This computer, else the first. */
  preferred(default_account: string | null): Account | null {
    const chosen = default_account === null ? null : this.find(default_account);
    return chosen ?? this.list.find((account) => account.this_computer) ?? this.list[0] ?? null;
  }

  async test(draft: AccountDraft): Promise<void> {
    await this.#platform.call("test_account", draft);
  }

  async add(draft: AccountDraft, session_only: boolean): Promise<Account> {
    const account = await this.#platform.call("add_account", { draft, session_only });
    this.#put(account);
    return account;
  }

  async check(id: string): Promise<void> {
    this.#put(await this.#platform.call("check_account", id));
  }

  /** Finds out what the service can do, with a small file of its own. */
  async probe(id: string): Promise<void> {
    this.#put(await this.#platform.call("probe_account", id));
  }

  /** The remote services that the Kubo on this computer knows. */
  findKubo(): Promise<FoundService[]> {
    return this.#platform.call("find_kubo_services");
  }

  /** One at a time, so that each is told what is wrong with it. */
  async importKubo(name: string, session_only: boolean): Promise<void> {
    const added = await this.#platform.call("import_kubo_services", { names: [name], session_only });
    added.forEach((account) => this.#put(account));
  }

  /** `null` is what stays as it is; an empty gateway is none. */
  async edit(request: EditAccountRequest): Promise<Account> {
    const account = await this.#platform.call("edit_account", request);
    this.#put(account);
    return account;
  }

  /** What This computer may fetch from, from now on. */
  async setFetchSources(sources: SetFetchSourcesRequest): Promise<void> {
    this.list = await this.#platform.call("set_fetch_sources", sources);
  }

  async remove(id: string): Promise<AccountRemoval> {
    const removal = await this.#platform.call("remove_account", id);
    this.list = this.list.filter((account) => account.id !== id);
    return removal;
  }

  #put(account: Account): void {
    const known = this.list.some(({ id }) => id === account.id);
    this.list = known
      ? this.list.map((other) => (other.id === account.id ? account : other))
      : [...this.list, account];
  }
}

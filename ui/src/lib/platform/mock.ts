/** The whole contract in memory: for work on the web view without the shell, and for tests. Never in the product. */

import type * as Ipc from "../bindings/ipc.ts";
import {
  complaintAbout,
  failure,
  HOSTED,
  KUBO_SERVICES,
  madeUpAccounts,
  madeUpCard,
  madeUpNode,
  madeUpPinOnly,
  PRESETS,
  routed,
  usedAt,
} from "./mock-accounts.ts";
import { batchesOf, countsOf, steered, totalsOf, type Given } from "./mock-batches.ts";
import { MADE_UP_ENTRIES, madeUpCid, madeUpFolders, madeUpPins, randomFrom } from "./mock-data.ts";
import { madeUpDirectory, madeUpSelection } from "./mock-intake.ts";
import { copyOf, detailsOf, matchingRows } from "./mock-pins.ts";
import { gatesOf, madeUpTransfers, named, type Wish } from "./mock-transfers.ts";
import type { Arguments, Command, Platform, Request, Response } from "./types.ts";

export interface MockOptions {
  pins?: number;
  now?: number;
  /** How long every answer takes. */
  latency_ms?: number;
  keyring?: Ipc.Keyring;
  /** Besides the two that there always are. */
  accounts?: Ipc.Account[];
  /** Begin with transfers and folders, not only with pins. */
  busy?: boolean;
}

/** A platform that a test or a person can also move from the other side. */
export interface Mock extends Platform {
  /** Every call so far, oldest first. */
  calls: { command: Command; request: unknown }[];
  /** The next call of `command` is refused. */
  failNext(command: Command, error: Ipc.IpcError): void;
  drop(event: Ipc.DropEvent): void;
  changed(...what: (keyof Ipc.Changed)[]): void;
  /** Tells which, as the core does of a few. */
  tell(changed: Partial<Ipc.Changed>): void;
  /** Moves every transfer one step on; runs by itself in the browser. */
  advance(): void;
  /** The list of an account is being read, so far; `null` when it is read. */
  read(id: string, pins: number | null): void;
  /** An account becomes one that does not answer, or one that does again. */
  trouble(id: string, state: Ipc.AccountState, message?: string): void;
  /** What the next file dialog gives. */
  nextSelection: Ipc.Selection | null;
  /** What comparing a pin with files comes to; `null` as if nothing was chosen in the dialog. */
  nextComparison: Ipc.Comparison | null;
  /** Why services give up the next pin by its CID; `null` when they pin it. */
  nextPinFailure: string | null;
  /** What asking an account for a copy comes to. */
  nextCheck: Extract<Ipc.Check, { question: "copy" }>;
  /** What the Kubo on this computer knows. */
  kubo_services: Ipc.FoundService[];
  /** How long every answer takes. */
  latency_ms: number;
  transfers: Ipc.Transfer[];
  /** A pin is no more. */
  takeAway(pin: Ipc.PinKey): void;
  /** What is wrong with the program as a whole. */
  troubles: Ipc.HomeTrouble[];
  ready: boolean;
}

const NOTHING: Ipc.Changed = {
  ...{
    accounts: null,
    folders: false,
    pins: null,
    settings: false,
    transfers: null,
    troubles: false,
    unpinnings: false,
  },
};
const MANY: Ipc.Changed = {
  ...{ accounts: { which: "many" }, folders: true, pins: { which: "many" }, settings: true },
  ...{ transfers: { which: "many" }, troubles: true, unpinnings: true },
};

type Handlers = { [C in Command]: (request: Request<C>) => Response<C> };

export function createMock(options: MockOptions = {}): Mock {
  const { pins: pin_count = 5000, now = Date.now(), busy = true } = options;
  const random = randomFrom(7);
  const rows = madeUpPins(pin_count, now);
  const other = options.accounts?.[0];
  if (other) rows.forEach((pin, index) => index % 4 === 1 && (pin.account = other.id));
  /** What pins were given by hand. */
  const edits = new Map<string, Ipc.PinDetails["exact_metadata"]>();
  /** What was asked about pins since the start. */
  const history = new Map<string, Ipc.Check[]>();
  const selections = new Map<string, Ipc.Selection>();
  const unpinnings = new Map<string, { leaving: Ipc.Pin[]; begins_at: number }>();
  const refusals = new Map<Command, Ipc.IpcError>();
  const on_drop = new Set<(event: Ipc.DropEvent) => void>();
  const on_changed = new Set<(event: Ipc.Changed) => void>();
  const on_progress = new Set<(tick: Ipc.ProgressTick) => void>();
  let limits: Ipc.Limits = {
    ...{ up: null, down: null, at_once: 3, schedule: [] },
    ...{ keep_days: 30, keep_transfers: 10_000 },
  };
  let settings: Ipc.Settings = { theme: "system", default_account: null };
  let accounts = [...madeUpAccounts(now), ...(options.accounts ?? [])];
  let folders = busy ? madeUpFolders(now) : [];
  /** What was asked for together, by transfer. */
  const given: Given = new Map();
  const paused = new Set<string>();
  let all_paused = false;
  let next_id = 1;
  const fresh = (prefix: string) => `${prefix}-${next_id++}`;

  const mock: Mock = {
    calls: [],
    transfers: busy ? madeUpTransfers(now, random) : [],
    nextSelection: null,
    nextComparison: { outcome: "verified", path: "/home/ada/Pictures/harbour-dawn.jpg", profile: null },
    nextPinFailure: null,
    nextCheck: {
      ...{ question: "copy", at: now - 60_000, outcome: "sound", code: null, blocks: 12, of: null },
      reason: null,
    },
    kubo_services: KUBO_SERVICES,
    latency_ms: options.latency_ms ?? 0,
    troubles: [],
    ready: false,
    failNext: (command, error) => void refusals.set(command, error),
    drop: (event) => {
      if (event.type === "dropped") selections.set(event.selection.id, event.selection);
      on_drop.forEach((listener) => listener(event));
    },
    changed: (...what) => mock.tell(Object.fromEntries(what.map((one) => [one, MANY[one]]))),
    tell: (changed) => on_changed.forEach((listener) => listener({ ...NOTHING, ...changed })),
    advance,
    takeAway: (pin) => void rows.splice(rows.indexOf(row(pin)), 1),
    trouble: (id, state, message) => {
      const change = { state, state_message: message ?? null, is_outdated: state !== "ok" };
      accounts = accounts.map((account) => (account.id === id ? { ...account, ...change } : account));
      mock.changed("accounts", "transfers");
    },
    read: (id, reading) => {
      accounts = accounts.map((account) => (account.id === id ? { ...account, reading } : account));
      mock.changed("accounts");
    },
    async call<C extends Command>(command: C, ...args: Arguments<C>): Promise<Response<C>> {
      const request = (args[0] ?? null) as Request<C>;
      // A copy, because the real one crosses a process and the caller may clear what it sent.
      mock.calls.push({ command, request: structuredClone(request) });
      const { latency_ms } = mock;
      if (latency_ms > 0) await new Promise((resolve) => setTimeout(resolve, latency_ms));
      const refusal = refusals.get(command);
      if (refusal) {
        refusals.delete(command);
        throw refusal;
      }
      return handlers[command](request);
    },
    onDrop: (listener) => subscribe(on_drop, listener),
    onChanged: (listener) => subscribe(on_changed, listener),
    watchProgress: (listener) => subscribe(on_progress, listener),
    uiReady: async () => {
      mock.ready = true;
    },
  };

  const handlers: Handlers = {
    bootstrap: () => ({
      version: "0.1.0",
      home: "/home/ada/.local/share/holdfast",
      settings,
      keyring: options.keyring ?? { state: "available" },
      accounts: counted(),
      presets: PRESETS,
      troubles: mock.troubles,
    }),
    save_settings: (values) => {
      settings = values;
      return null;
    },
    limits: () => limits,
    set_limits: (values) => {
      limits = values;
      return null;
    },
    accounts: counted,
    test_account: (draft) => {
      refuseWrongKeys(draft);
      return null;
    },
    add_account: ({ draft, session_only }) => {
      refuseWrongKeys(draft);
      const account = added(draft, draft.credentials.form, session_only);
      mock.changed("accounts");
      return account;
    },
    probe_account: (id) => {
      const card = madeUpCard(found(accounts, id).kind, now);
      accounts = accounts.map((account) =>
        account.id === id ? { ...account, card, usage: usedAt(now) } : account,
      );
      return found(counted(), id);
    },
    find_kubo_services: () => mock.kubo_services,
    import_kubo_services: ({ names, session_only }) => {
      const services = mock.kubo_services.filter(({ name }) => names.includes(name));
      const imported = services.map((one) => added({ ...one, gateway: null }, "token", session_only));
      mock.kubo_services = mock.kubo_services.map((one) =>
        names.includes(one.name) ? { ...one, already_added: true } : one,
      );
      mock.changed("accounts");
      return imported;
    },
    check_account: (id) => found(counted(), id),
    edit_account: ({ id, label, gateway }) => {
      const before = found(accounts, id);
      const taken = accounts.some((other) => other.id !== id && other.label === label);
      if (taken) throw failure("invalid_input", `There is an account called "${label}" already.`);
      const edited = {
        ...before,
        label: label ?? before.label,
        gateway: gateway === null ? before.gateway : gateway || null,
      };
      accounts = accounts.map((account) => (account.id === id ? edited : account));
      mock.changed("accounts");
      return found(counted(), id);
    },
    set_fetch_sources: ({ gateways, of_accounts, plain_http }) => {
      const plain = gateways.find(
        (gateway) => gateway.startsWith("http://") && !gateway.includes("127.0.0.1"),
      );
      if (plain && !plain_http) throw failure("invalid_input", `The gateway ${plain} is not encrypted.`);
      const of_others = accounts.flatMap(({ this_computer, gateway }) =>
        this_computer ? [] : (gateway ?? []),
      );
      const now = [...gateways, ...(of_accounts ? of_others : [])];
      accounts = accounts.map((account) =>
        account.fetches_from
          ? { ...account, fetches_from: { ...account.fetches_from, gateways, of_accounts, now } }
          : account,
      );
      return counted();
    },
    remove_account: (id) => {
      const { secret_kept } = found(accounts, id);
      accounts = accounts.filter((account) => account.id !== id);
      mock.changed("accounts");
      const is_locked = options.keyring?.state === "unavailable" && secret_kept === "keyring";
      return is_locked ? "keyring_later" : "complete";
    },
    pick_files: () => remembered(mock.nextSelection ?? madeUpSelection(fresh("selection"))),
    pick_directory: () => remembered(mock.nextSelection ?? madeUpDirectory(fresh("selection"))),
    discard_selection: (id) => {
      selections.delete(id);
      return null;
    },
    drop_text: (text) => {
      mock.drop({ type: /\b(Qm\w{44}|baf\w{20,})/.test(text) ? "cid" : "text", text });
      return null;
    },
    start_upload: ({ selection, accounts: chosen_accounts, name: own }) => {
      const chosen = selections.get(selection);
      if (!chosen) throw failure("not_found", "This selection is gone.");
      return start(
        chosen.items.flatMap(({ name, bytes }) =>
          chosen_accounts.map((account): Wish => ({
            kind: "upload",
            name: own ?? name,
            bytes,
            account,
            cid: null,
          })),
        ),
        chosen.items.length,
      );
    },
    look_up_cids: ({ account, text }) => {
      const cids = [...text.matchAll(/(baf[a-z2-7]{20,}|Qm[1-9A-HJ-NP-Za-km-z]{44})(\/[^\s,]*)?/g)];
      if (cids.length === 0) throw failure("invalid_input", "this is no CID and no link that contains one.");
      return cids.map(([, cid = "", path = ""]) => ({
        cid,
        path: path.slice(1),
        pinned:
          rows.find((pin) => pin.account === account && pin.cid === cid && pin.status !== "failed") ?? null,
      }));
    },
    pin_cid: ({ text, accounts: chosen, name }) => {
      if (chosen.some((account) => found(accounts, account).fetches_from?.now.length === 0)) {
        throw failure("no_source", "this computer does not hold that content, and fetches from nowhere");
      }
      const cid = /baf[a-z2-7]{20,}|Qm[1-9A-HJ-NP-Za-km-z]{44}/.exec(text)?.[0];
      if (!cid) throw failure("invalid_input", "There is no CID in this text.");
      return start(
        chosen.map((account): Wish => ({ kind: "pin", name: name ?? cid, bytes: 0, account, cid })),
        1,
      );
    },
    queue: ({ offset, limit, open }) => {
      const all = batchesOf(mock.transfers, given);
      const opened = all.find(({ batch }) => batch.id === open?.batch);
      return {
        batches: all.slice(offset, offset + limit).map(({ batch }) => batch),
        total: all.length,
        counts: countsOf(mock.transfers),
        totals: totalsOf(all.map(({ batch }) => batch)),
        held_up: heldUp(),
        open:
          opened && open
            ? {
                batch: opened.batch,
                transfers: opened.transfers.slice(open.offset, open.offset + open.limit),
              }
            : null,
      };
    },
    steer: ({ act, which }) => {
      mock.transfers = steered(mock.transfers, act, which, given);
      mock.changed("transfers");
      return null;
    },
    send_failed_to: ({ batch, account }) => {
      const one = batchesOf(mock.transfers, given).find((other) => other.batch.id === batch);
      const failed = one?.transfers.filter(({ state }) => state === "failed") ?? [];
      mock.transfers = mock.transfers.filter((other) => !failed.includes(other));
      return start(
        failed.map(({ kind, name, bytes_total, cid }) => ({ kind, name, bytes: bytes_total, account, cid })),
        failed.length,
      );
    },
    pin_again: (key) => {
      const again = row(key);
      rows.splice(rows.indexOf(again), 1);
      return start([{ kind: "pin", bytes: 0, ...named(again) }]);
    },
    clear_failed_transfers: () => {
      mock.transfers = mock.transfers.filter(({ state }) => state !== "failed");
      mock.changed("transfers");
      return null;
    },
    try_account_now: () => null,
    pause_transfers: (account) => setPaused(account, true),
    resume_transfers: (account) => setPaused(account, false),
    clear_finished_transfers: () => {
      mock.transfers = mock.transfers.filter(({ state }) => state !== "done" && state !== "cancelled");
      mock.changed("transfers");
      return null;
    },
    pins: (query) => {
      const matching = matchingRows(rows, query);
      const total_bytes = matching.reduce((sum, { size }) => sum + (size ?? 0), 0);
      return {
        rows: matching.slice(query.offset, query.offset + query.limit),
        total: matching.length,
        total_bytes,
      };
    },
    pin_details: (key) => {
      const details = detailsOf(row(key), now);
      const exact_metadata = edits.get(key.id) ?? details.exact_metadata;
      return {
        ...details,
        checks: history.get(key.id) ?? [],
        exact_metadata,
        metadata: Object.entries(exact_metadata),
      };
    },
    edit_pin: ({ pin, name, metadata }) => {
      const edited = { ...row(pin), name: name ?? "", id: fresh("edited") };
      rows[rows.indexOf(row(pin))] = edited;
      edits.set(edited.id, metadata);
      mock.changed("pins");
      return edited;
    },
    unpin: ({ pins, confirmed }) => {
      const leaving = chosen(pins);
      if (leaving.length > 50 && leaving.length !== confirmed) {
        throw failure(
          "count_changed",
          `this would unpin ${leaving.length} pins, and ${confirmed} were confirmed`,
        );
      }
      const begins_at = Date.now() + 10_000;
      start(
        leaving.map((pin) => ({ ...{ kind: "unpin", bytes: 0 }, ...named(pin), pin_id: pin.id, begins_at })),
      );
      unpinnings.set(fresh("unpinning"), { leaving, begins_at });
      mock.changed("unpinnings");
      return null;
    },
    unpinnings: () =>
      [...unpinnings].map(([id, { leaving, begins_at }]) => ({
        ...{ id, pins: leaving.length, begins_in: Math.max(0, begins_at - Date.now()) },
      })),
    undo_unpin: (id) => {
      const leaving = unpinnings.get(id)?.leaving;
      if (leaving === undefined) throw failure("not_found", "This has begun.");
      unpinnings.delete(id);
      const stay = new Set(leaving.map((pin) => pin.id));
      mock.transfers = mock.transfers.filter((one) => one.state !== "undoable" || !stay.has(one.id));
      mock.changed("unpinnings", "transfers");
      return { pins: leaving.length, begun: 0 };
    },
    refresh_pins: () => null,
    copy_pins: ({ pins }) => chosen(pins).length,
    pin_places: ({ query, pins }) => {
      const matching = matchingRows(rows, query);
      const places = pins.map(({ account, id }) =>
        matching.findIndex((pin) => pin.account === account && pin.id === id),
      );
      return places.map((place) => (place < 0 ? null : place));
    },
    open_in_browser: () => null,
    check_copies: ({ pins: wanted }) => {
      const pins = chosen(wanted);
      for (const key of pins) history.set(key.id, [mock.nextCheck, ...(history.get(key.id) ?? [])]);
      const { outcome, of, reason } = mock.nextCheck;
      for (const key of pins) {
        const pin = row(key);
        if (outcome === "sound") pin.proof = of === null ? "retrievable" : "sampled";
        else if (outcome !== "unknown") pin.proof = outcome;
      }
      mock.changed("pins");
      const told = pins.slice(0, 20).map((key) => ({ ...copyOf(row(key)), outcome, reason }));
      const number = (wanted: Ipc.CopyOutcome) => (outcome === wanted ? pins.length : 0);
      return {
        ...{ verified: number("sound"), sampled: of === null ? 0 : number("sound") },
        ...{ damaged: number("damaged"), missing: number("missing") },
        ...{ contradictory: number("contradictory"), unknown: number("unknown") },
        faulty: outcome !== "sound" && outcome !== "unknown" ? told : [],
        doubtful: outcome === "unknown" ? told : [],
        stopped: false,
      };
    },
    check_progress: () => ({ pins_done: 1, pins_total: 3, blocks_done: 40, blocks_total: 100 }),
    stop_checking: () => null,
    unpin_impact: (pins) => {
      const leaving = chosen(pins);
      const last = leaving.filter(({ account }) => account !== HOSTED);
      const label = (id: string) => accounts.find((account) => account.id === id)?.label ?? id;
      const told = (some: Ipc.Pin[]) =>
        some.slice(0, 8).map(({ name, account }) => ({ name, label: label(account) }));
      const of_accounts = accounts.map(({ id, label }): [string, number] => [
        label,
        leaving.filter(({ account }) => account === id).length,
      ]);
      return {
        pins: leaving.length,
        accounts: of_accounts.filter(([, count]) => count > 0),
        some: told(leaving),
        last: told(last),
        last_count: last.length,
        perhaps_last_count: 0,
        perhaps_same: [],
      };
    },
    compare_pin: ({ pin }) => {
      const comparison = mock.nextComparison;
      if (comparison?.outcome === "verified") row(pin).proof = "verified";
      mock.changed("pins");
      return comparison;
    },
    comparison_progress: () => ({ bytes_done: 40, bytes_total: 100 }),
    stop_comparing: () => null,
    folders: () => folders,
    add_folder: ({ account }) => {
      const folder: Ipc.Folder = {
        ...{
          id: fresh("new-folder"),
          path: "/home/ada/Documents",
          account,
          state: "scanning",
          message: null,
        },
        ...{
          on_disk: 40,
          pinned: 0,
          waiting: 40,
          held: 0,
          skipped: 0,
          failed: 0,
          last_event: null,
          last_scan: null,
        },
      };
      folders = [...folders, folder];
      return folder;
    },
    remove_folder: (id) => {
      folders = folders.filter((folder) => folder.id !== id);
      return null;
    },
    rescan_folder: () => null,
    folder_entries: () => MADE_UP_ENTRIES,
  };

  function counted(): Ipc.Account[] {
    return routed(accounts).map((account) => {
      const own = rows.filter((pin) => pin.account === account.id);
      return { ...account, pins: own.length, bytes: own.reduce((sum, { size }) => sum + (size ?? 0), 0) };
    });
  }

  function added(
    { label, kind, endpoint, gateway }: Pick<Ipc.AccountDraft, "label" | "kind" | "endpoint" | "gateway">,
    credentials: Ipc.CredentialKind,
    session_only: boolean,
  ): Ipc.Account {
    if (options.keyring?.state === "unavailable" && !session_only && credentials !== "none") {
      throw failure("keyring_unavailable", options.keyring.reason);
    }
    const kept = credentials === "none" ? "not_needed" : session_only ? "session" : "keyring";
    const account: Ipc.Account = {
      ...{ id: fresh("account"), label, kind, endpoint, gateway, credentials, secret_kept: kept },
      ...{
        this_computer: false,
        fetches_from: null,
        usage: null,
        state: "ok",
        state_message: null,
        pins: 0,
        bytes: 0,
        last_contact: now,
        is_outdated: false,
        reading: null,
      },
      ...{ card: null, can_upload: "yes", upload_through: null },
      ...{ can_edit: kind === "psa", keeps_metadata: kind !== "kubo", lost_port: null },
    };
    accounts = [...accounts, account];
    return found(counted(), account.id);
  }

  function row({ account, id }: Ipc.PinKey): Ipc.Pin {
    const pin = rows.find((other) => other.account === account && other.id === id);
    if (!pin) throw failure("not_found", "This pin is gone.");
    return pin;
  }

  function chosen(pins: Ipc.PinSet): Ipc.Pin[] {
    if (pins.which === "named") return pins.pins.map(row);
    const left_out = new Set(pins.except.map(({ id }) => id));
    const also = new Set(pins.also.map(({ id }) => id));
    const matching = matchingRows(rows, pins.query);
    const ends = (pins.between ?? []).map((end) => matching.indexOf(row(end)));
    const within = matching.slice(...(ends.length > 0 ? [Math.min(...ends), Math.max(...ends) + 1] : []));
    return [...rows.filter(({ id }) => also.has(id)), ...within.filter(({ id }) => !left_out.has(id))];
  }

  function remembered(selection: Ipc.Selection): Ipc.Selection {
    selections.set(selection.id, selection);
    return selection;
  }

  function start(wishes: Wish[], items = wishes.length): Ipc.Accepted {
    const batch = fresh("b");
    const started = wishes.map((wish): Ipc.Transfer => ({
      ...{ id: wish.pin_id ?? fresh("transfer"), kind: wish.kind, account: wish.account, name: wish.name },
      ...{ cid: wish.cid, state: wish.begins_at === undefined ? "queued" : "undoable", error: null },
      ...{ bytes_done: 0, bytes_total: wish.bytes, attempts: 0, retry_at: wish.begins_at ?? null },
      ...{ created_at: Date.now(), updated_at: Date.now(), verified: null },
    }));
    started.forEach(({ id }) => given.set(id, { batch, items }));
    mock.transfers = [...started, ...mock.transfers];
    mock.changed("transfers");
    return { transfers: started.map(({ id }) => id) };
  }

  function setPaused(account: string | null, is_paused: boolean): null {
    if (account === null) all_paused = is_paused;
    else if (is_paused) paused.add(account);
    else paused.delete(account);
    mock.changed("transfers");
    return null;
  }

  function heldUp(): Ipc.HeldUp {
    const held = accounts.map((account): Ipc.HeldAccount => {
      const own = mock.transfers.filter(
        (one) => one.account === account.id && ["queued", "waiting"].includes(one.state),
      );
      const gates = gatesOf(account);
      return { account: account.id, paused: paused.has(account.id), gates, transfers: own.length };
    });
    return { paused: all_paused, accounts: held.filter(({ gates, paused }) => paused || gates.length > 0) };
  }

  function isHeld({ account }: Ipc.Transfer): boolean {
    return all_paused || heldUp().accounts.some((held) => held.account === account);
  }

  function advance(): void {
    for (const [id, { leaving, begins_at }] of unpinnings) {
      if (begins_at > Date.now()) continue;
      unpinnings.delete(id);
      const begin = new Set(leaving.map((pin) => pin.id));
      mock.transfers = mock.transfers.map((one) =>
        one.state === "undoable" && begin.has(one.id) ? { ...one, state: "queued", retry_at: null } : one,
      );
      mock.changed("unpinnings", "transfers");
    }
    const running: Ipc.TransferProgress[] = [];
    let ended = false;
    mock.transfers = mock.transfers.map((one) => {
      if (one.state === "queued" && isHeld(one)) return one;
      if (one.state === "queued") {
        ended = true;
        return { ...one, state: "running" as const, attempts: one.attempts + 1 };
      }
      if (one.state === "asked") {
        ended = true;
        return finish(one);
      }
      if (one.state !== "running") return one;
      if (one.kind === "pin") {
        ended = true;
        return { ...one, state: "asked" as const };
      }
      const bytes_per_second = Math.max(1, Math.floor(one.bytes_total / 12));
      const bytes_done = Math.min(one.bytes_total, one.bytes_done + Math.ceil(bytes_per_second / 4));
      if (bytes_done >= one.bytes_total) {
        ended = true;
        return finish({ ...one, bytes_done });
      }
      const seconds_left = (one.bytes_total - bytes_done) / bytes_per_second;
      running.push({ id: one.id, bytes_done, bytes_total: one.bytes_total, bytes_per_second, seconds_left });
      return { ...one, bytes_done };
    });
    const bytes_per_second = running.reduce((sum, one) => sum + (one.bytes_per_second ?? 0), 0);
    on_progress.forEach((listener) => listener({ running, bytes_per_second }));
    if (ended) mock.changed("transfers", "pins", "accounts");
  }

  function finish(one: Ipc.Transfer): Ipc.Transfer {
    if (one.kind === "unpin") {
      const index = rows.findIndex((pin) => pin.id === one.id);
      if (index >= 0) rows.splice(index, 1);
      return { ...one, state: "done" };
    }
    const cid = one.cid ?? madeUpCid(random);
    const proof = one.kind === "upload" ? "verified" : "not_checked";
    const reason = one.kind === "pin" ? mock.nextPinFailure : null;
    mock.nextPinFailure = null;
    rows.unshift({
      ...{ account: one.account, id: fresh("pin"), cid, name: one.name, size: one.bytes_total },
      ...{ status: reason === null ? "pinned" : "failed", proof, is_directory: false, pinned_at: Date.now() },
    });
    if (reason !== null) {
      const error = failure("pin_failed", `the service could not pin it: ${reason}`);
      return { ...one, cid, state: "failed", error };
    }
    return { ...one, cid, state: "done", verified: one.kind === "upload" ? true : null };
  }

  return mock;
}

/** Reads `?pins=0&keyring=no&busy=no&latency=200&accounts=pin-only` (or `node`) and lets the made-up transfers run. */
export function mockFromLocation({ search }: Location): Mock {
  const parameters = new URLSearchParams(search);
  const mock = createMock({
    pins: Number(parameters.get("pins") ?? 5000),
    latency_ms: Number(parameters.get("latency") ?? 30),
    busy: parameters.get("busy") !== "no",
    accounts: accountsNamed(parameters.get("accounts"), Date.now()),
    keyring:
      parameters.get("keyring") === "no"
        ? { state: "unavailable", reason: "No Secret Service is running on this session." }
        : { state: "available" },
  });
  if (parameters.get("still") === null) setInterval(() => mock.advance(), 250);
  Object.assign(window, { mock });
  return mock;
}

function accountsNamed(name: string | null, now: number): Ipc.Account[] {
  if (name === "pin-only") return [madeUpPinOnly(now)];
  return name === "node" ? [madeUpPinOnly(now), madeUpNode(now)] : [];
}

function subscribe<T>(listeners: Set<(value: T) => void>, listener: (value: T) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function found<T extends { id: string }>(list: T[], id: string): T {
  const one = list.find((other) => other.id === id);
  if (!one) throw failure("not_found", `There is no ${id}.`);
  return one;
}

function refuseWrongKeys(draft: Ipc.AccountDraft): void {
  const complaint = complaintAbout(draft);
  if (complaint) throw complaint;
}

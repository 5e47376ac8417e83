/** Made-up accounts, and what their services can do, for the in-memory platform. */

import type * as Ipc from "../bindings/ipc.ts";

export const THIS_COMPUTER = "this-computer";
export const HOSTED = "hosted";
export const PIN_ONLY = "pin-only";
export const NODE = "node";

export const PRESETS: Ipc.AccountPreset[] = [
  {
    ...{ kind: "aioz", name: "AIOZ Pin", endpoint: "https://api.aiozpin.network" },
    gateway: "https://gateway.aiozpin.network",
    ...{ credentials: ["key_and_secret"], secret_label: "Secret key" },
    help: "Make an API key on the dashboard's page for API keys.",
    help_url: "https://aiozpin.network/docs/aioz-pin-api",
  },
  {
    ...{ kind: "aioz", name: "W3IPFS", endpoint: "https://api.w3ipfs.storage" },
    gateway: "https://ipfs.w3ipfs.storage",
    ...{ credentials: ["key_and_secret"], secret_label: "Secret key" },
    ...{ help: "The earlier name of AIOZ Pin.", help_url: null },
  },
  {
    ...{ kind: "psa", name: "Pinata", endpoint: "https://api.pinata.cloud/psa" },
    gateway: "https://gateway.pinata.cloud",
    ...{ credentials: ["token"], secret_label: "JWT" },
    help: "Make an API key at Pinata and copy its JWT.",
    help_url: "https://docs.pinata.cloud",
  },
  {
    ...{ kind: "kubo", name: "Kubo", endpoint: "http://127.0.0.1:5001" },
    gateway: "http://127.0.0.1:8080",
    ...{ credentials: ["none", "login", "token"], secret_label: "Password" },
    ...{ help: "Kubo has to run while files are sent.", help_url: null },
  },
];

type Own = "id" | "label" | "kind" | "endpoint" | "credentials" | "last_contact";

const BASE: Omit<Ipc.Account, Own> = {
  ...{ gateway: null, this_computer: false, state: "ok", state_message: null, secret_kept: "keyring" },
  ...{ pins: 0, bytes: 0, card: null, can_upload: "yes", upload_through: null },
  ...{ reading: null, is_outdated: false, can_edit: false, keeps_metadata: true, lost_port: null },
  ...{ fetches_from: null, usage: null },
};

const FETCHES_FROM_NOWHERE = { gateways: [], of_accounts: false, now: [] };

export function madeUpAccounts(now: number): Ipc.Account[] {
  return [
    {
      ...BASE,
      ...{ id: THIS_COMPUTER, label: "This computer", kind: "aioz", credentials: "key_and_secret" },
      ...{ endpoint: "http://127.0.0.1:41873", gateway: "http://127.0.0.1:41873", this_computer: true },
      fetches_from: { ...FETCHES_FROM_NOWHERE, offered: "https://trustless-gateway.link" },
      usage: { used_bytes: 451_200_000, quota_bytes: null, as_of: now - 4000 },
      last_contact: now - 4000,
    },
    {
      ...BASE,
      ...{ id: HOSTED, label: "Studio archive", kind: "aioz", credentials: "key_and_secret" },
      ...{ endpoint: "https://api.aiozpin.network", gateway: "https://gateway.aiozpin.network" },
      ...{ secret_kept: "session", last_contact: now - 240_000 },
      usage: usedAt(now - 240_000),
    },
  ];
}

export function usedAt(as_of: number): Ipc.AccountUsage {
  return { used_bytes: 3_200_000_000, quota_bytes: 5_000_000_000, as_of };
}

/** An account that takes CIDs only. */
export function madeUpPinOnly(now: number): Ipc.Account {
  return {
    ...BASE,
    ...{ id: PIN_ONLY, label: "Pinata", kind: "psa", credentials: "token", can_edit: true },
    ...{ endpoint: "https://api.pinata.cloud/psa", last_contact: now - 90_000 },
    card: madeUpCard("psa", now - 3_600_000),
  };
}

/** A node of one's own, through which files reach an account that takes CIDs only. */
export function madeUpNode(now: number): Ipc.Account {
  return {
    ...BASE,
    ...{ id: NODE, label: "My Kubo", kind: "kubo", credentials: "none", secret_kept: "not_needed" },
    ...{ endpoint: "http://127.0.0.1:5001", last_contact: now - 9000, can_edit: true, keeps_metadata: false },
  };
}

/** Where files for each account go, given the others. */
export function routed(accounts: Ipc.Account[]): Ipc.Account[] {
  const node = accounts.find(({ kind }) => kind === "kubo" || kind === "cluster");
  return accounts.map((account): Ipc.Account => {
    if (account.kind !== "psa") return account;
    return {
      ...account,
      can_upload: node ? "through_node" : "needs_node",
      upload_through: node?.label ?? null,
    };
  });
}

export function madeUpCard(kind: Ipc.ProviderKind, checked_at: number): Ipc.AccountCard {
  if (kind === "psa") {
    return {
      ...{ checked_at, upload: null, edit: true, metadata: true },
      ...{ filters: ["cid", "name", "status", "metadata"], sorts: [] },
      ...{ paging: "before", page_rows: 1000, profile: null, duplicates: "another_pin", deletion: "later" },
      notes: ["It gives at most 30 lists a minute, so a refresh of many pins takes a while."],
    };
  }
  return {
    checked_at,
    upload: {
      ...{ empty_files: false, empty_directories: false, symlinks: false },
      ...{ exact_names: true, car: false },
    },
    ...{ edit: false, metadata: kind !== "kubo", filters: ["status"], sorts: ["pinned_at", "size", "name"] },
    paging: "offset",
    ...{ page_rows: 100, profile: "unixfs-v1-2025", duplicates: "refused", deletion: "at_once" },
    notes: [],
  };
}

export const KUBO_SERVICES: Ipc.FoundService[] = [
  kuboService("filebase", "https://api.filebase.io/v1/ipfs"),
  kuboService("everland", "https://api.4everland.dev"),
  kuboService("pinata", "https://api.pinata.cloud/psa", { already_added: true }),
  kuboService("attic", "https://pins.example.com", { problem: "It has no key in Kubo's configuration." }),
];

function kuboService(
  name: string,
  endpoint: string,
  change: Partial<Ipc.FoundService> = {},
): Ipc.FoundService {
  return { name, label: name, kind: "psa", endpoint, already_added: false, problem: null, ...change };
}

/** Complains about a draft as the service or the core would. */
export function complaintAbout(draft: Ipc.AccountDraft): Ipc.IpcError | null {
  const { endpoint, credentials } = draft;
  if (!URL.canParse(endpoint)) return failure("invalid_input", "The endpoint is not a URL.");
  const words = Object.values(credentials);
  if (words.includes("") || words.includes("wrong")) {
    return failure("unauthorized", "The service refused the keys.", "401 Unauthorized: invalid api key");
  }
  return null;
}

export function failure(code: Ipc.Code, message: string, details: string | null = null): Ipc.IpcError {
  return { code, message, retryable: false, details };
}

// Generated from src-tauri/src/ipc; `make bindings` writes it again.
// Times are milliseconds since the Unix epoch, sizes are bytes.

/**
 * The durable transfers that a request became.
 */
export type Accepted = { transfers: Array<string>, };

export type Account = { id: string, label: string, kind: ProviderKind, endpoint: string, gateway: string | null, 
/**
 * True for the account of the service that runs inside this program.
 */
this_computer: boolean, state: AccountState, state_message: Shown | null, secret_kept: SecretKept, pins: number, bytes: number, 
/**
 * Milliseconds since the Unix epoch.
 */
last_contact: number | null, 
/**
 * What it told of its pins is as of `last_contact`: it was asked since, and did not tell.
 */
is_outdated: boolean, 
/**
 * Pins that were in its list so far, while that is being read.
 */
reading: number | null, credentials: CredentialKind, 
/**
 * What the last check found out; null before there was one.
 */
card: AccountCard | null, can_upload: CanUpload, 
/**
 * The label of the account of the node that files go through.
 */
upload_through: string | null, can_edit: boolean, 
/**
 * Pins have metadata there, and not only a name.
 */
keeps_metadata: boolean, 
/**
 * Of the account of the service that runs inside this program: links copied before have this port, which another
 * program has.
 */
lost_port: number | null, 
/**
 * Of that account too: where its service may fetch what it is asked to pin by CID.
 */
fetches_from: FetchesFrom | null, usage: AccountUsage | null, };

export type AccountCard = { 
/**
 * Milliseconds since the Unix epoch.
 */
checked_at: number, 
/**
 * Null where the service only pins by CID.
 */
upload: CardUpload | null, edit: boolean, metadata: boolean, 
/**
 * Of `cid`, `name`, `status`, `metadata`.
 */
filters: Array<string>, 
/**
 * Of `name`, `size`, `status`, `pinned_at`.
 */
sorts: Array<string>, 
/**
 * `offset`, `before` or `whole`.
 */
paging: string, page_rows: number | null, profile: string | null, duplicates: CardDuplicates, deletion: CardDeletion, 
/**
 * Where the service does not do what it should, in the engine's words.
 */
notes: Array<Shown>, };

/**
 * What the person typed. `credentials` travel one way only, into Rust.
 */
export type AccountDraft = { label: string, kind: ProviderKind, endpoint: string, gateway: string | null, credentials: CredentialsDraft, 
/**
 * The person knows that the secret travels unencrypted to another machine.
 */
plain_http: boolean, };

/**
 * A known host that the dialog offers.
 */
export type AccountPreset = { kind: ProviderKind, name: string, endpoint: string, gateway: string | null, 
/**
 * The forms that the service takes, the usual one first.
 */
credentials: Array<CredentialKind>, 
/**
 * What the service calls its secret or token.
 */
secret_label: string, 
/**
 * Where that is found, and what the service can and cannot do.
 */
help: string, help_url: string | null, };

/**
 * What became of an account that was to be removed.
 */
export type AccountRemoval = "complete" | "keyring_later";

export type AccountState = "ok" | "unauthorized" | "unreachable" | "no_secret" | "unknown";

/**
 * How much an account used when its service was last asked.
 */
export type AccountUsage = { used_bytes: number, quota_bytes: number | null, 
/**
 * Milliseconds since the Unix epoch.
 */
as_of: number, };

/**
 * What a person does with transfers.
 */
export type Act = "pause" | "resume" | "cancel" | "retry" | "move_up" | "clear";

export type AddAccountRequest = { draft: AccountDraft, 
/**
 * Keep the secret in memory only, until the program ends.
 */
session_only: boolean, };

/**
 * The folder itself is picked in the system's dialog.
 */
export type AddFolderRequest = { account: string, };

export type Batch = { id: string, origin: Origin, 
/**
 * Of its first item, or of its folder.
 */
name: Shown, items: number, accounts: Array<string>, created_at: number, 
/**
 * Also of what is done and forgotten.
 */
counts: TransferCounts, 
/**
 * Transfers that can be listed.
 */
listed: number, bytes: number, 
/**
 * Sent whole.
 */
bytes_done: number, 
/**
 * When the first is tried again that waits for a time.
 */
next_try: number | null, 
/**
 * Each reason of an account once.
 */
troubles: Array<BatchTrouble>, 
/**
 * Where it has only one.
 */
only: Transfer | null, };

/**
 * Why transfers of a batch do not go on.
 */
export type BatchTrouble = { account: string, 
/**
 * The others wait.
 */
failed: boolean, error: IpcError, transfers: number, };

/**
 * Everything that the first screen needs, in one answer.
 */
export type Bootstrap = { version: string, home: Shown, settings: Settings, keyring: Keyring, accounts: Array<Account>, presets: Array<AccountPreset>, troubles: Array<HomeTrouble>, };

/**
 * How files get to an account. One that only pins by CID gets them through the person's own node.
 */
export type CanUpload = "yes" | "through_node" | "needs_node";

/**
 * What becomes of a pin that is removed.
 */
export type CardDeletion = "at_once" | "later" | "failed" | "unknown";

/**
 * What becomes of content that is there already.
 */
export type CardDuplicates = "same_pin" | "another_pin" | "refused" | "unknown";

/**
 * What content from this computer a service takes. Files, and folders as such, always.
 */
export type CardUpload = { empty_files: boolean, empty_directories: boolean, symlinks: boolean, 
/**
 * Names with line breaks arrive as they are.
 */
exact_names: boolean, car: boolean, };

/**
 * What changed since the last time; who shows some of it asks again. What did not is null or false.
 */
export type Changed = { accounts: SomeIds | null, folders: boolean, pins: SomePins | null, settings: boolean, transfers: SomeIds | null, troubles: boolean, unpinnings: boolean, };

/**
 * A question that was asked about a pin, and the answer.
 */
export type Check = { "question": "copy", at: number, outcome: CopyOutcome, code: string | null, blocks: number, of: number | null, reason: Shown | null, } | { "question": "file", at: number, outcome: FileOutcome, path: Shown, reason: Shown | null, };

/**
 * Which copies to ask for. `run` is a number of the web view's own, by which it asks how far this is.
 */
export type CheckCopiesRequest = { run: number, pins: PinSet, 
/**
 * Not only a sample of a large one.
 */
every_block: boolean, };

/**
 * How far a run of checks is; blocks are those of the copies that are being checked now.
 */
export type CheckProgress = { pins_done: number, pins_total: number, blocks_done: number, blocks_total: number, };

/**
 * A copy that is not known to be sound.
 */
export type CheckedCopy = { account: string, name: Shown, outcome: CopyOutcome, 
/**
 * In the engine's words.
 */
reason: Shown | null, };

export type ClosedGate = { reason: GateReason, 
/**
 * What went wrong last.
 */
error: IpcError, 
/**
 * Milliseconds until it is tried again by itself, counted from when this was asked; null where only a person changes it.
 */
next_try: number | null, };

/**
 * What the web view acts on. It never looks at the text.
 */
export type Code = "already_exists" | "cancelled" | "cid_mismatch" | "count_changed" | "disk_full" | "file_changed" | "file_refused" | "file_unreadable" | "forbidden" | "home_busy" | "internal" | "invalid_input" | "keyring_unavailable" | "network" | "no_secret" | "no_source" | "not_a_pinning_api" | "unsupported" | "not_found" | "over_quota" | "pin_failed" | "protocol" | "rate_limited" | "refused" | "still_fetching" | "unauthorized" | "unavailable";

export type ComparePinRequest = { pin: PinKey, with: CompareWith, };

/**
 * What a pin is compared with: where its upload was read, or what a person chooses in the system's dialog.
 */
export type CompareWith = "source" | "file" | "folder";

/**
 * What a comparison came to.
 */
export type Comparison = { "outcome": "verified", path: Shown, profile: string | null, } | { "outcome": "differs", path: Shown, known_since: number | null, difference: ComparisonDifference | null, } | { "outcome": "unknown", path: Shown, reason: Shown, };

/**
 * The first difference that was found.
 */
export type ComparisonDifference = { what: DifferenceWhat, 
/**
 * Inside the folder; empty for what was compared itself.
 */
entry: Shown, 
/**
 * Where the content begins to differ.
 */
byte: number | null, };

/**
 * Bytes that were looked at, of all that are to be; zero of zero before that is known.
 */
export type ComparisonProgress = { bytes_done: number, bytes_total: number, };

/**
 * What is known of bytes that were read here and a CID.
 */
export type ContentProof = "verified" | "not_reproduced" | "not_checked";

/**
 * What a run of checks came to. Of the copies that are not sound, the first few are told.
 */
export type CopiesChecked = { verified: number, 
/**
 * Of these, those of which a sample was looked at.
 */
sampled: number, damaged: number, missing: number, contradictory: number, unknown: number, faulty: Array<CheckedCopy>, doubtful: Array<CheckedCopy>, 
/**
 * It was stopped before all were asked for.
 */
stopped: boolean, };

export type CopyOutcome = "sound" | "damaged" | "missing" | "contradictory" | "unknown";

/**
 * What goes to the clipboard, one line per pin.
 */
export type CopyPinsRequest = { pins: PinSet, what: CopyWhat, };

export type CopyWhat = "cid" | "gateway_link" | "ipfs_link";

/**
 * A form in which a service knows its users.
 */
export type CredentialKind = "none" | "key_and_secret" | "token" | "login";

/**
 * What the person typed to be known by. It travels one way only, into Rust.
 */
export type CredentialsDraft = { "form": "none" } | { "form": "key_and_secret", key: string, secret: string, } | { "form": "token", token: string, } | { "form": "login", user: string, password: string, };

export type DifferenceWhat = "content" | "only_here" | "only_there" | "kind" | "link_target";

/**
 * Things held over the window, let go on it, or opened with Holdfast.
 */
export type DropEvent = { "type": "enter", count: number, } | { "type": "over", x: number, y: number, } | { "type": "let_go", x: number, y: number, } | { "type": "leave" } | { "type": "dropped", selection: Selection, } | { "type": "cid", text: string, } | { "type": "text", text: Shown, };

/**
 * What Holdfast does by itself.
 */
export type Duty = { "what": "queue" } | { "what": "lists" } | { "what": "under_way" } | { "what": "account", "id": string } | { "what": "usage" } | { "what": "keyring" } | { "what": "history" } | { "what": "limits" } | { "what": "database" } | { "what": "folder", "id": string };

/**
 * Null is what stays as it is.
 */
export type EditAccountRequest = { id: string, label: string | null, 
/**
 * Empty for none.
 */
gateway: string | null, 
/**
 * The person knows that content travels unencrypted from another machine.
 */
plain_http: boolean, };

/**
 * What the pin has from now on, in place of what it had; a `name` of null is no name.
 */
export type EditPinRequest = { pin: PinKey, name: string | null, metadata: { [key in string]: string }, };

export type EntryState = "waiting" | "pinned" | "skipped" | "failed";

/**
 * What the person agreed to, and what it comes to.
 */
export type FetchesFrom = { gateways: Array<string>, 
/**
 * The gateways of the other accounts too.
 */
of_accounts: boolean, 
/**
 * All that may be asked now.
 */
now: Array<string>, 
/**
 * A gateway for who knows none.
 */
offered: string, };

export type FileOutcome = "same" | "other" | "unknown";

/**
 * `on_disk` = `pinned` + `waiting` + `skipped` + `failed`.
 */
export type Folder = { id: string, path: Shown, account: string, state: FolderState, message: Shown | null, on_disk: number, pinned: number, waiting: number, 
/**
 * Of those that wait, the ones that a program has open for writing.
 */
held: number, skipped: number, failed: number, 
/**
 * Milliseconds since the Unix epoch.
 */
last_event: number | null, 
/**
 * Milliseconds since the Unix epoch.
 */
last_scan: number | null, };

export type FolderEntry = { path: Shown, state: EntryState, reason: Shown | null, };

export type FolderState = "watching" | "scanning" | "missing" | "polling";

/**
 * A pinning service that the person's Kubo node has in its settings.
 */
export type FoundService = { name: string, 
/**
 * What its account is called, or would be.
 */
label: string, kind: ProviderKind, endpoint: string, already_added: boolean, 
/**
 * What keeps it from being added as it is.
 */
problem: Shown | null, };

/**
 * Why an account gets no work.
 */
export type GateReason = "resting" | "unreachable" | "over_quota" | "forbidden" | "locked_out" | "not_running";

export type HeldAccount = { account: string, 
/**
 * It is paused by itself.
 */
paused: boolean, 
/**
 * None where it is only paused.
 */
gates: Array<ClosedGate>, 
/**
 * How many of its transfers have not begun.
 */
transfers: number, };

export type HeldUp = { 
/**
 * Everything is paused.
 */
paused: boolean, accounts: Array<HeldAccount>, };

export type HomeTrouble = { "type": "disk_full" } | { "type": "disk_fails", said: Shown, } | { "type": "damaged" } | { "type": "set_aside", 
/**
 * Where the damaged one lies.
 */
copy: Shown, 
/**
 * Whether all but the services' lists could still be read in it.
 */
whole: boolean, } | { "type": "defect", duty: Duty, times: number, };

export type ImportKuboServicesRequest = { names: Array<string>, 
/**
 * Keep the secrets in memory only, until the program ends.
 */
session_only: boolean, };

/**
 * Why a command failed or a transfer stopped.
 */
export type IpcError = { code: Code, 
/**
 * A short sentence for people, free of secrets.
 */
message: Shown, retryable: boolean, 
/**
 * The provider's own words, when there are any.
 */
details: Shown | null, };

export type ItemKind = "file" | "directory";

/**
 * Whether secrets can be kept beyond this session.
 */
export type Keyring = { "state": "available" } | { "state": "unavailable", reason: Shown, };

/**
 * A pin that is to go.
 */
export type LeavingPin = { name: Shown, 
/**
 * The account's label.
 */
label: string, };

/**
 * From one time of day, such as "08:00", until another.
 */
export type LimitedHours = { from: string, until: string, 
/**
 * Bytes a second.
 */
rate: number, };

export type Limits = { 
/**
 * Bytes a second of all that is sent; none for as fast as it goes.
 */
up: number | null, 
/**
 * The same of all that is fetched to prove it.
 */
down: number | null, 
/**
 * Transfers at once at each account, of those that come in bulk.
 */
at_once: number, 
/**
 * Hours of every day in which no more than this goes.
 */
schedule: Array<LimitedHours>, 
/**
 * Days that ended transfers are kept for.
 */
keep_days: number, 
/**
 * How many of them are kept.
 */
keep_transfers: number, };

export type LookUpRequest = { account: string, text: string, };

/**
 * A batch with some of its transfers: what runs first, then what has failed, what comes next, what services work on, what is over.
 */
export type OpenBatch = { batch: Batch, transfers: Array<Transfer>, };

export type OpenRequest = { batch: string, offset: number, limit: number, };

/**
 * How a batch came to be.
 */
export type Origin = "added" | "pinned" | "unpinned" | "folder" | "sent_on";

/**
 * Another pin of the same content.
 */
export type OtherCopy = { account: string, id: string, status: PinStatus, proof: Proof, same_login: SameLogin, };

/**
 * Something to pin that a person pasted.
 */
export type PastedCid = { cid: string, 
/**
 * Where below it the link leads; empty for the CID itself.
 */
path: Shown, 
/**
 * The account's pin of the same content, or one that is on its way.
 */
pinned: Pin | null, };

export type Pin = { account: string, id: string, cid: string, name: Shown, size: number | null, status: PinStatus, proof: Proof, is_directory: boolean, 
/**
 * Milliseconds since the Unix epoch.
 */
pinned_at: number | null, };

/**
 * `text` is anything that contains a CID.
 */
export type PinCidRequest = { 
/**
 * All of these get it.
 */
accounts: Array<string>, text: string, name: string | null, metadata: { [key in string]: string }, };

export type PinDetails = { pin: Pin, 
/**
 * What it is called, to be changed.
 */
exact_name: string, raw_status: Shown, message: Shown | null, 
/**
 * To be changed.
 */
exact_metadata: { [key in string]: string }, metadata: Array<[Shown, Shown]>, cid_v0: string | null, cid_v1: string, cid_base36: string, multihash: string, gateway_link: string | null, ipfs_link: string, content: ContentProof, others: Array<OtherCopy>, 
/**
 * What was asked about it, newest first.
 */
checks: Array<Check>, receipts: Array<Receipt>, };

export type PinKey = { account: string, id: string, };

export type PinPage = { rows: Array<Pin>, total: number, total_bytes: number, };

export type PinQuery = { offset: number, limit: number, sort: PinSort, descending: boolean, search: string, account: string | null, status: PinStatus | null, };

/**
 * Pins that something is to be done with.
 */
export type PinSet = { "which": "named", pins: Array<PinKey>, } | { "which": "matching", query: PinQuery, between: [PinKey, PinKey] | null, except: Array<PinKey>, also: Array<PinKey>, };

export type PinSort = "name" | "size" | "status" | "pinned_at";

export type PinStatus = "queued" | "fetching" | "stored" | "pinned" | "failed" | "unpinned" | "unknown";

/**
 * Which pins' places in a query's order are wanted, whatever page it asks for.
 */
export type PlacesRequest = { query: PinQuery, pins: Array<PinKey>, };

/**
 * Something that will not be pinned, and why.
 */
export type Problem = { name: Shown, reason: Shown, };

/**
 * At most ten a second.
 */
export type ProgressTick = { running: Array<TransferProgress>, 
/**
 * Of all together, also of those that ended since; null when nobody knows.
 */
bytes_per_second: number | null, };

/**
 * What is known of a pin in one word: the worst, else the most. `verified` means that bytes read here have its CID, and that
 * the account's service was not asked for its blocks; `retrievable`, that all were fetched from there and are right.
 */
export type Proof = "damaged" | "missing" | "contradictory" | "retrievable" | "sampled" | "verified" | "not_reproduced" | "not_checked";

export type ProviderKind = "aioz" | "psa" | "kubo" | "cluster";

/**
 * Batches that run first, then those that need a person, then as the queue goes, then those that are over.
 */
export type Queue = { batches: Array<Batch>, 
/**
 * How many there are.
 */
total: number, counts: TransferCounts, totals: QueueTotals, held_up: HeldUp, 
/**
 * Null where it was not asked for, or is no more.
 */
open: OpenBatch | null, };

/**
 * Which batches, and which transfers of one of them.
 */
export type QueueRequest = { offset: number, limit: number, open: OpenRequest | null, };

/**
 * The queue as one progress: the batches of which something has not begun or is under way.
 */
export type QueueTotals = { transfers: number, 
/**
 * What services have taken.
 */
taken: number, bytes: number, bytes_done: number, };

export type Receipt = { 
/**
 * Milliseconds since the Unix epoch.
 */
at: number, cid: string, proof: ContentProof, 
/**
 * What is verified without one is proven block by block.
 */
profile: string | null, 
/**
 * Why it is not verified, in the engine's words.
 */
reason: Shown | null, 
/**
 * When it was last compared, in milliseconds since the Unix epoch.
 */
compared_at: number | null, source: Shown | null, bytes: number, };

/**
 * Whether another account is the same login, so that its pin is no other copy.
 */
export type SameLogin = "no" | "perhaps" | "yes";

/**
 * Where an account's secret is.
 */
export type SecretKept = "keyring" | "session" | "not_needed" | "missing";

export type Selection = { id: string, items: Array<SelectionItem>, files: number, bytes: number, 
/**
 * Left out of a directory.
 */
skipped: Array<Problem>, 
/**
 * Will not be what a person may expect.
 */
remarks: Array<Problem>, 
/**
 * Cannot be pinned at all; not part of `items`.
 */
refused: Array<Problem>, 
/**
 * What to ask before pinning; nothing to ask when null.
 */
needs_confirmation: Shown | null, };

export type SelectionItem = { name: Shown, kind: ItemKind, files: number, bytes: number, };

export type SendFailedRequest = { batch: string, account: string, };

/**
 * What the person agrees to from now on; nothing that is not in it.
 */
export type SetFetchSourcesRequest = { 
/**
 * As typed.
 */
gateways: Array<string>, of_accounts: boolean, 
/**
 * The person knows that a gateway on another machine is spoken to unencrypted.
 */
plain_http: boolean, };

export type Settings = { theme: ThemeChoice, default_account: string | null, };

/**
 * A name, a path, a service's own words: to be shown, not to be used. What could deceive a reader is an escape in it.
 */
export type Shown = string;

/**
 * These, or so many that they are not named.
 */
export type SomeIds = { "which": "these", ids: Array<string>, } | { "which": "many" };

/**
 * These, or so many that they are not named.
 */
export type SomePins = { "which": "these", pins: Array<PinKey>, } | { "which": "many" };

export type StartUploadRequest = { selection: string, 
/**
 * All of these get it.
 */
accounts: Array<string>, name: string | null, metadata: { [key in string]: string }, };

export type SteerRequest = { act: Act, which: Which, };

export type ThemeChoice = "system" | "light" | "dark";

export type Transfer = { id: string, kind: TransferKind, account: string, name: Shown, cid: string | null, state: TransferState, bytes_done: number, bytes_total: number, attempts: number, error: IpcError | null, 
/**
 * Milliseconds since the Unix epoch, like the other times.
 */
retry_at: number | null, created_at: number, updated_at: number, verified: boolean | null, };

export type TransferCounts = { queued: number, running: number, waiting: number, 
/**
 * Those that wait so that they can be undone.
 */
undoable: number, paused: number, asked: number, failed: number, done: number, cancelled: number, };

export type TransferKind = "upload" | "pin" | "unpin";

/**
 * Ephemeral: may be dropped, the truth is in the list of transfers.
 */
export type TransferProgress = { id: string, bytes_done: number, bytes_total: number, bytes_per_second: number | null, seconds_left: number | null, };

export type TransferState = "queued" | "running" | "waiting" | "undoable" | "paused" | "asked" | "failed" | "done" | "cancelled";

/**
 * What came of undoing.
 */
export type Undone = { 
/**
 * Pins that stay.
 */
pins: number, 
/**
 * Those whose removal had begun.
 */
begun: number, };

/**
 * What is left when pins go; of these and of the last copies, the first few are told.
 */
export type UnpinImpact = { pins: number, 
/**
 * How many of each account, by its label.
 */
accounts: Array<[string, number]>, some: Array<LeavingPin>, last: Array<LeavingPin>, last_count: number, 
/**
 * Those of which only a copy is left that may be the same one.
 */
perhaps_last_count: number, 
/**
 * The labels of the accounts that may be the same login.
 */
perhaps_same: Array<string>, };

/**
 * `confirmed` is how many they are by what the person was told.
 */
export type UnpinRequest = { pins: PinSet, confirmed: number, };

/**
 * Pins that are to be removed together, and can stay as long as that has not begun.
 */
export type Unpinning = { id: string, pins: number, 
/**
 * When it begins, in milliseconds from when this was told.
 */
begins_in: number, };

export type Which = { "type": "one", id: string, } | { "type": "batch", id: string, } | { "type": "everything" };

/** Command name to request and response; a `null` request is no argument. */
export type Rpc = {
  bootstrap: [null, Bootstrap],
  save_settings: [Settings, null],
  limits: [null, Limits],
  set_limits: [Limits, null],
  accounts: [null, Array<Account>],
  test_account: [AccountDraft, null],
  add_account: [AddAccountRequest, Account],
  check_account: [string, Account],
  edit_account: [EditAccountRequest, Account],
  set_fetch_sources: [SetFetchSourcesRequest, Array<Account>],
  remove_account: [string, AccountRemoval],
  probe_account: [string, Account],
  find_kubo_services: [null, Array<FoundService>],
  import_kubo_services: [ImportKuboServicesRequest, Array<Account>],
  pick_files: [null, Selection | null],
  pick_directory: [null, Selection | null],
  discard_selection: [string, null],
  drop_text: [string, null],
  start_upload: [StartUploadRequest, Accepted],
  look_up_cids: [LookUpRequest, Array<PastedCid>],
  pin_cid: [PinCidRequest, Accepted],
  pin_again: [PinKey, Accepted],
  queue: [QueueRequest, Queue],
  steer: [SteerRequest, null],
  send_failed_to: [SendFailedRequest, Accepted],
  clear_finished_transfers: [null, null],
  clear_failed_transfers: [null, null],
  try_account_now: [string, null],
  pause_transfers: [string | null, null],
  resume_transfers: [string | null, null],
  pins: [PinQuery, PinPage],
  pin_places: [PlacesRequest, Array<number | null>],
  pin_details: [PinKey, PinDetails],
  edit_pin: [EditPinRequest, Pin],
  refresh_pins: [null, null],
  copy_pins: [CopyPinsRequest, number],
  open_in_browser: [PinKey, null],
  unpin: [UnpinRequest, null],
  unpin_impact: [PinSet, UnpinImpact],
  unpinnings: [null, Array<Unpinning>],
  undo_unpin: [string, Undone],
  check_copies: [CheckCopiesRequest, CopiesChecked],
  check_progress: [number, CheckProgress | null],
  stop_checking: [number, null],
  compare_pin: [ComparePinRequest, Comparison | null],
  comparison_progress: [PinKey, ComparisonProgress | null],
  stop_comparing: [PinKey, null],
  folders: [null, Array<Folder>],
  add_folder: [AddFolderRequest, Folder | null],
  remove_folder: [string, null],
  rescan_folder: [string, null],
  folder_entries: [string, Array<FolderEntry>],
};

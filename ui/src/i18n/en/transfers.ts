/** The queue. */

import { formatCount } from "../../lib/format.ts";
import { files, many } from "./counted.ts";

export const transfers_words = {
  "transfer.not_reproduced":
    "Stored under a CID that no known profile gives, and not proven by its blocks yet",

  "transfers.pause": "Pause everything",
  "transfers.pause.choose": "Pause…",
  "transfers.pause.one": (account: string) => `Pause ${account}`,
  "transfers.pause_failed": "It could not be paused",
  "transfers.resume": "Resume",
  "transfers.resume.one": (account: string) => `Resume ${account}`,
  "transfers.resume_failed": "It could not go on",
  "transfers.retry_all": "Try all again",
  "transfers.cancel_all": "Cancel all…",
  "transfers.cancel_all.title": (count: number) => `Cancel ${many(count, "transfer", "transfers")}?`,
  "transfers.cancel_all.body":
    "What has not been sent is not sent any more. What an account has accepted by then stays pinned there, and nothing here is deleted.",
  "transfers.cancel_all.confirm": "Cancel all",
  "transfers.empty.title": "Nothing to send",
  "transfers.empty.body": "Uploads, pins by CID and unpins appear here while they are under way.",
  "transfers.clear": "Clear…",
  "transfers.clear_finished": "Clear what is done or cancelled",
  "transfers.clear_all_failed": "Clear what has failed",
  "transfers.load_failed": "The transfers could not be read",
  "transfers.list": "Transfers",

  "transfer.kind.upload": "Upload",
  "transfer.kind.pin": "Pin by CID",
  "transfer.kind.unpin": "Unpin",
  "transfer.state.paused": "Paused",
  "transfer.state.running.upload": "Sending",
  "transfer.state.running.pin": "Asking the account",
  "transfer.state.running.unpin": "Unpinning",
  "transfer.state.waiting": "Waiting",
  "transfer.state.asked": "Being pinned",
  "transfer.state.asked.hint":
    "The account was asked and works on it. It is done when the account says that it is pinned.",
  "transfer.state.failed": "Failed",
  "transfer.state.done": "Done",
  "transfer.state.cancelled": "Cancelled",
  "transfer.bytes": (done: string, total: string) => `${done} of ${total}`,
  "transfer.left": (duration: string) => `${duration} left`,
  "transfer.retry_at": (when: string) => `tries again ${when}`,
  "transfer.undoable": "can be undone",
  "transfer.to": (kind: string, account: string) => `${kind}, ${account}`,
  "transfer.progress": (name: string) => `Progress of ${name}`,
  "transfer.cancel": (name: string) => `Cancel ${name}`,
  "transfer.retry": (name: string) => `Try ${name} again`,
  "transfer.attempts": (count: number) => many(count, "attempt", "attempts"),
  "transfer.why": (name: string) => `Why ${name} does not go on`,

  "steer.pause": (name: string) => `Pause ${name}`,
  "steer.resume": (name: string) => `Let ${name} go on`,
  "steer.move_up": (name: string) => `Send ${name} next`,
  "steer.clear": (name: string) => `Remove ${name} from this list`,
  "steer.failed.pause": "It could not be paused",
  "steer.failed.resume": "It could not go on",
  "steer.failed.cancel": "It could not be cancelled",
  "steer.failed.retry": "It could not be tried again",
  "steer.failed.move_up": "It could not be moved up",
  "steer.failed.clear": "It could not be removed from the list",

  "batch.folder": (name: string, count: number) => `${name}, ${files(count)}`,
  "batch.to.added": (accounts: string) => `To ${accounts}`,
  "batch.to.pinned": (accounts: string) => `Pin by CID, ${accounts}`,
  "batch.to.unpinned": (accounts: string) => `Unpin, ${accounts}`,
  "batch.to.folder": (accounts: string) => `Watched folder, to ${accounts}`,
  "batch.to.sent_on": (accounts: string) => `Sent on to ${accounts}`,
  "batch.of": (done: number, all: number) => `${formatCount(done)} of ${formatCount(all)}`,
  "batch.transfers": (count: number) => formatCount(count),
  "batch.standing.running": (_failed: number) => "Sending",
  "batch.standing.waiting": (_failed: number) => "Waiting",
  "batch.standing.paused": (_failed: number) => "Paused",
  "batch.standing.asked": (_failed: number) => "Being pinned",
  "batch.standing.failed": (failed: number) => `${formatCount(failed)} failed`,
  "batch.standing.done": (_failed: number) => "Done",
  "batch.standing.cancelled": (_failed: number) => "Cancelled",
  "batch.failed": (count: number, why: string, others: number) =>
    others > 0
      ? `${formatCount(count)} failed: ${why}, and for ${many(others, "other reason", "other reasons")}.`
      : `${formatCount(count)} failed: ${why}.`,
  "batch.held": (why: string) => `${why}.`,
  "batch.waits": (count: number, why: string, when: string) =>
    `${formatCount(count)} ${count === 1 ? "waits" : "wait"}: ${why}. Tried again ${when}.`,
  "batch.trouble.failed": (count: number, account: string, why: string) =>
    `${formatCount(count)} failed at ${account}: ${why}`,
  "batch.trouble.waits": (count: number, account: string, why: string) =>
    `${formatCount(count)} ${count === 1 ? "waits" : "wait"} for ${account}: ${why}`,
  "batch.troubles": "Why some do not go on",
  "batch.back": "All transfers",
  "batch.more": (name: string) => `More for ${name}`,
  "batch.move_up": "Send next",
  "batch.send_to": (account: string) => `Send what failed to ${account}`,
  "batch.send_failed": "It could not be sent to another account",
  "batch.clear": "Remove what is over",

  "transfers.announce.done": (count: number) => `${many(count, "transfer", "transfers")} done`,
  "transfers.announce.failed": (count: number) => `${many(count, "transfer", "transfers")} failed`,
  "transfers.announce.batch": (name: string, count: number) =>
    count === 1 ? name : `${name}: ${formatCount(count)}`,
  "transfers.some": (count: number, name: string) =>
    count === 1 ? name : `${name} and ${formatCount(count - 1)} more`,
  "transfers.failed_show": "Show transfers",

  "held.label": "Accounts that get no work",
  "held.resting": (account: string) => `${account} asked to go slower`,
  "held.unreachable": (account: string) => `${account} cannot be reached`,
  "held.over_quota": (account: string) => `${account} is full`,
  "held.forbidden": (account: string) => `The keys of ${account} do not permit this`,
  "held.locked_out": (account: string) => `${account} refuses its keys`,
  "held.no_secret": (account: string) => `The keys of ${account} are missing`,
  "held.not_running": (account: string) => `The service of ${account} does not run`,
  "held.paused": (account: string) => `${account} is paused`,
  "held.all_paused": (_account: string) => "Everything is paused",
  "held.line": (what: string) => `${what}.`,
  "held.waiting": (count: number) =>
    count === 0
      ? "Nothing waits for it."
      : `${many(count, "transfer", "transfers")} ${count === 1 ? "waits" : "wait"}.`,
  "held.next_try": (duration: string) => `Tried again in ${duration}.`,
  "held.trying": "Being tried now.",
  "held.try": "Try now",
  "held.try_failed": "It could not be tried",
  "held.why.resting": "it asked to go slower",
  "held.why.unreachable": "it cannot be reached",
  "held.why.over_quota": "it is full",
  "held.why.forbidden": "its keys do not permit this",
  "held.why.locked_out": "its keys are refused",
  "held.why.no_secret": "its keys are missing",
  "held.why.not_running": "its service does not run",
  "held.waits_for": (kind: string, account: string, why: string) => `${kind}, waits for ${account}: ${why}`,

  "totals.label": "Totals",
  "totals.held": (what: string, count: number) =>
    count === 0 ? what : `${what}, ${formatCount(count)} ${count === 1 ? "waits" : "wait"}`,
  "totals.held.several": (count: number) => `${formatCount(count)} accounts get no work`,
  "totals.idle": "Nothing under way",
  "totals.progress": "Progress of everything",
  "totals.of": (done: number, all: number) => `${formatCount(done)} of ${formatCount(all)}`,
  "totals.resume": "Let everything go on",
  "totals.paused": (count: number) => `${formatCount(count)} paused`,
  "totals.waiting": (count: number) => `${formatCount(count)} waiting`,
  "totals.asked": (count: number) => `${formatCount(count)} being pinned`,
  "totals.failed": (count: number) => `${formatCount(count)} failed`,
};

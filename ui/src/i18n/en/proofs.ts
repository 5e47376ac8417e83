/** What is known of pins and copies, and asking for it. */

import { formatCount } from "../../lib/format.ts";
import { pins } from "./counted.ts";

export const proofs_words = {
  "proof.damaged": "Damaged",
  "proof.missing": "Blocks missing",
  "proof.contradictory": "Contradictory",
  "proof.retrievable": "Retrievable",
  "proof.sampled": "Sample right",
  "proof.verified": "Verified",
  "proof.not_reproduced": "Not reproduced",
  "proof.not_checked": "Not checked",
  "proof.damaged.hint": "When the account was last asked, a stored block was damaged.",
  "proof.missing.hint": "When the account was last asked, a block was missing.",
  "proof.contradictory.hint":
    "When the account was last asked, every block was what its CID says, but nobody can read files of them.",
  "proof.retrievable.hint": "Every block was fetched from the account and is what its CID says.",
  "proof.sampled.hint": "A sample of the blocks was fetched from the account, and each is what its CID says.",
  "proof.verified.hint":
    "The bytes read on this computer have this CID. The account was not asked for its blocks yet.",
  "proof.not_reproduced.hint":
    "The account has stored it under a CID that no known profile gives, and its blocks have not proven it yet.",
  "proof.not_checked.hint": "Nothing on this computer was compared with it, and the account was not asked.",
  "proof.content": "Content",
  "proof.copy": "Copy",
  "proof.content.verified": "The bytes read on this computer have this CID.",
  "proof.content.not_reproduced": "Stored, but not proven to be the bytes that were sent.",
  "proof.content.not_checked": "Nothing on this computer was compared with it.",
  "proof.copy.never": (account: string) => `${account} was not asked for its blocks yet.`,

  "check.verify": "Verify",
  "check.verify_all": "Verify every block",
  "check.progress": "Asking the account",
  "check.progress_of": (done: number, total: number) => `${formatCount(done)} of ${pins(total)} asked for`,
  "check.blocks_of": (done: number, total: number) =>
    `${formatCount(done)} of ${formatCount(total)} known blocks`,
  "check.stop": "Stop verifying",
  "check.stop_failed": "It could not be stopped",
  "check.verified": (count: number) => `${formatCount(count)} verified`,
  "check.sampled": (count: number) => `${formatCount(count)} of these by a sample`,
  "check.damaged": (count: number) => `${formatCount(count)} damaged`,
  "check.missing": (count: number) => `${formatCount(count)} with missing blocks`,
  "check.contradictory": (count: number) => `${formatCount(count)} contradictory`,
  "check.unknown": (count: number) => `${formatCount(count)} cannot be asked`,
  "check.stopped": "stopped before the end",
  "check.one": (name: string, account: string, reason: string) => `${name} at ${account}: ${reason}`,

  "history.title": "History",
  "history.copy.sound": (blocks: number) =>
    blocks === 1
      ? "The only block was fetched, and is right"
      : `All ${formatCount(blocks)} blocks were fetched, and are right`,
  "history.copy.sample": (blocks: number, of: number) =>
    `A sample of ${formatCount(blocks)} of ${formatCount(of)} blocks was fetched, and is right`,
  "history.copy.damaged": (reason: string) => `A stored block is damaged: ${reason}`,
  "history.copy.missing": (reason: string) => `A block is missing: ${reason}`,
  "history.copy.contradictory": (reason: string) => `The blocks contradict one another: ${reason}`,
  "history.copy.unknown": (reason: string) => `The account cannot be asked: ${reason}`,
  "history.file.same": (path: string) => `Unchanged: ${path} is what is pinned`,
  "history.file.other": (path: string) => `${path} is not what is pinned`,
  "history.file.unknown": (path: string, reason: string) => `${path} could not be compared: ${reason}`,
  "history.sent.verified": "Sent, and the same CID computed here",
  "history.sent.blocks": "Sent, and proven block by block",
  "history.sent.not_reproduced": "Sent; the CID that came back is not proven",
  "history.sent.not_checked": "Pinned by its CID",

  "compare.source": "File unchanged?",
  "compare.same": (path: string) => `Unchanged: ${path} is what is pinned`,
  "compare.changed": (when: string) => `Your file has changed since; pinned is the version of ${when}`,
  "compare.other": (path: string) => `${path} is not what is pinned`,
  "compare.file": "Check against a file…",
  "compare.folder": "Check against a folder…",
  "compare.progress": "Comparing",
  "compare.stop": "Stop comparing",
  "compare.stop_failed": "The comparison could not be stopped",
  "compare.unknown": (reason: string) => `It cannot be said: ${reason}`,
  "compare.differs_from": (byte: string, path: string) => `Differs from byte ${byte} of ${path}`,
  "compare.differs.content": (path: string) => `Differs: the account has other content for ${path}`,
  "compare.differs.only_here": (path: string) => `Differs: the account does not have ${path}`,
  "compare.differs.only_there": (path: string) => `Differs: only the account has ${path}`,
  "compare.differs.kind": (path: string) => `Differs: ${path} is of another kind at the account`,
  "compare.differs.link_target": (path: string) => `Differs: ${path} points elsewhere at the account`,

  "proof_of.transfer": "Verified: the account's CID is that of the bytes read here",
};

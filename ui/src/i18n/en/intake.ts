/** What comes in: dropped, picked, pasted, or named by its CID. */

import { formatCount } from "../../lib/format.ts";
import { files, items } from "./counted.ts";

export const intake_words = {
  "pin_cid.title": "Pin a CID",
  "pin_cid.text": "CID or link",
  "pin_cid.text.hint": "A CID, an ipfs:// link or a gateway link; several of them for several pins.",
  "pin_cid.nowhere":
    "This computer cannot fetch: it may ask nobody yet, so it can only pin what it already holds.",
  "pin_cid.elsewhere": "Or pin it at",
  "pin_cid.fetched_from": (gateways: string) =>
    `What is not held here is fetched from ${gateways}; whoever is asked learns the CID.`,
  "pin_cid.several": (count: number) => `${formatCount(count)} CIDs, each for a pin of its own:`,
  "pin_cid.inside": (path: string) =>
    `This link leads to “${path}” inside a folder. What can be pinned by it is the whole folder.`,
  "pin_cid.pinned": (account: string, name: string) =>
    name === "" ? `Pinned already at ${account}.` : `Pinned already at ${account}, as “${name}”.`,
  "pin_cid.on_its_way": (account: string, name: string) =>
    name === "" ? `On its way to ${account} already.` : `On its way to ${account} already, as “${name}”.`,
  "pin_cid.accepted.several": (count: number) => `${formatCount(count)} CIDs accepted: see Transfers`,
  "pin_cid.account": "Where it goes",
  "pin_cid.submit": "Pin",
  "pin_cid.submit.folder": "Pin the whole folder",
  "pin_cid.submit.several": (count: number) => `Pin ${formatCount(count)} CIDs`,
  "pin_cid.accepted": "Accepted: see Transfers",

  "fetch.ask": "May This computer ask a gateway?",
  "fetch.means":
    "Whoever is asked learns which CIDs you pin, and from where. What comes back is checked here, block by block. You can take this back in Settings.",
  "fetch.gateway": "Gateway",
  "fetch.gateways": "Gateways that may be asked",
  "fetch.of_accounts": (labels: string) => `Ask the gateways of your other accounts too (${labels})`,
  "fetch.of_accounts.none": "Ask the gateways of your other accounts too (none has one)",
  "fetch.allow": "Allow",
  "fetch.somewhere": "What is pinned on This computer by its CID and not held there is fetched from:",
  "fetch.nowhere": "This computer fetches from nowhere: it can only pin by CID what it already holds.",
  "fetch.add.label": "Another gateway",
  "fetch.add": "Add",
  "fetch.add.offered": (gateway: string) => `Add ${gateway}`,
  "fetch.remove": (gateway: string) => `Ask ${gateway} no more`,
  "fetch.plain_http":
    "Others on the way see what is fetched from this address. Write https://, or say below that you know.",

  "drop.asked": "Ask me",
  "drop.asked.hint": "Accounts, name, metadata",
  "drop.all": "All of these",
  "drop.all.hint": (count: number) => `A copy at each of ${formatCount(count)} accounts`,
  "drop.room": (room: string) => `${room} left`,

  "where.here": "Only this computer",
  "where.public": "Public",
  "where.several": "Several accounts…",
  "where.options": "Name and metadata",
  "where.name": "Name (for all of it, optional)",
  "where.name.one": "Name (optional)",
  "where.name.too_long": "This is too long: a name has at most 255 bytes.",
  "where.metadata.add": "Add metadata",
  "where.metadata.none": "not every one of these accounts keeps metadata",

  "drop.title": (count: number) => (count > 0 ? `Drop ${items(count)} to pin` : "Drop to pin"),
  "drop.account": (account: string) => `Goes to ${account}`,
  "drop.account.through": (account: string, node: string) => `Goes to ${account}, through ${node}`,
  "drop.needs_node": (account: string) =>
    `${account} takes no files itself. You will be asked where they go.`,
  "drop.no_account": "Add an account first",

  "intake.accepted": (count: number) => `${items(count)} accepted`,
  "intake.waits": (count: number) => `${items(count)} ${count === 1 ? "waits" : "wait"}, nothing is sent`,
  "intake.waits.unreachable": (account: string) =>
    `${account} cannot be reached. It goes on by itself when the account answers.`,
  "intake.waits.unauthorized": (account: string) => `${account} refuses its keys. Enter others at Accounts.`,
  "intake.waits.no_secret": (account: string) =>
    `The keys of ${account} are missing. Enter them at Accounts.`,
  "intake.waits.show": "Show accounts",
  "intake.skipped": (count: number) => `${formatCount(count)} left out`,
  "intake.refused": (count: number) => `${formatCount(count)} cannot be pinned`,
  "intake.nothing": "Nothing was accepted",
  "intake.failed": "Nothing was accepted",
  "intake.text": "There is nothing to pin in this text",
  "intake.text.advice":
    "Drop files or folders, or a text with a CID in it. What a link leads to has to be saved as a file first.",
  "intake.confirm.title": "Pin this?",
  "intake.choose": "Add with options",
  "intake.choose.files": "Add files to…",
  "intake.choose.folder": "Add a folder to…",
  "intake.confirm.go": (count: number) => `Pin ${items(count)}`,
  "intake.confirm.size": (count: number, size: string) => `${files(count)}, ${size}`,
  "intake.confirm.account": "Where it goes",
  "intake.confirm.more": (count: number) => `and ${formatCount(count)} more`,
};

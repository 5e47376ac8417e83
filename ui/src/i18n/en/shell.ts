/** What is around the screens. */

import { formatCount } from "../../lib/format.ts";
import { many } from "./counted.ts";

export const shell_words = {
  "app.name": "Holdfast",
  "app.start_failed": "Holdfast could not open its data",

  "nav.label": "Screens",
  "nav.pins": "Pins",
  "nav.transfers": "Transfers",
  "nav.folders": "Folders",
  "nav.accounts": "Accounts",
  "nav.settings": "Settings",
  "nav.failed": (count: number) => `${formatCount(count)} failed`,
  "nav.active": (count: number) => `${formatCount(count)} under way`,

  "action.cancel": "Cancel",
  "action.close": "Close",
  "action.dismiss": "Dismiss",
  "action.retry": "Try again",
  "action.details": "Details",

  "home_trouble.label": "What is wrong",
  "home_trouble.defect": (task: string, times: number) =>
    times === 1
      ? `Holdfast met a defect of its own while ${task}. It goes on by itself; please report it, with what its log says.`
      : `Holdfast met a defect of its own while ${task}, ${formatCount(times)} times in a row. It tries again by itself; please report it, with what its log says.`,
  "home_trouble.disk_full":
    "The disk with Holdfast's data is full. Nothing is lost; make room, and work goes on by itself.",
  "home_trouble.disk_fails": (said: string) =>
    `Holdfast's data cannot be written (${said}). Nothing is lost; it is tried again by itself, until you have seen to its disk.`,
  "home_trouble.damaged":
    "Holdfast's database is damaged. Nothing more is begun. Quit Holdfast and start it again: the damaged file is kept, and what can be read of it goes into a new one.",
  "home_trouble.set_aside.whole": (copy: string) =>
    `Holdfast's database was damaged, and is set aside as ${copy}. Everything in it could be read; the accounts are asked for their lists again before anything is sent.`,
  "home_trouble.set_aside.part": (copy: string) =>
    `Holdfast's database was damaged, and is set aside as ${copy}. What could be read of it is kept: look whether accounts or folders are missing, and add those again. What is pinned is looked for before anything is sent.`,
  "home_trouble.duty.queue": "working through the queue",
  "home_trouble.duty.lists": "asking the accounts for their lists",
  "home_trouble.duty.under_way": "asking about what services work on",
  "home_trouble.duty.account": (account: string) => `asking ${account}`,
  "home_trouble.duty.usage": "measuring what this computer holds",
  "home_trouble.duty.keyring": "having the keyring forget what is not needed",
  "home_trouble.duty.history": "forgetting old transfers",
  "home_trouble.duty.limits": "keeping to the limits of the hour",
  "home_trouble.duty.database": "looking whether there is room for Holdfast's data",
  "home_trouble.duty.folder": (path: string) => `watching ${path}`,

  "nav.troubled": (count: number) => many(count, "account does not answer", "accounts do not answer"),

  "problem.line": (name: string, reason: string) => `${name}: ${reason}`,

  "toast.region": "Messages",
  "toast.repeated": (count: number) => `${formatCount(count)} times`,
};

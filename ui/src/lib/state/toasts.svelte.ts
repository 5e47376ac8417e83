/** Short messages at the edge of the window. Bounded: the same message is counted, not repeated. */

import type { IpcError } from "../bindings/ipc.ts";
import { present } from "../present.ts";

const SHOWN_MS = 6000;
const MOST = 4;

export type ToastKind = "info" | "success" | "warning" | "error";
export interface ToastAction {
  label: string;
  run: () => void;
}
export interface Toast {
  id: number;
  kind: ToastKind;
  title: string;
  lines: string[];
  /** Shown on request only. */
  details: string | null;
  action: ToastAction | null;
  /** Of one topic there is one message: a newer one takes its place. */
  topic: string | null;
  times: number;
}

type NewToast = Pick<Toast, "kind" | "title"> &
  Partial<Pick<Toast, "lines" | "details" | "action" | "topic">> & {
    /** Stays until it is dismissed. Messages that a person must read do. */
    stays?: boolean;
  };

export class Toasts {
  list = $state<Toast[]>([]);
  #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #next_id = 1;

  add({ stays = false, ...toast }: NewToast): void {
    const lines = toast.lines ?? [];
    const before = toast.topic ? this.list.find(({ topic }) => topic === toast.topic) : undefined;
    if (before) Object.assign(before, { details: null, action: null, ...toast, lines });
    if (before) return;
    const same = this.list.find(
      (other) => other.title === toast.title && other.lines.join("\n") === lines.join("\n"),
    );
    if (same) {
      same.times += 1;
      if (this.#timers.has(same.id)) this.#expire(same.id);
      return;
    }
    const id = this.#next_id++;
    this.list.push({ details: null, action: null, topic: null, ...toast, id, lines, times: 1 });
    while (this.list.length > MOST) this.dismiss(this.list[0]?.id ?? 0);
    if (!stays) this.#expire(id);
  }

  /** `what` says which wish failed, the error why. */
  fail(what: string, error: IpcError): void {
    const { title, advice, details } = present(error);
    this.add({ kind: "error", title: what, lines: [`${title}. ${advice}`], details, stays: true });
  }

  tells(topic: string): boolean {
    return this.list.some((toast) => toast.topic === topic);
  }

  /** What it tells is on screen by itself. */
  settle(topic: string): void {
    const told = this.list.find((toast) => toast.topic === topic);
    if (told) this.dismiss(told.id);
  }

  dismiss(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #expire(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), SHOWN_MS),
    );
  }
}

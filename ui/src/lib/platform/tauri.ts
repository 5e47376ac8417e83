/** The real platform: Tauri's commands, events and channels. */

import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Changed, DropEvent, ProgressTick } from "../bindings/ipc.ts";
import { toIpcError } from "../error.ts";
import type { Arguments, Command, Platform, Response, Unsubscribe } from "./types.ts";

export const tauri: Platform = {
  async call<C extends Command>(command: C, ...args: Arguments<C>): Promise<Response<C>> {
    const [request] = args;
    try {
      return await invoke<Response<C>>(command, request === undefined ? {} : { request });
    } catch (error) {
      throw toIpcError(error);
    }
  },
  onDrop: (listener) => subscribe<DropEvent>("drop", listener),
  onChanged: (listener) => subscribe<Changed>("changed", listener),
  watchProgress(listener) {
    let open = true;
    const channel = new Channel<ProgressTick>((tick) => {
      if (open) listener(tick);
    });
    invoke("watch_progress", { channel }).catch(report);
    return () => {
      open = false;
    };
  },
  uiReady: () => invoke("ui_ready"),
};

/** Tauri hands out its unlisten function late; a component may be gone by then. */
function subscribe<T>(event: string, listener: (payload: T) => void): Unsubscribe {
  let open = true;
  const pending = listen<T>(event, ({ payload }) => {
    if (open) listener(payload);
  });
  pending.catch(report);
  return () => {
    if (!open) return;
    open = false;
    pending.then((unlisten) => unlisten()).catch(report);
  };
}

function report(error: unknown): void {
  console.error(toIpcError(error).message);
}

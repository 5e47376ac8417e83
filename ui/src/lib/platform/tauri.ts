/** The real platform: Tauri's commands, events and channels. */

import { Channel, invoke } from "@tauri-apps/api/core";
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
  onDrop: (listener) => hear<DropEvent>("watch_drops", listener),
  onChanged: (listener) => hear<Changed>("watch_changes", listener),
  watchProgress: (listener) => hear<ProgressTick>("watch_progress", listener),
  uiReady: () => invoke("ui_ready"),
};

/** Hands a channel to the shell. Tauri's events would reach listeners of any page, the paths of a drop among them. */
function hear<T>(command: string, listener: (message: T) => void): Unsubscribe {
  let open = true;
  const channel = new Channel<T>((message) => {
    if (open) listener(message);
  });
  invoke(command, { channel }).catch(report);
  return () => {
    open = false;
  };
}

function report(error: unknown): void {
  console.error(toIpcError(error).message);
}

/** What the web view may ask of the program around it. Everything else in `ui/` sees only this. */

import type { Changed, DropEvent, ProgressTick, Rpc } from "../bindings/ipc.ts";

export type Command = keyof Rpc;
export type Request<C extends Command> = Rpc[C][0];
export type Response<C extends Command> = Rpc[C][1];
/** Commands whose request is `null` take no argument. */
export type Arguments<C extends Command> = Request<C> extends null ? [] : [request: Request<C>];

/** Ends a subscription. Safe to call more than once, and before the subscription is up. */
export type Unsubscribe = () => void;

export interface Platform {
  /** Rejects with an `IpcError`, whatever went wrong. */
  call<C extends Command>(command: C, ...args: Arguments<C>): Promise<Response<C>>;
  onDrop(listener: (event: DropEvent) => void): Unsubscribe;
  onChanged(listener: (event: Changed) => void): Unsubscribe;
  /** Ephemeral figures: they may be dropped, and the list of transfers is the truth. */
  watchProgress(listener: (tick: ProgressTick) => void): Unsubscribe;
  /** Tells the shell that the first screen is painted. */
  uiReady(): Promise<void>;
}

/** Starts the web view: asks for the first snapshot, draws, and tells the shell when there is something to see. */

import { flushSync, mount } from "svelte";
import Root from "./App.svelte";
import { connect } from "./lib/platform/index.ts";
import { App } from "./lib/state/app.svelte.ts";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");

const app = new App(await connect());
app.listen();
// The skeleton stays until there is something better: a snapshot, or the reason why there is none.
await app.load();
target.replaceChildren();
flushSync(() => mount(Root, { target, props: { app } }));
await painted();
await app.platform.uiReady();

/** After the frame in which the page was drawn; a hidden window draws none, so it does not wait for ever. */
function painted(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 100);
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        clearTimeout(timer);
        resolve();
      }),
    );
  });
}

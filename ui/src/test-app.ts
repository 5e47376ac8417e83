/** An app over the in-memory platform, for tests of components. */

import { render } from "@testing-library/svelte";
import Root from "./App.svelte";
import { createMock, type Mock, type MockOptions } from "./lib/platform/mock.ts";
import { App } from "./lib/state/app.svelte.ts";
import type { Screen } from "./lib/state/navigation.svelte.ts";

/** A fixed time, so that no test depends on when it runs. */
export const NOW = Date.UTC(2026, 4, 20, 12);

export interface Opened {
  app: App;
  mock: Mock;
}

export async function openApp(options: MockOptions & { screen?: Screen } = {}): Promise<Opened> {
  const mock = createMock({ pins: 40, now: NOW, ...options });
  const app = new App(mock);
  app.clock.now = NOW;
  app.listen();
  await app.load();
  app.navigation.go(options.screen ?? "pins");
  render(Root, { app });
  return { app, mock };
}

export function byTestId<T extends Element = HTMLElement>(id: string): T {
  const found = document.querySelector<T>(`[data-testid="${id}"]`);
  if (!found) throw new Error(`nothing on screen has the test id ${id}`);
  return found;
}

export function allByTestId(id: string): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)];
}

/** The requests of one command so far. */
export function requestsOf(mock: Mock, command: string): unknown[] {
  return mock.calls.filter((call) => call.command === command).map(({ request }) => request);
}

/** Settings, and what does not change while the program runs: version, home, keyring, presets. */

import type {
  AccountPreset,
  Bootstrap,
  HomeTrouble,
  Keyring,
  Settings as Values,
  ThemeChoice,
} from "../bindings/ipc.ts";
import type { Platform } from "../platform/index.ts";

export class Settings {
  values = $state.raw<Values>({ theme: "system", default_account: null });
  version = $state("");
  home = $state("");
  keyring = $state.raw<Keyring>({ state: "available" });
  presets = $state.raw<AccountPreset[]>([]);
  /** What is wrong with the program as a whole. */
  troubles = $state.raw<HomeTrouble[]>([]);
  #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  accept(bootstrap: Bootstrap): void {
    this.version = bootstrap.version;
    this.home = bootstrap.home;
    this.keyring = bootstrap.keyring;
    this.presets = bootstrap.presets;
    this.troubles = bootstrap.troubles;
    this.#show(bootstrap.settings);
  }

  async refresh(): Promise<void> {
    this.accept(await this.#platform.call("bootstrap"));
  }

  setTheme(theme: ThemeChoice): Promise<void> {
    return this.#save({ ...this.values, theme });
  }

  setDefaultAccount(default_account: string | null): Promise<void> {
    return this.#save({ ...this.values, default_account });
  }

  async #save(values: Values): Promise<void> {
    await this.#platform.call("save_settings", values);
    this.#show(values);
  }

  #show(values: Values): void {
    this.values = values;
    applyTheme(values.theme);
  }
}

function applyTheme(theme: ThemeChoice): void {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset["theme"];
  else dataset["theme"] = theme;
  // Read by theme.js before the next first paint.
  localStorage.setItem("theme", theme);
}

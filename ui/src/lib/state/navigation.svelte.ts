/** Which screen is shown. */

export const SCREENS = ["pins", "transfers", "folders", "accounts", "settings"] as const;
export type Screen = (typeof SCREENS)[number];

export class Navigation {
  screen = $state<Screen>("pins");

  go(screen: Screen): void {
    this.screen = screen;
  }
}

// Runs before the first paint, so that a forced theme never flashes the other one.
// The value is a copy of the setting; the setting itself is kept in Rust.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be blocked; the system's theme is then right until the settings arrive.
}

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { loadEnv, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => {
  const platform =
    process.env["VITE_PLATFORM"] ?? loadEnv(mode, import.meta.dirname)["VITE_PLATFORM"] ?? "tauri";
  return {
    // A literal in the source, so that the bundler drops the in-memory backend from the product.
    define: { "import.meta.env.VITE_PLATFORM": JSON.stringify(platform) },
    plugins: [svelte(), svelteTesting(), ...(platform === "mock" ? [] : [withoutMock()])],
    clearScreen: false,
    server: { host: "127.0.0.1", port: 5173, strictPort: true },
    build: {
      target: "safari16",
      outDir: platform === "mock" ? "dist-mock" : "dist",
      emptyOutDir: true,
      // The polyfill fetches, which the content security policy forbids.
      modulePreload: { polyfill: false },
    },
    test: {
      environment: "happy-dom",
      include: ["src/**/*.test.ts"],
      setupFiles: ["src/test-setup.ts"],
      restoreMocks: true,
      // A deadline and no measure: checks of accessibility take seconds on a busy machine.
      testTimeout: 60_000,
    },
  };
});

/** Fails a build for the shell that would ship the in-memory backend. */
function withoutMock(): Plugin {
  return {
    name: "without-mock",
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        const modules = chunk.type === "chunk" ? chunk.moduleIds : [];
        const found = modules.find((id) => id.includes("/platform/mock"));
        if (found) this.error(`${chunk.fileName} holds ${found}`);
      }
    },
  };
}

// Measures what a browser does; run by `cargo xtask bench` against the release build. One thing at a time.
import { defineConfig } from "@playwright/test";
import base from "./playwright.config.ts";

export default defineConfig({ ...base, testDir: "speed", outputDir: "test-results/speed", workers: 1, timeout: 180_000 });

// Measures what a browser does; run by `cargo xtask bench` against the release build. One thing at a time.
import { defineConfig } from "@playwright/test";
import base from "./playwright.config.ts";

export default defineConfig({
  ...base,
  // A trace takes a picture of the page, and a copy of all of it, at every movement of the hand.
  use: { ...base.use, trace: "off", screenshot: "off" },
  testDir: "speed",
  outputDir: "test-results/speed",
  workers: 1,
  timeout: 180_000,
});

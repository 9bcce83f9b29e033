// Pictures of a screen. They are for people: nothing is compared with them.
import { join } from "node:path";
import type { Page } from "@playwright/test";

const FOLDER = join(import.meta.dirname, "..", "screenshots");

/** How a page is looked at: every page is tested in each of these. */
export const LOOKS = [
  { width: "wide", colorScheme: "light", viewport: { width: 1360, height: 860 } },
  { width: "wide", colorScheme: "dark", viewport: { width: 1360, height: 860 } },
  { width: "narrow", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { width: "narrow", colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const;

/** Writes `end2end/screenshots/<name>.png` of what is on the screen now, and returns where that is. */
export async function picture(page: Page, name: string): Promise<string> {
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path, animations: "disabled" });
  return path;
}

/** Calls `look` for the page in every look; for pages that are quickly there. */
export async function inEveryLook(page: Page, look: (name: string) => Promise<void>): Promise<void> {
  for (const { width, colorScheme, viewport } of LOOKS) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await look(`${width}-${colorScheme}`);
  }
}

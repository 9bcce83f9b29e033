// Pictures of a screen in light and dark, wide and narrow. They are for people: nothing is compared with them.
import { join } from "node:path";
import type { Page } from "@playwright/test";

const FOLDER = join(import.meta.dirname, "..", "screenshots");
const WIDTHS = { wide: { width: 1360, height: 860 }, narrow: { width: 390, height: 844 } };

/** Writes `end2end/screenshots/<name>.png` of what is on the screen now, and returns where that is. */
export async function picture(page: Page, name: string): Promise<string> {
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path, animations: "disabled" });
  return path;
}

/** Writes `end2end/screenshots/<name>-<wide|narrow>-<light|dark>.png`. */
export async function screenshots(page: Page, name: string): Promise<void> {
  const before = page.viewportSize() ?? WIDTHS.wide;
  for (const [width, size] of Object.entries(WIDTHS)) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${name}-${width}-${colorScheme}`);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(before);
}

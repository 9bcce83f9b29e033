// The panel in which a definition is tried out.
import { expect, type Locator, type Page } from "@playwright/test";

export const panel = (page: Page): Locator => page.getByRole("region", { name: "Try it out" });
export const bar = (page: Page): Locator => panel(page).locator(".trial-bar");

/** Opens the panel. */
export async function tryIt(page: Page): Promise<void> {
  await panel(page).getByRole("button", { name: "Try it" }).click();
  await expect(panel(page).getByRole("heading", { name: "What now?" })).toBeVisible();
}

/** Opens a way on that takes data, puts the data in, and goes that way. */
export async function answer(page: Page, name: string, data: unknown): Promise<void> {
  const way = panel(page).locator(".trial-fill").filter({ has: page.locator("summary", { hasText: new RegExp(`^${name}$`) }) });
  if (!(await way.evaluate((element) => (element as HTMLDetailsElement).open))) await way.locator("summary").click();
  await way.getByLabel(`Data of ${name}`).fill(JSON.stringify(data));
  await way.getByRole("button", { name, exact: true }).click();
}

/** Starts a trip with the form of its input. */
export async function startTrip(page: Page): Promise<void> {
  const form = panel(page).locator(".trial-fill form");
  await form.getByLabel("Employee").fill("Mina");
  await form.getByRole("button", { name: "Start", exact: true }).click();
  await expect(bar(page)).toContainText("step 1 of 1");
}

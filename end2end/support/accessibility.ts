// What axe says about a page: everything that it finds is a failure.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/**
 * Fails with one line for each finding: the rule, what it asks for, and the first elements that break it.
 * `rules` are the only ones that are asked, where the others have been.
 */
export async function expectAccessible(page: Page, name: string, rules?: string[]): Promise<void> {
  // From the top: what happens to be half below the bar counts as too small a target.
  await page.evaluate(() => window.scrollTo({ top: 0, behavior: "instant" }));
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules ? axe.withRules(rules) : axe.withTags(TAGS)).analyze();
  const findings = violations.map((violation) => {
    const places = violation.nodes.slice(0, 3).map((node) => node.target.join(" "));
    return `${violation.id}: ${violation.help} (${violation.nodes.length}: ${places.join(" | ")})`;
  });
  expect.soft(findings, name).toEqual([]);
}

/** Fails when the page as a whole scrolls sideways. */
export async function expectNoSidewaysScroll(page: Page, name: string): Promise<void> {
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(tooWide, `${name}: pixels too wide`).toBeLessThanOrEqual(0);
}

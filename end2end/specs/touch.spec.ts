// The canvas under fingers, as the browser tells of them.
import type { CDPSession, Page } from "@playwright/test";
import { live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";

interface Finger {
  x: number;
  y: number;
}

test.use({ hasTouch: true });

/** Puts fingers down, moves them along in a few steps, and lifts them. */
async function swipe(hand: CDPSession, from: Finger[], to: Finger[]): Promise<void> {
  const steps = 8;
  const at = (step: number) =>
    from.map((start, id) => ({
      x: start.x + ((to[id]!.x - start.x) * step) / steps,
      y: start.y + ((to[id]!.y - start.y) * step) / steps,
      id,
    }));
  await hand.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(0) });
  for (let step = 1; step <= steps; step++) await hand.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(step) });
  await hand.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}

async function box(page: Page, selector: string) {
  const found = (await page.locator(selector).boundingBox())!;
  return { ...found, middle: { x: found.x + found.width / 2, y: found.y + found.height / 2 } };
}

test("a finger moves nodes and the canvas, two zoom it, and the palette scrolls", async ({ page, baton, context }) => {
  await page.goto(`${baton.url}/processes/bills?new=1`);
  await live(page);
  await expect(page.locator("#node-approve")).toBeVisible();
  const hand = await context.newCDPSession(page);

  const node = await box(page, "#node-approve");
  await page.touchscreen.tap(node.middle.x, node.middle.y);
  await expect(page.getByLabel("Name in the text")).toHaveValue("approve");
  await swipe(hand, [node.middle], [{ x: node.middle.x + 40, y: node.middle.y + 80 }]);
  await expect.poll(async () => (await box(page, "#node-approve")).y).toBeGreaterThan(node.y + 60);
  await expect(page.getByRole("button", { name: "Undo", exact: true })).toHaveAttribute("title", /Undo: Moved/);

  // The empty canvas under a finger goes with it.
  const stage = await box(page, "#stage");
  const moved = await box(page, "#node-approve");
  const corner = { x: stage.x + 30, y: stage.y + stage.height - 30 };
  await swipe(hand, [corner], [{ x: corner.x + 60, y: corner.y - 50 }]);
  await expect.poll(async () => (await box(page, "#node-approve")).x).toBeGreaterThan(moved.x + 40);

  const zoom = page.getByRole("button", { name: /%$/ });
  await expect(zoom).toHaveText("100 %");
  const left = { x: stage.x + 100, y: stage.y + 40 };
  await swipe(hand, [left, { x: left.x + 100, y: left.y }], [left, { x: left.x + 200, y: left.y }]);
  await expect(zoom).not.toHaveText("100 %");

  // On a narrow screen a finger goes along the palette, and takes a node out of it.
  await page.setViewportSize({ width: 390, height: 844 });
  const palette = page.locator(".palette");
  await palette.scrollIntoViewIfNeeded();
  const first = (await palette.locator("button").nth(5).boundingBox())!;
  const start = { x: first.x + first.width / 2, y: first.y + first.height / 2 };
  await swipe(hand, [start], [{ x: start.x - 150, y: start.y }]);
  await expect.poll(() => palette.evaluate((element) => element.scrollLeft)).toBeGreaterThan(50);
});

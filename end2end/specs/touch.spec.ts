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
  const count = await page.locator(".stage .node").count();
  const timer = await box(page, ".palette button.timer");
  const below = await box(page, "#stage");
  await swipe(hand, [timer.middle], [{ x: timer.middle.x, y: below.y + 200 }]);
  await expect(page.locator(".stage .node")).toHaveCount(count + 1);
  await expect(page.locator("#node-timer")).toBeVisible();
});

test("fingers select several, connect, copy and paste, and tap twice a little beside", async ({ page, baton, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`${baton.url}/processes/bills?new=1`);
  await live(page);
  const nodes = page.locator(".stage .node");
  await expect(nodes).toHaveCount(4);
  const tap = async (selector: string) => {
    const { middle } = await box(page, selector);
    await page.touchscreen.tap(middle.x, middle.y);
  };
  const does = page.getByRole("group", { name: "What is selected" });
  const several = page.getByRole("button", { name: "Select several" });

  await tap("#node-approve");
  await several.tap();
  await expect(several).toHaveAttribute("aria-pressed", "true");
  await tap("#node-done");
  await expect(page.locator(".stage .node.chosen")).toHaveCount(2);
  await does.getByRole("button", { name: "Copy" }).tap();
  await several.tap();
  await tap("#node-refused");
  await expect(page.locator(".stage .node.chosen")).toHaveCount(1);
  // With nothing selected it is pasted beside.
  const stage = await box(page, "#stage");
  await page.touchscreen.tap(stage.x + 20, stage.y + 20);
  await does.getByRole("button", { name: "Paste" }).tap();
  await expect(nodes).toHaveCount(6);
  await expect(page.locator(".stage .node.chosen")).toHaveCount(2);

  await tap("#node-start");
  await does.getByRole("button", { name: "Connect…" }).tap();
  await page.locator(".asks").getByRole("button", { name: "Refused" }).tap();
  await expect(page.locator(".stage .edge[aria-label='From Start to Refused']")).toHaveCount(1);

  const { middle } = await box(page, "#node-refused");
  // In quick succession, however slow the machine is.
  const hand = await context.newCDPSession(page);
  const touch = (type: "touchStart" | "touchEnd", touchPoints: Finger[]) => hand.send("Input.dispatchTouchEvent", { type, touchPoints });
  await Promise.all([
    touch("touchStart", [{ x: middle.x - 8, y: middle.y - 6 }]),
    touch("touchEnd", []),
    touch("touchStart", [{ x: middle.x + 8, y: middle.y + 6 }]),
    touch("touchEnd", []),
  ]);
  await expect(page.locator("#settings-title")).toBeFocused();
  await expect(page.getByLabel("Name in the text")).toHaveValue("refused");
});

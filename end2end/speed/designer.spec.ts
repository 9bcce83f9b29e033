// How smooth the canvas is with 500 nodes and 800 edges: frames per second while it is panned, zoomed and dragged, and how
// long it takes to open. The slowest of the three is the figure.
import { writeFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";

const NODES = 500;
const EDGES = 800;
const ROWS = 20;
/** Movements of the hand, one for each frame that the browser is ready for. */
const MOVES = 150;

/** Columns of decisions and computations, each leading to the next row and some to the next column. */
function large(): unknown {
  const nodes: Record<string, unknown> = { start: { kind: "start", next: "n0" } };
  const layout: Record<string, [number, number]> = { start: [0, 0] };
  const inner = NODES - 2;
  const name = (at: number) => (at < inner ? `n${at}` : "done");
  // One edge from the start and one from each other node; the rest are second ways out.
  let second = EDGES - 1 - inner;
  for (let at = 0; at < inner; at++) {
    const branches = second > 0 && at % 5 < 4;
    if (branches) second--;
    nodes[name(at)] = branches
      ? { kind: "decide", cases: [{ when: "=true", next: name(at + 1) }], default: { next: name(at + ROWS) } }
      : { kind: "compute", set: { x: 1 }, next: name(at + 1) };
    layout[name(at)] = [200 + Math.floor(at / ROWS) * 260, (at % ROWS) * 100];
  }
  nodes.done = { kind: "end" };
  layout.done = [200 + 26 * 260, 900];
  return { baton: "process/1", name: "large", nodes, layout };
}

/** Frames per second while `act` goes on. */
async function frames(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const at: number[] = [];
    const next = (now: number) => {
      at.push(now);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    Object.assign(window, { frameTimes: at });
  });
  await act();
  const [first, last, count] = await page.evaluate(() => {
    const at = (window as unknown as { frameTimes: number[] }).frameTimes;
    return [at[0]!, at.at(-1)!, at.length];
  });
  await page.reload();
  await live(page);
  return (1000 * (count - 1)) / (last - first);
}

async function drag(page: Page, x: number, y: number): Promise<void> {
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let move = 0; move < MOVES; move++) await page.mouse.move(x + move * 2, y + Math.sin(move / 9) * 40);
  await page.mouse.up();
}

test("500 nodes and 800 edges", async ({ page, baton }) => {
  const document = large();
  await baton.call("PUT", "/processes/large/draft", { source: JSON.stringify(document) });
  await page.setViewportSize({ width: 1500, height: 950 });
  const open = async () => {
    const started = Date.now();
    await page.goto(`${baton.url}/processes/large?draft=1`);
    await live(page);
    return Date.now() - started;
  };
  const opened = [await open(), await open(), await open()].sort((a, b) => a - b)[1]!;
  await expect(page.locator(".stage .node")).toHaveCount(NODES);
  await expect(page.locator(".stage .edge")).toHaveCount(EDGES);

  const stage = (await page.locator("#stage").boundingBox())!;
  const pan = await frames(page, () => drag(page, stage.x + 40, stage.y + 20));
  const zoom = await frames(page, async () => {
    await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2);
    await page.keyboard.down("Control");
    for (let move = 0; move < MOVES; move++) await page.mouse.wheel(0, move % 30 < 15 ? 30 : -30);
    await page.keyboard.up("Control");
  });
  // All of it is seen.
  const all = await frames(page, async () => {
    await page.locator("#stage").focus();
    await page.keyboard.press("1");
    await drag(page, stage.x + 20, stage.y + 20);
  });
  const node = (await page.locator("#node-n25").boundingBox())!;
  const moved = await frames(page, () => drag(page, node.x + node.width / 2, node.y + node.height / 2));

  const figures = {
    "designer.frames_per_s_500": Math.min(pan, zoom, all, moved),
    "designer.frames_per_s_500_pan": pan,
    "designer.frames_per_s_500_zoom": zoom,
    "designer.frames_per_s_500_all_seen": all,
    "designer.frames_per_s_500_drag": moved,
    "designer.open_ms_500": opened,
  };
  for (const [name, value] of Object.entries(figures)) console.log(name, value.toFixed(1));
  if (process.env.BATON_FIGURES) await writeFile(process.env.BATON_FIGURES, JSON.stringify(figures));
  expect(figures["designer.frames_per_s_500"]).toBeGreaterThan(0);
});

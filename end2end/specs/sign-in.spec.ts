// The door: nothing is shown without a session, and the sign-in page works for everybody.
import { Baton, live } from "../support/baton.ts";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { expect, test } from "../support/fixtures.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

test.describe("without a session", () => {
  test.use({ user: "" });

  test("every page leads to the sign-in page, which axe has nothing against", async ({ page, baton }) => {
    await page.goto(`${baton.url}/messages`);
    await expect(page).toHaveURL(/\/sign-in/);
    await expect(page.locator("[name=token]")).toBeVisible();
    await inEveryLook(page, async (look) => {
      await picture(page, `sign-in-${look}`);
      await expectAccessible(page, `sign-in, ${look}`);
      await expectNoSidewaysScroll(page, `sign-in, ${look}`);
    });
  });

  test("a wrong token is refused with a reason", async ({ page, baton }) => {
    await page.goto(`${baton.url}/sign-in`);
    await page.locator("[name=token]").fill("not the token");
    await page.locator("form:has([name=token]) [type=submit]").click();
    await expect(page.getByRole("alert")).toBeVisible();
    await expect(page).toHaveURL(/\/sign-in/);
  });

  test("the API answers 401 with problem details", async ({ baton }) => {
    const response = await fetch(`${baton.url}/api/v1/messages`);
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  });
});

test("the admin token opens the overview, which says how to begin", async ({ page }) => {
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Insert your first message" })).toBeVisible();
});

test("the one-time link that the first start prints signs in, once", async ({ browser }) => {
  // given a first start without an admin token
  const baton = await Baton.start({ settings: { BATON_ADMIN_TOKEN: "" } });
  try {
    const link = /http:\/\/\S+\/sign-in\?link=\S+/.exec(baton.log())?.[0];
    expect(link, baton.log()).toBeDefined();
    // when it is followed
    const first = await (await browser.newContext()).newPage();
    await first.goto(link!);
    await first.getByRole("button", { name: "Sign in" }).click();
    await expect(first.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    // then it does not work again, for anybody
    const second = await (await browser.newContext()).newPage();
    await second.goto(link!);
    await second.getByRole("button", { name: "Sign in" }).click();
    await expect(second.getByRole("alert")).toBeVisible();
  } finally {
    await baton.stop();
    await baton.remove();
  }
});

test("the page says that the server is away, and catches up when it is back", async ({ page, baton }) => {
  await page.goto(`${baton.url}/messages`);
  await live(page);
  await baton.kill();
  await expect(page.locator("header.bar [role=status]").filter({ hasText: "reconnecting" })).toBeVisible();
  await baton.resume();
  await baton.post("/messages", { type: "OrderPlaced", aggregate_type: "order", aggregate_id: "o-1", payload: {} });
  await expect(page.getByRole("link", { name: "OrderPlaced" })).toBeVisible();
});

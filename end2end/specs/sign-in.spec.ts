// The door: nothing is shown without a session, and the sign-in page works for everybody.
import { expectAccessible } from "../support/accessibility.ts";
import { expect, test } from "../support/fixtures.ts";
import { screenshots } from "../support/screenshots.ts";

test.describe("without a session", () => {
  test.use({ signedIn: false });

  test("every page leads to the sign-in page, which axe has nothing against", async ({ page, baton }) => {
    await page.goto(`${baton.url}/messages`);
    await expect(page).toHaveURL(/\/sign-in/);
    await expect(page.locator("[name=token]")).toBeVisible();
    await expectAccessible(page, "sign-in");
    await screenshots(page, "sign-in");
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

test("the admin token opens the overview", async ({ page }) => {
  await expect(page.getByRole("navigation").first()).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
});

// Destinations and routes, by their forms.
import { live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";

test("a destination and its route are made, changed and removed; what was refused is forgotten", async ({ page, baton, world }) => {
  await page.goto(`${baton.url}/destinations`);
  await live(page);
  const dialog = page.getByRole("dialog");
  const save = dialog.getByRole("button", { name: "Save" });

  // given an address that nothing can be sent to
  await page.getByRole("button", { name: "New destination…" }).click();
  await dialog.getByLabel("Name").fill("billing");
  await dialog.getByLabel("Address").fill("ftp://billing.example/events");
  const answer = page.waitForResponse((response) => response.url().endsWith("/sfn/put-destination"));
  await save.click();
  // then it is the form's fault, said in the dialog, and forgotten when that is opened again
  expect((await answer).status()).toBe(422);
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "New destination…" }).click();
  await expect(dialog.getByLabel("Address")).toBeVisible();
  await expect(dialog.getByRole("alert")).toHaveCount(0);

  await dialog.getByLabel("Address").fill(world.participant.url);
  await save.click();
  await expect(dialog).toBeHidden();
  const card = page.getByRole("article", { name: "billing" });
  await card.getByRole("button", { name: "Edit…" }).click();
  await dialog.getByLabel("Requests at a time").fill("3");
  await dialog.getByLabel("CloudEvents").selectOption("binary");
  await save.click();
  await expect(dialog).toBeHidden();
  await expect(card).toContainText("binary CloudEvents, not signed, 3 at a time, 8 attempts, answers within 10 s");
  expect(await baton.get("/destinations/billing")).toMatchObject({
    settings: { url: world.participant.url, mode: "binary", concurrency: 3 },
  });

  await page.getByRole("button", { name: "New route…" }).click();
  await dialog.getByLabel("Name").fill("invoices");
  await dialog.getByLabel("To (destination)").fill("nowhere");
  await save.click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "New route…" }).click();
  await expect(dialog.getByRole("alert")).toHaveCount(0);
  await dialog.getByLabel("To (destination)").fill("billing");
  await save.click();
  await expect(page.getByRole("group", { name: "Routes" })).toContainText("invoices");

  // when it is deleted while a route leads there, it says so; then not
  await card.getByRole("button", { name: "Delete…" }).click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(dialog.getByRole("alert")).toContainText("invoices");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Delete route invoices" }).click();
  await expect(page.getByRole("group", { name: "Routes" })).not.toContainText("invoices");
  await card.getByRole("button", { name: "Delete…" }).click();
  await expect(dialog.getByRole("alert")).toHaveCount(0);
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(card).toHaveCount(0);
});

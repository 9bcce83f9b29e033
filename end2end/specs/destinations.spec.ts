// Destinations and routes, by their forms.
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { eventually, live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

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

test("limits, a test, pausing, an open circuit breaker and another signing key", async ({ page, baton, world }) => {
  test.setTimeout(120_000);
  await page.goto(`${baton.url}/destinations`);
  await live(page);
  const dialog = page.getByRole("dialog");
  const card = page.getByRole("article", { name: "billing" });
  const traffic = page.getByRole("group", { name: "Traffic" });
  const row = traffic.getByRole("row", { name: /billing/ });
  const seen = (name: string) =>
    inEveryLook(page, async (look) => {
      await picture(page, `destinations-${name}-${look}`);
      await expectAccessible(page, `${name}, ${look}`, look.endsWith("dark") ? ["color-contrast"] : undefined);
      await expectNoSidewaysScroll(page, `${name}, ${look}`);
    });

  // given a destination with limits; what is out of bounds or cannot be read is said in its dialog
  await page.getByRole("button", { name: "New destination…" }).click();
  await dialog.getByLabel("Name").fill("billing");
  await dialog.getByLabel("Address").fill(world.participant.url);
  await dialog.getByLabel("Signing key").fill("env:BATON_E2E_NO_SUCH_VARIABLE");
  await dialog.getByLabel("Requests a second at most").fill("50");
  await dialog.getByLabel("Behind a failed delivery").selectOption("block");
  await dialog.getByLabel("Circuit breaker: failures in a row").fill("2");
  await dialog.getByLabel("Tries again after (ms)").fill("600000");
  await picture(page, "destinations-form");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toContainText("BATON_E2E_NO_SUCH_VARIABLE, which is not set");
  await dialog.getByLabel("Signing key").fill("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(card).toContainText("structured CloudEvents, signed, 8 at a time, 50 a second at most, 8 attempts");
  await expect(card).toContainText("Behind a failed delivery everything waits; circuit breaker after 2 failures in a row");
  await expect(traffic.getByRole("row", { name: /^bus/ })).toContainText("in this process");
  await expect(row).toContainText("sending");

  // when it is tested, then the answer stands on its card
  await card.getByRole("button", { name: "Test billing" }).click();
  await expect(card.getByRole("status")).toContainText("status 204");
  world.participant.refuse = (event) => (event.attributes.aggregatetype === "invoice" || event.type === "ConnectionTest" ? 503 : undefined);
  await card.getByRole("button", { name: "Test billing" }).click();
  await expect(card.getByRole("status")).toContainText("status 503");
  await expect(card.getByRole("status")).toContainText("not now");

  // when it is paused for a reason, then messages wait and the reason is there
  await card.getByRole("button", { name: "Pause…" }).click();
  await dialog.getByLabel("Reason").fill("their release");
  await dialog.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(card).toContainText(/Paused by robin .*: their release/);
  await expect(row).toContainText("paused");
  await baton.post("/messages", [1, 2, 3].map((number) => ({
    type: "InvoiceIssued", aggregate_type: "invoice", aggregate_id: `i-${number}`, payload: { number }, destination: "billing",
  })));
  await expect(card).toContainText("3 queued");

  // when it is resumed, then the endpoint's failures open the breaker, and nothing more is tried
  await card.getByRole("button", { name: "Resume…" }).click();
  await dialog.getByRole("button", { name: "Resume", exact: true }).click();
  await expect(card).toContainText(/The circuit breaker opened .* after 2 failures in a row/);
  await expect(row).toContainText("breaker open");
  await seen("breaker");

  // when the key is replaced, then both sign
  await card.getByRole("button", { name: "Keys…" }).click();
  await dialog.getByLabel("New signing key").fill("whsec_c2Vjb25kIGtleSBvZiBhbGw=");
  await dialog.getByLabel("The present key signs along").selectOption("for 7 days");
  await dialog.getByRole("button", { name: "Sign with this key" }).click();
  await expect(dialog).toBeHidden();
  await expect(card).toContainText("signed with 2 keys");
  await card.getByRole("button", { name: "Keys…" }).click();
  await expect(dialog.getByLabel("New signing key"), "what was typed is forgotten").toHaveValue("");
  await expect(dialog.getByRole("list", { name: "Keys that sign now" })).toContainText(/expires in [67] d/);
  await seen("keys");
  await dialog.getByRole("button", { name: "Close" }).click();

  // when the endpoint works again, then what waited arrives with two signatures
  world.participant.refuse = () => undefined;
  await card.getByRole("button", { name: "Test billing" }).click();
  const invoices = () => world.participant.received.filter((event) => event.type === "InvoiceIssued");
  await eventually("the invoices arrived", async () => invoices().length === 3);
  expect(String(invoices()[0]!.headers["webhook-signature"]).split(" ")).toHaveLength(2);
  await expect(row).toContainText("sending");
  await expect(card).toContainText("nothing open");
  await card.getByRole("button", { name: "Keys…" }).click();
  await dialog.getByRole("button", { name: "Stop using the old keys" }).click();
  await expect(card).toContainText("CloudEvents, signed, 8 at a time");
  expect(JSON.stringify(await baton.get("/destinations"))).not.toContain("whsec_");
});

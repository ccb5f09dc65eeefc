// Adds a passkey at the account page with a virtual authenticator, and signs in with nothing but it.
import { application, authenticator, authorize, fillIn, launch, open, tell, watch, wish } from "./browser.mjs";

const { client, people } = wish;
const problems = [];
const shop = await application(client.redirect_uri);
const browser = await launch();
const context = await open(browser);
watch(context, problems);
const page = await context.newPage();
const provider = await authenticator(page);
const passkeys = async () =>
  (await provider.passkeys()).map(({ rpId, isResidentCredential, signCount }) => ({ rpId, isResidentCredential, signCount }));

// Whether a person who does this gets a code.
const signsIn = async (act) => Boolean((await authorize(page, shop, {}, act)).code);

const withPassword = await signsIn(async () => {
  await fillIn(page, people.ada);
  await page.click("[name=answer][value=accept]");
});
await page.goto(`${wish.issuer}/account`);
await page.click("form[data-passkey=create] button");
await page.waitForSelector("section[aria-labelledby=passkeys] .rows");
const added = await passkeys();
await context.clearCookies();
// The browser offers it where the username is filled in; here the person picks it at once.
const byAutofill = await signsIn();
await context.clearCookies();
// In a browser that does not fill passkeys in; otherwise what waits in the field would take the touch.
await page.addInitScript(() => {
  PublicKeyCredential.isConditionalMediationAvailable = async () => false;
});
const byButton = await signsIn(() => page.click("form[data-passkey=autofill] button"));
const used = await passkeys();
await browser.close();
shop.close();
tell({ withPassword, added, byAutofill, byButton, used, problems });

// Adds a passkey at the account page with a virtual authenticator, and signs in with nothing but it; and another person
// takes the one that is offered after the second password.
import {
  application,
  authenticator,
  authorize,
  endSession,
  fillIn,
  knowsThatItCan,
  launch,
  open,
  tell,
  watch,
  wish,
} from "./browser.mjs";

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

// Signs in with a password, in a browser that can keep a passkey.
async function withPasswordAgain(window, act) {
  const answer = await authorize(window, shop, {}, async () => {
    await knowsThatItCan(window);
    await fillIn(window, people.grace);
    await act();
  });
  await endSession(window);
  return Boolean(answer.code);
}

const elsewhere = await open(browser);
watch(elsewhere, problems);
const window = await elsewhere.newPage();
const otherProvider = await authenticator(window);
const first = await withPasswordAgain(window, () => window.click("[name=answer][value=accept]"));
const taken = await withPasswordAgain(window, () => window.click("form[data-passkey=create] button"));
const kept = (await otherProvider.passkeys()).length;
// From now on it is what the browser fills in.
const byOffered = Boolean((await authorize(window, shop, {})).code);
const offered = { first, taken, kept, byOffered };
await browser.close();
shop.close();
tell({ withPassword, added, byAutofill, byButton, used, offered, problems });

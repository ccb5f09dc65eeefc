// Walks to every page of the issuer as people do, in one language, and inspects each; or to those that everybody meets, with
// a short look.
import {
  application,
  arrives,
  authenticator,
  endSession,
  fillIn,
  knowsThatItCan,
  launch,
  open,
  press,
  requestUrl,
  tell,
  watch,
  wish,
} from "./browser.mjs";
import { Inspection } from "./inspection.mjs";
import { totp } from "./totp.mjs";

const { language, client, people } = wish;
const shop = await application(client.redirect_uri);
const browser = await launch();
const isWhole = wish.walk === "whole";
const inspection = new Inspection(language, language, isWhole ? "long" : "short");
const look = (page, name) => inspection.look(page, name);

const authorize = (more = {}) =>
  requestUrl({ scope: "openid profile email offline_access", ui_locales: language, ...more });

// A browser of somebody who speaks the language.
async function somebody() {
  const context = await open(browser, { locale: language });
  watch(context, inspection.problems);
  return context.newPage();
}

async function signInWithPassword() {
  const page = await somebody();
  await page.goto(authorize({ prompt: "consent" }));
  await look(page, "login");
  await fillIn(page, { ...people.ada, password: "not the password" });
  await look(page, "login-wrong");
  await fillIn(page, people.ada);
  await look(page, "consent");
  await press(page, "[name=answer][value=accept]");
  await arrives(page);
  return page;
}

async function onceMore(page) {
  await page.goto(authorize({ prompt: "select_account" }));
  await look(page, "select-account");
  await page.goto(authorize({ prompt: "login" }));
  await look(page, "login-again");
}

// In a browser that could keep a passkey, and to which the person comes back.
async function offer() {
  const page = await somebody();
  await authenticator(page);
  for (const isKnown of [false, true]) {
    await page.goto(authorize());
    await knowsThatItCan(page);
    await fillIn(page, people.ada);
    if (isKnown) await look(page, "offer-passkey");
    else await endSession(page);
  }
  await press(page, "[name=answer][value=refuse]");
  await arrives(page);
}

async function signOut(page) {
  await page.goto(`${wish.issuer}/logout`);
  await look(page, "logout");
  await press(page, "[name=answer][value=sign_out]");
  await look(page, "logged-out");
}

// Everything that a person can have: a consent, a passkey, an authenticator app, recovery codes.
async function account() {
  const page = await somebody();
  const send = (form) => press(page, `form[action="/account${form}"] button`);
  await page.goto(authorize());
  await fillIn(page, people.hedy);
  await press(page, "[name=answer][value=accept]");
  await arrives(page);
  await page.goto(`${wish.issuer}/account`);
  await look(page, "account");

  const provider = await authenticator(page);
  await press(page, "form[data-passkey=create] button");
  await page.waitForSelector("section[aria-labelledby=passkeys] .rows");
  await provider.takeAway();
  await press(page, "a[href='/account/totp']");
  await look(page, "totp-setup");
  await page.fill("#code", "000000");
  await send("/totp");
  await look(page, "totp-setup-wrong");
  const secret = await page.textContent(".facts code");
  await page.fill("#code", totp(secret));
  await send("/totp");
  await look(page, "account-totp-on");
  await send("/recovery-codes");
  await look(page, "recovery-codes");
  const [code] = await page.locator(".codes code").allTextContents();
  await page.goto(`${wish.issuer}/account`);
  await page.fill("#name", "Hedy");
  await send("/profile");
  await look(page, "account-saved");
  return { page, code, secret };
}

// The passkey of this person is out of reach.
async function stepUp({ page }) {
  await page.goto(authorize({ acr_values: "phr" }));
  await look(page, "step-up");
  await press(page, "form[action='/login/not-now'] button");
  await arrives(page);
}

async function secondFactor({ page, code, secret }) {
  await page.goto(authorize({ prompt: "login" }));
  await page.fill("#password", people.hedy.password);
  await press(page, "#login button");
  await look(page, "second-factor");
  await page.fill("#code", "000000");
  await press(page, "form[action='/login/code'] button");
  await look(page, "second-factor-wrong");
  await press(page, "a[href*='/login/recovery-code']");
  await look(page, "recovery-code");
  await page.fill("#recovery_code", code);
  await press(page, "form[action='/login/recovery-code'] button");
  await arrives(page);
  await page.goto(authorize({ prompt: "login" }));
  await page.fill("#password", people.hedy.password);
  await press(page, "#login button");
  await page.fill("#code", totp(secret, 1));
  await press(page, "form[action='/login/code'] button");
  await arrives(page);
}

async function deleteAccount({ page }) {
  await page.goto(`${wish.issuer}/account`);
  await press(page, "a[href='/account/delete']");
  await look(page, "delete-account");
  await page.fill("#password", people.hedy.password);
  await page.fill("#confirmation", "hedy");
  await press(page, "form[action='/account/delete'] button");
  await look(page, "account-deleted");
}

async function failures() {
  const page = await somebody();
  await page.goto(authorize({ client_id: "nobody" }));
  await look(page, "error");
  await page.goto(`${wish.issuer}/reset-password?token=old`);
  await look(page, "link-expired");
}

async function links() {
  const page = await somebody();
  await page.goto(wish.links.reset);
  await look(page, "reset-password");
  await page.fill("[name=new_password]", "password");
  await press(page, "form button");
  await look(page, "reset-password-wrong");
  await page.fill("[name=new_password]", `${people.grace.password} and more`);
  await press(page, "form button");
  await look(page, "password-changed");
  await page.goto(wish.links.invite);
  await look(page, "invite");
}

async function forgottenPassword() {
  const page = await somebody();
  await page.goto(authorize());
  await press(page, "a[href*='/forgot-password']");
  await look(page, "forgot-password");
  await page.fill("#username", "nobody");
  await press(page, "form button");
  await look(page, "mail-sent");
}

async function registration() {
  const page = await somebody();
  await page.goto(authorize());
  await press(page, "a[href*='/register']");
  await look(page, "register");
  await page.fill("#email", "new@example.com");
  await press(page, "form button");
  await look(page, "register-mail-sent");
  await page.goto(wish.links.account);
  await look(page, "create-account");
  await page.fill("#name", "Someone");
  await page.fill("#username", "ada");
  await page.fill("#new_password", "password");
  await press(page, "form button");
  await look(page, "create-account-wrong");
  await page.goto(wish.links.verify);
  await look(page, "verify-email");
  await press(page, "form button");
  await look(page, "email-verified");
}

async function device() {
  const page = await somebody();
  await page.goto(`${wish.issuer}/device`);
  await look(page, "device-code");
  await page.fill("#user_code", "BBBB-BBBB");
  await press(page, "form button");
  await look(page, "device-code-wrong");
  await page.fill("#user_code", wish.userCode);
  await press(page, "form button");
  await fillIn(page, people.ada);
  await look(page, "device-confirmation");
  await press(page, "[name=answer][value=accept]");
  await look(page, "device-done");
}

async function formPost() {
  const page = await somebody();
  // Else it sends itself at once.
  await page.route("**/submit*.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await page.goto(authorize({ response_mode: "form_post", prompt: "none" }));
  await look(page, "form-post");
}

// That the inspection finds a fault where there is one: a picture from elsewhere, without words.
async function withFaults() {
  const found = new Inspection("faulty", wish.language);
  const context = await open(browser, { locale: language });
  watch(context, found.problems);
  const page = await context.newPage();
  await page.goto(authorize());
  await page.evaluate((src) => document.querySelector("main").append(Object.assign(new Image(), { src })), client.redirect_uri);
  await found.look(page, "login");
  return found.problems;
}

// The pages behind those that everybody meets.
async function everythingElse() {
  await offer();
  const hedy = await account();
  await stepUp(hedy);
  await secondFactor(hedy);
  await deleteAccount(hedy);
  await links();
  await registration();
  await device();
  await formPost();
  return withFaults();
}

const page = await signInWithPassword();
await onceMore(page);
if (!isWhole) {
  await page.goto(`${wish.issuer}/account`);
  await look(page, "account");
}
await signOut(page);
await failures();
await forgottenPassword();
const faults = isWhole ? await everythingElse() : [];
await browser.close();
shop.close();
tell({ pages: inspection.pages, problems: inspection.problems, faults });

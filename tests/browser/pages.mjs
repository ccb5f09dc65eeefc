// Walks to every page of the issuer as people do, in one language, and inspects each.
import { application, fillIn, launch, open, tell, watch, wish } from "./browser.mjs";
import { Inspection } from "./inspection.mjs";

const { language, client, people } = wish;
const shop = await application(client.redirect_uri);
const browser = await launch();
const inspection = new Inspection(language, language);
const look = (page, name) => inspection.look(page, name);

const authorize = (more = {}) => {
  const parameters = {
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: "code",
    scope: "openid profile email offline_access",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    ui_locales: language,
    ...more,
  };
  return `${wish.issuer}/authorize?${new URLSearchParams(parameters)}`;
};

// A browser of somebody who speaks the language.
async function somebody() {
  const context = await open(browser, { locale: language });
  watch(context, inspection.problems);
  return context.newPage();
}

const arrives = (page) => page.waitForURL((url) => url.href.startsWith(client.redirect_uri));

async function signInWithPassword() {
  const page = await somebody();
  await page.goto(authorize());
  await look(page, "login");
  await fillIn(page, { ...people.ada, password: "not the password" });
  await look(page, "login-wrong");
  await fillIn(page, people.ada);
  await page.waitForSelector("[name=answer]");
  await look(page, "consent");
  await page.click("[name=answer][value=accept]");
  await arrives(page);
  return page;
}

async function onceMore(page) {
  await page.goto(authorize({ prompt: "select_account" }));
  await look(page, "select-account");
  await page.goto(authorize({ prompt: "login" }));
  await look(page, "login-again");
}

async function signOut(page) {
  await page.goto(`${wish.issuer}/logout`);
  await look(page, "logout");
  await page.click("[name=answer][value=sign_out]");
  await look(page, "logged-out");
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
  await page.click("form button");
  await look(page, "reset-password-wrong");
  await page.fill("[name=new_password]", `${people.grace.password} and more`);
  await page.click("form button");
  await look(page, "password-changed");
  await page.goto(wish.links.invite);
  await look(page, "invite");
}

async function forgottenPassword() {
  const page = await somebody();
  await page.goto(authorize());
  await page.click("a[href*='/forgot-password']");
  await look(page, "forgot-password");
  await page.fill("#username", "nobody");
  await page.click("form button");
  await look(page, "mail-sent");
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

const page = await signInWithPassword();
await onceMore(page);
await signOut(page);
await failures();
await links();
await forgottenPassword();
await formPost();
const faults = await withFaults();
await browser.close();
shop.close();
tell({ pages: inspection.pages, problems: inspection.problems, faults });

// Debian's Chromium for the stories: every name leads to this machine, and the certificate of the story is believed.
import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";

const TIMEOUT = 15_000;

// What the story wants, from standard input.
export const wish = JSON.parse(await text(process.stdin));

export const origin = (url) => new URL(url).origin;

function options() {
  const certificate = new X509Certificate(readFileSync(wish.certificate));
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return {
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--host-resolver-rules=MAP * 127.0.0.1",
      `--ignore-certificate-errors-spki-list=${createHash("sha256").update(spki).digest("base64")}`,
    ],
  };
}

// A browser whose windows share nothing.
export async function launch() {
  return chromium.launch(options());
}

// A browser with one profile, in which the person said what becomes of third-party cookies.
export async function profile(thirdPartyCookies) {
  const folder = mkdtempSync(join(wish.folder, "profile-"));
  const isBlocked = thirdPartyCookies === "blocked";
  const preferences = { cookie_controls_mode: isBlocked ? 1 : 0, block_third_party_cookies: isBlocked };
  mkdirSync(join(folder, "Default"));
  writeFileSync(join(folder, "Default/Preferences"), JSON.stringify({ profile: preferences }));
  const context = await chromium.launchPersistentContext(folder, options());
  context.setDefaultTimeout(TIMEOUT);
  return context;
}

// A window of its own, with no cookies yet.
export async function open(browser, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...more });
  context.setDefaultTimeout(TIMEOUT);
  return context;
}

// The application at the other end: takes answers at its redirect URI by GET and POST, and keeps the last one.
export async function application(redirectUri) {
  const taken = { answer: undefined };
  const server = createServer({ key: readFileSync(wish.key), cert: readFileSync(wish.certificate) });
  server.on("request", async (request, response) => {
    const url = new URL(request.url, redirectUri);
    if (url.pathname === new URL(redirectUri).pathname) {
      const parameters = request.method === "POST" ? new URLSearchParams(await text(request)) : url.searchParams;
      taken.answer = { method: request.method, ...Object.fromEntries(parameters) };
    }
    response.setHeader("content-type", "text/html").end("<!doctype html><title>Application</title><h1>Welcome</h1>");
  });
  await new Promise((resolve) => server.listen(new URL(redirectUri).port, "127.0.0.1", resolve));
  taken.close = () => server.closeAllConnections() ?? server.close();
  return taken;
}

// The address of an authorization request of the client, with what is special about it.
export function requestUrl(more = {}) {
  const parameters = {
    client_id: wish.client.client_id,
    redirect_uri: wish.client.redirect_uri,
    response_type: "code",
    scope: "openid profile",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    ...more,
  };
  return `${wish.issuer}/authorize?${new URLSearchParams(parameters)}`;
}

// The page came back to the client.
export const arrives = (page) => page.waitForURL((url) => url.href.startsWith(wish.client.redirect_uri));

// Goes to the issuer as the application sends people there, does what the pages want, and comes back with an answer.
export async function authorize(page, taken, more, act = () => {}) {
  taken.answer = undefined;
  await page.goto(requestUrl(more));
  await act();
  await arrives(page);
  return taken.answer;
}

// Everything that should not be seen on the pages of the issuer: what is loaded from elsewhere, scripts that fail, and
// what the Content Security Policy had to stop. One list for all windows.
export function watch(context, problems) {
  const isIssuer = (url) => url?.startsWith(`${wish.issuer}/`);
  context.on("console", (message) => {
    const said = message.text();
    if (/Content Security Policy|violates the following/i.test(said)) problems.push(`console: ${said}`);
    else if (message.type() === "error" && isIssuer(message.location().url) && !/status of 4\d\d/.test(said)) {
      problems.push(`console: ${said}`);
    }
  });
  context.on("weberror", (error) => problems.push(`script: ${error.error().message}`));
  context.on("request", (request) => {
    const page = request.frame().url();
    if (request.isNavigationRequest() || !isIssuer(page) || request.url().startsWith("data:")) return;
    if (!isIssuer(request.url())) problems.push(`third party: ${page} loads ${request.url()}`);
  });
}

// Presses what leads to another page, and waits for it.
export async function press(page, selector) {
  const arrived = page.waitForEvent("load");
  await page.click(selector);
  await arrived;
}

// The login form, as a person fills it in.
export async function fillIn(page, { username, password }) {
  await page.fill("#username", username);
  await page.fill("#password", password);
  await press(page, "#login button");
}

// The script of the login form found that the browser can keep a passkey.
export const knowsThatItCan = (page) => page.waitForSelector("[name=passkey_capable][value=yes]", { state: "attached" });

// As if the browser had been closed: who signed in here before is known, and signs in anew.
export const endSession = (page) => page.context().clearCookies({ name: "__Host-session" });

// A passkey provider of the page's own, which says yes at once.
export async function authenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  return {
    passkeys: async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    takeAway: () => devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId }),
  };
}

export function tell(what) {
  console.log(JSON.stringify(what));
}

// Signs in and out with scripts turned off, from the first page to the callback.
import { application, fillIn, launch, open, tell, watch, wish } from "./browser.mjs";

const { client, people } = wish;
const problems = [];
const shop = await application(client.redirect_uri);
const browser = await launch();
const context = await open(browser, { javaScriptEnabled: false });
watch(context, problems);
const page = await context.newPage();

// Goes to the issuer as the application sends people there, does what the pages want, and comes back with an answer.
async function authorize(more, act) {
  const parameters = {
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: "code",
    scope: "openid profile",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    ...more,
  };
  shop.answer = undefined;
  await page.goto(`${wish.issuer}/authorize?${new URLSearchParams(parameters)}`);
  await act();
  await page.waitForURL((url) => url.href.startsWith(client.redirect_uri));
  const { code, ...rest } = shop.answer;
  return { ...rest, has_code: Boolean(code) };
}

const query = await authorize({ state: "by-query" }, async () => {
  await fillIn(page, people.ada);
  await page.click("[name=answer][value=accept]");
});
const formPost = await authorize({ state: "by-form", response_mode: "form_post" }, () => page.click("button"));
const formPostAfterSignIn = await authorize(
  { state: "by-both", response_mode: "form_post", prompt: "login" },
  async () => {
    await page.fill("#password", people.ada.password);
    await page.click("#login button");
    await page.waitForSelector(`form[action="${client.redirect_uri}"]`);
    await page.click("button");
  },
);
const refused = await authorize({ state: "no", scope: "openid email", prompt: "consent" }, () =>
  page.click("[name=answer][value=refuse]"),
);
await page.goto(`${wish.issuer}/logout`);
await page.click("[name=answer][value=sign_out]");
const silent = await authorize({ state: "out", prompt: "none" }, () => {});
await browser.close();
shop.close();
tell({ query, formPost, formPostAfterSignIn, refused, silent, problems });

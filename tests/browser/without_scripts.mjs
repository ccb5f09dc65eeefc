// Signs in and out with scripts turned off, from the first page to the callback.
import { application, authorize, fillIn, launch, open, tell, watch, wish } from "./browser.mjs";

const { client, people } = wish;
const problems = [];
const shop = await application(client.redirect_uri);
const browser = await launch();
const context = await open(browser, { javaScriptEnabled: false });
watch(context, problems);
const page = await context.newPage();

// What the client is told, without the code itself.
async function answer(more, act) {
  const { code, ...rest } = await authorize(page, shop, more, act);
  return { ...rest, has_code: Boolean(code) };
}

const query = await answer({ state: "by-query" }, async () => {
  await fillIn(page, people.ada);
  await page.click("[name=answer][value=accept]");
});
const formPost = await answer({ state: "by-form", response_mode: "form_post" }, () => page.click("button"));
const formPostAfterSignIn = await answer(
  { state: "by-both", response_mode: "form_post", prompt: "login" },
  async () => {
    await page.fill("#password", people.ada.password);
    await page.click("#login button");
    await page.waitForSelector(`form[action="${client.redirect_uri}"]`);
    await page.click("button");
  },
);
const refused = await answer({ state: "no", scope: "openid email", prompt: "consent" }, () =>
  page.click("[name=answer][value=refuse]"),
);
await page.goto(`${wish.issuer}/logout`);
await page.click("[name=answer][value=sign_out]");
const silent = await answer({ state: "out", prompt: "none" });
await browser.close();
shop.close();
tell({ query, formPost, formPostAfterSignIn, refused, silent, problems });

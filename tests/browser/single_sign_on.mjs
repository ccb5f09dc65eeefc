// Signs in at one application, is silently signed in at two others, signs out at the first, and looks at the others.
import { fillIn, origin, profile, tell, watch, wish } from "./browser.mjs";

const { shop, news, board, person } = wish;
const problems = [];

// The pages of the issuer that a person had to look at meanwhile.
function pagesOfIssuer(page) {
  const seen = [];
  page.on("response", (response) => {
    const isPage = response.request().isNavigationRequest() && response.frame() === page.mainFrame();
    if (isPage && origin(response.url()) === wish.issuer && response.status() < 300) {
      seen.push(new URL(response.url()).pathname);
    }
  });
  return seen;
}

// What an application's cookie does in a frame of another site.
async function cookiesInFrame(thirdPartyCookies) {
  const context = await profile(thirdPartyCookies);
  const page = await context.newPage();
  await page.goto(`${news}/keepsake`);
  await page.goto(`${news}/keepsake`);
  const own = await page.textContent("body");
  await page.goto(shop);
  await page.evaluate((address) => {
    const frame = document.createElement("iframe");
    frame.src = address;
    document.body.append(frame);
    return new Promise((resolve) => frame.addEventListener("load", resolve));
  }, `${news}/keepsake`);
  const framed = await page.frames()[1].textContent("body");
  await context.close();
  return { own, framed };
}

const context = await profile("blocked");
watch(context, problems);
const pages = { shop: await context.newPage(), news: await context.newPage(), board: await context.newPage() };
const seen = Object.fromEntries(Object.entries(pages).map(([name, page]) => [name, pagesOfIssuer(page)]));
const state = (page, text) => page.waitForSelector(`#state:text("${text}")`);

// Who each application says is signed in, asked anew; the single page asks by renewing its tokens.
async function users() {
  const found = {};
  for (const name of ["shop", "news"]) {
    await pages[name].goto(wish[name]);
    found[name] = await pages[name].textContent("#user");
  }
  await pages.board.click("#refresh");
  await pages.board.waitForSelector("#state:not(:text('refreshing'))");
  found.board = await pages.board.textContent("#user");
  found.why = await pages.board.textContent("#state");
  return found;
}

// Signs in at an application, and says which pages of the issuer had to be looked at.
async function signIn(name) {
  const page = pages[name];
  await page.click("text=Sign in");
  await Promise.race([page.waitForSelector("#user:not(:empty)"), page.waitForSelector("#login")]);
  if (await page.$("#login")) {
    await fillIn(page, person);
    await page.waitForSelector("#user:not(:empty)");
  }
  return seen[name].splice(0);
}

async function openAll() {
  await pages.shop.goto(shop);
  await pages.news.goto(news);
  await pages.board.goto(board);
  await state(pages.board, "ready");
}

await openAll();
const first = { shop: await signIn("shop"), news: await signIn("news"), board: await signIn("board") };
const signedIn = await users();
await pages.shop.click("text=Sign out");
await pages.shop.waitForURL(`${shop}/`);
const left = { asked: seen.shop.splice(0), ...(await users()) };

// The other way round: in by the single page, out by the single page.
await openAll();
const second = { board: await signIn("board"), shop: await signIn("shop"), news: await signIn("news") };
const signedInAgain = await users();
await pages.board.click("#sign-out");
await state(pages.board, "ready");
const leftAgain = { asked: seen.board.splice(0), ...(await users()) };
await context.close();

const cookies = { blocked: await cookiesInFrame("blocked"), allowed: await cookiesInFrame("allowed") };
tell({ first, signedIn, left, second, signedInAgain, leftAgain, problems, cookies });

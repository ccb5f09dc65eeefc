// What is looked at on every page that a person is shown: axe in both color schemes, the weight of everything that it
// loads, whether it fits the narrowest screen, and pictures of it. A short look sees one scheme on a phone.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { wish } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const MAX_BYTES = 50 * 1024;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const LOOKS = {
  long: { schemes: ["light", "dark"], devices: { phone: PHONE, desktop: DESKTOP } },
  short: { schemes: ["light"], devices: { phone: PHONE } },
};
// WCAG 2.2 §1.4.10: content reflows at 320 CSS pixels.
const NARROWEST = { width: 320, height: 640 };

export class Inspection {
  constructor(name, language, length = "long") {
    this.name = name;
    this.looks = LOOKS[length];
    this.language = language;
    this.problems = [];
    this.pages = {};
    this.folder = join(wish.screenshots, name);
    mkdirSync(this.folder, { recursive: true });
  }

  // Looks at the page that is shown; the name is for the pictures and the report.
  async look(page, name) {
    const wrong = (what) => this.problems.push(`${this.name} ${name}: ${what}`);
    if (!page.url().startsWith(`${wish.issuer}/`)) return wrong(`the browser is at ${page.url()}`);
    const root = await page.evaluate(() => [document.documentElement.lang, document.dir, document.title]);
    if (root[0] !== this.language) wrong(`the page is in ${root[0]}`);
    if (root[1] !== (this.language === "ar" ? "rtl" : "ltr")) wrong(`the page runs ${root[1]}`);

    const bytes = await this.#weigh(page);
    if (bytes > MAX_BYTES) wrong(`weighs ${bytes} bytes`);
    this.pages[name] = { path: new URL(page.url()).pathname, title: root[2], bytes };

    for (const colorScheme of this.looks.schemes) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const found of await this.#axe(page)) wrong(`${colorScheme}: ${found}`);
      for (const [device, size] of Object.entries(this.looks.devices)) {
        await page.setViewportSize(size);
        const path = join(this.folder, `${name}-${colorScheme}-${device}.png`);
        await page.screenshot({ path, fullPage: true });
      }
    }
    await page.setViewportSize(NARROWEST);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > NARROWEST.width) wrong(`is ${width} pixels wide on the narrowest screen`);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(DESKTOP);
  }

  // As it is, before compression: the page and all that it loads, also what is in the cache by now.
  async #weigh(page) {
    return page.evaluate(async () => {
      // The browser itself fetches the icon of the window, and does not say how large it is.
      for (const { href } of document.querySelectorAll("link[rel=icon]")) {
        const icon = new Image();
        icon.src = href;
        await icon.decode();
      }
      const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      return loaded.reduce((sum, entry) => sum + entry.decodedBodySize, 0);
    });
  }

  async #axe(page) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run({ rules: { "target-size": { enabled: true } } }));
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  }
}

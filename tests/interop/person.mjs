// A person at a browser without scripts: follows redirects, keeps cookies, and fills in the forms of the issuer.

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"' };

const decoded = (text) =>
  text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole, name) => {
    if (name[0] !== "#") return ENTITIES[name] ?? whole;
    return String.fromCodePoint(name[1] === "x" ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10));
  });

const attribute = (tag, name) => {
  const found = tag.match(new RegExp(`\\s${name}="([^"]*)"`));
  return found ? decoded(found[1]) : undefined;
};

// The form of a page that is meant for everybody: those that need scripts are hidden.
function formOf(html) {
  for (const [whole, tag, content] of html.matchAll(/(<form\b[^>]*>)(.*?)<\/form>/gs)) {
    if (/\shidden\b/.test(tag)) continue;
    const fields = [...content.matchAll(/<input\b[^>]*>/g)].map(([input]) => [
      attribute(input, "name"),
      attribute(input, "value") ?? "",
    ]);
    return { action: attribute(tag, "action"), fields: new URLSearchParams(fields), html: whole };
  }
  throw new Error(`a page without a form: ${html}`);
}

export class Person {
  #cookies = new Map();

  constructor({ username, password }) {
    this.answers = { username, password };
    // What each page was, in order: the names of its fields.
    this.seen = [];
  }

  // Opens an address of the issuer and does what its pages ask, until the browser is sent elsewhere or nothing is asked.
  async visit(address) {
    const start = new URL(address);
    let url = start;
    let request = { method: "GET" };
    for (let steps = 0; steps < 20; steps += 1) {
      const response = await this.#send(url, request);
      const location = response.headers.get("location");
      if (location) {
        url = new URL(location, url);
        if (url.origin !== start.origin) return url;
        request = { method: "GET" };
        continue;
      }
      const html = await response.text();
      if (!response.ok) throw new Error(`${response.status} at ${url.pathname}: ${html}`);
      if (!/<form\b/.test(html)) return html;
      const form = formOf(html);
      url = new URL(form.action, url);
      request = { method: "POST", body: this.#fill(form) };
    }
    throw new Error("the pages never end");
  }

  #fill({ fields, html }) {
    this.seen.push([...fields.keys()].filter((name) => !["csrf", "continue", "passkey_capable"].includes(name)).join(" ") || "answer");
    for (const [name, value] of Object.entries(this.answers)) {
      if (fields.has(name)) fields.set(name, value);
    }
    // The first button of a question is the answer that it hopes for.
    const button = html.match(/<button\b[^>]*\sname="answer"[^>]*>/);
    if (button) fields.set("answer", attribute(button[0], "value"));
    return fields;
  }

  async #send(url, request) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...request, redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split(/=(.*)/s);
      if (/;\s*max-age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}

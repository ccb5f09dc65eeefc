// A real Express application with `cookie-session`: keeps a token in its session, and says which session it reads.
// stdin: {"token": "…", "cookies": ["session=…", …]}
// stdout: {"unsigned": "session=…", "signed": "session=…; session.sig=…", "read": [the session of each cookie]}
import { once } from "node:events";
import { text } from "node:stream/consumers";
import cookieSession from "cookie-session";
import express from "express";

/** Without TLS, since it is asked on loopback. */
async function start(options) {
  const app = express();
  app.use(cookieSession({ name: "session", httpOnly: true, sameSite: "lax", ...options }));
  app.post("/enter", express.text(), (request, response) => {
    request.session = { jwt: request.body, views: 1 };
    response.end();
  });
  app.get("/session", (request, response) => response.json(request.session));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}`, server };
}

async function enter({ url }, token) {
  const headers = { "content-type": "text/plain" };
  const answer = await fetch(`${url}/enter`, { method: "POST", headers, body: token });
  return answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
}

const { token, cookies } = JSON.parse(await text(process.stdin));
const unsigned = await start({ signed: false });
const signed = await start({ keys: ["a secret of this application alone"] });
const read = [];
for (const cookie of cookies) {
  read.push(await (await fetch(`${unsigned.url}/session`, { headers: { cookie } })).json());
}
console.log(JSON.stringify({ unsigned: await enter(unsigned, token), signed: await enter(signed, token), read }));
[unsigned, signed].forEach(({ server }) => server.close());

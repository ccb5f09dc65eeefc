// Gets tokens that are bound to a certificate with npm `openid-client`, uses them at a service, and prints what came of it as JSON.
// Usage: node mtls.mjs <WISH   (a JSON object: issuer, service, resource, app, client, thief, person; certificates are files)
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { buffer, text } from "node:stream/consumers";
import * as oauth from "openid-client";
import { Person } from "./person.mjs";

const { issuer, service, resource, app, client, thief, person: credentials } = JSON.parse(await text(process.stdin));

/** `fetch`, in connections that show this certificate. */
const showing = (certificate) => async (url, { method, body, headers }) => {
  const identity = certificate && { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) };
  const response = await new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: Object.fromEntries(new Headers(headers)), agent: false, ...identity }, resolve);
    sent.on("error", reject).end(body instanceof URLSearchParams ? body.toString() : (body ?? undefined));
  });
  const content = await buffer(response);
  const answer = Object.entries(response.headers).map(([name, value]) => [name, `${value}`]);
  return new Response(content.length ? content : null, { status: response.statusCode, headers: answer });
};
const discover = (party) =>
  oauth.discovery(new URL(issuer), party.client_id, { use_mtls_endpoint_aliases: true }, oauth.TlsClientAuth(), {
    [oauth.customFetch]: showing(party),
  });
const refused = (act) => act.then(() => "not refused", (error) => error.error ?? error.status ?? `${error}`);

// An app by itself, by a certificate of the authority.
const configuration = await discover(app);
const tokens = await oauth.clientCredentialsGrant(configuration, { resource, scope: "payments:read" });
const pay = (certificate) =>
  showing(certificate)(new URL("/pay", service), {
    method: "GET",
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
const impostor = await discover({ ...thief, client_id: app.client_id });
const impersonated = await refused(oauth.clientCredentialsGrant(impostor, { resource }));

// A person through a client that registered its key: pushed request, code, UserInfo and refresh token.
const web = await discover(client);
const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
const expectedState = oauth.randomState();
const address = await oauth.buildAuthorizationUrlWithPAR(web, {
  redirect_uri: client.redirect_uri,
  scope: "openid offline_access",
  code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
  state: expectedState,
});
const callback = await new Person(credentials).visit(address);
const signedIn = await oauth.authorizationCodeGrant(web, callback, { pkceCodeVerifier, expectedState });
const subject = signedIn.claims().sub;
const userinfo = await oauth.fetchUserInfo(web, signedIn.access_token, subject);
const stolen = await discover({ ...thief, client_id: client.client_id });
const told = await oauth.fetchUserInfo(stolen, signedIn.access_token, subject).then(
  () => "not refused",
  (error) => error.cause?.[0]?.parameters?.error ?? error.status ?? `${error}`,
);
const refreshed = await oauth.refreshTokenGrant(web, signedIn.refresh_token);

console.log(
  JSON.stringify({
    token_type: tokens.token_type,
    told: await (await pay(app)).text(),
    without: (await pay()).status,
    with_another: (await pay(thief)).status,
    impersonated,
    subject,
    userinfo,
    userinfo_with_another: told,
    refreshed: refreshed.token_type,
  }),
);

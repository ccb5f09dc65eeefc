// Signs a person in with npm `openid-client`, from discovery to logout, and prints what came of it as JSON.
// Usage: node sign_in.mjs <WISH   (a JSON object: issuer, client, person, and what is wanted)
import { text } from "node:stream/consumers";
import * as oauth from "openid-client";
import { privateKey } from "./keys.mjs";
import { Person } from "./person.mjs";

const { issuer, client, person: credentials, scope } = JSON.parse(await text(process.stdin));
const key = client.private_jwk ? await privateKey(client.private_jwk) : undefined;
const authentication = {
  none: () => oauth.None(),
  client_secret_basic: () => oauth.ClientSecretBasic(client.client_secret),
  client_secret_post: () => oauth.ClientSecretPost(client.client_secret),
  private_key_jwt: () => oauth.PrivateKeyJwt(key),
}[client.method]();
const configuration = await oauth.discovery(new URL(issuer), client.client_id, client.metadata ?? {}, authentication);
const person = new Person(credentials);

// The ways in which a request can travel.
const signed = (configuration, parameters) => oauth.buildAuthorizationUrlWithJAR(configuration, parameters, key);
const requests = {
  plain: oauth.buildAuthorizationUrl,
  pushed: oauth.buildAuthorizationUrlWithPAR,
  signed,
  signed_and_pushed: async (configuration, parameters) =>
    oauth.buildAuthorizationUrlWithPAR(configuration, (await signed(configuration, parameters)).searchParams),
};
const [first, second] = (client.requests ?? ["plain", "pushed"]).map((name) => requests[name]);

// The code flow with everything that the library can check.
async function signIn(build, more = {}) {
  const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [oauth.randomState(), oauth.randomNonce()];
  const url = await build(configuration, {
    redirect_uri: client.redirect_uri,
    scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
    ...more,
  });
  const callback = await person.visit(url);
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
  return oauth.authorizationCodeGrant(configuration, callback, checks);
}

const refused = (act) => act.then(() => "not refused", (error) => error.error ?? `${error}`);

const tokens = await signIn(first);
const claims = tokens.claims();
const userinfo = await oauth.fetchUserInfo(configuration, tokens.access_token, claims.sub);
const pagesOfFirst = person.seen.splice(0);
const again = await signIn(second, { prompt: "none" });
const pagesOfSecond = person.seen.splice(0);
const refreshed = await oauth.refreshTokenGrant(configuration, tokens.refresh_token);

const left = await person.visit(
  oauth.buildEndSessionUrl(configuration, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: client.post_logout_redirect_uri,
    state: "afterwards",
  }),
);
const pagesOfLogout = person.seen.splice(0);

console.log(
  JSON.stringify({
    claims,
    userinfo,
    scope: tokens.scope,
    again: again.claims(),
    refreshed: refreshed.claims(),
    left,
    pages: { first: pagesOfFirst, second: pagesOfSecond, logout: pagesOfLogout },
    silent: await refused(signIn(first, { prompt: "none" })),
    refresh_after_logout: await refused(oauth.refreshTokenGrant(configuration, refreshed.refresh_token)),
  }),
);

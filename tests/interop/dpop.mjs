// Gets tokens that are bound to a key with npm `openid-client`, uses them at a service, and prints what came of it as JSON.
// Usage: node dpop.mjs <WISH   (a JSON object: issuer, service, resource, app, client, person)
import { text } from "node:stream/consumers";
import * as oauth from "openid-client";
import { Person } from "./person.mjs";

const { issuer, service, resource, app, client, person: credentials } = JSON.parse(await text(process.stdin));
const discover = (id, authentication) =>
  // The service is on loopback without TLS; everything else is the library's default.
  oauth.discovery(new URL(issuer), id, undefined, authentication, { execute: [oauth.allowInsecureRequests] });
const refused = (act) => act.then(() => "not refused", (error) => error.error ?? `${error}`);

// An app by itself. The library learns the nonces of issuer and service from their refusals.
const configuration = await discover(app.client_id, oauth.ClientSecretPost(app.client_secret));
const DPoP = oauth.getDPoPHandle(configuration, await oauth.randomDPoPKeyPair("ES256"));
const wanted = { resource, scope: "payments:read" };
const tokens = await oauth.clientCredentialsGrant(configuration, wanted, { DPoP });
const pay = (token, headers, options) =>
  oauth.fetchProtectedResource(configuration, token, new URL("/pay?amount=1", service), "GET", undefined, headers, options);
const first = await pay(tokens.access_token, undefined, { DPoP });
const second = await pay(tokens.access_token, undefined, { DPoP });
const thief = oauth.getDPoPHandle(configuration, await oauth.randomDPoPKeyPair("ES256"));
const status = async (options) =>
  pay(tokens.access_token, undefined, options).then((response) => response.status, (error) => error.status);

// A person through a public client: pushed request, code, UserInfo and refresh token, all bound to the key.
const web = await discover(client.client_id, oauth.None());
const key = oauth.getDPoPHandle(web, await oauth.randomDPoPKeyPair("Ed25519"));
const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
const expectedState = oauth.randomState();
const request = {
  redirect_uri: client.redirect_uri,
  scope: "openid offline_access",
  code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
  state: expectedState,
};
const address = await oauth.buildAuthorizationUrlWithPAR(web, request, { DPoP: key });
const callback = await new Person(credentials).visit(address);
const checks = { pkceCodeVerifier, expectedState };
const signedIn = await oauth.authorizationCodeGrant(web, callback, checks, undefined, { DPoP: key });
const userinfo = await oauth.fetchUserInfo(web, signedIn.access_token, signedIn.claims().sub, { DPoP: key });
const stolen = await refused(oauth.refreshTokenGrant(web, signedIn.refresh_token, undefined, { DPoP: thief }));
const refreshed = await oauth.refreshTokenGrant(web, signedIn.refresh_token, undefined, { DPoP: key });

console.log(
  JSON.stringify({
    token_type: tokens.token_type,
    told: [await first.text(), await second.text()],
    as_bearer: await status({}),
    with_another_key: await status({ DPoP: thief }),
    subject: signedIn.claims().sub,
    userinfo,
    stolen,
    refreshed: refreshed.token_type,
  }),
);

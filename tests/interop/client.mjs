// Gets one access token with npm `openid-client`, by discovery and client_credentials; prints the answer as JSON.
// Usage: node client.mjs ISSUER CLIENT_ID METHOD RESOURCE SCOPE   (the secret, or the private JWK, comes on stdin)
import { text } from "node:stream/consumers";
import * as oauth from "openid-client";

const [issuer, clientId, method, resource, scope] = process.argv.slice(2);
const credential = (await text(process.stdin)).trim();

async function privateKeyJwt() {
  const jwk = JSON.parse(credential);
  const algorithm =
    jwk.kty === "EC" ? { name: "ECDSA", namedCurve: jwk.crv } : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
  return oauth.PrivateKeyJwt({ key, kid: jwk.kid });
}

const authentication = {
  client_secret_basic: () => oauth.ClientSecretBasic(credential),
  client_secret_post: () => oauth.ClientSecretPost(credential),
  private_key_jwt: privateKeyJwt,
};

// Loopback has no TLS; everything else is the library's default.
const configuration = await oauth.discovery(new URL(issuer), clientId, undefined, await authentication[method](), {
  execute: [oauth.allowInsecureRequests],
});
console.log(JSON.stringify(await oauth.clientCredentialsGrant(configuration, { resource, scope })));

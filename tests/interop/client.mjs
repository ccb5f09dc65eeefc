// Gets one access token with npm `openid-client`, by discovery and client_credentials; prints the answer as JSON.
// Usage: node client.mjs ISSUER CLIENT_ID METHOD RESOURCE SCOPE   (the secret, or the private JWK, comes on stdin)
import { text } from "node:stream/consumers";
import * as oauth from "openid-client";
import { privateKey } from "./keys.mjs";

const [issuer, clientId, method, resource, scope] = process.argv.slice(2);
const credential = (await text(process.stdin)).trim();

const authentication = {
  client_secret_basic: () => oauth.ClientSecretBasic(credential),
  client_secret_post: () => oauth.ClientSecretPost(credential),
  private_key_jwt: async () => oauth.PrivateKeyJwt(await privateKey(credential)),
};

// Loopback has no TLS; everything else is the library's default.
const configuration = await oauth.discovery(new URL(issuer), clientId, undefined, await authentication[method](), {
  execute: [oauth.allowInsecureRequests],
});
console.log(JSON.stringify(await oauth.clientCredentialsGrant(configuration, { resource, scope })));

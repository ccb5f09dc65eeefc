// Signs a device in with npm `openid-client` (RFC 8628), while a person says yes at a browser, and prints what came of it
// as JSON.
// Usage: node device.mjs <WISH   (a JSON object: issuer, client, person, and what is wanted)
import { text } from "node:stream/consumers";
import * as oauth from "openid-client";
import { Person } from "./person.mjs";

const { issuer, client, person: credentials, scope } = JSON.parse(await text(process.stdin));
const configuration = await oauth.discovery(new URL(issuer), client.client_id, undefined, oauth.None());
const person = new Person(credentials);

const device = await oauth.initiateDeviceAuthorization(configuration, { scope });
const polled = oauth.pollDeviceAuthorizationGrant(configuration, device);
await person.visit(device.verification_uri_complete);
const tokens = await polled;
const claims = tokens.claims();
const userinfo = await oauth.fetchUserInfo(configuration, tokens.access_token, claims.sub);
const refreshed = await oauth.refreshTokenGrant(configuration, tokens.refresh_token);
const again = await oauth
  .pollDeviceAuthorizationGrant(configuration, { ...device, interval: 0 })
  .then(() => "not refused", (error) => error.error);

console.log(JSON.stringify({ claims, userinfo, pages: person.seen, refreshed: refreshed.claims(), again }));

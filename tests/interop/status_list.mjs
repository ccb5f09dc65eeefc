// Looks up the status of access tokens in their lists with `@sd-jwt/jwt-status-list`; `jose` verifies the lists.
// Usage: status_list.mjs ISSUER, the tokens as a JSON array on stdin; prints the status of each, 0 or 1.
import { text } from "node:stream/consumers";
import { getListFromStatusListJWT, getStatusListFromJWT } from "@sd-jwt/jwt-status-list";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [issuer] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));

async function status(token) {
    const { uri, idx } = getStatusListFromJWT(token);
    const response = await fetch(uri, { headers: { accept: "application/statuslist+jwt" } });
    if (response.headers.get("content-type") !== "application/statuslist+jwt") {
        throw new Error(`${uri}: ${response.status}`);
    }
    const list = await response.text();
    const { payload } = await jwtVerify(list, keys, { issuer, subject: uri, typ: "statuslist+jwt" });
    if (!(payload.ttl > 0)) {
        throw new Error("no ttl");
    }
    return getListFromStatusListJWT(list).getStatus(idx);
}

const tokens = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(await Promise.all(tokens.map(status))));

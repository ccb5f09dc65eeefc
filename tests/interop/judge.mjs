// Judges access tokens with npm `jose`: one token a line on stdin, one verdict a line on stdout.
// Usage: node judge.mjs ISSUER AUDIENCE JWKS_URL MAX_AGE_SECONDS
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [issuer, audience, jwksUrl, maxAgeSeconds] = process.argv.slice(2);
const maxAge = Number(maxAgeSeconds) * 1000;

// jose does not read Cache-Control; a deployment gives it the issuer's max-age here.
const keys = createRemoteJWKSet(new URL(jwksUrl), { cacheMaxAge: maxAge, cooldownDuration: maxAge });

for await (const token of createInterface({ input: process.stdin })) {
  try {
    await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: "at+jwt",
      algorithms: ["ES256", "RS256"],
      requiredClaims: ["sub", "client_id", "exp", "iat", "jti"],
    });
    console.log("ok");
  } catch (error) {
    console.log(`refused: ${error.code ?? error.name}: ${error.message}`);
  }
}

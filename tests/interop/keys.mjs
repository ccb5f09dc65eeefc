// A private key as npm `openid-client` wants it, from a JWK.

export async function privateKey(text) {
  const jwk = JSON.parse(text);
  const algorithm =
    jwk.kty === "EC" ? { name: "ECDSA", namedCurve: jwk.crv } : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  return { key: await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]), kid: jwk.kid };
}

// Opens what was encrypted for it with npm `jose`, encrypts the same, and prints both as JSON.
// Usage: encrypted.mjs <WISH   (a list of objects: key, alg, enc, signed, encrypted)
import { CompactEncrypt, compactDecrypt, importJWK } from "jose";
import { text } from "node:stream/consumers";

const answers = [];
for (const { key, alg, enc, signed, encrypted } of JSON.parse(await text(process.stdin))) {
  const options = { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [enc] };
  const opened = await compactDecrypt(encrypted, await importJWK(key, alg), options);
  const { kty, crv, x, y, n, e } = key;
  const theirs = await importJWK({ kty, crv, x, y, n, e }, alg);
  const made = await new CompactEncrypt(new TextEncoder().encode(signed))
    .setProtectedHeader({ alg, enc, cty: "JWT", kid: key.kid })
    .encrypt(theirs);
  answers.push({ opened: new TextDecoder().decode(opened.plaintext), cty: opened.protectedHeader.cty, encrypted: made });
}
console.log(JSON.stringify(answers));

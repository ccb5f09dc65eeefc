"""Judges access tokens with PyJWT and joserfc: one token a line on stdin, one verdict a line on stdout.

Usage: judge.py pyjwt|joserfc ISSUER AUDIENCE JWKS_URL MAX_AGE_SECONDS
"""

import sys
import time

import joserfc.jwt
import jwt
import requests
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

ALGORITHMS = ["ES256", "RS256"]
REQUIRED = ["iss", "sub", "aud", "client_id", "exp", "iat", "jti"]


class PyJwt:
    """PyJWT with its own cached key client."""

    def __init__(self, issuer, audience, jwks_url, max_age):
        self.issuer, self.audience = issuer, audience
        self.keys = jwt.PyJWKClient(jwks_url, lifespan=max_age)

    def judge(self, token):
        key = self.keys.get_signing_key_from_jwt(token)
        jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=self.issuer,
            audience=self.audience,
            options={"require": REQUIRED},
        )
        if jwt.get_unverified_header(token)["typ"] != "at+jwt":
            raise ValueError("typ is not at+jwt")


class Joserfc:
    """joserfc has no key client: the set is fetched again when it is older than the max-age."""

    def __init__(self, issuer, audience, jwks_url, max_age):
        self.jwks_url, self.max_age = jwks_url, max_age
        self.fetched_at, self.keys = None, None
        required = {name: {"essential": True} for name in REQUIRED}
        required["iss"]["value"] = issuer
        required["aud"]["value"] = audience
        self.claims = JWTClaimsRegistry(**required)

    def judge(self, token):
        now = time.monotonic()
        if self.fetched_at is None or now - self.fetched_at >= self.max_age:
            self.keys = KeySet.import_key_set(requests.get(self.jwks_url, timeout=5).json())
            self.fetched_at = now
        decoded = joserfc.jwt.decode(token, self.keys, algorithms=ALGORITHMS)
        self.claims.validate(decoded.claims)
        if decoded.header["typ"] != "at+jwt":
            raise ValueError("typ is not at+jwt")


def main():
    library, issuer, audience, jwks_url, max_age = sys.argv[1:]
    judge = {"pyjwt": PyJwt, "joserfc": Joserfc}[library](issuer, audience, jwks_url, float(max_age))
    for line in sys.stdin:
        try:
            judge.judge(line.strip())
            print("ok", flush=True)
        except Exception as error:  # every kind of refusal is a verdict
            print(f"refused: {type(error).__name__}: {error}", flush=True)


main()

"""Takes security event tokens that are pushed to it (RFC 8935), verifies them with jwcrypto, and prints what each says.

Usage: push_receiver.py PORT ISSUER AUDIENCE AUTHORIZATION

There is no receiver of pushed signals among the packages of PyPI, npm and crates.io: the endpoint is written here after the RFC,
and only signature and claims are judged by a library of others.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from jwcrypto.jwk import JWKSet
from jwcrypto.jws import JWS

PORT, ISSUER, AUDIENCE, AUTHORIZATION = int(sys.argv[1]), *sys.argv[2:]
METADATA = requests.get(f"{ISSUER}/.well-known/ssf-configuration", timeout=5).json()
KEYS = JWKSet.from_json(requests.get(METADATA["jwks_uri"], timeout=5).text)
SEEN = set()


def judged(headers, body):
    """The claims, or the error of RFC 8935 §2.4."""
    if headers.get("Authorization") != AUTHORIZATION:
        return None, "authentication_failed"
    if headers.get("Content-Type") != "application/secevent+jwt" or headers.get("Accept") != "application/json":
        return None, "invalid_request"
    token = JWS()
    token.allowed_algs = ["RS256"]
    try:
        token.deserialize(body)
        token.verify(KEYS.get_key(token.jose_header["kid"]))
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
        return None, "invalid_key"
    claims = json.loads(token.payload)
    if token.jose_header.get("typ") != "secevent+jwt" or "sub" in claims or "exp" in claims:
        return None, "invalid_request"
    if claims["iss"] != ISSUER:
        return None, "invalid_issuer"
    if claims["aud"] != AUDIENCE:
        return None, "invalid_audience"
    return claims, None


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        claims, error = judged(self.headers, body)
        # Before the answer: what comes after it is another signal.
        if claims and claims["jti"] not in SEEN:
            SEEN.add(claims["jti"])
            print(json.dumps(claims), flush=True)
        elif error:
            print(json.dumps({"refused": error}), flush=True)
        answer = json.dumps({"err": error, "description": error}).encode() if error else b""
        self.send_response(400 if error else 202)
        if error:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


print(json.dumps({"listening": PORT}), flush=True)
ThreadingHTTPServer(("127.0.0.1", PORT), Endpoint).serve_forever()

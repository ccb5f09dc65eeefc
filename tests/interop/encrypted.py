"""Opens what was encrypted for it with jwcrypto or joserfc, encrypts the same, and prints both as JSON.

Usage: encrypted.py jwcrypto|joserfc <WISH   (a list of objects: key, alg, enc, signed, encrypted)
"""

import json
import sys

import joserfc.jwe
import jwcrypto.jwe
import jwcrypto.jwk
from joserfc.jwk import import_key


def with_jwcrypto(wish):
    key = jwcrypto.jwk.JWK(**wish["key"])
    algorithms = [wish["alg"], wish["enc"]]
    theirs = jwcrypto.jwe.JWE(algs=algorithms)
    theirs.deserialize(wish["encrypted"], key=key)
    made = jwcrypto.jwe.JWE(
        wish["signed"].encode(), json.dumps(header(wish)), algs=algorithms, recipient=public(key)
    )
    return theirs.payload.decode(), theirs.jose_header["cty"], made.serialize(compact=True)


def public(key):
    return jwcrypto.jwk.JWK(**json.loads(key.export_public()))


def with_joserfc(wish):
    key = import_key(wish["key"])
    algorithms = [wish["alg"], wish["enc"]]
    theirs = joserfc.jwe.decrypt_compact(wish["encrypted"], key, algorithms=algorithms)
    made = joserfc.jwe.encrypt_compact(header(wish), wish["signed"], key, algorithms=algorithms)
    return theirs.plaintext.decode(), theirs.headers()["cty"], made


def header(wish):
    return {"alg": wish["alg"], "enc": wish["enc"], "cty": "JWT", "kid": wish["key"]["kid"]}


def main():
    library = {"jwcrypto": with_jwcrypto, "joserfc": with_joserfc}[sys.argv[1]]
    answers = []
    for wish in json.load(sys.stdin):
        opened, cty, encrypted = library(wish)
        answers.append({"opened": opened, "cty": cty, "encrypted": encrypted})
    print(json.dumps(answers))


main()

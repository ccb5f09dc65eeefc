"""Gets one access token with Authlib, by discovery and client_credentials; prints the answer as JSON.

Usage: client.py ISSUER CLIENT_ID METHOD RESOURCE SCOPE [ASSERTION_AUDIENCE]
(the secret, or the private JWK, comes on stdin; Authlib puts the token endpoint into `aud` unless told otherwise)
"""

import json
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey, RSAKey


def main():
    issuer, client_id, method, resource, scope, *audience = sys.argv[1:]
    credential = sys.stdin.read().strip()
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
    endpoint = metadata["token_endpoint"]

    if method != "private_key_jwt":
        session = OAuth2Session(client_id, credential, scope=scope, token_endpoint_auth_method=method)
    else:
        jwk = json.loads(credential)
        key = (ECKey if jwk["kty"] == "EC" else RSAKey).import_key(jwk)
        session = OAuth2Session(client_id, key, scope=scope, token_endpoint_auth_method=method)
        session.register_client_auth_method(
            PrivateKeyJWT(audience[0] if audience else endpoint, headers={"kid": jwk["kid"]}, alg=jwk["alg"])
        )

    print(json.dumps(session.fetch_token(endpoint, grant_type="client_credentials", resource=resource)))


main()

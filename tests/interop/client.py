"""Gets one access token with Authlib, by discovery and client_credentials; prints the answer as JSON.

Usage: client.py ISSUER CLIENT_ID METHOD RESOURCE SCOPE [ASSERTION_AUDIENCE]
(the secret, or the private JWK, comes on stdin; Authlib puts the token endpoint into `aud` unless told otherwise)
"""

import json
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT


def main():
    issuer, client_id, method, resource, scope, *audience = sys.argv[1:]
    credential = sys.stdin.read().strip()
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
    endpoint = metadata["token_endpoint"]

    secret = credential
    if method == "private_key_jwt":
        secret = json.loads(credential)
    session = OAuth2Session(client_id, secret, scope=scope, token_endpoint_auth_method=method)
    if method == "private_key_jwt":
        algorithm = "ES256" if secret["kty"] == "EC" else "RS256"
        audience = audience[0] if audience else endpoint
        session.register_client_auth_method(PrivateKeyJWT(audience, headers={"kid": secret["kid"]}, alg=algorithm))

    print(json.dumps(session.fetch_token(endpoint, grant_type="client_credentials", resource=resource)))


main()

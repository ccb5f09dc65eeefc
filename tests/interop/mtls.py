"""Gets a token that is bound to a certificate with requests_oauth2client, uses it at a service, and prints what came of it as JSON.

Usage: mtls.py <WISH   (a JSON object: issuer, service, resource, app, thief; certificates are files)
"""

import json
import sys

import requests
from requests_oauth2client import OAuth2Client, OAuth2Error, PublicApp


def session_of(party):
    session = requests.Session()
    if party:
        session.cert = (party["cert"], party["key"])
    return session


def main():
    wish = json.load(sys.stdin)
    metadata = requests.get(f"{wish['issuer']}/.well-known/openid-configuration", timeout=10).json()
    endpoint = metadata["mtls_endpoint_aliases"]["token_endpoint"]

    def token_of(party):
        # The library has no name for the method: a client that says who it is, in a session with a certificate.
        client = OAuth2Client(
            endpoint, auth=PublicApp(wish["app"]["client_id"]), session=session_of(party)
        )
        return client.client_credentials(resource=wish["resource"], scope="payments:read")

    token = token_of(wish["app"])

    def pay(party):
        return session_of(party).get(f"{wish['service']}/pay", auth=token, timeout=10)

    try:
        token_of(wish["thief"])
        impersonated = "not refused"
    except OAuth2Error as error:
        impersonated = error.error
    print(
        json.dumps(
            {
                "token_type": token.token_type,
                "told": pay(wish["app"]).text,
                "without": pay(None).status_code,
                "with_another": pay(wish["thief"]).status_code,
                "impersonated": impersonated,
            }
        )
    )


main()

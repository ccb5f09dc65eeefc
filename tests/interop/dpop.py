"""Gets a token that is bound to a key with requests_oauth2client, uses it at a service, and prints what came of it as JSON.

Usage: dpop.py <WISH   (a JSON object: issuer, service, resource, app)
"""

import json
import sys

import requests
from requests_oauth2client import BearerToken, DPoPKey, DPoPToken, OAuth2Client


def main():
    wish = json.load(sys.stdin)
    # The library learns the nonces of issuer and service from their refusals.
    client = OAuth2Client.from_discovery_endpoint(
        issuer=wish["issuer"],
        client_id=wish["app"]["client_id"],
        client_secret=wish["app"]["client_secret"],
        dpop_bound_access_tokens=True,
    )
    token = client.client_credentials(resource=wish["resource"], scope="payments:read")
    url = f"{wish['service']}/pay?amount=1"

    def pay(auth):
        return requests.get(url, auth=auth, timeout=10)

    def status(auth):
        try:
            return pay(auth).status_code
        except Exception as error:  # the library's own refusal to go on
            return f"{type(error).__name__}: {error}"

    told = [pay(token).text, pay(token).text]
    thief = DPoPKey.generate(rs_nonce=token.dpop_key.rs_nonce)
    stolen = requests.get(url, headers=headers_of(token, thief, url), timeout=10).status_code
    print(
        json.dumps(
            {
                "token_type": token.token_type,
                "told": told,
                "as_bearer": status(BearerToken(token.access_token)),
                "with_another_key": stolen,
            }
        )
    )


def headers_of(token, key, url):
    """What a thief would send who has the token and a key of their own."""
    mine = DPoPToken(token.access_token, _dpop_key=key)
    return mine(requests.Request("GET", url).prepare()).headers


main()

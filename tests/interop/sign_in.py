"""Signs a person in with Authlib, from discovery to logout, and prints what came of it as JSON.

Usage: sign_in.py <WISH   (a JSON object: issuer, client, person, and what is wanted)
"""

import json
import sys
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet


class FirstForm(HTMLParser):
    """The form of a page that is meant for everybody: those that need scripts are hidden."""

    def __init__(self):
        super().__init__()
        self.action, self.fields, self.is_open = None, {}, False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None and "hidden" not in attributes:
            self.action, self.is_open = attributes["action"], True
        elif self.is_open and tag == "input":
            self.fields[attributes["name"]] = attributes.get("value") or ""
        elif self.is_open and tag == "button" and attributes.get("name") == "answer":
            self.fields.setdefault("answer", attributes["value"])

    def handle_endtag(self, tag):
        if tag == "form":
            self.is_open = False


class Person:
    """Somebody at a browser without scripts: follows redirects, keeps cookies, fills in the forms of the issuer."""

    def __init__(self, answers):
        self.browser, self.answers, self.seen = requests.Session(), answers, []

    def visit(self, url):
        origin, response = urlsplit(url)[:2], self.browser.get(url, allow_redirects=False, timeout=20)
        for _ in range(20):
            if "location" in response.headers:
                url = urljoin(url, response.headers["location"])
                if urlsplit(url)[:2] != origin:
                    return url
                response = self.browser.get(url, allow_redirects=False, timeout=20)
                continue
            response.raise_for_status()
            form = FirstForm()
            form.feed(response.text)
            self.seen.append(" ".join(name for name in form.fields if name not in ("csrf", "continue", "passkey_capable")))
            url = urljoin(url, form.action)
            filled = {name: self.answers.get(name, value) for name, value in form.fields.items()}
            response = self.browser.post(url, data=filled, allow_redirects=False, timeout=20)
        raise RuntimeError("the pages never end")


def main():
    wish = json.load(sys.stdin)
    issuer, client = wish["issuer"], wish["client"]
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=5).json())
    person = Person(wish["person"])

    def session():
        return OAuth2Session(
            client["client_id"],
            client.get("client_secret"),
            scope=wish["scope"],
            redirect_uri=client["redirect_uri"],
            token_endpoint_auth_method=client["method"],
            code_challenge_method="S256",
        )

    def claims_of(tokens, nonce):
        decoded = jwt.decode(tokens["id_token"], keys, algorithms=["RS256", "ES256"])
        options = {"iss": {"value": issuer}, "aud": {"value": client["client_id"]}}
        parameters = {"nonce": nonce, "access_token": tokens["access_token"], "client_id": client["client_id"]}
        claims = CodeIDToken(decoded.claims, decoded.header, options, parameters)
        claims.validate(leeway=0)
        return decoded.claims

    def sign_in(app, **more):
        nonce, verifier = generate_token(), generate_token(48)
        url, state = app.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **more
        )
        callback = person.visit(url)
        # What the library's integrations with web frameworks do before they ask for a token.
        answer = parse_qs(urlsplit(callback).query)
        if "error" in answer:
            raise OAuthError(error=answer["error"][0])
        tokens = app.fetch_token(
            metadata["token_endpoint"], authorization_response=callback, code_verifier=verifier, state=state
        )
        return tokens, claims_of(tokens, nonce)

    def refused(act):
        try:
            act()
        except OAuthError as error:
            return error.error
        return "not refused"

    app = session()
    tokens, claims = sign_in(app)
    first, person.seen = person.seen, []
    userinfo = app.get(metadata["userinfo_endpoint"]).json()
    refreshed = app.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
    _, silent_claims = sign_in(session(), prompt="none")
    second, person.seen = person.seen, []
    logout = requests.Request(
        "GET",
        metadata["end_session_endpoint"],
        params={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": client["post_logout_redirect_uri"],
            "state": "afterwards",
        },
    )
    left = person.visit(logout.prepare().url)

    print(
        json.dumps(
            {
                "claims": claims,
                "userinfo": userinfo,
                "scope": tokens["scope"],
                "again": silent_claims,
                "refreshed": jwt.decode(refreshed["id_token"], keys, algorithms=["RS256", "ES256"]).claims,
                "left": left,
                "pages": {"first": first, "second": second, "logout": person.seen},
                "silent": refused(lambda: sign_in(session(), prompt="none")),
                "refresh_after_logout": refused(
                    lambda: app.refresh_token(
                        metadata["token_endpoint"], refresh_token=refreshed["refresh_token"]
                    )
                ),
            }
        )
    )


main()

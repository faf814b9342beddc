"""The endpoints that hand out tokens: Entra ID's, for secrets and federated tokens, and the managed identity's.

They look as azure-identity and MSAL expect them. Secrets are not known here: any is right, except "wrong".
Sources: "OAuth 2.0 client credentials flow on the Microsoft identity platform"; "How to use managed identities for
App Service" (IDENTITY_ENDPOINT) and "…on a virtual machine" (169.254.169.254).
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import parse_qsl

from localcloud.azure.answers import No, said
from localcloud.azure.kind import Body
from localcloud.azure.store import Store
from localcloud.core.asked import Answer, Environ

TOKEN = re.compile(r"/([^/]+)/oauth2(?:/v2\.0)?/token", re.IGNORECASE)
DISCOVERY = re.compile(r"/([^/]+)/(?:v2\.0/)?\.well-known/openid-configuration", re.IGNORECASE)
INSTANCE = "/common/discovery/instance"
MANAGED = {"/metadata/identity/oauth2/token", "/msi/token"}
FEDERATED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def serves(path: str) -> bool:
    """Whether a path is one of these."""
    return (
        path.lower() in MANAGED or path.lower() == INSTANCE or bool(TOKEN.fullmatch(path) or DISCOVERY.fullmatch(path))
    )


def answer(store: Store, environ: Environ, body: bytes) -> Answer:
    """A token, or how to get one. Raises `No`."""
    path = environ["PATH_INFO"]
    base = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', 'localhost')}"
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    if path.lower() in MANAGED:
        return _managed(store, environ, query)
    if path.lower() == INSTANCE:
        where = f"{base}/{query.get('tenant', 'common')}/v2.0/.well-known/openid-configuration"
        return said(200, {"tenant_discovery_endpoint": where, "api-version": "1.1", "metadata": []})
    if (read := DISCOVERY.fullmatch(path)) is not None:
        at = f"{base}/{read[1]}"
        return said(
            200,
            {
                "issuer": f"{at}/v2.0",
                "authorization_endpoint": f"{at}/oauth2/v2.0/authorize",
                "token_endpoint": f"{at}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{at}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{at}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
        )
    tenant = TOKEN.fullmatch(path)
    return _credentials(store, tenant[1] if tenant else "", dict(parse_qsl(body.decode())))


def _credentials(store: Store, tenant: str, form: dict[str, str]) -> Answer:
    if form.get("grant_type") != "client_credentials":
        raise No("unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.", 400)
    client = form.get("client_id", "")
    if not client or not form.get("scope"):
        raise No("invalid_request", "AADSTS900144: The request body must contain 'client_id' and 'scope'.", 400)
    if "client_assertion" in form:
        if form.get("client_assertion_type") != FEDERATED or form["client_assertion"].count(".") != 2:  # noqa: PLR2004
            raise No("invalid_client", "AADSTS50027: JWT token is invalid or malformed.", 401)
    elif form.get("client_secret", "wrong") == "wrong":
        raise No("invalid_client", f"AADSTS7000215: Invalid client secret provided for app '{client}'.", 401)
    made = _token(store, client, form["scope"].removesuffix("/.default"), tenant)
    good = int(str(store.cloud.settings["token_seconds"]))
    return said(200, {"token_type": "Bearer", "expires_in": good, "ext_expires_in": good, "access_token": made})


def _managed(store: Store, environ: Environ, query: dict[str, str]) -> Answer:
    app_service = environ["PATH_INFO"].lower() == "/msi/token"
    if not (environ.get("HTTP_X_IDENTITY_HEADER") if app_service else environ.get("HTTP_METADATA")):
        raise No("invalid_request", "Required metadata header not specified", 400)
    if not query.get("resource"):
        raise No("invalid_request", "Required query variable 'resource' is missing", 400)
    client = query.get("client_id") or "system"
    good, ends = int(str(store.cloud.settings["token_seconds"])), 0
    ends = int(store.now.timestamp()) + good
    token = _token(store, client, query["resource"], "")
    body: Body = {"access_token": token, "client_id": client, "resource": query["resource"], "token_type": "Bearer"}
    body |= {"expires_on": str(ends), "not_before": str(ends - good)}
    return said(200, body if app_service else body | {"expires_in": str(good)})


def _token(store: Store, client: str, audience: str, tenant: str) -> str:
    """Shaped like a JWT, signed by nobody; what is good is remembered."""
    good = int(str(store.cloud.settings["token_seconds"]))
    now = int(store.now.timestamp())
    claims = {"aud": audience, "appid": client, "tid": tenant, "iat": now, "exp": now + good, "uti": store.uuid()}
    return f"{_b64({'alg': 'none', 'typ': 'JWT'})}.{_b64(claims)}.bG9jYWw"


def _b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def caller(environ: Environ) -> str:
    """Who asks, as ARM notes it: the application that a token is of, whoever signed it; `local` without one."""
    return str(_claims(environ).get("appid") or "local")


def check(store: Store, environ: Environ) -> None:
    """Raises `No` for a request without a token of ours that is still good."""
    claims = _claims(environ)
    if not isinstance(claims.get("exp"), int | float):
        raise No("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", 401)
    if claims["exp"] <= store.now.timestamp():
        raise No("ExpiredAuthenticationToken", "The access token expiry is in the past.", 401)


def _claims(environ: Environ) -> Body:
    """What a bearer token claims; nothing for none, and for what is no token."""
    kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        text = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, LookupError):
        return {}
    return claims if kind.lower() == "bearer" and isinstance(claims, dict) else {}

//! The table: what is sent to each gateway, and what must come of it.

use super::{Answer, Jar, Request};
use serde_json::{Value, json};

/// What must come of a request.
pub(super) enum Expected {
    /// One of these statuses, and nothing reached a service.
    Refused(&'static [u16]),
    /// 401, with a challenge that contains this.
    Challenged(&'static str),
    /// A browser is sent to the issuer.
    SentToSignIn,
    /// It reached the service, which was told this of who sent it, and verified the token.
    Through { service: &'static str, told: &'static [(&'static str, &'static str)] },
}

use Expected::{Challenged, Refused, SentToSignIn, Through};

/// Every header of an identity, as a liar would write it.
const LIES: [(&str, &str); 14] = [
    ("Countersign-Identity", "user"),
    ("Countersign-Subject", "root"),
    ("countersign-client-id", "root"),
    ("Countersign-Actors", "root"),
    ("Countersign-Scope", "everything"),
    ("COUNTERSIGN-ROLES", "admin"),
    ("Countersign-Roles", "root"),
    ("Countersign-Groups", "admin"),
    ("Countersign-Username", "root"),
    ("Countersign-Email", "root@example.com"),
    ("Countersign-Acr", "phr"),
    ("X-Forwarded-User", "root"),
    ("X-Forwarded-Method", "GET"),
    ("X-Forwarded-Uri", "/.countersign/callback"),
];

/// About another host, path and method than those of the request.
const ELSEWHERE: [(&str, &str); 7] = [
    ("X-Forwarded-Host", "api.example"),
    ("X-Forwarded-Uri", "/"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Original-Url", "/"),
    ("Forwarded", "for=127.0.0.1;host=api.example"),
];

/// Every way to write the path that is for administrators.
const ADMIN_PATHS: [&str; 10] = [
    "/admin",
    "/admin/",
    "/admin/users",
    "/admin?x=1",
    "/%61dmin",
    "/%61dmin/users",
    "//admin/users",
    "/./admin",
    "/orders/../admin/users",
    "/orders/%2e%2e/admin/",
];

const SHOP: &str = "https://shop.example";
const API: &str = "https://api.example";
const ADA: &[(&str, &str)] = &[
    ("countersign-identity", "user"),
    ("countersign-client-id", "shop-gateway"),
    ("countersign-scope", "orders:read"),
    ("countersign-roles", ""),
    ("countersign-actors", ""),
    ("countersign-groups", ""),
    ("countersign-username", "ada"),
    ("countersign-email", "ada@example.com"),
    ("countersign-acr", "1"),
];
const ROOT: &[(&str, &str)] = &[("countersign-roles", "admin"), ("countersign-username", "root")];
const STOCK: &[(&str, &str)] = &[
    ("countersign-identity", "app"),
    ("countersign-subject", "stock"),
    ("countersign-client-id", "stock"),
    ("countersign-scope", "stock:write"),
    ("countersign-username", ""),
];

type Row = (String, Request, Expected);

/// All rows, for a gateway at which these people are signed in.
pub(super) fn rows(ada: &Jar, root: &Jar, app_token: &str) -> Vec<Row> {
    let shop = |path: &str| Request::get("shop.example", path);
    let page = |path: &str| shop(path).header("Accept", "text/html,*/*;q=0.8");
    let of = |jar: &Jar, request: Request| request.header("Cookie", &jar.line());
    let api = || Request::get("api.example", "/stock");
    let bearer = format!("Bearer {app_token}");
    let bearer = bearer.as_str();
    let html = |path| page(path).header("Sec-Fetch-Mode", "navigate");
    let mut rows: Vec<(&str, Request, Expected)> = vec![
        ("nobody, a script", shop("/orders"), Challenged("Bearer realm=\"shop.example\"")),
        ("nobody, a page", html("/orders"), SentToSignIn),
        ("nobody, a page for administrators", html("/admin"), SentToSignIn),
        ("nobody, an old browser", page("/orders"), SentToSignIn),
        (
            "nobody, a page that a script fetches",
            { page("/orders").header("Sec-Fetch-Mode", "cors") },
            Challenged("Bearer"),
        ),
        (
            "nobody, a form",
            { Request::post("shop.example", "/orders", "a=b").header("Accept", "text/html") },
            Challenged("Bearer"),
        ),
        ("nobody, who lies", shop("/orders").headers(&LIES), Refused(&[401, 403])),
        ("nobody, who lies about the host", shop("/orders").headers(&ELSEWHERE), Refused(&[401])),
        ("ada", of(ada, page("/orders")), Through { service: SHOP, told: ADA }),
        (
            "ada, who lies",
            of(ada, page("/orders")).headers(&LIES),
            Through { service: SHOP, told: ADA },
        ),
        (
            "ada, a form of the shop",
            {
                of(ada, Request::post("shop.example", "/orders", "a=b"))
                    .header("Origin", "https://shop.example")
            },
            Through { service: SHOP, told: ADA },
        ),
        (
            "ada, a form of another site",
            {
                of(ada, Request::post("shop.example", "/orders", "a=b"))
                    .header("Origin", "https://evil.example")
            },
            Refused(&[403]),
        ),
        (
            "ada, a page for administrators, lying",
            of(ada, page("/admin")).headers(&LIES),
            Refused(&[403]),
        ),
        (
            "ada, a page for administrators, as another",
            { of(ada, page("/admin/users")).headers(&ELSEWHERE) },
            Refused(&[403]),
        ),
        ("root", of(root, page("/orders")), Through { service: SHOP, told: ROOT }),
        (
            "root, a page for administrators",
            of(root, page("/admin/users")),
            Through { service: SHOP, told: ROOT },
        ),
        ("ada at the interface", of(ada, api()), Refused(&[401])),
        (
            "half a cookie",
            { shop("/orders").header("Cookie", "__Host-countersign=AAAA") },
            Challenged("Bearer"),
        ),
        ("the app", api().header("Authorization", bearer), Through { service: API, told: STOCK }),
        (
            "the app, which lies",
            { api().header("Authorization", bearer).headers(&LIES) },
            Through { service: API, told: STOCK },
        ),
        (
            "the app at the shop",
            { shop("/orders").header("Authorization", bearer) },
            Challenged("invalid_token"),
        ),
        (
            "a token that is none",
            api().header("Authorization", "Bearer x"),
            Challenged("invalid_token"),
        ),
        (
            "a token and a session",
            { of(ada, shop("/orders")).header("Authorization", bearer) },
            Challenged("invalid_token"),
        ),
        (
            "a token with a proof",
            { api().header("Authorization", &format!("DPoP {app_token}")).header("DPoP", "x") },
            Challenged("invalid_token"),
        ),
        ("nothing at the interface", api(), Challenged("Bearer realm=\"api.example\"")),
        (
            "an unknown host",
            of(ada, Request::get("evil.example", "/orders")),
            Refused(&[403, 404, 421]),
        ),
        (
            "a secret that nobody asked for",
            { shop("/orders").header("Countersign-Gateway", "x") },
            Refused(&[401]),
        ),
    ];
    for path in ADMIN_PATHS {
        rows.push((path, of(ada, page(path)), Refused(&[400, 403, 404])));
    }
    let underscores = of(ada, page("/orders")).header("Countersign_Roles", "admin");
    let mut rows: Vec<Row> =
        rows.into_iter().map(|(what, request, cell)| (what.to_owned(), request, cell)).collect();
    // Some read it as the same name: it is dropped, or the request is.
    rows.push((
        "ada, with underscores".to_owned(),
        underscores,
        Through { service: SHOP, told: ADA },
    ));
    rows
}

impl Expected {
    pub(super) fn judge(&self, answer: &Answer) -> Result<(), String> {
        let reached = serde_json::from_str::<Value>(&answer.body).unwrap_or_default();
        let is_refused = reached["service"].is_null();
        let seen = || format!("{} {} {}", answer.status, answer.header("location"), answer.body);
        let is_right = match self {
            Self::Refused(statuses) => is_refused && statuses.contains(&answer.status),
            Self::Challenged(challenge) => {
                let shown = answer.header("www-authenticate");
                is_refused && answer.status == 401 && shown.contains(challenge)
            }
            Self::SentToSignIn => {
                let begun = answer.header("set-cookie").starts_with("__Host-countersign-begun-");
                is_refused
                    && answer.status == 302
                    && begun
                    && answer.header("location").contains("/authorize?")
            }
            // Envoy refuses underscores, and so does not ask.
            Self::Through { .. } if answer.status == 400 && is_refused => true,
            Self::Through { service, told } => {
                let subject = &reached["told"]["countersign-subject"];
                let is_verified = *subject == json!([reached["verified"]]);
                answer.status == 200
                    && reached["service"] == *service
                    && is_verified
                    && told.iter().all(|(name, value)| is_told(&reached["told"], name, value))
                    && is_all(&reached["told"])
            }
        };
        if is_right { Ok(()) } else { Err(seen()) }
    }
}

/// A header that is empty may be left out: both say nothing.
fn is_told(told: &Value, name: &str, value: &str) -> bool {
    told[name] == json!([value]) || (value.is_empty() && told[name].is_null())
}

/// Nothing but the headers of an identity, and each once.
fn is_all(told: &Value) -> bool {
    let told = told.as_object().into_iter().flatten();
    told.into_iter().all(|(name, values)| {
        let known = LIES.iter().any(|(lie, _)| lie.eq_ignore_ascii_case(name));
        known && values.as_array().is_some_and(|values| values.len() == 1)
    })
}

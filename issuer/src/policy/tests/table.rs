//! Grant × client × user state × resource × scope × kind: what is not allowed is refused, with the right error. The
//! expectations are spelled here anew, from the specifications and the decisions, not from the code.

use super::super::Granted;
use super::*;
use crate::registry::AssertedUser;

/// For whom a client asks, as a row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Client,
    User,
    Anybody,
    Named,
    NamedByNamespace,
    /// Somebody of whom no rule speaks.
    Stranger,
    Exchanged(Identity),
}

const KINDS: [Kind; 9] = [
    Kind::Client,
    Kind::User,
    Kind::Anybody,
    Kind::Named,
    Kind::NamedByNamespace,
    Kind::Stranger,
    Kind::Exchanged(Identity::User),
    Kind::Exchanged(Identity::AppAsserted),
    Kind::Exchanged(Identity::App),
];
const CLIENTS: [&str; 4] = ["full", "without-grant", "public", "bare"];
const RESOURCES: [&[&str]; 7] =
    [&[], &[PAYMENTS], &[OFF], &[UNKNOWN], &[ORDERS], &[OWN], &[PAYMENTS, OFF]];
const SCOPES: [Option<&str>; 6] =
    [None, Some("read"), Some("write"), Some("openid"), Some("profile"), Some("a\"b")];

impl Kind {
    /// About a user of this issuer, as the user is now.
    fn has_user(self) -> bool {
        use Identity::App;
        !matches!(
            self,
            Self::Client | Self::Anybody | Self::NamedByNamespace | Self::Exchanged(App)
        )
    }
}

fn client_named(name: &str) -> Client {
    let mut client = client(name);
    match name {
        "without-grant" => client.grants.clear(),
        "public" => client.auth = ClientAuthentication::None,
        "bare" => {
            client.permissions.clear();
            client.assertion_rules.clear();
            client.acting_rules.clear();
            client.sign_in = None;
        }
        _ => {}
    }
    client
}

/// The codes of which one is the answer, or none if it must be granted: where several things are wrong, each may be named.
fn expected(
    (kind, client): (Kind, &str),
    is_enabled: bool,
    resources: &[&str],
    scope: Option<&str>,
) -> Vec<&'static str> {
    let signs_in = matches!(kind, Kind::User | Kind::Anybody);
    if client == "without-grant" || (client == "public" && !signs_in) {
        return vec!["unauthorized_client"];
    }
    let mut wrong = Vec::new();
    if kind.has_user() && !is_enabled {
        wrong.push("invalid_grant");
    }
    if signs_in {
        wrong.extend(wrong_of_a_sign_in(kind, client, resources, scope));
        return wrong;
    }
    match kind {
        Kind::Stranger => wrong.push("invalid_grant"),
        Kind::Named | Kind::NamedByNamespace if client == "bare" => wrong.push("invalid_grant"),
        Kind::Exchanged(_) if client == "bare" => wrong.push("invalid_request"),
        _ => {}
    }
    // Of two that are possible one must be named.
    if resources != [PAYMENTS] || client == "bare" {
        wrong.push("invalid_target");
    }
    if !matches!(scope, None | Some("read")) {
        wrong.push("invalid_scope");
    }
    wrong
}

fn wrong_of_a_sign_in(
    kind: Kind,
    client: &str,
    resources: &[&str],
    scope: Option<&str>,
) -> Vec<&'static str> {
    let asked: &[&str] = match (kind, scope) {
        (Kind::Anybody, None) => &["openid", "read", "write"],
        (_, None) => &[],
        (_, Some("read")) => &["read"],
        (_, Some("write")) => &["write"],
        (_, Some("openid")) => &["openid"],
        _ => return vec!["invalid_scope", "invalid_target"],
    };
    let mut wrong = Vec::new();
    if client == "bare" && asked.contains(&"openid") {
        wrong.push("invalid_scope");
    }
    let of_api = asked.iter().filter(|scope| **scope != "openid").count();
    match resources {
        // Without any scope of an API it is about the issuer itself; else its scopes tell which one is meant.
        [] if of_api == 0 => {}
        [] if asked == ["read"] && client != "bare" => wrong.push("invalid_target"),
        [] => wrong.push("invalid_scope"),
        [one] if *one == OWN => {}
        [one] if *one == PAYMENTS && client != "bare" => {
            wrong.extend(asked.contains(&"write").then_some("invalid_scope"));
        }
        _ => wrong.push("invalid_target"),
    }
    wrong
}

#[test]
fn cve_2022_1245_keycloak_48104_r51_every_cell_that_is_not_allowed_is_refused_with_the_right_error()
{
    let registry = registry();
    let (mut cells, mut allowed) = (0, 0);
    for kind in KINDS {
        for client in CLIENTS {
            for is_enabled in [true, false] {
                for resources in RESOURCES {
                    for scope in SCOPES {
                        let cell = (kind, client, is_enabled, resources, scope);
                        let outcome = run(&registry, cell);
                        let expected = expected((kind, client), is_enabled, resources, scope);
                        cells += 1;
                        allowed += usize::from(outcome.is_ok());
                        match code(&outcome) {
                            "" => assert!(expected.is_empty(), "{cell:?} must be {expected:?}"),
                            found => assert!(
                                expected.contains(&found),
                                "{cell:?} is {found} ({}), not {expected:?}",
                                outcome.unwrap_err().cause
                            ),
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cells, 9 * 4 * 2 * 7 * 6);
    assert!(allowed > 50, "{allowed} cells are allowed");
}

fn run(
    registry: &Registry,
    (kind, client, is_enabled, resources, scope): (Kind, &str, bool, &[&str], Option<&str>),
) -> Result<Permitted, OAuthError> {
    let mut user = User { enabled: is_enabled, ..ada() };
    let external = external();
    let token = match kind {
        Kind::Exchanged(identity) => token(identity),
        _ => token(Identity::User),
    };
    if kind == Kind::Stranger {
        user.groups.clear();
    }
    let everything = texts(&["openid", "read", "write"]);
    let granted = Granted { scopes: &everything, resources: &[] };
    let (grant, subject) = match kind {
        Kind::Client => ("client_credentials", AccessSubject::Client),
        Kind::User => ("authorization_code", AccessSubject::User { user: &user, granted: None }),
        Kind::Anybody => ("authorization_code", AccessSubject::Anybody(granted)),
        Kind::Named | Kind::Stranger => {
            let user = AssertedUser::Local(&user);
            let bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
            (bearer, AccessSubject::Asserted { user, has_reason: false })
        }
        // The same through the other grant.
        Kind::NamedByNamespace => {
            let user = AssertedUser::External(&external);
            (EXCHANGE, AccessSubject::Asserted { user, has_reason: false })
        }
        Kind::Exchanged(identity) => {
            let user = (identity != Identity::App).then_some(&user);
            (EXCHANGE, AccessSubject::Exchanged(exchange(&token, user)))
        }
    };
    ask((registry, &client_named(client)), grant, subject, Asked { resources, scope })
}

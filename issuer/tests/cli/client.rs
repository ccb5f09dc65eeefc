//! `client`, `resource` and `user`, and how each command fails.

use serde_json::{Value, json};

use crate::Desk;

pub(crate) const CREATE_ORDERS: &str = "client create orders --grant client_credentials \
     --resource https://payments.example --scope payments:read";

#[test]
fn the_example_of_the_readme_prints_the_secret_once_and_makes_the_resource() {
    let desk = Desk::new();

    let created = desk.json(CREATE_ORDERS);
    let shown = desk.json("client show orders");

    assert_eq!(created["client_id"], "orders");
    assert_eq!(created["client_secret"].as_str().unwrap().len(), 43);
    assert_eq!(created["created_resource"], "https://payments.example");
    assert_eq!(created["grants"], json!(["client_credentials"]));
    assert_eq!(created["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!((&created["jwks_uri"], &created["enabled"]), (&Value::Null, &json!(true)));
    let permission =
        json!({ "resource": "https://payments.example", "scopes": ["payments:read"], "roles": [] });
    assert_eq!(created["permissions"], json!([permission]));
    let secret = &created["secrets"][0];
    assert!(secret["id"].is_string() && secret["created_at"].is_i64());
    assert_eq!((&secret["expires_at"], &secret["last_used_at"]), (&Value::Null, &Value::Null));
    assert!(shown.get("client_secret").is_none());
    assert_eq!(shown["secrets"], created["secrets"]);
}

#[test]
fn r33_no_file_of_the_data_folder_holds_a_secret() {
    let desk = Desk::new();

    let created = desk.json(CREATE_ORDERS);

    let secret = created["client_secret"].as_str().unwrap().as_bytes();
    let mut files = 0;
    for file in std::fs::read_dir(desk.path("data")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        files += 1;
    }
    assert!(files >= 2, "the database and the master key are there");
}

#[test]
fn a_failure_names_its_code_its_cause_and_what_to_do() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    let cases = [
        ("client show nobody", 1, "not_found", "countersign client list"),
        ("resource show https://x.example", 1, "not_found", "countersign resource list"),
        ("user show nobody", 1, "not_found", "countersign user list"),
        ("keys withdraw nothing", 1, "not_found", "countersign keys list"),
        (
            "client update orders --resource https://payments.example --scope payments:write",
            1,
            "unknown_scope",
            "--add-scope payments:write",
        ),
        (
            "client create a --grant client_credentials --auth private_key_jwt",
            1,
            "keys_missing",
            "--jwks-file",
        ),
        (
            "client create a --grant authorization_code --redirect-uri https://a.example/cb \
             --require-signed-request-object",
            1,
            "keys_missing",
            "--jwks-file",
        ),
        ("client create a --grant device_code --pairwise --scope openid", 1, "invalid_value", ""),
        (
            "client create a --grant client_credentials --auth client_secret_basic \
             --jwks-uri https://a.example/jwks",
            1,
            "keys_unused",
            "--jwks-uri",
        ),
        (
            "resource create https://a.example --algorithm ES384",
            1,
            "algorithm_unavailable",
            "keys.algorithms",
        ),
        ("client create", 2, "usage", "Usage"),
        ("client create a --grant password", 2, "usage", "help"),
        ("nonsense", 2, "usage", "Usage"),
        ("client secret remove nobody x", 1, "not_found", "client list"),
        ("keys import none --algorithm HS256", 2, "usage", "help"),
        ("--config /does/not/exist config check", 1, "config_unreadable", "--config"),
    ];
    for (arguments, exit, code, hint) in cases {
        let (status, failure) = desk.failure(arguments);
        assert_eq!((status, &failure["error"]), (exit, &json!(code)), "{arguments}: {failure}");
        let words = failure["hint"].as_str().unwrap_or_default();
        assert!(words.contains(hint), "{arguments}: {failure}");
        assert!(!failure["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn a_refused_creation_leaves_nothing_behind() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    desk.json("client delete orders");

    let again = CREATE_ORDERS.replace("payments.example", "other.example");
    let (status, failure) = desk.failure(&again);

    assert_eq!((status, &failure["error"]), (1, &json!("conflict")));
    assert_eq!(desk.json("resource list")["resources"].as_array().unwrap().len(), 1);
    assert_eq!(desk.json("client list")["clients"], json!([]));
}

#[test]
fn a_client_changes_only_where_it_is_told_to() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    desk.json("resource create https://stock.example --scope read --scope write");

    let changed = desk
        .json("client update orders --resource https://stock.example --scope read --role clerk");
    let disabled = desk.json("client update orders --disable");
    let narrowed = desk.json("client update orders --remove-resource https://payments.example");

    assert_eq!(changed["permissions"].as_array().unwrap().len(), 2);
    assert_eq!((&changed["enabled"], &disabled["enabled"]), (&json!(true), &json!(false)));
    assert_eq!(disabled["permissions"], changed["permissions"]);
    assert_eq!(narrowed["permissions"][0]["roles"], json!(["clerk"]));
}

#[test]
fn secrets_are_two_at_most_and_listed_oldest_first() {
    let desk = Desk::new();
    let first = desk.json(CREATE_ORDERS);

    let second = desk.json("client secret add orders --expires-in-seconds 60");
    let (status, third) = desk.failure("client secret add orders");
    let oldest = first["secrets"][0]["id"].as_str().unwrap();
    desk.json(&format!("client secret remove orders {oldest}"));

    assert_eq!((status, &third["error"]), (1, &json!("conflict")));
    assert!(third["message"].as_str().unwrap().contains("client secret remove orders"));
    let left = desk.json("client show orders");
    assert_eq!(left["secrets"], json!([second["secret"]]));
    assert_ne!(first["client_secret"], second["client_secret"]);
}

#[test]
fn a_token_that_would_be_too_large_is_refused_when_it_is_configured() {
    let desk = Desk::new();
    let scopes: Vec<String> =
        (0..60).map(|number| format!("--scope payments:scope-{number:030}")).collect();

    let many = CREATE_ORDERS.replace("--scope payments:read", &scopes.join(" "));
    let (status, failure) = desk.failure(&many);

    assert_eq!((status, &failure["error"]), (1, &json!("token_too_large")));
    assert!(failure["hint"].as_str().unwrap().contains("--max-token-bytes"));
}

#[test]
fn users_are_rows_with_roles_and_groups() {
    let desk = Desk::new();

    let made = desk.json("user create Ada --email ada@example.com --role admin --group staff");
    let changed = desk.json("user update ADA --role reader --disable");
    desk.json("user delete ada");

    assert_eq!(made["id"].as_str().unwrap().len(), 36);
    assert_eq!((&changed["roles"], &changed["groups"]), (&json!(["reader"]), &json!(["staff"])));
    assert_eq!((&changed["id"], &changed["enabled"]), (&made["id"], &json!(false)));
    assert_eq!(desk.json("user list"), json!({ "users": [] }));
}

#[test]
fn what_people_sign_in_through_is_changed_by_what_is_named_and_cleared_by_name() {
    let desk = Desk::new();
    desk.json(
        "client create web --grant authorization_code --redirect-uri https://web.example/cb --scope openid \
         --first-party --backchannel-logout-uri https://web.example/out --logo-uri https://web.example/logo.svg",
    );

    let updated = desk.json(
        "client update web --frontchannel-logout-uri https://web.example/front --first-party=false \
         --backchannel-logout-session-required false --clear logo-uri",
    );
    let (code, private) =
        desk.failure("client update web --backchannel-logout-uri https://10.0.0.1/out");
    let (_, foreign) =
        desk.failure("client update web --frontchannel-logout-uri https://evil.example/out");
    desk.json(CREATE_ORDERS);
    let (_, machine) = desk.failure("client update orders --first-party");
    let (_, nothing) = desk.failure("client update orders --clear logo-uri");

    let sign_in = &updated["sign_in"];
    assert_eq!(sign_in["backchannel_logout_uri"], "https://web.example/out");
    assert_eq!(sign_in["frontchannel_logout_uri"], "https://web.example/front");
    assert_eq!(sign_in["backchannel_logout_session_required"], false);
    assert_eq!((&sign_in["consent"], sign_in.get("logo_uri")), (&json!("ask"), None));
    assert_eq!(sign_in["scopes"], json!(["openid"]));
    assert_eq!((code, &private["error"]), (1, &json!("invalid_value")));
    assert!(private["hint"].as_str().unwrap().contains("outbound.allow"));
    assert_eq!(foreign["error"], "invalid_value");
    assert_eq!(
        (&machine["error"], &nothing["error"]),
        (&json!("grant_missing"), &json!("grant_missing"))
    );
}

#[test]
fn a_client_with_a_secret_may_sign_its_requests() {
    let desk = Desk::new();

    let made = desk.json(
        "client create web --grant authorization_code --redirect-uri https://a.example/cb \
         --scope openid --auth client_secret_basic --jwks-uri https://a.example/jwks \
         --require-signed-request-object --request-object-alg ES256",
    );

    assert_eq!(made["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(made["jwks_uri"], "https://a.example/jwks");
    assert!(made["client_secret"].is_string());
}

#[test]
fn a_device_needs_no_redirect_uri_and_its_grant_has_a_short_name() {
    let desk = Desk::new();
    let urn = "urn:ietf:params:oauth:grant-type:device_code";

    let short = desk.json("client create tv --auth none --grant device_code --scope openid");
    let long = desk.json(&format!("client create box --grant {urn} --grant refresh_token"));

    assert_eq!(short["grants"], json!([urn]));
    assert_eq!(short["sign_in"]["redirect_uris"], json!([]));
    assert_eq!(long["grants"], json!([urn, "refresh_token"]));
}

const CREATE_BATCH: &str =
    "client create batch --grant urn:ietf:params:oauth:grant-type:jwt-bearer";

#[test]
fn whom_an_app_may_assert_is_said_shown_and_taken_back() {
    let desk = Desk::new();
    desk.json(CREATE_BATCH);
    let ada = desk.json("user create ada")["id"].clone();
    desk.json("resource create https://payments.example --scope payments:read");
    let at = "--resource https://payments.example --scope payments:read";

    desk.json(&format!("client allow-assert batch --user ADA {at}"));
    desk.json(&format!("client allow-assert batch --namespace crm {at} --require-reason"));
    let twice =
        desk.json(&format!("client allow-assert batch --user ada {at} --lifetime-seconds 60"));
    let left = desk.json("client deny-assert batch --namespace crm");
    let (_, again) = desk.failure("client deny-assert batch --namespace crm");

    let rule = |whom: &str, name: &Value, lifetime: u32, reason: bool| {
        json!({
            whom: name, "resource": "https://payments.example", "scopes": ["payments:read"],
            "lifetime_seconds": lifetime, "reason_required": reason,
        })
    };
    let about_ada = rule("user", &ada, 60, false);
    assert_eq!(
        twice["assertion_rules"],
        json!([rule("namespace", &json!("crm"), 300, true), about_ada])
    );
    assert_eq!(left["assertion_rules"], json!([about_ada]));
    assert_eq!(again["error"], "not_found");
    desk.json("resource delete https://payments.example");
    assert_eq!(desk.json("client show batch")["assertion_rules"], json!([]));
}

#[test]
fn a_rule_that_could_never_be_used_is_refused() {
    let desk = Desk::new();
    desk.json(CREATE_BATCH);
    desk.json(CREATE_ORDERS);
    desk.json("user create ada");
    let rule = "--user ada --resource https://payments.example";

    let refused = [
        (format!("client allow-assert orders {rule}"), "grant_missing"),
        (format!("client allow-assert batch {rule} --scope payments:delete"), "unknown_scope"),
        (
            "client allow-assert batch --user eve --resource https://payments.example".to_owned(),
            "not_found",
        ),
        (
            "client allow-assert batch --user ada --resource https://ledger.example".to_owned(),
            "not_found",
        ),
        (
            "client allow-assert batch --namespace CRM --resource https://payments.example"
                .to_owned(),
            "invalid_value",
        ),
    ];

    for (command, code) in refused {
        assert_eq!(desk.failure(&command).1["error"], code, "{command}");
    }
    let long = desk.output(&format!("client allow-assert batch {rule} --lifetime-seconds 601"));
    assert_eq!(long.status.code(), Some(2), "minutes, not hours");
}

#[test]
fn rules_of_acting_are_added_replaced_shown_and_taken_back() {
    let desk = Desk::new();
    desk.json("client create orders --grant token-exchange");
    desk.json("resource create https://orders.example --scope orders:read --scope orders:write");
    desk.json("resource create https://payments.example --scope payments:read");
    let way = "--for https://orders.example --resource https://payments.example";

    desk.json(&format!("client allow-act orders {way}"));
    desk.json(&format!(
        "client allow-act orders {way} --needs-scope orders:write --identity app --identity user"
    ));
    let replaced = desk.json(&format!("client allow-act orders {way} --scope payments:read"));
    let unseen = desk.json(&format!("client allow-act orders {way} --impersonate"));
    let text = desk.output("client show orders");
    let left = desk.json(&format!("client deny-act orders {way}"));
    let (_, again) = desk.failure("client deny-act orders --for https://orders.example");

    let rule = |needs: Value, scopes: &[&str], identities: &[&str]| {
        json!({
            "for": "https://orders.example", "resource": "https://payments.example", "needs": needs,
            "scopes": scopes, "identities": identities, "impersonation": false,
        })
    };
    assert_eq!(
        replaced["acting_rules"],
        json!([
            rule(json!("orders:write"), &[], &["app", "user"]),
            rule(Value::Null, &["payments:read"], &["user"])
        ])
    );
    assert_eq!(unseen["acting_rules"].as_array().unwrap().len(), 2);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("(user, unseen)"), "{text}");
    assert_eq!(left["acting_rules"], json!([]));
    assert_eq!(again["error"], "not_found");
    desk.json(&format!("client allow-act orders {way}"));
    desk.json("resource delete https://orders.example");
    assert_eq!(desk.json("client show orders")["acting_rules"], json!([]));
}

#[test]
fn a_rule_of_acting_that_could_never_be_used_is_refused() {
    let desk = Desk::new();
    desk.json(CREATE_ORDERS);
    desk.json("client create gateway --grant token-exchange");
    desk.json("client create spa --grant token-exchange --auth none");
    desk.json("resource create https://gateway.example --scope all");
    let way = "--for https://gateway.example --resource https://payments.example";
    desk.json("resource create https://long.example --scope all --max-token-bytes 512");

    for (command, code) in [
        (format!("client allow-act orders {way}"), "grant_missing"),
        (format!("client allow-act spa {way}"), "grant_missing"),
        (format!("client allow-act gateway {way} --scope payments:delete"), "unknown_scope"),
        (format!("client allow-act gateway {way} --needs-scope payments:read"), "unknown_scope"),
        (format!("client allow-act gateway {way} --impersonate --identity app"), "invalid_value"),
        (
            "client allow-act gateway --for https://x.example --resource https://payments.example"
                .to_owned(),
            "not_found",
        ),
        (
            "client allow-act gateway --for https://gateway.example --resource https://x.example"
                .to_owned(),
            "not_found",
        ),
        (
            "client allow-act gateway --for https://gateway.example --resource https://long.example"
                .to_owned(),
            "token_too_large",
        ),
        (format!("client deny-act gateway {way}"), "not_found"),
    ] {
        assert_eq!(desk.failure(&command).1["error"], code, "{command}");
    }
    let unknown = desk.output(&format!("client allow-act gateway {way} --identity robot"));
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn rules_of_workloads_are_added_shown_and_taken_back() {
    const ISSUER: &str = "https://token.actions.githubusercontent.com";
    let desk = Desk::new();
    let section = format!("[workload.github]\nissuer = \"{ISSUER}\"\n");
    std::fs::write(desk.path("countersign.toml"), section).unwrap();
    desk.json("client create deploy --grant client_credentials --auth workload_identity");
    let rule = format!("--issuer {ISSUER} --subject repo:acme/shop:*");

    desk.json(&format!("client allow-workload deploy {rule} --claim environment=production"));
    let twice =
        desk.json(&format!("client allow-workload deploy {rule} --claim environment=production"));
    let two = desk.json(&format!("client allow-workload deploy {rule} --claim environment=test"));
    let text = desk.output("client show deploy");
    let left = desk.json(&format!("client deny-workload deploy --issuer {ISSUER}"));

    let shown =
        |claim: &str| json!({ "issuer": ISSUER, "subject": "repo:acme/shop:*", "claims": [claim] });
    assert_eq!(twice["workload_rules"], json!([shown("environment=production")]));
    assert_eq!(
        two["workload_rules"],
        json!([shown("environment=production"), shown("environment=test")])
    );
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("repo:acme/shop:* of https://token.actions"), "{text}");
    assert_eq!(left["workload_rules"], json!([]));

    desk.json(CREATE_ORDERS);
    for (command, code) in [
        (format!("client allow-workload orders {rule}"), "authentication_unfit"),
        (
            "client allow-workload deploy --issuer https://evil.example --subject x".to_owned(),
            "issuer_unknown",
        ),
        (format!("client deny-workload deploy --issuer {ISSUER}"), "not_found"),
    ] {
        assert_eq!(desk.failure(&command).1["error"], code, "{command}");
    }
    let everybody = format!("client allow-workload deploy --issuer {ISSUER} --subject repo:*");
    assert_eq!(desk.output(&everybody).status.code(), Some(2));
}

#[test]
fn a_client_with_certificates_is_registered_with_exactly_one_thing_that_they_say() {
    let desk = Desk::new();
    let create = |id: &str, more: &str| {
        format!(
            "client create {id} --grant client_credentials --resource https://a.example --scope a {more}"
        )
    };

    let by_host =
        create("hosts", "--auth tls_client_auth --tls-san-dns Orders.example --certificate-bound");
    let created = desk.json(&by_host);
    assert_eq!(created["token_endpoint_auth_method"], "tls_client_auth");
    assert_eq!(created["tls_client_auth_san_dns"], "orders.example");
    assert_eq!(created["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(created.get("client_secret"), None);
    let update =
        "client update hosts --tls-subject-dn CN=hosts,O=Example --certificate-bound=false";
    let updated = desk.json(update);
    assert_eq!(updated["tls_client_auth_subject_dn"], "CN=hosts,O=Example");
    assert_eq!(updated.get("tls_client_auth_san_dns"), None);
    assert_eq!(updated["tls_client_certificate_bound_access_tokens"], false);

    for (more, code) in [
        ("--auth tls_client_auth", "certificate_subject_missing"),
        ("--auth client_secret_basic --tls-san-dns a.example", "certificate_subject_unused"),
        ("--auth tls_client_auth --tls-subject-dn orders", "invalid_value"),
        ("--auth tls_client_auth --tls-san-dns *.example", "invalid_value"),
        ("--auth self_signed_tls_client_auth", "keys_missing"),
    ] {
        let (status, failure) = desk.failure(&create("other", more));
        assert_eq!((status, &failure["error"]), (1, &json!(code)), "{more}: {failure}");
    }
    let both = "client update hosts --require-dpop --certificate-bound";
    assert_eq!(desk.failure(both).1["error"], "binding_ambiguous");
}

#[test]
fn a_client_is_held_to_fapi2_from_its_registration_on() {
    let desk = Desk::new();
    let jwks = desk.path("bank.jwks");
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": "1",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    std::fs::write(&jwks, json!({ "keys": [key] }).to_string()).unwrap();
    let bank = format!(
        "client create bank --fapi2 --grant authorization_code --redirect-uri https://bank.example/cb \
         --scope openid --id-token-alg ES256 --auth private_key_jwt --jwks-file {}",
        jwks.display()
    );

    let (_, unbound) = desk.failure(&format!("{bank} --require-pushed-requests"));
    let (_, unpushed) = desk.failure(&format!("{bank} --require-dpop"));
    let created = desk.json(&format!("{bank} --require-dpop --require-pushed-requests"));
    let (_, weaker) = desk.failure("client update bank --require-dpop=false");
    let freed = desk.json("client update bank --fapi2=false --require-dpop=false");

    for (failure, what) in [(unbound, "--require-dpop"), (unpushed, "push"), (weaker, "bind")] {
        assert_eq!(failure["error"], "invalid_value", "{failure}");
        assert!(failure.to_string().contains(what), "{failure}");
    }
    assert_eq!((&created["fapi2"], &freed["fapi2"]), (&json!(true), &json!(false)));
}

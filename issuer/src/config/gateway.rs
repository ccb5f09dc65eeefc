//! The section of a route behind a gateway, in a file of its own: what is demanded there, and who may ask about it.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::Secret;
use super::sections::networks;
use super::setting::section;
use crate::protocol::Identity;

section! {
    /// What is demanded of requests at a gateway (nginx, Caddy, HAProxy, Apache, Envoy, Traefik), which asks about each of them
    /// at `{issuer}/gateway/NAME`: one section for each set of rules, `NAME` being lower-case letters, digits and hyphens.
    /// Which of them is asked about which path is for the gateway to say. `docs/gateways.md` has the configuration of each.
    "gateway.NAME" => pub struct GatewayRoute {
        /// The host, as browsers know it, with its port if that is not 443. A question about another host is refused.
        #[serde(deserialize_with = "lower_case")]
        pub host: String = String::new(), Unset r#""shop.example.com""#;
        /// Addresses or networks of the gateways, which may ask. They must overwrite `X-Forwarded-Host`, `X-Forwarded-Uri` and
        /// `X-Forwarded-Method`, or never hand on those of a client.
        #[serde(deserialize_with = "networks")]
        pub trusted: Vec<IpNet> = Vec::new(), Unset r#"["10.0.0.7"]"#;
        /// What a gateway shows in the header `Countersign-Gateway`, besides or instead of its address: a value,
        /// `{ file = "path" }` or `{ environment = "VARIABLE" }`, of 32 characters or more.
        pub secret: Option<Secret<String>> = None, Unset r#"{ file = "/run/secrets/gateway" }"#;
        /// The client through which people sign in at the host, and which gets the tokens for the service: registered with the
        /// redirect URI `https://HOST/.countersign/callback`. Routes of one host have the same.
        pub client_id: String = String::new(), Unset r#""shop-gateway""#;
        /// The resource identifier of the service behind: the audience of the tokens for it.
        pub resource: String = String::new(), Unset r#""https://shop.example.com""#;
        /// The audience of the bearer tokens that are taken, if it is not the service itself: then they are exchanged, by the
        /// rules of the client (`countersign client allow-act`).
        pub audience: Option<String> = None, Unset r#""https://gateway.example.com""#;
        /// Who may come: `user`, `app`, `app_asserted`. Without it, users and apps. Browsers are sent to sign in where users may.
        #[serde(deserialize_with = "identities")]
        pub identities: Vec<Identity> = vec![Identity::User, Identity::App],
            Unset r#"["user", "app"]"#;
        /// Roles that are all demanded.
        pub roles: Vec<String> = Vec::new(), Unset r#"["admin"]"#;
        /// Scopes that are all demanded.
        pub scopes: Vec<String> = Vec::new(), Unset r#"["orders:read"]"#;
        /// Whether the answer has a token for the service in `Authorization`, good for two minutes, so that the service can
        /// check by itself who it is.
        pub hand_on_token: bool = false, Unset "true";
    }
}

impl GatewayRoute {
    /// The audience of the bearer tokens that are taken.
    pub fn audience(&self) -> &str {
        self.audience.as_deref().unwrap_or(&self.resource)
    }
}

/// RFC 4343: hosts have no case.
fn lower_case<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|host| host.to_ascii_lowercase())
}

fn identities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Identity>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let identity = |name: &String| {
        let known = || Identity::ALL.map(Identity::idtyp).join(", ");
        Identity::from_idtyp(name)
            .ok_or_else(|| D::Error::custom(format!("`{name}` is not one of {}", known())))
    };
    names.iter().map(identity).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Config, validate};

    fn shop() -> GatewayRoute {
        GatewayRoute {
            host: "shop.example".to_owned(),
            trusted: vec!["10.0.0.7/32".parse().unwrap()],
            client_id: "shop-gateway".to_owned(),
            resource: "https://shop.example".to_owned(),
            ..GatewayRoute::default()
        }
    }

    fn checked(routes: &[(&str, GatewayRoute)]) -> Result<usize, String> {
        let gateway: BTreeMap<String, GatewayRoute> =
            routes.iter().map(|(name, route)| ((*name).to_owned(), route.clone())).collect();
        let config = Config { gateway, ..Config::default() };
        let warnings = validate::check(&config).map_err(|error| error.to_string())?;
        Ok(warnings.len())
    }

    #[test]
    fn a_route_is_named_completely_and_somebody_may_ask_about_it() {
        type Edit = fn(&mut GatewayRoute);
        let faults: [(&str, Edit); 9] = [
            ("`host`", |route| route.host.clear()),
            ("`host`", |route| route.host = "https://shop.example".to_owned()),
            ("`host`", |route| route.host = "shop.example/admin".to_owned()),
            ("`host`", |route| route.host = "user@shop.example".to_owned()),
            ("`client_id`", |route| route.client_id.clear()),
            ("`resource`", |route| route.resource.clear()),
            ("`identities`", |route| route.identities.clear()),
            ("nobody may ask", |route| route.trusted.clear()),
            ("32 characters", |route| route.secret = Some(Secret::new("short".to_owned()))),
        ];
        for (problem, edit) in faults {
            let mut route = shop();
            edit(&mut route);
            let refused = checked(&[("shop", route)]).unwrap_err();
            assert!(refused.contains(problem), "{problem}: {refused}");
        }
        assert!(checked(&[("Shop", shop())]).unwrap_err().contains("lower-case"));
        assert_eq!(checked(&[("shop", shop())]), Ok(0));
    }

    #[test]
    fn one_host_has_one_client_and_nobody_is_let_ask_by_mistake() {
        let other = GatewayRoute { client_id: "other".to_owned(), ..shop() };
        let open = GatewayRoute { trusted: vec!["0.0.0.0/0".parse().unwrap()], ..shop() };

        let refused = checked(&[("shop", shop()), ("admin", other)]).unwrap_err();

        assert!(refused.contains("the same `client_id`"), "{refused}");
        assert_eq!(checked(&[("shop", open)]), Ok(1));
    }
}

//! One of each page, with everything in it that it can show.

mod account;
mod device;
mod endings;
mod sign_in;

use std::sync::LazyLock;

use url::Url;

use crate::page::{
    Brand, Color, Frame, Language, LogoUrl, Page, PasskeyForm, PostForm, RequestedScope,
    UpstreamProvider,
};

/// What stands in the fields of the views.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// What one would expect.
    Usual,
    /// The same, and after it an attack.
    Hostile,
}

/// What follows every value of a hostile view.
pub(super) const ATTACK: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

/// What samples are made with.
#[derive(Clone, Copy)]
pub(super) struct Kit {
    pub(super) language: Language,
    content: Content,
}

/// A page under the name of its file.
pub(super) type Sample = (&'static str, Page);

/// The client's address; hostile or not, it is a parsed URL.
pub(super) static REDIRECT_URI: LazyLock<Url> = LazyLock::new(|| {
    Url::parse("https://shop.example/callback?from=\"'><script>alert(1)</script>").unwrap()
});

/// Where upstream providers sign people in.
static UPSTREAM: LazyLock<Url> =
    LazyLock::new(|| Url::parse("https://accounts.provider.example/authorize").unwrap());

/// Every page.
pub(super) fn all(language: Language, content: Content) -> Vec<Sample> {
    let kit = Kit { language, content };
    let rooms = [sign_in::pages(kit), endings::pages(kit), device::pages(kit), account::pages(kit)];
    rooms.into_iter().flatten().collect()
}

impl Kit {
    /// A value of a field. It is not given back: tests are short.
    pub(super) fn say(self, value: &'static str) -> &'static str {
        match self.content {
            Content::Usual => value,
            Content::Hostile => Box::leak(format!("{value}{ATTACK}").into_boxed_str()),
        }
    }

    pub(super) fn frame(self) -> Frame<'static> {
        self.wearing(Brand { name: self.say("Countersign").to_owned(), logo: None, color: None })
    }

    /// The frame of a client with a brand.
    pub(super) fn branded(self) -> Frame<'static> {
        self.wearing(Brand {
            name: self.say("Lovelace Books").to_owned(),
            logo: LogoUrl::parse("https://cdn.shop.example/logo.svg?'\"><script>"),
            color: Color::parse("#0f766e"),
        })
    }

    fn wearing(self, brand: Brand) -> Frame<'static> {
        Frame {
            language: self.language,
            brand: Box::leak(Box::new(brand)),
            issuer: self.say("id.example.com"),
            base_path: "",
            form_target: Some(&REDIRECT_URI),
        }
    }

    pub(super) fn form(self, action: &'static str) -> PostForm<'static> {
        PostForm {
            action: self.say(action),
            csrf: self.say("mJ3vQ0t7yJ1sCSRF"),
            continuation: Some(self.say("v1.8Zk2sealed")),
        }
    }

    pub(super) fn passkey(self) -> PasskeyForm<'static> {
        let options =
            r#"{"challenge":"bm9uY2U","rpId":"localhost","timeout":60000,"allowCredentials":[]}"#;
        let form = self.form("/login/passkey");
        PasskeyForm { form, ticket: self.say("eyJ0aWNrZXQi.MAC"), options: self.say(options) }
    }

    pub(super) fn scopes(self) -> &'static [RequestedScope<'static>] {
        let own = ["openid", "profile", "email", "address", "phone", "offline_access"]
            .map(|scope| RequestedScope { scope, resource: None });
        let mut scopes = own.to_vec();
        let resource = Some(self.say("Order service"));
        scopes.push(RequestedScope { scope: self.say("orders:read"), resource });
        scopes.push(RequestedScope { scope: self.say("unheard_of"), resource: None });
        scopes.leak()
    }

    pub(super) fn providers(self) -> &'static [UpstreamProvider<'static>] {
        let provider = |id, name| UpstreamProvider {
            id: self.say(id),
            name: self.say(name),
            authorization_endpoint: &UPSTREAM,
        };
        vec![provider("google", "Google"), provider("entra", "Microsoft Entra")].leak()
    }
}

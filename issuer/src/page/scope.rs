//! A scope in the words of the person who is asked for it.

use super::language::Language;
use super::phrase::Markup;

/// A scope that a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct RequestedScope<'v> {
    /// The scope token.
    pub scope: &'v str,
    /// The name of the resource that it belongs to; `None` for the scopes of OpenID Connect.
    pub resource: Option<&'v str>,
}

impl RequestedScope<'_> {
    /// What is granted: in plain words for the scopes of OpenID Connect Core 1.0 §5.4 and §11, by name
    /// for those of other resources.
    pub(super) fn words(&self, language: Language) -> Markup {
        let texts = &language.messages().scopes;
        let plain = match self.scope {
            "openid" => texts.openid,
            "profile" => texts.profile,
            "email" => texts.email,
            "address" => texts.address,
            "phone" => texts.phone,
            "offline_access" => texts.offline_access,
            _ => return self.named(language),
        };
        match self.resource {
            // A resource may call a scope of its own `email`: only the issuer's own is explained.
            Some(_) => self.named(language),
            None => Markup::new().literal("<span>").text(plain).literal("</span>"),
        }
    }

    fn named(&self, language: Language) -> Markup {
        let name =
            Markup::new().literal("<span><code dir=\"ltr\">").text(self.scope).literal("</code>");
        match self.resource {
            None => name.literal("</span>"),
            Some(resource) => {
                let at = &language.messages().scopes.at_resource;
                name.literal(" <span class=\"quiet\">")
                    .markup(&at.html(resource))
                    .literal("</span></span>")
            }
        }
    }
}

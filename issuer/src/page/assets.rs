//! `GET /assets/…`: stylesheets, scripts and the icon, embedded in the binary. An address carries the
//! hash of what is behind it and can be kept forever. During an upgrade, when a page of one version
//! asks a node of another, the node gives what it has, not to be kept, so that no page is bare.

use std::borrow::Cow;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::brand::{self, Color};
use crate::conditional::is_known;

/// The route of [`endpoint`], below the path of the issuer.
pub const ROUTE: &str = "/assets/{*name}";

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    name: &'static str,
    extension: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

/// The stylesheet of all pages.
pub(super) const STYLESHEET: &Asset =
    &asset("page", "css", CSS, include_bytes!("../../assets/page.css"));
/// Signing in with passkeys, and adding them.
pub(super) const PASSKEY: &Asset =
    &asset("passkey", "js", JAVASCRIPT, include_bytes!("../../assets/passkey.js"));
/// Sends the one form of a page at once.
pub(super) const SUBMIT: &Asset =
    &asset("submit", "js", JAVASCRIPT, include_bytes!("../../assets/submit.js"));
/// Goes on when all clients were signed out in frames.
pub(super) const SIGNED_OUT: &Asset =
    &asset("signed-out", "js", JAVASCRIPT, include_bytes!("../../assets/signed-out.js"));
/// The icon of the window.
pub(super) const ICON: &Asset =
    &asset("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg"));

/// Every file there is, with its hash.
static ASSETS: LazyLock<Vec<(&Asset, String)>> = LazyLock::new(|| {
    let all = [STYLESHEET, PASSKEY, SUBMIT, SIGNED_OUT, ICON];
    all.map(|asset| (asset, hash(asset.content))).into()
});

const fn asset(
    name: &'static str,
    extension: &'static str,
    content_type: &'static str,
    content: &'static [u8],
) -> Asset {
    Asset { name, extension, content_type, content }
}

impl Asset {
    /// The path of the current content, below the path of the issuer.
    pub(super) fn path(&self) -> String {
        let known = ASSETS.iter().find(|(asset, _)| asset.name == self.name);
        let hash = known.map(|(_, hash)| hash.as_str()).unwrap_or_default();
        format!("/assets/{}.{hash}.{}", self.name, self.extension)
    }
}

/// The path of the stylesheet of a color.
pub(super) fn brand_path(color: Color) -> String {
    let stylesheet = brand::stylesheet(color);
    format!("/assets/brand/{}.{}.css", color.hex(), hash(stylesheet.as_bytes()))
}

/// Half of the SHA-256 of a content.
fn hash(content: &[u8]) -> String {
    let digest = digest(&SHA256, content);
    let (half, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(half)
}

/// A file that was asked for.
struct Found {
    content_type: &'static str,
    content: Cow<'static, [u8]>,
    hash: String,
}

/// The handler of [`ROUTE`].
pub async fn endpoint(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((found, asked)) = find(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let caching =
        if asked == found.hash { "public, max-age=31536000, immutable" } else { "no-cache" };
    let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", found.hash)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_known = is_known(&headers, &etag);
    let validators =
        [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static(caching))];
    if is_known {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    let kind =
        [(header::CONTENT_TYPE, found.content_type), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    let content = match found.content {
        Cow::Borrowed(content) => Bytes::from_static(content),
        Cow::Owned(content) => Bytes::from(content),
    };
    (validators, kind, content).into_response()
}

/// The file of a name, and the hash under which it was asked for.
fn find(path: &str) -> Option<(Found, &str)> {
    let (path, extension) = path.rsplit_once('.')?;
    let (name, asked) = path.rsplit_once('.')?;
    if let Some(hex) = name.strip_prefix("brand/") {
        // One address for each color: in lower case and without `#`.
        let color = Color::parse(hex).filter(|color| color.hex() == hex)?;
        let content = brand::stylesheet(color).into_bytes();
        let hash = hash(&content);
        let found = Found { content_type: CSS, content: Cow::Owned(content), hash };
        return (extension == "css").then_some((found, asked));
    }
    let mut all = ASSETS.iter();
    let (asset, hash) =
        all.find(|(asset, _)| asset.name == name && asset.extension == extension)?;
    let content = Cow::Borrowed(asset.content);
    Some((Found { content_type: asset.content_type, content, hash: hash.clone() }, asked))
}

//! Scopes as types, for [`Scoped`](super::Scoped).

/// A type that stands for scopes; made by [`scope!`](crate::scope).
pub trait ScopeMarker: Send + Sync + 'static {
    /// The scopes, all of which are needed.
    const SCOPES: &'static [&'static str];
}

/// Makes a type that stands for one scope, or for several that are all needed.
///
/// ```
/// use countersign_verifier::axum::Scoped;
///
/// countersign_verifier::scope! {
///     /// May read payments.
///     pub PaymentsRead = "payments:read";
///     Refunds = "payments:write", "refunds:write";
/// }
///
/// async fn payments(caller: Scoped<PaymentsRead>) -> String {
///     format!("hello, {}", caller.client_id())
/// }
/// # let _ = (payments, std::any::type_name::<Refunds>());
/// ```
#[macro_export]
macro_rules! scope {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $($scope:literal),+;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        $visibility enum $name {}

        impl $crate::axum::ScopeMarker for $name {
            const SCOPES: &'static [&'static str] = &[$($scope),+];
        }
    )+};
}

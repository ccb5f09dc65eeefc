//! `section!` states a part of the configuration once: struct, defaults, rules of parsing and reference text.
//! The reference page and `config example` are written from the [`Setting`]s it leaves behind.

/// One key of the configuration file, as the reference describes it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key inside its section.
    pub key: &'static str,
    /// The default, or an example when there is no default; in TOML.
    pub shown: Shown,
    /// The lines of its description.
    pub doc: &'static [&'static str],
}

/// The value that stands beside a key in the reference.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// What holds when the key is absent.
    Default(&'static str),
    /// Nothing holds when the key is absent; this is what a value looks like.
    Unset(&'static str),
}

/// One section of the file with its settings in order.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The TOML table; empty for the top of the file.
    pub name: &'static str,
    /// The lines of its description.
    pub doc: &'static [&'static str],
    /// Its keys.
    pub settings: &'static [Setting],
}

/// Defines a section: each field with its documentation, its default, and that default in TOML.
macro_rules! section {
    (
        $(#[doc = $section_doc:literal])*
        $name:literal => pub struct $Struct:ident {
            $(
                $(#[doc = $doc:literal])*
                $(#[serde($serde:meta)])*
                pub $key:ident: $Type:ty = $default:expr, $shown:ident $text:literal;
            )*
        }
        $( nested { $( $(#[serde($inner_serde:meta)])* pub $inner:ident: $Inner:ty; )* } )?
    ) => {
        $(#[doc = $section_doc])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Struct {
            $(
                $(#[doc = $doc])*
                $(#[serde($serde)])*
                pub $key: $Type,
            )*
            $( $(
                #[doc = concat!("Section `", stringify!($inner), "`.")]
                $(#[serde($inner_serde)])*
                pub $inner: $Inner,
            )* )?
        }

        impl Default for $Struct {
            fn default() -> Self {
                Self {
                    $( $key: $default, )*
                    $( $( $inner: Default::default(), )* )?
                }
            }
        }

        impl $Struct {
            /// How the reference describes this section.
            pub const SECTION: $crate::config::Section = $crate::config::Section {
                name: $name,
                doc: &[$($section_doc),*],
                settings: &[$(
                    $crate::config::Setting {
                        key: stringify!($key),
                        shown: $crate::config::Shown::$shown($text),
                        doc: &[$($doc),*],
                    },
                )*],
            };
        }
    };
}

pub(super) use section;

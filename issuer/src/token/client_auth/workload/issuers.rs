//! The issuers outside that are trusted to say who a workload is, and their keys: fetched when the first of their tokens
//! comes, and kept as those of any issuer.

use std::sync::Arc;

use countersign_keys::algorithm::ALGORITHMS;
use countersign_verifier::key_source::{Fetch, RemoteKeys, RemoteOptions, Source};

use crate::clock::Clock;
use crate::config::{self, Config};
use crate::outbound::Outbound;

/// Those of the configuration.
pub struct WorkloadIssuers(Vec<WorkloadIssuer>);

/// One of them.
pub(super) struct WorkloadIssuer {
    pub(super) settings: config::WorkloadIssuer,
    pub(super) keys: RemoteKeys,
}

impl WorkloadIssuers {
    /// Nothing is fetched yet.
    pub fn new(config: &Config, outbound: &Arc<Outbound>, clock: &Clock) -> Self {
        let issuers = config.workload.values().map(|settings| {
            let mut options = RemoteOptions::new(Arc::clone(outbound) as Arc<dyn Fetch>);
            options.algorithms = ALGORITHMS.iter().map(|row| row.algorithm).collect();
            options.clock = Arc::new(clock.clone());
            let source = match &settings.jwks_uri {
                Some(uri) => Source::JwksUrl(uri.clone()),
                None => Source::Discovery { issuer: settings.issuer.clone() },
            };
            WorkloadIssuer { settings: settings.clone(), keys: RemoteKeys::new(source, options) }
        });
        Self(issuers.collect())
    }

    /// The one whose keys must have signed a token that says this of itself.
    pub(super) fn of(
        &self,
        issuer: Option<&str>,
        subject: Option<&str>,
    ) -> Option<&WorkloadIssuer> {
        let by_issuer = |one: &&WorkloadIssuer| issuer == Some(one.settings.issuer.as_str());
        let by_domain = |one: &&WorkloadIssuer| subject.is_some_and(|id| one.has_subject(id));
        self.0.iter().find(by_issuer).or_else(|| self.0.iter().find(by_domain))
    }
}

impl WorkloadIssuer {
    /// Whether a SPIFFE ID is in its trust domain (SPIFFE ID §2).
    pub(super) fn has_subject(&self, id: &str) -> bool {
        let domain = self.settings.trust_domain();
        let found = id.strip_prefix("spiffe://").and_then(|id| id.split_once('/'));
        found.is_some_and(|(found, path)| Some(found) == domain && !path.is_empty())
    }
}

//! The promise of rotation, over arbitrary histories: two nodes that restart, lose the database, and have their
//! clocks set, against verifiers that honor `max-age`. At no moment does a live token carry a `kid` that a
//! verifier does not know, and no ring is without its Active.
//!
//! A token is live while a verifier with the right time accepts it. One that was made by a clock that runs
//! ahead by more than the skew is refused as being from the future; it is nobody's token, and not counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign_keys::ring::{KeyRing, KeyState, MAX_RING_KEYS, RingKey};
use countersign_keys::rotation::{Policy, Step, force, plan};
use countersign_keys::{Algorithm, Kid};
use proptest::prelude::*;

/// The true time at the start, in Unix seconds.
const START: i64 = 1_800_000_000;

/// What happens to the world.
#[derive(Clone, Debug)]
enum Event {
    Quiet,
    Restart { node: usize },
    SetClock { node: usize, offset: i64 },
    LoseDatabase { node: usize, seconds: u64 },
    ForceRotation { node: usize },
}

/// The ring as it is in the database.
#[derive(Clone, Debug, Default)]
struct Database {
    version: u64,
    keys: BTreeMap<Kid, (KeyState, i64)>,
    /// For how long nodes have seen each retired key retired, as they wrote it down.
    observed: BTreeMap<Kid, u64>,
    made: u32,
}

impl Database {
    fn new_key(&mut self, state: KeyState, wall: i64) {
        self.made += 1;
        let kid = Kid::try_from(format!("key-{}", self.made).as_str()).unwrap();
        self.keys.insert(kid, (state, wall));
    }

    fn retire_active(&mut self, wall: i64) {
        for (state, since) in self.keys.values_mut().filter(|(state, _)| *state == KeyState::Active)
        {
            (*state, *since) = (KeyState::Retired, wall);
        }
    }

    fn apply(&mut self, step: Step, wall: i64) {
        match step {
            Step::Publish => self.new_key(KeyState::Pending, wall),
            Step::PublishActive => {
                self.retire_active(wall);
                self.new_key(KeyState::Active, wall);
            }
            Step::Activate { kid } => {
                assert_eq!(self.keys[&kid].0, KeyState::Pending);
                self.retire_active(wall);
                self.keys.insert(kid, (KeyState::Active, wall));
            }
            Step::Delete { kid } => {
                self.keys.remove(&kid);
                self.observed.remove(&kid);
            }
        }
        let active = self.keys.values().filter(|(state, _)| *state == KeyState::Active).count();
        assert_eq!(active, 1, "after {step:?}");
    }

    /// One transaction against the version that was planned on; of two nodes one wins.
    fn commit(&mut self, planned_on: u64, steps: &[Step], wall: i64) {
        if planned_on != self.version || steps.is_empty() {
            return;
        }
        for step in steps {
            self.apply(*step, wall);
        }
        self.version += 1;
        assert!(self.keys.len() <= MAX_RING_KEYS, "{} keys", self.keys.len());
    }
}

/// One node. Its monotonic clock is the true time.
#[derive(Clone, Debug, Default)]
struct Node {
    view: Database,
    /// When it last learned for how long each key had been in its state, and for how long that was.
    seen: BTreeMap<Kid, (KeyState, u64, u64)>,
    heard_at: Option<u64>,
    cut_off_until: u64,
    clock_offset: i64,
    forced: bool,
}

impl Node {
    fn wall(&self, now: u64) -> i64 {
        START + i64::try_from(now).unwrap() + self.clock_offset
    }

    fn hear(&mut self, database: &Database, now: u64) {
        if now < self.cut_off_until {
            return;
        }
        self.view = database.clone();
        self.heard_at = Some(now);
        let before = std::mem::take(&mut self.seen);
        for (kid, (state, _)) in &self.view.keys {
            let read = self.view.observed.get(kid).filter(|_| *state == KeyState::Retired);
            let read = (*state, now, read.copied().unwrap_or(0));
            let seen = before
                .get(kid)
                .filter(|(seen, at, by_then)| seen == state && by_then + (now - at) >= read.2);
            self.seen.insert(*kid, *seen.unwrap_or(&read));
        }
    }

    fn observed(&self, kid: &Kid, now: u64) -> u64 {
        let (_, at, by_then) = self.seen[kid];
        by_then + (now - at)
    }

    /// Writes down what it knows of the keys that are retired there too.
    fn write_down(&self, database: &mut Database, now: u64) {
        for (kid, (state, _)) in &self.view.keys {
            let is_retired = |(state, _): &(KeyState, i64)| *state == KeyState::Retired;
            if *state == KeyState::Retired && database.keys.get(kid).is_some_and(is_retired) {
                let longest = database.observed.entry(*kid).or_default();
                *longest = self.observed(kid, now).max(*longest);
            }
        }
    }

    /// A node that has not heard from the database for too long neither signs nor publishes.
    fn serves(&self, now: u64, policy: &Policy) -> bool {
        let lag = policy.node_lag.as_secs();
        self.heard_at.is_some_and(|at| now - at <= lag) && !self.view.keys.is_empty()
    }

    fn ring(&self, now: u64) -> KeyRing {
        let keys = self.view.keys.iter().map(|(kid, (state, since))| RingKey {
            kid: *kid,
            state: *state,
            since: *since,
            observed: Duration::from_secs(self.observed(kid, now)),
        });
        KeyRing { algorithm: Algorithm::Es256, keys: keys.collect() }
    }

    fn steps(&mut self, policy: &Policy, now: u64) -> Vec<Step> {
        let (ring, wall) = (self.ring(now), self.wall(now));
        if std::mem::take(&mut self.forced) {
            force(&ring, policy, wall)
        } else {
            plan(&ring, policy, wall)
        }
    }
}

/// A verifier that fetches when what it has is older than `max-age`, and not a moment before.
#[derive(Clone, Debug, Default)]
struct Verifier {
    kids: BTreeSet<Kid>,
    fetched_at: Option<u64>,
}

struct World {
    policy: Policy,
    now: u64,
    database: Database,
    nodes: [Node; 2],
    verifiers: Vec<Verifier>,
    /// Until when the last token of each key passes.
    live_until: BTreeMap<Kid, u64>,
}

impl World {
    fn new(policy: Policy) -> Self {
        let verifiers = vec![Verifier::default(); 6];
        let (database, nodes) = (Database::default(), Default::default());
        Self { policy, now: 0, database, nodes, verifiers, live_until: BTreeMap::new() }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Quiet => {}
            Event::Restart { node } => {
                let Node { cut_off_until, clock_offset, .. } = self.nodes[node];
                self.nodes[node] = Node { cut_off_until, clock_offset, ..Node::default() };
            }
            Event::SetClock { node, offset } => self.nodes[node].clock_offset = offset,
            Event::LoseDatabase { node, seconds } => {
                self.nodes[node].cut_off_until = self.now + seconds;
            }
            Event::ForceRotation { node } => self.nodes[node].forced = true,
        }
    }

    /// One moment: both nodes hear, plan on the same version and race to commit; then all sign, and all verify.
    fn tick(&mut self, seconds: u64) {
        self.now += seconds;
        for node in &mut self.nodes {
            node.hear(&self.database, self.now);
        }
        let now = self.now;
        for node in self.nodes.iter().filter(|node| now >= node.cut_off_until) {
            node.write_down(&mut self.database, now);
        }
        let connected = |node: &&mut Node| now >= node.cut_off_until;
        let planned: Vec<_> = self
            .nodes
            .iter_mut()
            .filter(connected)
            .map(|node| (node.view.version, node.steps(&self.policy, now), node.wall(now)))
            .collect();
        // Which of the two is first depends on nothing in particular.
        let first = usize::try_from(now % 2).unwrap().min(planned.len().saturating_sub(1));
        let (later, sooner) = planned.split_at(first);
        for (version, steps, wall) in sooner.iter().chain(later) {
            self.database.commit(*version, steps, *wall);
        }
        self.sign();
        self.verify();
    }

    fn sign(&mut self) {
        let leeway = self.policy.skew / 2;
        for node in self.nodes.iter().filter(|node| node.serves(self.now, &self.policy)) {
            let ring = node.ring(self.now);
            let Some(active) = ring.active() else { continue };
            if node.clock_offset > i64::try_from(leeway.as_secs()).unwrap() {
                continue;
            }
            let expires = node.wall(self.now) - START
                + i64::try_from(self.policy.max_token_lifetime.as_secs()).unwrap();
            let live_until = u64::try_from(expires).unwrap_or(0) + leeway.as_secs();
            let last = self.live_until.entry(active.kid).or_default();
            *last = live_until.max(*last);
        }
    }

    fn verify(&mut self) {
        let serving: Vec<_> =
            self.nodes.iter().filter(|node| node.serves(self.now, &self.policy)).collect();
        for (index, verifier) in self.verifiers.iter_mut().enumerate() {
            let age = verifier.fetched_at.map(|at| self.now - at);
            let expired = age.is_none_or(|age| age >= self.policy.jwks_max_age.as_secs());
            // Each has its own favorite node, so that some always ask the one that lags.
            let node = serving.get(index % 2).or(serving.first());
            if let (true, Some(node)) = (expired, node) {
                verifier.kids = node.view.keys.keys().copied().collect();
                verifier.fetched_at = Some(self.now);
            }
            if verifier.fetched_at.is_none() {
                continue;
            }
            for (kid, until) in &self.live_until {
                assert!(
                    self.now > *until || verifier.kids.contains(kid),
                    "at {}: verifier {index} does not know {kid}, live until {until}: {:?}",
                    self.now,
                    self.database,
                );
            }
        }
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    (5..400_u64, 600..6000_u64, 30..3000_u64, 2..120_u64, 5..90_u64).prop_map(
        |(max_age, rotate, life, skew, lag)| Policy {
            jwks_max_age: Duration::from_secs(max_age),
            rotate_every: Duration::from_secs(rotate),
            max_token_lifetime: Duration::from_secs(life),
            skew: Duration::from_secs(skew),
            node_lag: Duration::from_secs(lag),
        },
    )
}

fn events() -> impl Strategy<Value = Vec<(Event, u32, u64)>> {
    let node = 0..2_usize;
    let event = prop_oneof![
        3 => Just(Event::Quiet),
        2 => node.clone().prop_map(|node| Event::Restart { node }),
        1 => (node.clone(), -60..60_i64).prop_map(|(node, offset)| Event::SetClock { node, offset }),
        1 => (node.clone(), -100_000..100_000_i64).prop_map(|(node, offset)| Event::SetClock { node, offset }),
        1 => (node.clone(), 0..500_000_000_i64).prop_map(|(node, offset)| Event::SetClock { node, offset }),
        2 => (node.clone(), 1..600_u64).prop_map(|(node, seconds)| Event::LoseDatabase { node, seconds }),
        1 => node.prop_map(|node| Event::ForceRotation { node }),
    ];
    // What happens, for how many ticks, of how many seconds.
    prop::collection::vec((event, 1..80_u32, 1..30_u64), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_verifier_ever_meets_an_unknown_kid_for_a_live_token(policy in policies(), events in events()) {
        let mut world = World::new(policy);

        for (event, ticks, seconds) in events {
            world.happen(&event);
            (0..ticks).for_each(|_| world.tick(seconds));
        }
    }

    #[test]
    fn rotation_goes_on_when_the_trouble_is_over_whatever_the_clocks_were(policy in policies(), events in events()) {
        let mut world = World::new(policy);
        for (event, ticks, seconds) in events {
            world.happen(&event);
            (0..ticks).for_each(|_| world.tick(seconds));
        }
        for node in 0..2 {
            world.happen(&Event::SetClock { node, offset: 0 });
        }
        let made = world.database.made;

        // Time enough for keys from the future to go, and for a whole rotation after that.
        let enough = policy.retention() + 2 * policy.rotate_every + 2 * policy.lead() + Duration::from_secs(700);
        (0..=enough.as_secs() / 20).for_each(|_| world.tick(20));

        prop_assert!(world.database.made > made);
    }
}

/// A deployment's rotation, but every two hours.
fn hasty() -> Policy {
    Policy {
        jwks_max_age: Duration::from_mins(5),
        rotate_every: Duration::from_hours(2),
        max_token_lifetime: Duration::from_hours(1),
        skew: Duration::from_secs(30),
        node_lag: Duration::from_mins(1),
    }
}

#[test]
fn a_schedule_without_trouble_rotates_on_time_and_keeps_few_keys() {
    let mut world = World::new(hasty());
    let mut most = 0;

    for _ in 0..10 * 7200 / 10 {
        world.tick(10);
        most = most.max(world.database.keys.len());
    }

    assert_eq!(world.database.made, 11);
    assert_eq!(most, 3);
}

#[test]
fn but_for_a_lead_after_each_rotation_every_verifier_knows_a_key_that_could_take_over_now() {
    let mut world = World::new(hasty());
    let mut unprepared = 0;

    for _ in 0..10 * 7200 / 10 {
        world.tick(10);
        let pending =
            world.database.keys.iter().filter(|(_, (state, _))| *state == KeyState::Pending);
        let is_known = |kid| world.verifiers.iter().all(|verifier| verifier.kids.contains(kid));
        unprepared += u64::from(!pending.map(|(kid, _)| kid).any(is_known)) * 10;
    }

    assert!(unprepared <= 10 * hasty().lead().as_secs(), "{unprepared} s");
}

#[test]
fn a_fleet_that_restarts_more_often_than_tokens_live_still_forgets_its_retired_keys() {
    let policy = Policy {
        jwks_max_age: Duration::from_mins(1),
        rotate_every: Duration::from_hours(30),
        max_token_lifetime: Duration::from_hours(24),
        skew: Duration::from_secs(30),
        node_lag: Duration::from_secs(5),
    };
    let mut world = World::new(policy);
    let mut most = 0;

    for minute in 0..10 * 30 * 60 {
        world.tick(60);
        if minute % 7 == 0 {
            world.happen(&Event::Restart { node: 0 });
        }
        if minute % 11 == 0 {
            world.happen(&Event::Restart { node: 1 });
        }
        most = most.max(world.database.keys.len());
    }

    assert!(world.database.made >= 9, "{}", world.database.made);
    assert!(most <= 4, "{most} keys at a time");
}

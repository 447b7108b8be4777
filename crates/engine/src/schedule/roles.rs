//! Which scenario a user or an iteration plays, where several share a load.

use crate::seed::draw;
use loadgen_scenario::LoadPlan;
use loadgen_stats::ScenarioIndex;

/// By so much a product of a share and a number of users may be off.
const ROUNDING: f64 = 1e-9;

/// The parts that the scenarios of one load have in it.
///
/// Users of a closed load keep the role that their place gives them; iterations that no user owns draw theirs by their
/// number. Neither depends on the number of workers.
#[derive(Clone, Debug)]
pub(crate) struct Roles {
    scenarios: Vec<ScenarioIndex>,
    shares: Vec<f64>,
    /// The role of each user by its place; empty where there is but one role, or where users have none.
    users: Vec<u32>,
    seed: u64,
}

/// A role by its place among those of its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Role(pub(crate) usize);

impl Roles {
    /// The roles of a load with so many users at most, if it has any; `seed`: what its draws depend on.
    pub(crate) fn new(load: &LoadPlan, users: Option<u32>, seed: u64) -> Self {
        let members = load.members.iter();
        let shares: Vec<f64> = members.clone().map(|member| member.share).collect();
        let users = match users {
            Some(users) if shares.len() > 1 && load.splits_users() => {
                deal(&shares, &load.split(users))
            }
            _ => Vec::new(),
        };
        Self {
            scenarios: members.map(|member| member.scenario).collect(),
            shares,
            users,
            seed,
        }
    }

    /// The scenarios, by role.
    pub(crate) fn scenarios(&self) -> &[ScenarioIndex] {
        &self.scenarios
    }

    /// The scenario of a role.
    pub(crate) fn scenario(&self, role: Role) -> ScenarioIndex {
        self.scenarios[role.0]
    }

    /// The role of the user at that place of the level.
    pub(crate) fn of_user(&self, place: u32) -> Role {
        let dealt = self.users.get(place as usize);
        Role(dealt.map_or(0, |role| *role as usize))
    }

    /// The role of an iteration, drawn by its number in the load.
    pub(crate) fn of_iteration(&self, number: u64) -> Role {
        if self.shares.len() == 1 {
            return Role(0);
        }
        let drawn = draw(self.seed, number);
        let mut upto = 0.0;
        let below = |share: &f64| {
            upto += share;
            drawn < upto
        };
        // Where rounding leaves a gap at the end, it goes to the last role that has a share.
        let last = || self.shares.iter().rposition(|share| *share > 0.0);
        Role(
            self.shares
                .iter()
                .position(below)
                .or_else(last)
                .unwrap_or(0),
        )
    }

    /// So many of something, split by the shares.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count is no less than zero, and `as` saturates"
    )]
    pub(crate) fn split(&self, count: u64) -> Vec<u64> {
        let last = self.shares.iter().rposition(|share| *share > 0.0);
        let (mut upto, mut given) = (0.0, 0);
        let part = |(role, share): (usize, &f64)| {
            upto += share;
            let reached = match last {
                Some(last) if role < last => ((count as f64 * upto).round() as u64).min(count),
                _ => count,
            };
            reached - std::mem::replace(&mut given, reached)
        };
        self.shares.iter().enumerate().map(part).collect()
    }

    /// The users of each role, of the first `users`.
    pub(crate) fn users(&self, users: u32) -> Vec<u64> {
        let mut counts = vec![0; self.scenarios.len()];
        for place in 0..users {
            counts[self.of_user(place).0] += 1;
        }
        counts
    }
}

/// The roles of all users of a load, so that the first n of them are split as the shares say, within one user, for
/// every n; and all of them as `whole` says.
///
/// The next user of each role has an earliest place, at which the share first reaches into it, and a latest, at which it
/// is full. Of those whose place has come the most urgent is next.
fn deal(shares: &[f64], whole: &[u32]) -> Vec<u32> {
    let users: u32 = whole.iter().sum();
    let mut dealt = vec![0_u32; shares.len()];
    let mut roles = Vec::with_capacity(users as usize);
    for place in 1..=users {
        let urgency = |role: usize| {
            let (share, before) = (shares[role], f64::from(dealt[role]));
            let too_early = before >= share * f64::from(place) - ROUNDING;
            let latest = ((before + 1.0) / share - ROUNDING).ceil();
            (too_early, latest.min(users.into()), role)
        };
        let wanting = (0..shares.len()).filter(|role| dealt[*role] < whole[*role]);
        let most_urgent = wanting.map(urgency).min_by(|one, other| {
            let by_time = one.0.cmp(&other.0).then(one.1.total_cmp(&other.1));
            by_time.then(one.2.cmp(&other.2))
        });
        if let Some((_, _, role)) = most_urgent {
            dealt[role] += 1;
            roles.push(u32::try_from(role).unwrap_or(u32::MAX));
        }
    }
    roles
}

#[cfg(test)]
mod tests;

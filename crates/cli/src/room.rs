//! What a plan needs, held against what this machine has: said before the run, not when it is too late.

use crate::{args::NetworkArgs, doctor::Calibration, environment::Environment, error::Error};
use loadgen_http::LOOPBACKS;
use loadgen_scenario::{
    Crowding, Growth, LoadPlan, Needs, Plan, Ports, Resting, Room, Unbegun, Unplayed,
    format_duration,
};

/// What this machine has for the run.
#[derive(Clone, Copy, Debug)]
struct Machine {
    /// Files that this process may have open.
    files: Option<u64>,
    /// Memory that it may still take, in bytes.
    memory: Option<u64>,
}

/// What there is to connect from; absent where it cannot be told, or where connections do not go where the plan says.
pub(crate) fn to_connect_from(
    network: Option<&NetworkArgs>,
    environment: &Environment,
) -> Option<Room> {
    let sources = match network {
        Some(network) => {
            if network.unix_socket.is_some() || !network.connect_to.is_empty() {
                return None;
            }
            network.source_address.len()
        }
        None => 0,
    };
    let proxies = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
    if proxies.iter().any(|name| environment.var(name).is_some()) {
        return None;
    }
    let (first, last) = loadgen_host::local_ports().ok()?;
    Some(Room {
        ports: u32::from(last - first) + 1,
        sources: u32::try_from(sources).unwrap_or(u32::MAX),
        loopbacks: LOOPBACKS,
    })
}

/// Raises the limit of open files, and warns where the machine has too little of something for the plan.
pub(crate) fn make(
    plan: &Plan,
    workers: usize,
    network: Option<&NetworkArgs>,
    environment: &Environment,
) {
    let limit = loadgen_host::raise_file_limit();
    if let Err(error) = &limit {
        let told = format!("warning: failed to {}", Error::chain(error));
        environment.err.say(&told);
    }
    let machine = Machine {
        files: limit.ok().map(|limit| limit.after),
        memory: loadgen_host::available_memory().ok(),
    };
    let room = to_connect_from(network, environment);
    for line in shortages(&plan.needs(workers), plan.ports(room), machine) {
        environment.err.say(&line);
    }
    let resting = room.and_then(|room| plan.may_run_out_of_ports(room));
    for line in resting.iter().flat_map(ports) {
        environment.err.say(&line);
    }
    for line in lines_that_grow(&plan.crowded()) {
        environment.err.say(&plan.mask(&line));
    }
    let calibration = Calibration::last(environment);
    for line in calibration.map_or_else(Vec::new, |last| last.beyond(plan, workers)) {
        environment.err.say(&format!("warning: {line}"));
    }
    for line in absent(plan) {
        environment.err.say(&plan.mask(&line));
    }
}

/// Who of the plan will not come.
fn absent(plan: &Plan) -> Vec<String> {
    let unbegun = plan.loads.iter().filter_map(LoadPlan::unbegun);
    let mut told: Vec<String> = unbegun.flat_map(|one| too_slow(&one)).collect();
    told.extend(left_out(&plan.unplayed()));
    told
}

/// That a load is over before all of its users have begun.
fn too_slow(unbegun: &Unbegun) -> [String; 2] {
    let Unbegun { users, begin } = unbegun;
    [
        format!("warning: only {begin} of {users} users begin before the load ends"),
        "hint: give it more time, or let users begin faster (`connect_rate`, --connect-rate)"
            .to_owned(),
    ]
}

/// Who has a share of a load, but none of its users.
fn left_out(unplayed: &[Unplayed<'_>]) -> Vec<String> {
    let mut told = Vec::new();
    for one in unplayed {
        let users = match one.users {
            1 => "only user".to_owned(),
            users => format!("{users} users"),
        };
        told.push(format!(
            "warning: scenario `{}` will not run: its share comes to none of the {users}",
            one.scenario
        ));
    }
    if let Some(last) = unplayed.last() {
        told.push(match last.enough {
            Some(enough) => format!("hint: with {enough} users everyone who has a share has one"),
            None => "hint: give it a larger share, or a load of its own".to_owned(),
        });
    }
    told
}

/// What there is to say where more is asked for than caps let through, by users without a bound.
fn lines_that_grow(crowded: &[Crowding]) -> Vec<String> {
    let mut told: Vec<String> = crowded
        .iter()
        .map(|one| format!("warning: {one}"))
        .collect();
    if !told.is_empty() {
        told.push(
            "hint: bound the users (`max_vus`): arrivals beyond them are dropped, and counted; or ask for less, or raise the cap"
                .to_owned(),
        );
    }
    told
}

/// What there is to say where ports may run out, as connections are for one request each.
fn ports(resting: &Resting) -> [String; 2] {
    let Resting {
        origin,
        ports,
        room,
        iteration,
    } = resting;
    let lasts = format_duration(*iteration);
    [
        format!(
            "warning: the run opens about {ports} connections to {origin} in a minute if an iteration lasts {lasts}, and has {room} ports for them, each free again after 60 s"
        ),
        "hint: keep connections (`connection = \"reuse\"`), put on less load (fewer users, or a cap on their rate: `rate_limit`), or name more addresses of this machine (`source_addresses`, --source-address)"
            .to_owned(),
    ]
}

/// What there is too little of.
fn shortages(needs: &Needs, ports: Ports, machine: Machine) -> Vec<String> {
    // A load that makes as many users as it takes is given those of iterations that last a second.
    let with = |sure: u64, growing: fn(&Growth) -> u64| {
        sure.saturating_add(needs.open.as_ref().map_or(0, growing))
    };
    let files = with(needs.files, |growth| growth.files);
    let talks = with(needs.talks, |growth| growth.talks);
    let memory = with(needs.memory, |growth| growth.memory);
    let condition = match needs.open {
        Some(_) => " if an iteration lasts a second",
        None => "",
    };
    let mut told = Vec::new();
    if let Some(limit) = machine.files.filter(|limit| *limit < files) {
        told.push(format!(
            "warning: the run needs about {files} open files{condition}, and may have {limit}"
        ));
        told.push("hint: raise the limit of open files (ulimit -n)".to_owned());
    }
    if let Some(room) = machine.memory.filter(|room| *room < memory) {
        let mebibytes = |bytes: u64| bytes >> 20;
        told.push(format!(
            "warning: the run needs about {} MiB of memory{condition}, and {} MiB are available",
            mebibytes(memory),
            mebibytes(room)
        ));
        told.push(
            "hint: put on less load, or run on a machine (or in a container) with more memory"
                .to_owned(),
        );
    } else if let Some(room) = (machine.memory).filter(|room| *room < memory.saturating_add(talks))
    {
        told.push(format!(
            "warning: the run needs about {} MiB of memory{condition}, with up to {} MiB more for what is said in conversations, and {} MiB are available",
            memory >> 20,
            talks >> 20,
            room >> 20
        ));
        told.push(
            "hint: say in the request how long answers are at most (`max_tokens`), take fewer `turns`, or put on less load"
                .to_owned(),
        );
    }
    // More users of closed loads than ports are a problem of the scenario; here are those whose number nobody knows.
    if let Some(room) = ports.room.filter(|room| *room < ports.for_a_second()) {
        told.push(format!(
            "warning: the run needs {} ports for connections to one address{condition}, and there are {room}",
            ports.for_a_second(),
        ));
        told.push(
            "hint: name more addresses of this machine (--source-address), or widen the range of ports \
             (net.ipv4.ip_local_port_range)"
                .to_owned(),
        );
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the users of these tests say, beside those of growing loads.
    const TALKS: u64 = 50 << 20;

    #[track_caller]
    fn check(open: Option<Growth>, files: Option<u64>, memory: Option<u64>, expected: &[&str]) {
        check_ports(open, Ports::default(), Machine { files, memory }, expected);
    }

    #[track_caller]
    fn check_ports(open: Option<Growth>, ports: Ports, machine: Machine, expected: &[&str]) {
        let needs = Needs {
            memory: 200 << 20,
            talks: TALKS,
            files: 1_032,
            open,
        };
        let told = shortages(&needs, ports, machine);
        let warnings: Vec<&str> = told
            .iter()
            .filter_map(|line| line.strip_prefix("warning: "))
            .collect();
        assert_eq!(warnings, expected);
        assert_eq!(told.len(), 2 * warnings.len(), "each with a hint: {told:?}");
    }

    #[test]
    fn what_there_is_too_little_of_is_said() {
        let growth = Some(Growth {
            users: 500,
            memory: 100 << 20,
            talks: 30 << 20,
            files: 500,
        });
        check(None, None, None, &[]);
        check(None, Some(1_032), Some(250 << 20), &[]);
        let talks = "the run needs about 200 MiB of memory, with up to 50 MiB more for what is said in conversations, and 249 MiB are available";
        check(None, Some(1_032), Some((250 << 20) - 1), &[talks]);
        check(
            None,
            Some(1_031),
            Some(250 << 20),
            &["the run needs about 1032 open files, and may have 1031"],
        );
        check(
            None,
            Some(20_000),
            Some(150 << 20),
            &["the run needs about 200 MiB of memory, and 150 MiB are available"],
        );
        check(growth, Some(1_532), Some(380 << 20), &[]);
        check(
            growth,
            Some(1_100),
            Some(250 << 20),
            &[
                "the run needs about 1532 open files if an iteration lasts a second, and may have 1100",
                "the run needs about 300 MiB of memory if an iteration lasts a second, and 250 MiB are available",
            ],
        );
        let ports = |growing, room| Ports {
            bounded: 1_000,
            growing,
            room,
        };
        let machine = Machine {
            files: None,
            memory: None,
        };
        check_ports(growth, ports(500, None), machine, &[]);
        check_ports(growth, ports(500, Some(1_500)), machine, &[]);
        check_ports(
            growth,
            ports(500, Some(1_499)),
            machine,
            &[
                "the run needs 1500 ports for connections to one address if an iteration lasts a second, and there are 1499",
            ],
        );
        check_ports(
            None,
            ports(0, Some(999)),
            machine,
            &["the run needs 1000 ports for connections to one address, and there are 999"],
        );
    }

    #[test]
    fn a_line_that_grows_is_told_with_what_helps() {
        assert!(lines_that_grow(&[]).is_empty());
        let one = Crowding {
            of: "the file".to_owned(),
            may: 10.0,
            asked: 1_000.0,
        };
        let told = lines_that_grow(&[one.clone(), one]);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(
            told[0],
            "warning: arrivals ask for up to 1000/s requests where the `rate_limit` of the file lets 10/s begin: the others wait in a line that grows"
        );
        assert!(told[2].contains("`max_vus`"), "{told:?}");
    }
}

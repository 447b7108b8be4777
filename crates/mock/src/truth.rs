//! Keeps what really happened to each request, as the sockets saw it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// The most instants kept of one request.
const MOST_EVENTS: usize = 100_000;
/// The most instants kept of all ended requests together (64 MiB).
const MOST_EVENTS_IN_ALL: usize = 8_000_000;
/// Longer paths and ids are kept up to this many bytes.
const LONGEST_TEXT: usize = 512;

/// What happened to one request: one line of `GET /_truth`.
///
/// All instants are nanoseconds of one clock: `CLOCK_MONOTONIC` on Linux, so that a client on
/// the same machine can compare them with its own; elsewhere since the mock's start (the reply's
/// `x-truth-clock` says `monotonic` or `start`). Differences of two instants are always sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthRecord {
    /// Number of the request, from 1, in the order in which heads were read.
    pub request: u64,
    /// The request's `x-request-id` header (its first 512 bytes).
    pub id: Option<String>,
    /// The method as it was sent.
    pub method: String,
    /// The path without the query (its first 512 bytes).
    pub path: String,
    /// Status of the answer; none before there is one.
    pub status: Option<u16>,
    /// Number of the connection, from 1, in the order in which connections were accepted.
    pub connection: u64,
    /// When the request's head had been read.
    pub received_ns: u64,
    /// For each event of a streamed answer, the instant just before its write. An answer that
    /// is no stream has one: that before the first write of its body.
    pub events_ns: Vec<u64>,
    /// Events written; more than `events_ns` holds if those were capped.
    pub events: u64,
    /// Whether `events_ns` reached its cap of 100,000 and later instants were left out.
    pub events_capped: bool,
    /// How many of the events carried output (a token).
    pub output_events: u64,
    /// The instant before the first event that carried output.
    pub first_output_ns: Option<u64>,
    /// The instant before the last event that carried output.
    pub last_output_ns: Option<u64>,
    /// Bytes of the body handed over for writing, without HTTP's own framing.
    pub bytes: u64,
    /// The fault that befell the answer, once it has.
    pub fault: Option<Fault>,
    /// How the exchange ended.
    pub ended: Ended,
    /// When it ended; for a stalled one, when the client left.
    pub ended_ns: Option<u64>,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It has not ended yet.
    Open,
    /// The whole answer was accepted by the system for sending.
    Complete,
    /// The client left before that, or broke off its own request.
    ClientLeft,
    /// The mock cut the stream without a terminator.
    Truncated,
    /// The stream went silent (and its client left, once `ended_ns` is set).
    Stalled,
    /// The mock refused the request with a 4xx: too many at a time, not authorised, or wrong in
    /// itself. Answers of `/status` are complete whatever their code.
    Rejected,
    /// The mock answered 500, or ended the stream with an error event.
    Error,
}

/// What the mock did to an answer on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Went silent in mid-stream.
    Stall,
    /// Cut the stream.
    Truncate,
    /// Sent an event that is not JSON, and went on.
    Garbage,
    /// Answered 500, or ended the stream with an error event.
    Error,
}

/// A request whose head was read.
pub(crate) struct Arrival<'a> {
    pub(crate) at: Instant,
    /// Number of its connection.
    pub(crate) connection: u64,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) id: Option<&'a str>,
}

/// One request that is, or was, served.
#[derive(Debug)]
pub(crate) struct Entry {
    record: Mutex<TruthRecord>,
}

/// The requests kept: a ring that drops the oldest.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) clock: Clock,
    most_requests: usize,
    most_events: usize,
    ring: Mutex<Ring>,
}

/// A copy of the list of what is kept.
pub(crate) struct Kept {
    pub(crate) entries: Vec<Arc<Entry>>,
    /// Requests dropped for want of room.
    pub(crate) dropped: u64,
    /// Requests received since the start, or since the truth was cleared.
    pub(crate) received: u64,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Kin>,
    events: usize,
    last_number: u64,
    cleared_at: u64,
    dropped: u64,
}

/// An entry in the ring, and how many of its instants are counted in the ring's sum.
#[derive(Debug)]
struct Kin {
    number: u64,
    events: usize,
    entry: Arc<Entry>,
}

impl Log {
    pub(crate) fn new(clock: Clock, most_requests: usize) -> Self {
        Self {
            clock,
            most_requests,
            most_events: MOST_EVENTS_IN_ALL,
            ring: Mutex::default(),
        }
    }

    /// Notes a request and numbers it.
    pub(crate) fn open(&self, arrival: &Arrival<'_>) -> (u64, Arc<Entry>) {
        let mut record = TruthRecord::open(self.clock.at(arrival.at), arrival);
        let mut ring = locked(&self.ring);
        ring.last_number += 1;
        let number = ring.last_number;
        record.request = number;
        let entry = Arc::new(Entry {
            record: Mutex::new(record),
        });
        ring.entries.push_back(Kin {
            number,
            events: 0,
            entry: Arc::clone(&entry),
        });
        ring.shrink(self.most_requests, self.most_events);
        (number, entry)
    }

    /// Counts the instants of request `number`, which gets no more of them.
    pub(crate) fn close(&self, number: u64, entry: &Entry) {
        let events = {
            let mut record = locked(&entry.record);
            record.events_ns.shrink_to_fit();
            record.events_ns.len()
        };
        let mut ring = locked(&self.ring);
        let Ok(at) = ring.entries.binary_search_by_key(&number, |kin| kin.number) else {
            return;
        };
        ring.events += events - std::mem::replace(&mut ring.entries[at].events, events);
        ring.shrink(self.most_requests, self.most_events);
    }

    /// Forgets all requests; numbers go on.
    pub(crate) fn clear(&self) {
        let mut ring = locked(&self.ring);
        *ring = Ring {
            last_number: ring.last_number,
            cleared_at: ring.last_number,
            ..Ring::default()
        };
    }

    pub(crate) fn kept(&self) -> Kept {
        let ring = locked(&self.ring);
        Kept {
            entries: ring
                .entries
                .iter()
                .map(|kin| Arc::clone(&kin.entry))
                .collect(),
            dropped: ring.dropped,
            received: ring.last_number - ring.cleared_at,
        }
    }
}

impl Ring {
    fn shrink(&mut self, most_requests: usize, most_events: usize) {
        while self.entries.len() > most_requests || self.events > most_events {
            let Some(gone) = self.entries.pop_front() else {
                return;
            };
            self.events -= gone.events;
            self.dropped += 1;
        }
    }
}

impl Entry {
    pub(crate) fn record(&self) -> TruthRecord {
        locked(&self.record).clone()
    }

    /// Changes the record in place.
    pub(crate) fn note<T>(&self, change: impl FnOnce(&mut TruthRecord) -> T) -> T {
        change(&mut locked(&self.record))
    }

    /// The record as a line of JSON is written to `out`.
    pub(crate) fn write_line(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(&mut *out, &*locked(&self.record))?;
        out.push(b'\n');
        Ok(())
    }
}

impl TruthRecord {
    fn open(received_ns: u64, arrival: &Arrival<'_>) -> Self {
        Self {
            request: 0,
            id: arrival.id.map(|id| clip(id).to_owned()),
            method: arrival.method.to_owned(),
            path: clip(arrival.path).to_owned(),
            status: None,
            connection: arrival.connection,
            received_ns,
            events_ns: Vec::new(),
            events: 0,
            events_capped: false,
            output_events: 0,
            first_output_ns: None,
            last_output_ns: None,
            bytes: 0,
            fault: None,
            ended: Ended::Open,
            ended_ns: None,
        }
    }

    pub(crate) fn event(&mut self, now: u64, bytes: usize, output: bool) {
        if self.events_ns.len() < MOST_EVENTS {
            self.events_ns.push(now);
        } else {
            self.events_capped = true;
        }
        self.events += 1;
        self.bytes += bytes as u64;
        if output {
            self.output_events += 1;
            self.first_output_ns.get_or_insert(now);
            self.last_output_ns = Some(now);
        }
    }

    /// Notes the end, unless one was noted before.
    pub(crate) fn end(&mut self, now: u64, ended: Ended) {
        if self.ended == Ended::Open {
            self.ended = ended;
        }
        self.ended_ns.get_or_insert(now);
    }
}

/// Locks `mutex`; what a panicking holder left behind is still a record.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(most_requests: usize, most_events: usize) -> Log {
        Log {
            most_events,
            ..Log::new(Clock::start(), most_requests)
        }
    }

    fn open(log: &Log, path: &str, id: Option<&str>) -> (u64, Arc<Entry>) {
        let at = tokio::time::Instant::now().into_std();
        log.open(&Arrival {
            at,
            connection: 1,
            method: "GET",
            path,
            id,
        })
    }

    fn request(log: &Log, events: usize) {
        let (number, entry) = open(log, "/plain", None);
        for now in 0..events as u64 {
            entry.note(|record| record.event(now, 10, now > 0));
        }
        log.close(number, &entry);
    }

    /// Requests with `events` each; which numbers are kept, and how many were dropped.
    #[track_caller]
    fn check(
        most_requests: usize,
        most_events: usize,
        events: &[usize],
        kept: &[u64],
        dropped: u64,
    ) {
        let log = log(most_requests, most_events);
        for &events in events {
            request(&log, events);
        }
        let left = log.kept();
        let numbers: Vec<u64> = left
            .entries
            .iter()
            .map(|entry| entry.record().request)
            .collect();
        assert_eq!((numbers.as_slice(), left.dropped), (kept, dropped));
        assert_eq!(left.received, events.len() as u64);
    }

    #[test]
    fn the_ring_drops_the_oldest() {
        check(10, 100, &[], &[], 0);
        check(3, 100, &[1, 1, 1], &[1, 2, 3], 0);
        check(3, 100, &[1, 1, 1, 1, 1], &[3, 4, 5], 2);
        check(10, 5, &[2, 2, 2], &[2, 3], 1);
        check(10, 5, &[1, 1, 6], &[], 3);
        check(10, 5, &[6, 1], &[2], 1);
        check(0, 5, &[1, 1], &[], 2);
    }

    #[test]
    fn clearing_keeps_numbers_going() {
        let log = log(2, 100);
        (0..3).for_each(|_| request(&log, 1));
        log.clear();
        assert_eq!(
            (
                log.kept().entries.len(),
                log.kept().dropped,
                log.kept().received
            ),
            (0, 0, 0)
        );
        request(&log, 1);
        assert_eq!(
            (log.kept().entries[0].record().request, log.kept().received),
            (4, 1)
        );
    }

    #[test]
    fn a_request_that_ends_after_the_clearing_is_gone() {
        let log = log(2, 100);
        let (number, entry) = open(&log, "/plain", None);
        log.clear();
        log.close(number, &entry);
        assert!(log.kept().entries.is_empty());
    }

    #[test]
    fn instants_are_capped_and_counted_on() {
        let log = log(2, usize::MAX);
        request(&log, MOST_EVENTS + 3);
        let record = log.kept().entries[0].record();
        assert_eq!(
            (record.events_ns.len(), record.events),
            (MOST_EVENTS, MOST_EVENTS as u64 + 3)
        );
        assert!(record.events_capped);
        assert_eq!(record.last_output_ns, Some(MOST_EVENTS as u64 + 2));
    }

    #[test]
    fn long_texts_are_clipped_between_characters() {
        let log = log(2, 100);
        let long = "é".repeat(400);
        let (_, entry) = open(&log, &format!("/{long}"), Some(&long));
        let record = entry.record();
        assert_eq!(
            (record.path.len(), record.id.map(|id| id.len())),
            (511, Some(512))
        );
    }

    #[test]
    fn the_first_end_stands() {
        let log = log(2, 100);
        let (_, entry) = open(&log, "/plain", None);
        entry.note(|record| record.end(5, Ended::Truncated));
        entry.note(|record| record.end(9, Ended::ClientLeft));
        let record = entry.record();
        assert_eq!((record.ended, record.ended_ns), (Ended::Truncated, Some(5)));
    }
}

//! Follows redirections: each is a request of its own, the answer is that of the last.

use crate::{
    connection::{Call, Connection, Connector, Failure, StreamSink},
    cookies::Cookies,
    flight::Flight,
    timer::Timer,
};
use loadgen_stats::ErrorKind;

/// Goes on from an answer for as long as it is a redirection, `most` times at most; the request whose answer counts.
/// `cookies` are those of the user, where the step keeps some.
pub(crate) async fn follow<'a, C: Connector, T: Timer>(
    mut flight: Flight<'a, C, T>,
    call: &Call<'_>,
    most: u32,
    connection: &mut C::Connection,
    sink: &mut dyn StreamSink,
    mut cookies: Option<&mut Cookies>,
) -> Flight<'a, C, T> {
    for _ in 0..most {
        let Some(mut onward) = flight.exchange().onward.take() else {
            return flight;
        };
        flight = flight.go_on();
        let names = flight.of_one_origin();
        onward.message.withhold(names, &call.message.origin);
        if let Some(cookies) = &mut cookies {
            cookies.renew(&mut onward.message);
        }
        let message = onward.message.borrowed();
        let call = call.going_on(onward.method, &message, flight.started());
        connection.call(&call, flight.exchange(), sink).await;
        if let Some(cookies) = &cookies {
            cookies.take(&message, flight.exchange());
        }
    }
    if let Some(onward) = flight.exchange().onward.take() {
        flight.exchange().failure = Some(too_many(most, &onward.message.path));
    }
    flight
}

/// What is told of one redirection too many; `path` is where it leads.
#[must_use]
pub fn too_many(most: u32, path: &str) -> Failure {
    let path = path.split('?').next().unwrap_or_default();
    Failure {
        kind: ErrorKind::Redirect,
        message: format!("more than {most} redirections, the last one to {path}"),
    }
}

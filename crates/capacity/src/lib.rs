//! Decides which load to try next, and what the answers say about size.
//!
//! Pure arithmetic: no clock, no socket, no tokio. [`Search`] is the search for the breaking point as a machine: it
//! says what to do ([`Order`]), is told what was seen ([`Seen`]), and comes to an [`Answer`]. A [`Steersman`] leads a run
//! through it, from window to window, and the whole becomes a [`Stress`]. The laws beside it judge the measurement and
//! look beyond it: [`little`], [`usl`], [`knee`].
//!
//! ```
//! use loadgen_capacity::{Growth, Ladder, Order, Search, SearchSettings, Seen, Sight};
//!
//! let ladder = Ladder { start: 50.0, growth: Growth::Step(50.0), max: 500.0, whole: true };
//! let mut search = Search::new(SearchSettings::new(ladder));
//! // A service that holds up to 230.
//! while let Order::Hold { load, .. } = search.order() {
//!     let sight = if load <= 230.0 { Sight::Held } else { Sight::Broken };
//!     search.see(Seen { sight, goodput: load, goodput_error: 1.0, failed: 0.0, beyond: 1.0 });
//! }
//! let answer = search.answer();
//! assert_eq!((answer.highest_held, answer.lowest_broke), (Some(225.0), Some(232.0)));
//! assert_eq!(answer.safe, Some(168.0));
//! ```
//!
//! Nothing here panics, whatever it is told.

mod answer;
mod answered;
mod cost;
mod headroom;
mod hold;
mod knee;
mod ladder;
mod level;
mod little;
mod search;
mod steer;
mod stress;
mod usl;

pub use answer::{Answer, Ended, LimitedBy};
pub use cost::{Timing, Worst, worst};
pub use headroom::Headroom;
pub use hold::Standing;
pub use knee::{Knee, knee};
pub use ladder::{Growth, Ladder};
pub use level::{Broken, Level, Recovery, Shortage};
pub use little::{Little, little};
pub use search::{LevelVerdict, Order, Purpose, Search, SearchSettings, Seen, Sight, Trial};
pub use steer::{Command, SteerSettings, Steersman};
pub use stress::{Doubt, LoadUnit, Stress};
pub use usl::{LoadPoint, Usl, usl};

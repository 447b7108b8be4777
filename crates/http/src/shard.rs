//! What the connections of one shard share: buffers, prepared requests and looked-up names.

use crate::{
    connect::Shared,
    http1::State,
    http2,
    request::{Habits, Traits, Wired},
    resolve::Resolver,
    response::KnownHeads,
    socket::ReadBuffer,
    stamp::Looks,
};
use loadgen_engine::{Call, Failure};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

/// How much one read may bring.
const READ: usize = 64 * 1024;

/// A buffer that a request was rendered into is kept for the next one up to this size.
const KEPT: usize = 64 * 1024;

/// So many states of exchanges that are over are kept: what is done at once takes turns.
const STATES: usize = 64;

/// What the connections of one shard share.
pub(crate) struct Shard {
    pub(crate) shared: Arc<Shared>,
    /// Where every read goes: a connection that waits holds no buffer.
    pub(crate) buffer: RefCell<ReadBuffer>,
    /// The newest look at both clocks.
    pub(crate) looks: Looks,
    /// The heads of newest answers.
    pub(crate) heads: RefCell<KnownHeads>,
    pub(crate) resolver: Resolver,
    /// The requests of steps that send the same bytes each time.
    prepared: RefCell<Vec<Option<Rc<Wired>>>>,
    spare: Cell<Wired>,
    /// The memory of exchanges that are over, for those to come.
    #[expect(clippy::vec_box, reason = "each is lent and taken back in its box")]
    states: RefCell<Vec<Box<State>>>,
    /// As `prepared`, for HTTP/2.
    framed: RefCell<HashMap<usize, (http2::Request, Traits)>>,
}

/// A request that is ready to be sent.
pub(crate) enum Ready {
    Prepared(Rc<Wired>),
    Rendered(Wired),
}

impl Default for Ready {
    fn default() -> Self {
        Self::Rendered(Wired::default())
    }
}

impl Ready {
    pub(crate) fn wired(&self) -> &Wired {
        match self {
            Self::Prepared(wired) => wired,
            Self::Rendered(wired) => wired,
        }
    }
}

impl Shard {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            resolver: Resolver::new(shared.options.family, shared.options.pinned.clone()),
            shared,
            buffer: RefCell::new(ReadBuffer::new(READ)),
            looks: Looks::default(),
            heads: RefCell::default(),
            prepared: RefCell::default(),
            spare: Cell::default(),
            states: RefCell::default(),
            framed: RefCell::default(),
        }
    }

    /// The bytes of a request.
    pub(crate) fn wire(&self, call: &Call<'_>) -> Ready {
        let step = call.step.0;
        if !call.fixed {
            let mut wired = self.spare.take();
            self.render(call, &mut wired);
            return Ready::Rendered(wired);
        }
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() <= step {
            prepared.resize(step + 1, None);
        }
        let wired = prepared[step].get_or_insert_with(|| {
            let mut wired = Wired::default();
            self.render(call, &mut wired);
            Rc::new(wired)
        });
        Ready::Prepared(Rc::clone(wired))
    }

    /// Takes the memory of a sent request back.
    pub(crate) fn recycle(&self, ready: Ready) {
        if let Ready::Rendered(wired) = ready
            && wired.bytes.capacity() <= KEPT
        {
            self.spare.set(wired);
        }
    }

    /// Memory for an exchange that begins.
    pub(crate) fn state(&self, traits: Traits) -> Box<State> {
        let mut state = self.states.borrow_mut().pop().unwrap_or_default();
        state.begin(traits);
        state
    }

    /// Takes the memory of an exchange back, but not what its answer needed.
    pub(crate) fn is_over(&self, mut state: Box<State>) {
        let mut states = self.states.borrow_mut();
        if states.len() < STATES {
            state.taken.clear();
            states.push(state);
        }
    }

    /// A request for HTTP/2.
    pub(crate) fn frame(&self, call: &Call<'_>) -> Result<(http2::Request, Traits), Failure> {
        if !call.fixed {
            return http2::request(call, self.habits(call));
        }
        let mut framed = self.framed.borrow_mut();
        if let Some(known) = framed.get(&call.step.0) {
            return Ok(known.clone());
        }
        let request = http2::request(call, self.habits(call))?;
        framed.insert(call.step.0, request.clone());
        Ok(request)
    }

    fn habits(&self, call: &Call<'_>) -> Habits<'_> {
        let options = &self.shared.options;
        Habits {
            user_agent: &options.user_agent,
            keep_alive: options.keep_alive && !call.new_connection,
        }
    }

    fn render(&self, call: &Call<'_>, wired: &mut Wired) {
        let proxy = self.shared.forwarding_proxy(&call.message.origin);
        wired.render(call.method, call.message, self.habits(call), proxy);
    }
}

//! The stage: a clock that only moves when nothing else does, and gates at which everybody waits until chance lets one
//! of them go on.
//!
//! Whatever a service does between two gates happens at once. Every call to the store, the bus or a participant has a
//! gate before and after it, so a node may stop (for ever, or for longer than its lease) between any two writes, and
//! the others go on meanwhile.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use baton_server::clock::Time;
use chrono::{DateTime, TimeDelta, Utc};

use super::chance::Chance;

/// Whose gate it is: a node (1, 2, 3), or somebody outside who never fails.
pub type Node = usize;
pub const OUTSIDE: Node = 0;
const NODES_MAX: usize = 8;

/// What somebody may wait for news of.
#[derive(Clone, Copy)]
pub enum Topic {
    Outbox,
    Deliveries,
    Timers,
}

const TOPICS: usize = 3;

type Act = Pin<Box<dyn Future<Output = ()> + Send>>;

pub struct Stage(Mutex<State>);

struct State {
    chance: Chance,
    /// Since the beginning of the run.
    now_ms: i64,
    /// By how much calendars are wrong.
    calendar_ms: i64,
    /// How often something was written, by topic.
    versions: [u64; TOPICS],
    /// In the order of their tickets. A plain list: there are few, and every turn walks over all of them.
    gates: Vec<Gate>,
    tickets: u64,
    /// Until when nodes are frozen.
    frozen: [i64; NODES_MAX],
    entering: Vec<(Node, Act)>,
    trace: VecDeque<(i64, Node, &'static str)>,
    turns: u64,
    /// Room for the gates that may open, kept from turn to turn.
    able: Vec<usize>,
    trace_max: usize,
}

struct Gate {
    ticket: u64,
    node: Node,
    what: &'static str,
    when: When,
    open: bool,
    waker: Option<Waker>,
}

#[derive(Clone, Copy)]
enum When {
    Now,
    At(i64),
    /// When something was written about the topic since, or at this time at the latest.
    Changed {
        topic: Topic,
        since: u64,
        at: i64,
    },
}

impl Stage {
    pub fn new(seed: u64, trace_max: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            chance: Chance::new(seed),
            now_ms: 0,
            calendar_ms: 0,
            versions: [0; TOPICS],
            gates: Vec::new(),
            tickets: 0,
            frozen: [0; NODES_MAX],
            entering: Vec::new(),
            trace: VecDeque::new(),
            turns: 0,
            able: Vec::new(),
            trace_max,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Draws from the run's chance.
    pub fn draw<T>(&self, of: impl FnOnce(&mut Chance) -> T) -> T {
        of(&mut self.state().chance)
    }

    pub fn now_ms(&self) -> i64 {
        self.state().now_ms
    }

    /// What calendars show.
    pub fn calendar(&self) -> DateTime<Utc> {
        let state = self.state();
        beginning() + TimeDelta::milliseconds(state.now_ms + state.calendar_ms)
    }

    /// Somebody sets the calendars forward or back.
    pub fn set_calendars(&self, by_ms: i64) {
        let mut state = self.state();
        state.calendar_ms += by_ms;
        state.note(OUTSIDE, if by_ms > 0 { "clocks jump forward" } else { "clocks jump back" });
    }

    /// Something was written: whoever waits for that may look.
    pub fn changed(&self, topic: Topic) {
        self.state().versions[topic as usize] += 1;
    }

    pub fn version(&self, topic: Topic) -> u64 {
        self.state().versions[topic as usize]
    }

    pub fn note(&self, node: Node, what: &'static str) {
        self.state().note(node, what);
    }

    /// Lets somebody act from the next turn on.
    pub fn enter(&self, node: Node, act: impl Future<Output = ()> + Send + 'static) {
        self.state().entering.push((node, Box::pin(act)));
    }

    /// Goes on when chance says so.
    pub fn gate(self: &Arc<Self>, node: Node, what: &'static str) -> Pass {
        self.pass(node, what, When::Now)
    }

    pub fn sleep(self: &Arc<Self>, node: Node, what: &'static str, ms: i64) -> Pass {
        let at = self.now_ms() + ms;
        self.pass(node, what, When::At(at))
    }

    /// Goes on some time after something was written since `version`, or when `ms` have passed.
    pub fn news(self: &Arc<Self>, node: Node, what: &'static str, topic: Topic, version: u64, ms: i64) -> Pass {
        let at = self.now_ms() + ms;
        self.pass(node, what, When::Changed { topic, since: version, at })
    }

    fn pass(self: &Arc<Self>, node: Node, what: &'static str, when: When) -> Pass {
        let mut state = self.state();
        state.tickets += 1;
        let ticket = state.tickets;
        state.gates.push(Gate { ticket, node, what, when, open: false, waker: None });
        Pass { stage: self.clone(), ticket }
    }

    pub fn freeze(&self, node: Node, ms: i64) {
        let mut state = self.state();
        let until = state.now_ms + ms;
        state.frozen[node] = until;
        state.note(node, "-- frozen --");
    }

    pub fn thaw_all(&self) {
        self.state().frozen = [0; NODES_MAX];
    }

    /// Where a node stands: what its services are about to do or have just done.
    pub fn standing(&self, node: Node) -> Vec<&'static str> {
        self.state().gates.iter().filter(|gate| gate.node == node).map(|gate| gate.what).collect()
    }

    pub fn turns(&self) -> u64 {
        self.state().turns
    }

    /// The last things that happened.
    pub fn schedule(&self) -> String {
        let state = self.state();
        let lines = state.trace.iter().map(|(at, node, what)| match *node {
            OUTSIDE => format!("{at:>9} ms  outside  {what}"),
            node => format!("{at:>9} ms  node {node}   {what}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Opens one gate. When none can go on now, the clock moves to when one can; `false` when none ever will.
    fn open_one(&self) -> bool {
        let mut state = self.state();
        loop {
            let now = state.now_ms;
            let mut able = std::mem::take(&mut state.able);
            able.clear();
            for (at, gate) in state.gates.iter().enumerate() {
                if state.is_able(gate) {
                    able.push(at);
                }
            }
            let chosen = (!able.is_empty()).then(|| able[state.chance.below(able.len())]);
            state.able = able;
            let Some(chosen) = chosen else {
                let Some(next) = state.next_ms() else { return false };
                state.now_ms = next.max(now + 1);
                continue;
            };
            state.now_ms += state.chance.between(0, 4);
            state.turns += 1;
            let gate = &mut state.gates[chosen];
            gate.open = true;
            let (node, what, waker) = (gate.node, gate.what, gate.waker.take());
            state.note(node, what);
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            return true;
        }
    }

    /// Moves the clock past a silence in which only routine would happen.
    pub fn skip_to(&self, at: DateTime<Utc>) {
        let mut state = self.state();
        let target = (at - beginning()).num_milliseconds() - state.calendar_ms;
        if target > state.now_ms {
            state.now_ms = target;
            state.note(OUTSIDE, "time passes");
        }
    }
}

impl State {
    fn find(&self, ticket: u64) -> Result<usize, usize> {
        self.gates.binary_search_by_key(&ticket, |gate| gate.ticket)
    }

    fn is_able(&self, gate: &Gate) -> bool {
        let due = match gate.when {
            When::Now => true,
            When::At(at) => at <= self.now_ms,
            When::Changed { topic, since, at } => self.versions[topic as usize] > since || at <= self.now_ms,
        };
        due && !gate.open && self.frozen[gate.node] <= self.now_ms
    }

    fn next_ms(&self) -> Option<i64> {
        let gates = self.gates.iter().filter(|gate| !gate.open).map(|gate| {
            let at = match gate.when {
                When::Now => 0,
                When::At(at) | When::Changed { at, .. } => at,
            };
            at.max(self.frozen[gate.node])
        });
        gates.min()
    }

    fn note(&mut self, node: Node, what: &'static str) {
        if self.trace.len() == self.trace_max {
            self.trace.pop_front();
        }
        let now = self.now_ms;
        self.trace.push_back((now, node, what));
    }
}

fn beginning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("an instant in 2026")
}

/// The clocks of all nodes.
pub struct StageTime(pub Arc<Stage>);

impl Time for StageTime {
    fn now(&self) -> DateTime<Utc> {
        self.0.calendar()
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.0.now_ms().unsigned_abs())
    }
}

/// Waits at a gate.
pub struct Pass {
    stage: Arc<Stage>,
    ticket: u64,
}

impl Future for Pass {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.stage.state();
        let Ok(at) = state.find(self.ticket) else { return Poll::Ready(()) };
        if state.gates[at].open {
            state.gates.remove(at);
            return Poll::Ready(());
        }
        state.gates[at].waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Ok(mut state) = self.stage.0.lock()
            && let Ok(at) = state.find(self.ticket)
        {
            state.gates.remove(at);
        }
    }
}

/// Everybody who acts. Only one acts at a time, in an order that depends on nothing but the seed.
pub struct Cast {
    stage: Arc<Stage>,
    actors: Vec<Option<(Node, Act)>>,
    awake: Arc<Mutex<VecDeque<usize>>>,
}

struct Bell {
    actor: usize,
    awake: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.awake.lock().unwrap().push_back(self.actor);
    }
}

impl Cast {
    pub fn new(stage: Arc<Stage>) -> Self {
        Self { stage, actors: Vec::new(), awake: Arc::default() }
    }

    /// Lets one of those who wait go on. `false` when nobody ever will.
    pub fn turn(&mut self) -> bool {
        self.settle();
        let opened = self.stage.open_one();
        self.settle();
        opened
    }

    /// Ends all of a node where it stands, as a power cut would.
    pub fn kill(&mut self, node: Node) {
        let gone: Vec<Act> = self
            .actors
            .iter_mut()
            .filter(|actor| actor.as_ref().is_some_and(|(of, _)| *of == node))
            .filter_map(|actor| actor.take().map(|(_, act)| act))
            .collect();
        drop(gone);
        self.stage.state().entering.retain(|(of, _)| *of != node);
        self.stage.note(node, "-- killed --");
        self.stage.state().frozen[node] = 0;
    }

    /// Lets everybody act until all wait.
    fn settle(&mut self) {
        loop {
            let entering = std::mem::take(&mut self.stage.state().entering);
            for actor in entering {
                let free = self.actors.iter().position(Option::is_none);
                let at = free.unwrap_or_else(|| {
                    self.actors.push(None);
                    self.actors.len() - 1
                });
                self.actors[at] = Some(actor);
                self.awake.lock().unwrap().push_back(at);
            }
            let Some(at) = self.awake.lock().unwrap().pop_front() else {
                if self.stage.state().entering.is_empty() {
                    return;
                }
                continue;
            };
            let Some((_, act)) = self.actors[at].as_mut() else { continue };
            let waker = Waker::from(Arc::new(Bell { actor: at, awake: self.awake.clone() }));
            if act.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.actors[at] = None;
            }
        }
    }
}

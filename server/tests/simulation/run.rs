//! One run: trouble while there is work, then calm until everything has come to rest, then the checker.

use std::{collections::BTreeSet, sync::Arc};

use baton_domain::process::{Context, Effect, Event, effects};
use baton_server::broken::{self, Fault};

use super::{
    invariants::{Invariant, Record, Violation, check},
    node::{self, TTL_MS},
    outside,
    scenario::Scenario,
    stage::{Cast, Node, OUTSIDE, Stage},
    world::World,
};

/// How often in a row everything must have been found at rest.
const RESTS: u32 = 6;
/// How many turns lie between two looks.
const LOOK_EVERY: u64 = 8;

pub struct Outcome {
    pub violations: Vec<Violation>,
    pub schedule: String,
    pub record: Record,
    pub turns: u64,
    /// Where nodes stood when they were killed.
    pub killed_at: BTreeSet<&'static str>,
    pub frozen: usize,
}

/// Runs the scenario as the seed says. The last `trace_max` lines of its schedule are kept.
pub fn run(scenario: &'static Scenario, seed: u64, trace_max: usize) -> Outcome {
    let stage = Stage::new(seed, trace_max);
    let world = World::new(stage.clone(), scenario);
    let mut run = Run { cast: Cast::new(stage.clone()), world, killed_at: BTreeSet::new(), frozen: 0 };
    outside::enter(&run.world);
    for node in 1..=scenario.nodes {
        bring_up(&run.world, node, 0);
    }
    run.trouble();
    let rested = run.rest();
    let record = run.world.record();
    let mut violations = check(&record);
    if !rested {
        let open = run.world.with_tables(|tables| tables.open_work());
        let detail = format!("not at rest after {} turns at {}: {open}", stage.turns(), stage.calendar());
        violations.insert(0, Violation { invariant: Invariant::ComesToAnEnd, detail });
    }
    Outcome {
        violations,
        schedule: stage.schedule(),
        record,
        turns: stage.turns(),
        killed_at: run.killed_at,
        frozen: run.frozen,
    }
}

struct Run {
    cast: Cast,
    world: Arc<World>,
    killed_at: BTreeSet<&'static str>,
    frozen: usize,
}

impl Run {
    /// Nodes are killed and frozen and clocks jump while the outside is at work.
    fn trouble(&mut self) {
        let (world, stage) = (self.world.clone(), self.world.stage.clone());
        let mut left = world.scenario.trouble;
        while (world.is_busy() || left > 0) && stage.turns() < world.scenario.turns_max / 2 {
            if !self.cast.turn() {
                break;
            }
            if left > 0 && stage.draw(|chance| chance.one_in(45)) {
                left -= 1;
                self.strike();
            }
        }
        stage.thaw_all();
        world.calm_down();
    }

    fn strike(&mut self) {
        let (world, stage) = (self.world.clone(), self.world.stage.clone());
        let Some(node) = world.any_up() else { return };
        match stage.draw(|chance| chance.below(20)) {
            0..=10 => {
                self.killed_at.extend(stage.standing(node));
                world.goes_down(node);
                self.cast.kill(node);
                let away = stage.draw(|chance| chance.between(20, 4_500));
                let name = stage.draw(|chance| chance.below(2) as u64);
                stage.enter(OUTSIDE, async move {
                    world.stage.sleep(OUTSIDE, "a node starts again", away).await;
                    bring_up(&world, node, name);
                });
            }
            11..=17 => {
                self.frozen += 1;
                let away = stage.draw(|chance| chance.between(TTL_MS / 5, TTL_MS * 3));
                stage.freeze(node, away);
            }
            _ => {
                let by = stage.draw(|chance| chance.between(-3_600_000, 3_600_000));
                stage.set_calendars(by);
            }
        }
    }

    /// Goes on until nothing is open; `false` when that does not come about.
    fn rest(&mut self) -> bool {
        let (world, stage) = (self.world.clone(), self.world.stage.clone());
        let mut rests = 0;
        while stage.turns() < world.scenario.turns_max {
            if !self.cast.turn() {
                return false;
            }
            if !stage.turns().is_multiple_of(LOOK_EVERY) {
                continue;
            }
            let now = stage.calendar();
            let quiet =
                !world.is_busy() && world.with_tables(|tables| tables.is_quiet(now) && !tables.waits_for_people());
            match world.with_tables(|tables| tables.next_instant(now)) {
                _ if !quiet => rests = 0,
                Some(at) => stage.skip_to(at),
                None => rests += 1,
            }
            if rests == RESTS {
                return true;
            }
        }
        false
    }
}

/// Starts a node; `name` 0 is what it was called before.
fn bring_up(world: &Arc<World>, node: Node, name: u64) {
    let life = world.goes_up(node);
    let name = if name == 0 { format!("node-{node}") } else { format!("node-{node}-{life}") };
    node::start(world, node, name);
    if broken::is(Fault::EffectsOnReplay) {
        replay_with_effects(world);
    }
}

/// The defect [`Fault::EffectsOnReplay`]: recovery that reads histories and does again what they say was done.
fn replay_with_effects(world: &Arc<World>) {
    let histories: Vec<_> = world.with_tables(|tables| {
        let rows = tables.instances.values().filter(|row| row.ended_at.is_none());
        rows.map(|row| (row.id, row.definition.clone(), tables.history[&row.id].clone())).collect()
    });
    for (instance, definition, history) in histories {
        let Some((_, definition)) = world.registry.process(&definition, None) else { continue };
        let context = Context { instance, now: world.stage.calendar(), recorded: history.len() as u64 };
        for (_, event) in history {
            let Ok(event) = serde_json::from_value::<Event>(event) else { continue };
            for effect in effects(&definition, &event, &context) {
                if let Effect::Send(mut command) = effect {
                    command.id = baton_domain::ids::MessageId(world.fresh_id());
                    world.with_tables(|tables| {
                        let seq = tables.next_seq();
                        tables.insert(seq, *command)
                    });
                }
            }
        }
    }
}

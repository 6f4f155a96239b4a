//! What is to happen in a life, drawn from a seed.

/// How a process comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// After a while.
    ByItself {
        after_ms: u64,
        code: u8,
    },
    /// When it reads this code in a FIFO: no daemon has to be there for that.
    Told {
        code: u8,
    },
    Killed,
    /// Nobody ends it but its init's end.
    WithItsTask,
}

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) exec: Option<String>,
    pub(crate) ends: Ends,
    /// Its output is read to the end.
    pub(crate) streams: bool,
    /// It is deleted by itself; else it goes with its task.
    pub(crate) deleted: bool,
}

/// A container, its task, and its execs in the order in which they are started.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) init: Role,
    pub(crate) execs: Vec<Role>,
}

const EXECS_MAX: usize = 3;
const AFTER_MS_MAX: u64 = 300;
/// Above are those of signals.
const CODES: u8 = 126;

impl Plan {
    pub(crate) fn draw(seed: u64, number: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_mul(1 << 32).wrapping_add(number));
        let init = Role {
            exec: None,
            ends: match random.u8(0..10) {
                0..3 => by_itself(&mut random),
                3..8 => Ends::Told { code: random.u8(..CODES) },
                _ => Ends::Killed,
            },
            streams: random.bool(),
            deleted: true,
        };
        // One that ends by itself would end its execs in the middle of what they say.
        let execs = match init.ends {
            Ends::ByItself { .. } => 0,
            _ => random.usize(..=EXECS_MAX),
        };
        let execs = (0..execs).map(|place| exec(&mut random, place)).collect();
        Self { id: format!("c{number}"), init, execs }
    }
}

fn by_itself(random: &mut fastrand::Rng) -> Ends {
    Ends::ByItself { after_ms: random.u64(..AFTER_MS_MAX), code: random.u8(..CODES) }
}

fn exec(random: &mut fastrand::Rng, place: usize) -> Role {
    Role {
        exec: Some(format!("e{place}")),
        ends: match random.u8(0..10) {
            0..4 => by_itself(random),
            4..7 => Ends::Told { code: random.u8(..CODES) },
            7..9 => Ends::Killed,
            _ => Ends::WithItsTask,
        },
        streams: random.bool(),
        deleted: random.bool(),
    }
}

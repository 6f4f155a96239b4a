//! Which pids are shown: numbers that no process can have, or those of placeholders that are ours.
//! Clients kill by what they are shown, so a stranger's pid must never be among them.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io;

use super::placeholder::{Placeholder, Watch};

/// One more than the kernel's largest: whoever kills by it hits nobody.
const FIRST: u32 = (1 << 22) + 1;

/// Where the pids come from that a mock shows.
///
/// ```
/// use mock_containerd::{MockContainerd, Pids};
///
/// assert_eq!("real".parse(), Ok(Pids::Real));
/// let builder = MockContainerd::builder().pids(Pids::Real);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pids {
    /// Numbers above the kernel's largest.
    #[default]
    Numbers,
    /// Each is that of a process that does nothing and belongs to the mock; an init's is in a
    /// network namespace of its own. Whoever kills it, kills the played process. Wants root, and a
    /// socket: a mock in memory has no children, and shows numbers.
    Real,
}

/// Neither numbers nor real.
///
/// ```
/// use mock_containerd::{Pids, UnknownPids};
///
/// let unknown: UnknownPids = "fake".parse::<Pids>().unwrap_err();
/// assert_eq!(unknown.to_string(), "pids are numbers or real, not fake");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pids are numbers or real, not {0}")]
pub struct UnknownPids(String);

impl FromStr for Pids {
    type Err = UnknownPids;

    fn from_str(text: &str) -> Result<Self, UnknownPids> {
        match text {
            "numbers" => Ok(Self::Numbers),
            "real" => Ok(Self::Real),
            _ => Err(UnknownPids(text.to_owned())),
        }
    }
}

/// A pid that is shown for one process, and is nobody else's as long as this is held.
#[derive(Debug)]
pub(crate) struct Pid {
    number: u32,
    placeholder: Option<Placeholder>,
}

/// Those of a process and of its children.
#[derive(Debug, Default)]
pub(crate) struct Held {
    own: Option<Pid>,
    children: Vec<Pid>,
}

impl Held {
    /// 0 before it has one.
    pub(crate) fn own(&self) -> u32 {
        self.own.as_ref().map_or(0, |own| own.number)
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = u32> {
        self.children.iter().map(|child| child.number)
    }

    /// The played process has ended. Its numbers stay taken until this is dropped: what were
    /// processes are zombies, and no stranger gets their pids.
    pub(crate) fn end(&mut self) {
        let all = self.children.iter_mut().chain(&mut self.own);
        all.filter_map(|pid| pid.placeholder.as_mut()).for_each(Placeholder::end);
    }

    /// Ends when somebody ends its placeholder, with the status of a process that ended so. `None`:
    /// it has none.
    pub(crate) fn struck(
        &mut self,
    ) -> io::Result<Option<impl Future<Output = u32> + Send + use<>>> {
        let placeholder = self.own.as_mut().and_then(|own| own.placeholder.as_mut());
        let watch = placeholder.map(Placeholder::watch).transpose()?;
        Ok(watch.map(Watch::ended))
    }
}

/// Hands them out.
#[derive(Debug)]
pub(crate) struct Register {
    kind: Pids,
    next: AtomicU32,
}

impl Register {
    pub(crate) fn new(kind: Pids) -> Self {
        Self { kind, next: AtomicU32::new(FIRST) }
    }

    /// One for a process, and one for each of its children.
    pub(crate) async fn take(&self, is_init: bool, children: u32) -> io::Result<Held> {
        let mut held = Held { own: Some(self.one(is_init).await?), children: Vec::new() };
        for _ in 0..children {
            held.children.push(self.one(false).await?);
        }
        Ok(held)
    }

    async fn one(&self, is_init: bool) -> io::Result<Pid> {
        Ok(match self.kind {
            Pids::Numbers => {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                Pid { number, placeholder: None }
            }
            Pids::Real => {
                let placeholder = Placeholder::begin(is_init).await?;
                Pid { number: placeholder.pid(), placeholder: Some(placeholder) }
            }
        })
    }
}

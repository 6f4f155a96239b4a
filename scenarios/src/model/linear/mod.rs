//! Whether what several actors were answered at once can be put into one order in which the model would
//! have answered it: a search (Wing and Gong's, with Lowe's memory of what was tried) over each
//! container by itself, for what is asked of one never depends on another.
//!
//! Operations that are several calls are put in order part by part ([`part`]): others may come between.
//! How processes end is an operation of one more actor, which returns when the observer hears of it; so is
//! what is made to go wrong. First an order is looked for in which that was the reason for nothing; and then
//! one in which what it excuses leaves the container where nobody can say.

mod entry;
mod history;
mod latitude;
mod meanwhile;
mod part;
mod search;
mod spot;
#[cfg(test)]
mod tests;
mod timeline;

pub use history::{Act, Blow, End, History, Look, Ordered, Slot};
pub use latitude::{LATITUDES, Latitude};

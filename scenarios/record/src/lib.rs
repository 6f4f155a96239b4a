//! The record of a run: what was asked, what was counted, what was judged, one JSON value a line,
//! written as it happens. Reports, gates and merges read records and nothing else.
//!
//! ```
//! use run_record::{Line, Record};
//!
//! let text = r#"{"kind":"record","schema_version":1,"laconic":"0.1.0","plan":"00","generator":0,
//!     "seed":0,"shard":{"index":0,"count":1},"host":{"cpus":2,"kernel":"6.1","cgroup":"v1"}}"#;
//! let record = Record::parse(&text.replace('\n', "")).unwrap();
//! assert!(matches!(record.lines[0], Line::Record(_)));
//! assert!(!record.complete(), "a record without a summary is readable, and incomplete");
//! ```

mod class;
mod compared;
mod conservation;
mod header;
mod histogram;
mod line;
mod orders;
mod reader;
mod reads;
mod schema;
mod verdict;
mod writer;

pub use class::{Class, classify};
pub use compared::Compared;
pub use conservation::{Imbalance, conserve};
pub use header::{
    BudgetsRef, DriverRef, FaultsRef, GeneratedRef, Header, Host, RunLine, SCHEMA_VERSION, Shard,
    TargetRef,
};
pub use histogram::{HistogramError, HistogramLine, histogram_line};
pub use line::{AllowanceRef, CallLine, CaseEnd, CaseLine, Line, Rpcs, RunEnd, StepLine, Summary};
pub use orders::Orders;
pub use reader::{ReadError, Record, RecordLines};
pub use reads::{list_of, reads};
pub use schema::schema;
pub use verdict::{CheckResult, Tally, Verdict};
pub use writer::{RecordWriter, WriteError};

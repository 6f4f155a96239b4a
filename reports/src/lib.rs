//! Renders a run record.

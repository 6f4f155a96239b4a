//! `laconic schema`.

use super::output::print_json;
use crate::arguments::SchemaOptions;
use crate::exit::{Exit, usage};

pub(crate) fn schema(options: SchemaOptions) -> anyhow::Result<Exit> {
    match options.format.as_str() {
        "record" => {
            print_json(&run_record::schema());
            Ok(Exit::Good)
        }
        known @ ("protocol" | "budgets" | "faults") => {
            Err(usage(format!("the schema of {known} is not implemented yet; there is: record")))
        }
        other => Err(usage(format!("there is no format {other:?}; there is: record"))),
    }
}

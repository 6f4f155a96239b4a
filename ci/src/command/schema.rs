//! `laconic schema`.

use super::output::{print, print_json};
use crate::arguments::SchemaOptions;
use crate::exit::{Exit, usage};

pub(crate) fn schema(options: SchemaOptions) -> anyhow::Result<Exit> {
    match options.format.as_str() {
        "record" => {
            print_json(&run_record::schema());
            Ok(Exit::Good)
        }
        "protocol" => {
            print(driver_protocol::SCHEMA);
            Ok(Exit::Good)
        }
        known @ ("budgets" | "faults") => Err(usage(format!(
            "the schema of {known} is not implemented yet; there are: record, protocol"
        ))),
        other => Err(usage(format!("there is no format {other:?}; there are: record, protocol"))),
    }
}

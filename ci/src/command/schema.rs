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
        "faults" => {
            print_json(&mock_containerd::faults::schema());
            Ok(Exit::Good)
        }
        "budgets" => {
            print_json(&laconic_scenarios::budgets::schema());
            Ok(Exit::Good)
        }
        other => Err(usage(format!(
            "there is no format {other:?}; there are: record, protocol, faults, budgets"
        ))),
    }
}

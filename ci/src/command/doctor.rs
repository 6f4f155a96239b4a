//! `laconic doctor`.

use laconic_targets::daemon::Machine;

use super::output::{print, print_json};
use crate::arguments::ListOptions;
use crate::exit::Exit;

pub(crate) fn doctor(options: ListOptions) -> anyhow::Result<Exit> {
    let machine = Machine::look();
    let lacks = machine.lacks();
    if options.json {
        let items: serde_json::Map<_, _> = machine
            .items
            .iter()
            .map(|item| {
                let value = match &item.found {
                    Ok(found) => serde_json::json!({"found": found}),
                    Err(lack) => serde_json::json!({"missing": lack.reason, "do": lack.remedy}),
                };
                (item.name.to_owned(), value)
            })
            .collect();
        print_json(&serde_json::json!({"real": lacks.is_none(), "machine": items}));
    } else {
        let mut text = String::new();
        for item in &machine.items {
            let line = match &item.found {
                Ok(found) => format!("ok       {:<24} {found}\n", item.name),
                Err(lack) => format!("missing  {:<24} {lack}\n", item.name),
            };
            text.push_str(&line);
        }
        text.push_str("ok       mock                     needs nothing\n");
        text.push_str(match lacks {
            None => "targets that can run here: mock, real\n",
            Some(_) => "targets that can run here: mock\n",
        });
        print(&text);
    }
    Ok(if lacks.is_none() { Exit::Good } else { Exit::Harness })
}

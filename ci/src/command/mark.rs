//! `laconic mark`.

use crate::arguments::MarkOptions;
use crate::control;
use crate::exit::{Exit, usage};

pub(crate) async fn mark(options: MarkOptions) -> anyhow::Result<Exit> {
    if options.name.trim().is_empty() || options.name.contains('\n') {
        return Err(usage("a name of a segment is one line, and not empty"));
    }
    let spy = control::find(options.spy.as_deref())?;
    control::mark(&spy, &options.name).await?;
    Ok(Exit::Good)
}

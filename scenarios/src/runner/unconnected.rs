//! A case whose driver could not be opened.

use std::collections::BTreeMap;

use rpc_ledger::{ConnectSpan, Mark};
use run_record::{CaseEnd, CheckResult, Line, Rpcs};

use super::RunFault;
use super::accounts::Accounts;
use super::arm::Arm;
use super::case::Played;
use super::script::Script;
use super::settle::{Rest, settle};

/// A driver that could not be opened. Where something was made to go wrong it is no fault of
/// anybody's: the case is not judged.
pub(super) async fn unconnected(
    arm: &Arm<'_>,
    case: &str,
    namespace: &str,
    begin: Mark,
    fault: RunFault,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<Played, RunFault> {
    let target = &*arm.target;
    let mut script = Script::default();
    script.meet(target.injected(namespace));
    let RunFault::Driver { fault: why, .. } = &fault else { return Err(fault) };
    if !script.faulty() {
        return Err(fault);
    }
    let of_target = |fault| RunFault::Target { case: case.to_owned(), fault };
    settle(target, begin, Rest::Closed).await.map_err(of_target)?;
    let end = target.ledger().mark();
    let calls = target.calls(namespace, begin, end).map_err(of_target)?;
    let accounts =
        Accounts::new(calls, &[ConnectSpan { open: begin, close: end }], &[], BTreeMap::new());
    for call in accounts.lines(arm.run, case) {
        emit(Line::Call(Box::new(call)));
    }
    let result = CheckResult::Skip;
    emit(Line::CaseEnd(Box::new(CaseEnd {
        run: arm.run,
        case: case.to_owned(),
        connect: accounts.of_connect(),
        connects: 1,
        background: Rpcs::new(),
        overlap: Default::default(),
        left_behind: Vec::new(),
        faults: script.words(),
        verdicts: Vec::new(),
        verdict: result,
        skipped: Some(format!("{why}, after {}", script.told())),
    })));
    Ok(Played {
        result,
        rpcs: accounts.all(),
        failed: Default::default(),
        coverage: Default::default(),
        trace: Default::default(),
        compared: Default::default(),
        ordered: Default::default(),
    })
}

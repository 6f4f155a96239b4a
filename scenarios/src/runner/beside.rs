//! An arm and its reference: each case is played on the reference first, and then held against that.

use std::sync::Mutex;

use run_record::Line;

use super::arm::Arm;
use super::going::Going;
use super::part::{Sum, Went, cause, close};
use super::{RunFault, Stop};

/// Goes through all cases on both, and closes both, also after a fault. The reference's sum comes first.
pub(super) async fn beside(
    arm: Arm<'_>,
    reference: Arm<'_>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<(Sum, Sum), RunFault> {
    let (theirs, own, mut fault) = go(&arm, &reference, stop, emit).await;
    let mut sums = Vec::new();
    for (target, went) in [(reference.target, theirs), (arm.target, own)] {
        if let Some(told) = fault.take() {
            fault = Some(cause(&*target, told).await);
        }
        match close(target, Ok(went)).await {
            Ok(sum) => sums.push(sum),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    match (fault, sums.pop(), sums.pop()) {
        (None, Some(own), Some(theirs)) => Ok((theirs, own)),
        (fault, ..) => Err(fault.expect("what has no sum has a fault")),
    }
}

async fn go(
    arm: &Arm<'_>,
    reference: &Arm<'_>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> (Went, Went, Option<RunFault>) {
    let emit = Mutex::new(emit);
    let tell = |line| (emit.lock().expect("nobody panics while a line is told"))(line);
    let (mut own, mut others) = (tell, tell);
    let reference = Going::new(reference, stop, &mut others);
    let mut going = Going::new(arm, stop, &mut own).beside(reference);
    let fault = going.all().await.err();
    let (theirs, own) = going.went();
    (theirs.unwrap_or_default(), own, fault)
}

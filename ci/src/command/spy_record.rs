//! What a spy saw, as a record: every segment is a case, every call belongs to its background.

use std::collections::BTreeMap;

use rpc_ledger::Owner;
use rpc_spy::Tap;
use run_record::{
    CallLine, CaseEnd, CaseLine, CheckResult, DriverRef, Line, RecordWriter, RunEnd, RunLine,
    Summary, Tally, TargetRef, WriteError,
};

use super::run::header_of;
use crate::segments::Segment;

const RUN: u32 = 1;

pub(crate) fn write(
    mut writer: RecordWriter,
    segments: &[Segment],
    command: &[String],
    tap: &Tap,
) -> Result<(), WriteError> {
    writer.write(&Line::Record(header_of("spy".to_owned())))?;
    writer.write(&Line::Run(RunLine {
        run: RUN,
        driver: DriverRef {
            name: command.first().cloned().unwrap_or_else(|| "whoever dialled".to_owned()),
            version: String::new(),
            door: "spy".to_owned(),
            capabilities: Vec::new(),
            command: command.to_vec(),
        },
        target: TargetRef {
            kind: "address".to_owned(),
            version: String::new(),
            profile: String::new(),
            asked: None,
        },
        budgets: None,
        faults: None,
        generated: None,
        reference: None,
    }))?;
    for segment in segments {
        let case = format!("segment/{}", segment.name);
        writer.write(&Line::Case(CaseLine { run: RUN, case: case.clone() }))?;
        for call in &segment.calls {
            let line = CallLine::new(RUN, &case, Owner::Background, call);
            writer.write(&Line::Call(Box::new(line)))?;
        }
        writer.write(&Line::CaseEnd(Box::new(CaseEnd {
            run: RUN,
            case,
            connect: BTreeMap::new(),
            connects: 0,
            background: segment.rpcs(),
            overlap: BTreeMap::new(),
            left_behind: Vec::new(),
            faults: Vec::new(),
            verdicts: Vec::new(),
            verdict: CheckResult::Pass,
            skipped: None,
        })))?;
    }
    writer.write(&Line::RunEnd(Box::new(RunEnd {
        run: RUN,
        ledger_total: tap.ledger().counts().started_by_short_name(),
        observer_total: BTreeMap::new(),
        daemon_total: None,
        faults_unfired: Vec::new(),
        coverage: Default::default(),
        differential: None,
        ordered: None,
        verdicts: Vec::new(),
    })))?;
    let pass = segments.len() as u64;
    let verdicts = Tally { pass, ..Tally::default() };
    let valid = tap.blind().is_empty() && tap.ledger().calls_dropped() == 0;
    writer.write(&Line::Summary(Summary { verdicts, complete: true, valid, not_run: Vec::new() }))
}

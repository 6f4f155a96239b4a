//! Output is gathered to its end, or to a limit.

use std::time::Duration;

use laconic_client::{Ending, Io, Kind, OutputLimit};

use crate::arm::{Arm, code, on_daemons, on_mocks, sh};

const STREAMS: Io = Io::Streams { stdin: false };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_is_gathered_to_its_end_or_to_a_number_of_bytes_on_the_mock() {
    on_mocks(gathered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_is_gathered_to_its_end_or_to_a_number_of_bytes_on_real_containerds() {
    on_daemons(gathered).await;
}

async fn gathered(arm: &Arm) {
    let client = arm.client().await;
    let task = arm.sleeping(&client).await;
    let whole = sh("e1", "cat; echo out; echo err >&2; exit 4", Io::Streams { stdin: true });
    let work = async {
        let exec = task.exec(whole).await.unwrap();
        let all = exec.wait_with_output(OutputLimit::default()).await.unwrap();
        exec.delete().await.unwrap();
        all
    };
    let (calls, all) = arm.cost(work).await;
    assert_eq!(calls, ["Tasks/Exec", "Tasks/Start", "Tasks/CloseIO", "Tasks/DeleteProcess"]);
    assert_eq!((code(all.exit), all.ending), (4, Ending::Complete), "{}", arm.name());
    assert_eq!((&*all.stdout, &*all.stderr), (&b"out\n"[..], &b"err\n"[..]));

    // More than a FIFO holds: it is read all the same.
    let exec = task.exec(sh("e2", "seq 100000; exit 5", STREAMS)).await.unwrap();
    let limit = OutputLimit { bytes: 5, ..OutputLimit::default() };
    let some = exec.wait_with_output(limit).await.unwrap();
    assert_eq!((code(some.exit), some.ending), (5, Ending::CutOff), "{}", arm.name());
    assert_eq!(some.stdout, b"1\n2\n3");
    let again = exec.wait_with_output(limit).await.unwrap_err();
    assert_eq!(again.kind(), Kind::FailedPrecondition);
    exec.delete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_holds_the_output_cuts_it_off_on_real_containerds() {
    on_daemons(async |arm: &Arm| {
        let client = arm.client().await;
        let task = arm.sleeping(&client).await;
        let exec = task.exec(sh("e1", "sleep 10000 & echo out; exit 6", STREAMS)).await.unwrap();
        let limit = OutputLimit { grace: Duration::from_millis(300), ..OutputLimit::default() };
        let some = exec.wait_with_output(limit).await.unwrap();
        assert_eq!((code(some.exit), some.ending), (6, Ending::CutOff), "{}", arm.name());
        assert_eq!(some.stdout, b"out\n");
        exec.delete().await.unwrap();

        // What ends within the grace time is not cut off.
        let exec = task.exec(sh("e2", "(sleep 0.5; echo late) & exit 7", STREAMS)).await.unwrap();
        let limit = OutputLimit { grace: Duration::from_secs(60), ..OutputLimit::default() };
        let all = exec.wait_with_output(limit).await.unwrap();
        assert_eq!((code(all.exit), all.ending), (7, Ending::Complete), "{}", arm.name());
        assert_eq!(all.stdout, b"late\n");
        exec.delete().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_holds_no_process_up_on_the_mock() {
    on_mocks(untaken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_holds_no_process_up_on_real_containerds() {
    on_daemons(untaken).await;
}

async fn untaken(arm: &Arm) {
    let client = arm.client().await;
    let task = arm.sleeping(&client).await;
    let exec = task.exec(sh("e1", "seq 100000; exit 4", STREAMS)).await.unwrap();
    assert_eq!(code(exec.wait().await.unwrap()), 4, "{}", arm.name());
    exec.delete().await.unwrap();

    // Nor when nobody waits: the last handle is dropped.
    drop(task.exec(sh("e2", "seq 100000; exit 5", STREAMS)).await.unwrap());
    let exit = loop {
        let news = client.next_exit().await;
        if news.exec.as_deref() == Some("e2") {
            break news.exit;
        }
    };
    assert_eq!(code(exit), 5, "{}", arm.name());
    let [exec] = &task.execs()[1..] else { panic!("one is left") };
    exec.delete().await.unwrap();
}

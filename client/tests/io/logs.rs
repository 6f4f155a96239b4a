//! Logs of the shim's.

use std::os::unix::fs::PermissionsExt;

use laconic_client::{Io, Kind, LogUri};

use crate::arm::{Arm, code, on_daemons, on_mocks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_and_a_program_take_what_is_written_on_the_mock() {
    on_mocks(logs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_and_a_program_take_what_is_written_on_real_containerds() {
    on_daemons(logs).await;
}

async fn logs(arm: &Arm) {
    let client = arm.client().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made if need be").join("100 %.log");
    let new = arm.new_container("c1", &["sh", "-c", "echo out; exit 3"]);
    let container = arm.container(&client, new).await;
    let task = container.start(Io::Log(LogUri::file(&file))).await.unwrap();
    assert_eq!(code(task.wait().await.unwrap()), 3);
    let refused = task.attach_streams().await.unwrap_err();
    assert_eq!(refused.kind(), Kind::FailedPrecondition, "{refused}");
    task.delete().await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "out\n", "{}", arm.name());

    let (program, log) = (folder.path().join("log ger"), folder.path().join("log"));
    let script = "#!/bin/sh\nexec 5>&-\n(echo $CONTAINER_ID $1 $2; cat <&3) >$2\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let uri = LogUri::binary(&program).argument("to", log.to_str().unwrap());
    let task = container.start(Io::Log(uri)).await.unwrap();
    assert_eq!(code(task.wait().await.unwrap()), 3);
    task.delete().await.unwrap();
    let wanted = format!("c1 to {}\nout\n", log.display());
    assert_eq!(std::fs::read_to_string(&log).unwrap(), wanted, "{}", arm.name());

    let (calls, refused) = arm.cost(container.start(Io::Log(LogUri::file("relative")))).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::InvalidArgument);
    assert_eq!(calls, Vec::<String>::new());
}

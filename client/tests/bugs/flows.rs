//! What whole flows cost, and what the server says where this client refuses by itself.

use containerd_client::services::v1 as api;
use laconic_client::{ExitStatus, Io, Kind, NewContainer};
use tonic::Code;

use crate::stage::{counts, exec, running, told};
use crate::{before, forger, none, on_all};

#[tokio::test(start_paused = true)]
async fn from_nothing_to_an_exit_and_nothing_again_costs_five() {
    on_all(none(), async |mut stage| {
        stage.count();
        let new = NewContainer::new("c0", ["sh", "-c", "exit 7"]);
        let container = stage.client.create(new).await.unwrap();
        let task = container.start(Io::Null).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7));
        task.delete().await.unwrap();
        container.delete().await.unwrap();
        let five = [
            "Containers/Create",
            "Tasks/Create",
            "Tasks/Start",
            "Tasks/Delete",
            "Containers/Delete",
        ];
        assert_eq!(stage.counts(), counts(five.map(|method| (method, 1))));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_exec_from_nothing_to_nothing_costs_three() {
    on_all(none(), async |mut stage| {
        let (_, task) = stage.run("c0").await;
        stage.count();
        let process = task.exec(exec("e0", &["sh", "-c", "exit 3"])).await.unwrap();
        assert_eq!(process.wait().await.unwrap().status, ExitStatus::Code(3));
        process.delete().await.unwrap();
        let three = ["Tasks/Exec", "Tasks/Start", "Tasks/DeleteProcess"];
        assert_eq!(stage.counts(), counts(three.map(|method| (method, 1))));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_costs_three() {
    on_all(none(), async |mut stage| {
        let new = NewContainer::new("c0", ["sh", "-c", "trap 'exit 0' TERM; sleep inf & wait"]);
        let container = stage.client.create(new).await.unwrap();
        let task = container.start(Io::Null).await.unwrap();
        stage.count();
        task.kill(15).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(0));
        task.delete().await.unwrap();
        container.delete().await.unwrap();
        let three = ["Tasks/Kill", "Tasks/Delete", "Containers/Delete"];
        assert_eq!(stage.counts(), counts(three.map(|method| (method, 1))));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_costs_six_from_nothing_to_nothing() {
    on_all(before("Tasks/Start", "1*error(internal:\"no\")"), async |mut stage| {
        stage.count();
        let new = NewContainer::new("c0", ["sleep", "inf"]);
        let container = stage.client.create(new).await.unwrap();
        container.start(Io::Null).await.unwrap_err();
        container.delete().await.unwrap();
        let six = [
            "Containers/Create",
            "Tasks/Create",
            "Tasks/Start",
            "Tasks/Kill",
            "Tasks/Delete",
            "Containers/Delete",
        ];
        assert_eq!(stage.counts(), counts(six.map(|method| (method, 1))));
    })
    .await;
}

/// What an old handle is refused here is refused there, too, where nobody has the name; the same
/// calls, by hand.
#[tokio::test(start_paused = true)]
async fn a_gone_handle_is_refused_here_for_nothing_and_there_as_not_found() {
    on_all(none(), async |mut stage| {
        let (_, task) = stage.run("c0").await;
        task.force_delete().await.unwrap();
        stage.count();
        assert_eq!(task.kill(9).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(task.pids().await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(task.delete().await.unwrap_err().kind(), Kind::NotFound);
        assert!(stage.calls().is_empty());

        let mut tasks = forger::tasks(&stage).await;
        let id = || "c0".to_owned();
        let kill = api::KillRequest { container_id: id(), signal: 9, ..Default::default() };
        let pids = api::ListPidsRequest { container_id: id() };
        let delete = api::DeleteTaskRequest { container_id: id() };
        assert_eq!(tasks.kill(forger::within(kill)).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(tasks.list_pids(forger::within(pids)).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(tasks.delete(forger::within(delete)).await.unwrap_err().code(), Code::NotFound);
    })
    .await;
}

/// The record of a container that runs is not deleted here; there it would be, and its task would be
/// nobody's.
#[tokio::test(start_paused = true)]
async fn a_running_container_is_refused_here_for_nothing_and_orphaned_there() {
    on_all(none(), async |mut stage| {
        let (container, task) = stage.run("c0").await;
        stage.count();
        assert_eq!(container.delete().await.unwrap_err().kind(), Kind::FailedPrecondition);
        assert!(stage.calls().is_empty());
        forger::forget_container(&stage, "c0").await;
        assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
        assert_eq!(task.kill(9).await.unwrap_err().kind(), Kind::NotFound);
    })
    .await;
}

/// A second start of an exec whose first failed is refused here; there it kills the shim.
#[tokio::test(start_paused = true)]
async fn a_second_start_of_an_exec_is_refused_here_for_nothing_and_kills_the_shim_there() {
    on_all(none(), async |mut stage| {
        let (_, task) = stage.run("c0").await;
        running(&task, "e0").await;
        let failed = task.create_exec(exec("e1", &["/no/such"])).await.unwrap();
        failed.start().await.unwrap_err();
        stage.count();
        assert_eq!(failed.start().await.unwrap_err().kind(), Kind::FailedPrecondition);
        assert!(stage.calls().is_empty());
        let (container_id, exec_id) = ("c0".to_owned(), "e1".to_owned());
        let again = api::StartRequest { container_id, exec_id };
        forger::tasks(&stage).await.start(forger::within(again)).await.unwrap_err();
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(137));
        assert!(told(&stage.news().await).contains(&"c0: 137".to_owned()));
    })
    .await;
}

//! The client, and containers without an image.

use laconic_client::{Io, Kind, NewContainer, Scope};

use crate::stage::Stage;

fn new(id: &str) -> NewContainer {
    NewContainer::new(id, ["sleep", "inf"])
}

pub(crate) async fn play(stage: &mut Stage<'_>) {
    let client = stage.client.clone();
    stage.play("Client::version", "", client.version()).await.unwrap();
    stage.play("Scope::run", "", Scope::new().run(async {})).await;
    let container = stage.play("Client::create", "", client.create(new("c1"))).await.unwrap();
    stage.play("Container::delete", "", container.delete()).await.unwrap();

    let container = client.create(new("c2")).await.unwrap();
    let task = container.start(Io::Null).await.unwrap();
    let busy = "when it is known that there is a task";
    let refused = stage.play("Container::delete", busy, container.delete()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::FailedPrecondition);
    let asked = stage.play("Client::stats_all", "", client.stats_all(&["c2", "c3"])).await;
    assert_eq!(asked.unwrap().keys().collect::<Vec<_>>(), ["c2"]);
    let client = stage.restarted().await;
    let loaded = stage.play("Client::load", "", client.load("c2")).await.unwrap();
    assert!(loaded.task.is_some());
    let restored = stage.play("Client::restore", "", client.restore()).await.unwrap();
    assert_eq!(restored.len(), 1);
    stage.lose_next("/tasks/delete");
    task.force_delete().await.unwrap();
    let when = "when the list lacks u tasks that this client knows of";
    let restoring = client.restore();
    stage.play_with("Client::restore", when, &[("u", 1)], restoring).await.unwrap();
    stage.play("Client::next_exit", "", stage_exit(&client)).await;
    container.delete().await.unwrap();

    // Its stream is lost, and stays so: the probe of the next one is not answered.
    let unsure = stage.restarted().await;
    let container = unsure.create(new("c3")).await.unwrap();
    stage.fail_next("Events/Publish", "delay(1h)");
    stage.lose_stream(&unsure).await;
    let when = "when it is not known whether there is a task";
    stage.play("Container::delete", when, container.delete()).await.unwrap();

    stage.fail_next("Containers/Create", "error(unavailable:\"no\")");
    let doubt = async {
        let made = client.create(new("c4")).await;
        client.undone().await;
        made
    };
    stage.play("Client::create", "when no answer comes", doubt).await.unwrap_err();
    stage.play("Client::undone", "", client.undone()).await;
}

async fn stage_exit(client: &laconic_client::Client) {
    assert_eq!(client.next_exit().await.container, "c2");
}

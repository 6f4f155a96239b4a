//! Archives that are not what they should be, and imports that are given up: refused with why, and
//! nothing left.

use laconic_client::{Archive, Collect, NewContainer};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::archive::Layout;
use crate::arm::{Arm, on_mocks};

/// What an import is refused with.
async fn refusal(arm: &Arm, archive: Archive) -> String {
    let client = arm.client().await;
    client.import(archive).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_that_cannot_be_understood_are_refused_with_why_and_leave_nothing() {
    on_mocks(async |arm: &Arm| {
        let mut told = Vec::new();
        let named = |bytes: Vec<u8>| Archive::from_reader(std::io::Cursor::new(bytes));
        told.push(refusal(arm, named(Vec::new())).await);
        told.push(refusal(arm, named(b"no tar at all".repeat(100))).await);
        told.push(refusal(arm, named(vec![0x1f, 0x8b, 8, 0])).await);
        told.push(refusal(arm, Archive::at("/no/such/archive.tar")).await);
        let whole = Layout::named("tiny");
        for missing in 0..4 {
            let layout = Layout { without: vec![missing], ..whole.clone() };
            told.push(refusal(arm, layout.archive()).await);
        }
        let nameless = Layout { name: None, ..whole.clone() };
        told.push(refusal(arm, nameless.archive()).await);
        let mut cut = whole.tar();
        cut.truncate(700);
        told.push(refusal(arm, named(cut)).await);
        insta::assert_snapshot!("refusals", told.join("\n"));
        arm.sweep().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_not_what_its_name_says_is_refused_even_when_the_true_one_is_there() {
    on_mocks(async |arm: &Arm| {
        let client = arm.client().await;
        let tar = Layout::named("tiny").tar();
        let image = client.import(Archive::from_reader(std::io::Cursor::new(tar.clone()))).await;
        let image = image.unwrap().remove(0);
        let at = tar.windows(8).position(|bytes| bytes == b"DAY=fine").unwrap();
        let mut false_one = tar;
        false_one[at..at + 8].copy_from_slice(b"DAY=evil");
        let refused = client.import(Archive::from_reader(std::io::Cursor::new(false_one))).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("is not what its name says"), "{refused}");
        image.remove(Collect::Now).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_given_up_leaves_no_lease_and_no_content() {
    on_mocks(async |arm: &Arm| {
        let client = arm.client().await;
        let tar = Layout::named("tiny").tar();
        let (mut writer, reader) = tokio::io::duplex(tar.len());
        // All but the index has come, and the import waits for more.
        writer.write_all(&tar[..tar.len() - 4096]).await.unwrap();
        let importing = tokio::spawn({
            let client = client.clone();
            async move { client.import(Archive::from_reader(reader)).await }
        });
        arm.seen(|call| call.rpc.short() == "Content/Write" && call.ended.is_some()).await;
        importing.abort();
        assert!(importing.await.unwrap_err().is_cancelled());
        arm.seen(|call| call.rpc.short() == "Leases/Delete" && call.ended.is_some()).await;
        arm.sweep().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_names_a_user_whom_only_it_knows_wants_a_number() {
    on_mocks(async |arm: &Arm| {
        let client = arm.client().await;
        let mut layout = Layout::named("tiny");
        layout.config["User"] = json!("nobody");
        let image = client.import(layout.archive()).await.unwrap().remove(0);
        image.unpack("overlayfs").await.unwrap();
        let (calls, refused) =
            arm.cost(client.create(NewContainer::from_image("c1", &image))).await;
        assert_eq!(calls, Vec::<String>::new());
        let refused = refused.unwrap_err().to_string();
        assert_eq!(
            refused,
            "failed to create container c1: its image runs as \"nobody\": give a uid"
        );
        let new = NewContainer::from_image("c1", &image).user(65534, 65534);
        client.create(new).await.unwrap().delete().await.unwrap();
        image.remove(Collect::Now).await.unwrap();
    })
    .await;
}

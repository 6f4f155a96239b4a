//! `laconic driver`.

use driver_protocol::Connect;
use laconic_drivers::{input, output, serve};

use crate::arguments::DriverOptions;
use crate::exit::Exit;
use crate::registry;

pub(crate) async fn driver(options: DriverOptions) -> anyhow::Result<Exit> {
    let factory = registry::driver(&options.name)?;
    let connect = Connect {
        socket: super::plan::socket_path(&options.address).into(),
        namespace: options.namespace,
        rootfs: options.rootfs,
    };
    serve(&*factory, connect, input(), output()).await?;
    Ok(Exit::Good)
}

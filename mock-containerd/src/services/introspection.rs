//! containerd.services.introspection.v1.

use std::os::unix::fs::MetadataExt;

use containerd_client::services::v1::{
    PluginInfoRequest, PluginInfoResponse, PluginsRequest, PluginsResponse, ServerResponse,
};
use tonic::{Code, Request, Response, Status};

use super::plugins::{Listed, plugins};
use super::{Answer, runtime_info};
use crate::Profile;
use crate::refusal::sendable;
use crate::state::{Failure, any_passes, parse_all};
use crate::stubs::containerd::services::introspection::v1::introspection_server;
use crate::world::World;

/// Of this mock, always the same: 36 characters, as a uuid has.
const UUID: &str = "1ac0171c-0000-4000-8000-00000000d0c5";

#[derive(Debug)]
pub(crate) struct Introspection(pub(crate) World);

impl Introspection {
    fn profile(&self) -> Profile {
        self.0.profile()
    }

    /// All plugins of the version, where this mock keeps its files.
    fn plugins(&self) -> Result<Vec<Listed>, Status> {
        let root = self.0.store().root();
        let root = root.map_err(|error| Failure::disk("cannot make its folder", &error))?;
        Ok(plugins(self.profile(), &root))
    }
}

#[tonic::async_trait]
impl introspection_server::Introspection for Introspection {
    async fn plugins(&self, request: Request<PluginsRequest>) -> Answer<PluginsResponse> {
        let filters = parse_all(&request.into_inner().filters).map_err(|error| {
            // 2.1 puts the class before the text, and not after it.
            match self.profile() {
                Profile::V2_1 => {
                    Failure::plain(Code::InvalidArgument, format!("invalid argument: {error}"))
                }
                _ => Failure::invalid(error),
            }
        })?;
        let listed = self.plugins()?.into_iter();
        let passing = listed.filter(|plugin| any_passes(&filters, &|path| plugin.field(path)));
        let plugins = passing.map(Listed::shown).collect();
        Ok(Response::new(sendable(PluginsResponse { plugins })?))
    }

    async fn server(&self, _: Request<()>) -> Answer<ServerResponse> {
        let mut server = ServerResponse { uuid: UUID.to_owned(), ..ServerResponse::default() };
        if self.profile() > Profile::V1_6 {
            server.pid = u64::from(std::process::id());
            // The number of its namespace of pids; where there is no /proc, none.
            let namespace = std::fs::metadata("/proc/self/ns/pid");
            server.pidns = namespace.map(|namespace| namespace.ino()).unwrap_or_default();
        }
        Ok(Response::new(server))
    }

    async fn plugin_info(&self, request: Request<PluginInfoRequest>) -> Answer<PluginInfoResponse> {
        if self.profile() < Profile::V2_1 {
            // It is worded behind the services.
            return Err(Status::unimplemented(""));
        }
        let PluginInfoRequest { r#type, id, options } = request.into_inner();
        options.as_ref().map(|options| runtime_info::check(&self.0, options)).transpose()?;
        let found = self.plugins()?.into_iter().find(|plugin| plugin.is(&r#type, &id));
        let found =
            found.ok_or_else(|| Failure::not_found(format!("plugin {type}.{id} not found")))?;
        if options.is_some() && found.is_skipped() {
            let what = "cannot get extra info, plugin not successfully loaded";
            return Err(Failure::precondition(what).into());
        }
        let of_plugin = |options| runtime_info::of_plugin(&self.0, (&r#type, &id), options);
        let extra = options.as_ref().map(of_plugin).transpose()?;
        Ok(Response::new(PluginInfoResponse { plugin: Some(found.shown()), extra }))
    }
}

//! containerd.services.tasks.v1.

use containerd_client::services::v1::{
    CheckpointTaskRequest, CheckpointTaskResponse, CloseIoRequest, CreateTaskRequest,
    CreateTaskResponse, DeleteProcessRequest, DeleteResponse, DeleteTaskRequest,
    ExecProcessRequest, GetRequest, GetResponse, KillRequest, ListPidsRequest, ListPidsResponse,
    ListTasksRequest, ListTasksResponse, MetricsRequest, MetricsResponse, PauseTaskRequest,
    ResizePtyRequest, ResumeTaskRequest, StartRequest, StartResponse, UpdateTaskRequest,
    WaitRequest, WaitResponse,
};
use tonic::{Request, Response, Status};

use super::Answer;
use super::request::{caller, taken};
use crate::processes::{OpenStreams, ProcessScript, Size, open};
use crate::refusal::sendable;
use crate::state::{Argv, Failure, NewExec, NewTask, Streams, Waited};
use crate::stubs::containerd::services::tasks::v1::tasks_server;
use crate::world::World;

/// Streams of created inits wait here for their start.
type Waiting = std::sync::Mutex<std::collections::BTreeMap<(String, String), OpenStreams>>;

#[derive(Debug)]
pub(crate) struct Tasks {
    world: World,
    waiting: Waiting,
}

impl Tasks {
    pub(crate) fn new(world: World) -> Self {
        Self { world, waiting: Waiting::default() }
    }

    fn waiting(
        &self,
    ) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<(String, String), OpenStreams>> {
        self.waiting.lock().expect("nothing panics while it holds the streams")
    }

    async fn open(&self, streams: &Streams) -> Result<OpenStreams, Status> {
        let profile = self.world.change(|state| state.profile);
        Ok(open(profile, streams).await?)
    }

    /// A missing binary is known at the start of an exec, not before.
    fn exec_script(&self, argv: &Argv) -> ProcessScript {
        self.world.scripts().find(argv).unwrap_or_else(|| {
            let binary = argv.first().map_or("", String::as_str);
            ProcessScript::fails_to_start(crate::state::no_such_file(binary))
        })
    }
}

#[tonic::async_trait]
impl tasks_server::Tasks for Tasks {
    async fn create(&self, request: Request<CreateTaskRequest>) -> Answer<CreateTaskResponse> {
        let (namespace, request) = taken(request)?;
        self.world.change(|state| state.check_creation(&namespace, &request))?;
        let id = request.container_id;
        let wanted = self.world.change(|state| {
            state.init_wanted(&namespace, &id, &request.rootfs, request.terminal)
        })?;
        let Some(script) = self.world.scripts().find(&wanted.argv) else {
            let profile = self.world.change(|state| state.profile);
            return Err(crate::state::missing_binary(profile, &wanted.argv[0]).into());
        };
        let setting = wanted.setting;
        let streams = Streams {
            stdin: request.stdin,
            stdout: request.stdout,
            stderr: request.stderr,
            terminal: request.terminal,
        };
        let open = self.open(&streams).await?;
        let new = NewTask { id: id.clone(), streams, script, setting, rootfs: request.rootfs };
        let pid = self.world.change(|state| state.create_task(&namespace, new))?;
        self.waiting().insert((namespace, id.clone()), open);
        Ok(Response::new(CreateTaskResponse { container_id: id, pid }))
    }

    async fn start(&self, request: Request<StartRequest>) -> Answer<StartResponse> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        let (launch, open) = if exec.is_empty() {
            let launch = self.world.change(|state| state.start(&namespace, &id))?;
            let open = self.waiting().remove(&(namespace.clone(), id.clone()));
            (launch, open.unwrap_or_default())
        } else {
            let streams = self.world.change(|state| state.exec_streams(&namespace, &id, &exec))?;
            let open = self.open(&streams).await?;
            let launch = self.world.change(|state| state.start_exec(&namespace, &id, &exec))?;
            (launch, open)
        };
        let pid = launch.pid;
        self.world.launch(namespace, id, exec, launch, open);
        Ok(Response::new(StartResponse { pid }))
    }

    async fn delete(&self, request: Request<DeleteTaskRequest>) -> Answer<DeleteResponse> {
        let (namespace, request) = taken(request)?;
        let id = request.container_id;
        let deleted = self.world.change(|state| state.delete_task(&namespace, &id))?;
        self.waiting().remove(&(namespace, id));
        Ok(Response::new(deleted))
    }

    async fn delete_process(
        &self,
        request: Request<DeleteProcessRequest>,
    ) -> Answer<DeleteResponse> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        let deleted = self.world.change(|state| state.delete_process(&namespace, &id, &exec))?;
        Ok(Response::new(deleted))
    }

    async fn get(&self, request: Request<GetRequest>) -> Answer<GetResponse> {
        let (namespace, request) = taken(request)?;
        let process = self
            .world
            .change(|state| state.get(&namespace, &request.container_id, &request.exec_id))?;
        Ok(Response::new(GetResponse { process: Some(process) }))
    }

    async fn list(&self, request: Request<ListTasksRequest>) -> Answer<ListTasksResponse> {
        let (namespace, _) = taken(request)?;
        let tasks = self.world.change(|state| state.list_tasks(&namespace));
        Ok(Response::new(sendable(ListTasksResponse { tasks })?))
    }

    async fn kill(&self, request: Request<KillRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let KillRequest { container_id, exec_id, signal, all } = request;
        let lives = self.world.change(|state| {
            state.kill(&namespace, &container_id, &exec_id, signal, all)?;
            Ok::<_, Failure>(state.init_lives(&namespace, &container_id))
        })?;
        if !lives {
            // Nobody will play it any more: whoever reads from it must see the end.
            self.waiting().remove(&(namespace, container_id));
        }
        Ok(Response::new(()))
    }

    async fn exec(&self, request: Request<ExecProcessRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        if request.exec_id.is_empty() {
            // This one text ends without its class.
            return Err(Status::invalid_argument("exec id cannot be empty"));
        }
        let id = request.container_id;
        let wanted = self.world.change(|state| {
            state.exec_wanted(&namespace, &id, request.spec.as_ref(), request.terminal)
        })?;
        let new = NewExec {
            container: id,
            exec: request.exec_id,
            streams: Streams {
                stdin: request.stdin,
                stdout: request.stdout,
                stderr: request.stderr,
                terminal: request.terminal,
            },
            script: self.exec_script(&wanted.argv),
            setting: wanted.setting,
        };
        self.world.change(|state| state.exec(&namespace, new))?;
        Ok(Response::new(()))
    }

    async fn resize_pty(&self, request: Request<ResizePtyRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        let size = Size { rows: request.height, columns: request.width };
        self.world.change(|state| state.resize(&namespace, &id, &exec, size))?;
        Ok(Response::new(()))
    }

    async fn close_io(&self, request: Request<CloseIoRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        self.world.change(|state| state.close_io(&namespace, &id, &exec, request.stdin))?;
        Ok(Response::new(()))
    }

    async fn pause(&self, request: Request<PauseTaskRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.world.change(|state| state.pause(&namespace, &request.container_id))?;
        Ok(Response::new(()))
    }

    async fn resume(&self, request: Request<ResumeTaskRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.world.change(|state| state.resume(&namespace, &request.container_id))?;
        Ok(Response::new(()))
    }

    async fn list_pids(&self, request: Request<ListPidsRequest>) -> Answer<ListPidsResponse> {
        let (namespace, request) = taken(request)?;
        let processes = self.world.change(|state| state.pids(&namespace, &request.container_id))?;
        Ok(Response::new(sendable(ListPidsResponse { processes })?))
    }

    async fn checkpoint(
        &self,
        request: Request<CheckpointTaskRequest>,
    ) -> Answer<CheckpointTaskResponse> {
        let (namespace, request) = taken(request)?;
        let (id, options) = (request.container_id, request.options);
        let refused: Result<CheckpointTaskResponse, Failure> = self.world.change(|state| {
            state.check_checkpoint(options.as_ref())?;
            state.checkpoint(&namespace, &id)
        });
        Ok(Response::new(refused?))
    }

    async fn update(&self, request: Request<UpdateTaskRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let id = request.container_id;
        self.world.change(|state| state.update(&namespace, &id, request.resources.as_ref()))?;
        Ok(Response::new(()))
    }

    async fn metrics(&self, request: Request<MetricsRequest>) -> Answer<MetricsResponse> {
        // Without a namespace this one is UNKNOWN, not FAILED_PRECONDITION.
        let namespace = caller(request.metadata())
            .ok_or_else(|| Status::unknown("namespace is required: failed precondition"))?;
        let filters = request.into_inner().filters;
        let metrics = self.world.change(|state| state.metrics(&namespace, &filters))?;
        Ok(Response::new(sendable(MetricsResponse { metrics })?))
    }

    async fn wait(&self, request: Request<WaitRequest>) -> Answer<WaitResponse> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        let (profile, mut waited) = self.world.change(|state| {
            state.wait(&namespace, &id, &exec).map(|waited| (state.profile, waited))
        })?;
        let Ok(ended) = waited.wait_for(|waited| *waited != Waited::Pending).await else {
            // An exec that was deleted before it started: the real wait never returns, either.
            return std::future::pending().await;
        };
        match ended.clone() {
            Waited::Exited(exit) => Ok(Response::new(WaitResponse {
                exit_status: exit.status,
                exited_at: Some(exit.at),
            })),
            _ => Err(Failure::shim(profile, "ttrpc: closed").into()),
        }
    }
}

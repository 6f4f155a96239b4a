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
use super::checkpoints;
use super::request::{caller, lease, taken};
use crate::clock::Clock;
use crate::processes::{Owner, ProcessScript, Size, open};
use crate::refusal::sendable;
use crate::state::{
    Failure, Launch, NewExec, NewTask, Props, Restore, State, Streams, Waited, Wanted,
};
use crate::stubs::containerd::services::tasks::v1::tasks_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Tasks(pub(crate) World);

impl Tasks {
    /// Opens the streams of an exec, or of an init, and takes its pids.
    async fn open(
        &self,
        namespace: &str,
        id: &str,
        is_init: bool,
        (streams, children): (&Streams, u32),
    ) -> Result<Props, Status> {
        let owner = self.0.change(|state| Owner {
            profile: state.profile,
            namespace: namespace.to_owned(),
            id: id.to_owned(),
            is_init,
            may_spawn: matches!(state.clock, Clock::Wall),
        });
        let (streams, copying) = open(&owner, streams).await?;
        let pids = self.0.take_pids(is_init, children).await?;
        Ok(Props { streams, copying, pids })
    }

    /// Goes on from a checkpoint.
    async fn restore(
        &self,
        namespace: &str,
        id: &str,
        (restore, streams, children): (Restore, Streams, u32),
    ) -> Result<Launch, Status> {
        if let Some(wanted) = restore.wanted().filter(|wanted| !wanted.exists()) {
            return Err(self.0.change(|state| state.not_restored(&wanted)).into());
        }
        let mut props = self.open(namespace, id, true, (&streams, children)).await?;
        self.0.watch(namespace, id, "", &mut props.pids)?;
        Ok(self.0.change(|state| state.restore(namespace, id, props))?)
    }

    /// What a process wrote before it ended is read before it is forgotten. Whatever is wrong about
    /// it, its deletion says.
    async fn drain(&self, namespace: &str, id: &str, exec: &str) {
        if let Some(drained) = self.0.change(|state| state.draining(namespace, id, exec)) {
            drained.await;
        }
    }

    /// A missing binary is known at the start of an exec, not before.
    fn exec_script(&self, wanted: &Wanted) -> ProcessScript {
        let Wanted { argv, setting } = wanted;
        self.0.scripts().find(argv, setting.path()).unwrap_or_else(|| {
            let binary = argv.first().map_or("", String::as_str);
            ProcessScript::fails_to_start(crate::state::no_such_file(binary))
        })
    }
}

#[tonic::async_trait]
impl tasks_server::Tasks for Tasks {
    async fn create(&self, request: Request<CreateTaskRequest>) -> Answer<CreateTaskResponse> {
        let (namespace, request) = taken(request)?;
        self.0.change(|state| state.check_creation(&namespace, &request))?;
        let restore = self.0.change(|state| state.restore_wanted(&namespace, &request))?;
        let id = request.container_id;
        let wanted = self.0.change(|state| {
            state.init_wanted(&namespace, &id, &request.rootfs, request.terminal)
        })?;
        let Wanted { argv, setting } = wanted;
        let Some(script) = self.0.scripts().find(&argv, setting.path()) else {
            let profile = self.0.profile();
            return Err(crate::state::missing_binary(profile, &argv[0]).into());
        };
        let streams = Streams {
            stdin: request.stdin,
            stdout: request.stdout,
            stderr: request.stderr,
            terminal: request.terminal,
        };
        let mut props = Props::default();
        if restore.is_none() {
            props = self.open(&namespace, &id, true, (&streams, script.forks)).await?;
            self.0.watch(&namespace, &id, "", &mut props.pids)?;
        }
        let rootfs = request.rootfs;
        let new = NewTask { id: id.clone(), streams, script, setting, rootfs, props, restore };
        let pid = self.0.change(|state| state.create_task(&namespace, new))?;
        Ok(Response::new(CreateTaskResponse { container_id: id, pid }))
    }

    async fn start(&self, request: Request<StartRequest>) -> Answer<StartResponse> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        self.0.answering(&namespace, &id).await?;
        let launch = if exec.is_empty() {
            match self.0.change(|state| state.restoring(&namespace, &id))? {
                Some(restoring) => self.restore(&namespace, &id, restoring).await?,
                None => self.0.change(|state| state.start(&namespace, &id))?,
            }
        } else {
            let (streams, children) =
                self.0.change(|state| state.prepare_exec(&namespace, &id, &exec))?;
            let mut props = self.open(&namespace, &exec, false, (&streams, children)).await?;
            self.0.watch(&namespace, &id, &exec, &mut props.pids)?;
            self.0.change(|state| state.start_exec(&namespace, &id, &exec, props))?
        };
        let pid = launch.pid;
        self.0.launch(namespace, id, exec, launch);
        Ok(Response::new(StartResponse { pid }))
    }

    async fn delete(&self, request: Request<DeleteTaskRequest>) -> Answer<DeleteResponse> {
        let (namespace, request) = taken(request)?;
        let id = request.container_id;
        self.0.answering(&namespace, &id).await?;
        self.drain(&namespace, &id, "").await;
        let deleted = self.0.change(|state| state.delete_task(&namespace, &id))?;
        Ok(Response::new(deleted))
    }

    async fn delete_process(
        &self,
        request: Request<DeleteProcessRequest>,
    ) -> Answer<DeleteResponse> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        self.0.answering(&namespace, &id).await?;
        self.drain(&namespace, &id, &exec).await;
        let deleted = self.0.change(|state| state.delete_process(&namespace, &id, &exec))?;
        Ok(Response::new(deleted))
    }

    async fn get(&self, request: Request<GetRequest>) -> Answer<GetResponse> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        let get = |state: &mut State| state.get(&namespace, &id, &exec);
        // Nearly always nothing hangs, and one look is enough.
        let looked = self.0.change(|state| match state.hung(&namespace, &id) {
            Some(hung) => Err(hung),
            None => Ok(get(state)),
        });
        let process = match looked {
            Ok(process) => process?,
            Err(hung) => match self.0.answers_in_time(hung).await {
                true => self.0.change(get)?,
                false => State::unanswered(if exec.is_empty() { &id } else { &exec }),
            },
        };
        Ok(Response::new(GetResponse { process: Some(process) }))
    }

    async fn list(&self, request: Request<ListTasksRequest>) -> Answer<ListTasksResponse> {
        let (namespace, _) = taken(request)?;
        let mut unanswered = Vec::new();
        // One after the other, as containerd asks them: each that hangs takes its time.
        for (id, hung) in self.0.change(|state| state.all_hung(&namespace)) {
            if !self.0.answers_in_time(hung).await {
                unanswered.push(id);
            }
        }
        let mut tasks = self.0.change(|state| state.list_tasks(&namespace));
        for task in tasks.iter_mut().filter(|task| unanswered.contains(&task.id)) {
            *task = State::unanswered(&task.id);
        }
        Ok(Response::new(sendable(ListTasksResponse { tasks })?))
    }

    async fn kill(&self, request: Request<KillRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let KillRequest { container_id, exec_id, signal, all } = request;
        self.0.answering(&namespace, &container_id).await?;
        self.0.change(|state| state.kill(&namespace, &container_id, &exec_id, signal, all))?;
        Ok(Response::new(()))
    }

    async fn exec(&self, request: Request<ExecProcessRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        if request.exec_id.is_empty() {
            // This one text ends without its class.
            return Err(Status::invalid_argument("exec id cannot be empty"));
        }
        let id = request.container_id;
        self.0.answering(&namespace, &id).await?;
        let wanted = self.0.change(|state| {
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
            script: self.exec_script(&wanted),
            setting: wanted.setting,
        };
        self.0.change(|state| state.exec(&namespace, new))?;
        Ok(Response::new(()))
    }

    async fn resize_pty(&self, request: Request<ResizePtyRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        self.0.answering(&namespace, &id).await?;
        let size = Size { rows: request.height, columns: request.width };
        self.0.change(|state| state.resize(&namespace, &id, &exec, size))?;
        Ok(Response::new(()))
    }

    async fn close_io(&self, request: Request<CloseIoRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        self.0.answering(&namespace, &id).await?;
        self.0.change(|state| state.close_io(&namespace, &id, &exec, request.stdin))?;
        Ok(Response::new(()))
    }

    async fn pause(&self, request: Request<PauseTaskRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.0.answering(&namespace, &request.container_id).await?;
        self.0.change(|state| state.pause(&namespace, &request.container_id))?;
        Ok(Response::new(()))
    }

    async fn resume(&self, request: Request<ResumeTaskRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.0.answering(&namespace, &request.container_id).await?;
        self.0.change(|state| state.resume(&namespace, &request.container_id))?;
        Ok(Response::new(()))
    }

    async fn list_pids(&self, request: Request<ListPidsRequest>) -> Answer<ListPidsResponse> {
        let (namespace, request) = taken(request)?;
        self.0.answering(&namespace, &request.container_id).await?;
        let processes = self.0.change(|state| state.pids(&namespace, &request.container_id))?;
        Ok(Response::new(sendable(ListPidsResponse { processes })?))
    }

    async fn checkpoint(
        &self,
        request: Request<CheckpointTaskRequest>,
    ) -> Answer<CheckpointTaskResponse> {
        let lease = lease(&request);
        let (namespace, request) = taken(request)?;
        let (id, options) = (request.container_id, request.options);
        self.0.answering(&namespace, &id).await?;
        let options = self.0.change(|state| {
            let options = state.check_checkpoint(options.as_ref())?;
            state.may_checkpoint(&namespace, &id)?;
            Ok::<_, Failure>(options)
        })?;
        let spec = self.0.change(|state| state.spec_bytes(&namespace, &id))?;
        if !options.image_path.is_empty() {
            let folder = options.image_path.clone();
            let write = move |_: &_| checkpoints::into_folder(folder.as_ref());
            let written = self.0.on_disk("cannot write a checkpoint", write).await;
            written.map_err(|_| {
                self.0.change(|state| state.no_folder((&namespace, &id), &options.image_path))
            })?;
        }
        self.0.change(|state| state.written_down(&namespace, &id, options.exit))?;
        let mut descriptors = Vec::new();
        if options.image_path.is_empty() {
            descriptors =
                checkpoints::into_content(&self.0, &namespace, lease.as_deref(), spec).await?;
        }
        Ok(Response::new(CheckpointTaskResponse { descriptors }))
    }

    async fn update(&self, request: Request<UpdateTaskRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let id = request.container_id;
        self.0.answering(&namespace, &id).await?;
        self.0.change(|state| state.update(&namespace, &id, request.resources.as_ref()))?;
        Ok(Response::new(()))
    }

    async fn metrics(&self, request: Request<MetricsRequest>) -> Answer<MetricsResponse> {
        // Without a namespace this one is UNKNOWN, not FAILED_PRECONDITION.
        let namespace = caller(request.metadata())
            .ok_or_else(|| Status::unknown("namespace is required: failed precondition"))?;
        let filters = request.into_inner().filters;
        for (id, _) in self.0.change(|state| state.all_hung(&namespace)) {
            // A task whose shim died is one that is not measured.
            let _ = self.0.answering(&namespace, &id).await;
        }
        let metrics = self.0.change(|state| state.metrics(&namespace, &filters))?;
        Ok(Response::new(sendable(MetricsResponse { metrics })?))
    }

    async fn wait(&self, request: Request<WaitRequest>) -> Answer<WaitResponse> {
        let (namespace, request) = taken(request)?;
        let (id, exec) = (request.container_id, request.exec_id);
        self.0.answering(&namespace, &id).await?;
        let (profile, mut waited) = self.0.change(|state| {
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

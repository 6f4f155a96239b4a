//! Deletions of tasks and execs: what they answer, and what goes with them.

use containerd_client::services::v1::DeleteResponse;
use tonic::Code;

use super::process::Phase;
use super::{Exit, Failure, State, Waited, key};

impl State {
    pub(crate) fn delete_task(
        &mut self,
        namespace: &str,
        id: &str,
    ) -> Result<DeleteResponse, Failure> {
        const DELETING: &str = "failed to delete task";
        self.container(namespace, id)?;
        // Its shim cannot be asked, but its record is gone.
        if self.orphans.remove(&key(namespace, id)) {
            let closed = Failure::plain(Code::Unknown, "ttrpc: closed");
            return Err(closed.within(DELETING));
        }
        if self.has_sandbox_shim(namespace, id) {
            // It has no such container, and is ended all the same.
            let absent = self.no_task(namespace, id);
            self.end_sandbox(namespace, id);
            return Err(absent.within(DELETING));
        }
        self.delete_init(namespace, id).map_err(|failure| match failure.code {
            Code::Unknown => failure.within(DELETING),
            _ => failure,
        })
    }

    fn delete_init(&mut self, namespace: &str, id: &str) -> Result<DeleteResponse, Failure> {
        let exit = self.change(namespace, id, |task| task.delete())?;
        let place = key(namespace, id);
        let task = self.tasks.remove(&place).expect("it was there a line ago, under one lock");
        if let Phase::Created = task.init.phase {
            task.init.waited.send_replace(Waited::Closed);
        }
        self.tell_deleted(namespace, id, task.init.pid, &exit);
        Ok(deleted("", task.init.pid, exit))
    }

    /// Without an exec id it acts on the init, as the shim does. (The real daemon then keeps a
    /// record of a task that its shim has forgotten; here the task is gone.)
    pub(crate) fn delete_process(
        &mut self,
        namespace: &str,
        id: &str,
        exec: &str,
    ) -> Result<DeleteResponse, Failure> {
        if exec.is_empty() {
            return self.delete_init(namespace, id);
        }
        let (pid, exit) =
            self.change(namespace, id, |task| Ok((task.delete_exec(exec)?, Vec::new())))?;
        Ok(deleted(exec, pid, exit))
    }
}

fn deleted(id: &str, pid: u32, exit: Exit) -> DeleteResponse {
    let exited_at = Some(exit.at);
    DeleteResponse { id: id.to_owned(), pid, exit_status: exit.status, exited_at }
}

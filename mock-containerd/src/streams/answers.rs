//! The answers of a stream, and whether they are with the connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use prost_types::Any;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::Stream;
use tonic::Status;

/// How many objects wait before their reader takes them.
const AHEAD: usize = 4;

pub(crate) fn answers() -> (Answerer, Answers) {
    let (to, words) = mpsc::channel(AHEAD);
    (Answerer(to), Answers { words, marks: Vec::new(), waited: false })
}

#[derive(Debug)]
enum Word {
    Object(Any),
    /// Who sent it is told when all before it is with the connection.
    Mark(oneshot::Sender<()>),
}

/// Nobody takes these answers any more.
#[derive(Debug)]
pub(crate) struct Gone;

#[derive(Debug)]
pub(crate) struct Answerer(mpsc::Sender<Word>);

impl Answerer {
    pub(crate) async fn send(&self, object: Any) -> Result<(), Gone> {
        self.0.send(Word::Object(object)).await.map_err(|_| Gone)
    }

    /// Done when all that was sent is with the connection, or that is gone: what is answered afterwards
    /// comes after it.
    pub(crate) async fn handed_over(&self) {
        let (mark, passed) = oneshot::channel();
        if self.0.send(Word::Mark(mark)).await.is_ok() {
            let _ = passed.await;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answers {
    words: mpsc::Receiver<Word>,
    marks: Vec<oneshot::Sender<()>>,
    /// Whether there was nothing more when it was asked last.
    waited: bool,
}

impl Stream for Answers {
    type Item = Result<Any, Status>;

    /// That an object was taken is not enough: whoever asks here gathers objects until there are no
    /// more, and only then hands them over. Asked once more after that, it has.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.waited {
            for mark in self.marks.drain(..) {
                let _ = mark.send(());
            }
        }
        self.waited = false;
        loop {
            match self.words.poll_recv(context) {
                Poll::Ready(Some(Word::Object(object))) => return Poll::Ready(Some(Ok(object))),
                Poll::Ready(Some(Word::Mark(mark))) => self.marks.push(mark),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    self.waited = true;
                    if !self.marks.is_empty() {
                        // Who had gathered nothing would not ask again.
                        context.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn object(name: &str) -> Any {
        Any { type_url: name.to_owned(), value: Vec::new() }
    }

    fn ask(answers: &mut Answers) -> Poll<Option<String>> {
        Pin::new(answers)
            .poll_next(&mut Context::from_waker(Waker::noop()))
            .map(|word| word.map(|object| object.expect("answers are no errors").type_url))
    }

    fn is_done(future: &mut Pin<Box<impl Future<Output = ()>>>) -> bool {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// tonic gathers what there is, and hands it over when there is no more: a reply that did not
    /// wait for that came before the progress of its transfer.
    #[tokio::test]
    async fn what_was_taken_is_handed_over_once_it_is_asked_for_more_again() {
        let (to, mut answers) = answers();
        to.send(object("saved")).await.unwrap();
        let mut handed_over = Box::pin(to.handed_over());
        assert!(!is_done(&mut handed_over));
        assert_eq!(ask(&mut answers), Poll::Ready(Some("saved".to_owned())));
        assert!(!is_done(&mut handed_over), "it is gathered");
        assert_eq!(ask(&mut answers), Poll::Pending);
        assert!(!is_done(&mut handed_over), "it may be on its way to the connection");
        assert_eq!(ask(&mut answers), Poll::Pending);
        assert!(is_done(&mut handed_over));
    }

    #[tokio::test]
    async fn what_comes_between_is_waited_for_too() {
        let (to, mut answers) = answers();
        let mut first = Box::pin(to.handed_over());
        assert!(!is_done(&mut first));
        to.send(object("late")).await.unwrap();
        assert_eq!(ask(&mut answers), Poll::Ready(Some("late".to_owned())));
        assert_eq!(ask(&mut answers), Poll::Pending);
        let mut second = Box::pin(to.handed_over());
        assert!(!is_done(&mut first) && !is_done(&mut second));
        assert_eq!(ask(&mut answers), Poll::Pending);
        assert!(is_done(&mut first) && !is_done(&mut second), "the second has just come");
        assert_eq!(ask(&mut answers), Poll::Pending);
        assert!(is_done(&mut second));
    }

    #[tokio::test]
    async fn who_waits_for_a_reader_that_goes_waits_no_longer() {
        let (to, answers) = answers();
        let mut handed_over = Box::pin(to.handed_over());
        assert!(!is_done(&mut handed_over));
        drop(answers);
        assert!(is_done(&mut handed_over));
        to.handed_over().await;
        assert!(to.send(object("late")).await.is_err());
    }

    #[tokio::test]
    async fn a_reader_that_has_all_is_told_to_ask_again() {
        let (to, mut answers) = answers();
        let reader = tokio::spawn(async move {
            std::future::poll_fn(|context| Pin::new(&mut answers).poll_next(context)).await
        });
        to.handed_over().await;
        drop(to);
        assert!(reader.await.unwrap().is_none());
    }
}

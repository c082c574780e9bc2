//! From the spool to the outbox: what other processes of this machine hand over
//! (`lastword notify`), taken up in order by the active instance.
//!
//! Commit first, then remove: what dies in between is known in the store by the
//! name of its file. The kernel's word about a new file only wakes; a look every
//! few seconds finds what nobody told of. A file that cannot be taken is put
//! aside and reported, and blocks no other.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Daemon;
use crate::death::{self, Moment};
use crate::domain::metric;
use crate::domain::part::Payload;
use crate::media::Place;
use crate::shutdown::Tasks;
use crate::spool::{self, Found, Name, Note, Room, Spool, Watch};
use crate::store::{Fate, Imported, Notice, StoreError};

/// Between two looks that nobody asked for.
const PERIOD: Duration = Duration::from_secs(2);

/// How long a stop waits for what callers are told until the next start.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Files taken up in one transaction.
const BATCH: usize = 64;

/// Flawed files whose names are remembered, where they cannot be put aside.
const IGNORED_MAX: usize = 1_000;

/// Takes up until the stop.
pub(super) async fn watch(daemon: Arc<Daemon>) {
    let intake = daemon.shutdown.intake().clone();
    let mut importer = Importer::new(&daemon);
    let work = async {
        let mut told = false;
        // Callers hand in while this is a standby, too: only one takes up.
        while !importer.open().await {
            if !std::mem::replace(&mut told, true) {
                tracing::warn!("lastword notify cannot be used: there is no spool");
            }
            sleep(PERIOD).await;
        }
        told = false;
        daemon.standing.risen().await;
        loop {
            match importer.take_up().await {
                Ok(()) => told = false,
                Err(error) if told => tracing::debug!(%error, "failed to take up once more"),
                Err(error) => {
                    told = true;
                    tracing::warn!(%error, "failed to take up what was handed over");
                }
            }
            importer.until_more().await;
        }
    };
    tokio::select! {
        biased;
        () = intake.cancelled() => {}
        () = work => {}
    }
}

/// The last of a life: how much room there is until the next begins.
pub(super) async fn last_word(daemon: &Daemon) {
    let mut importer = Importer::new(daemon);
    let said = async {
        let path = spool::beside(&daemon.config.store.path);
        let spool = importer.aside(move || Spool::open(&path)).await?;
        let imported = importer.import(Vec::new()).await?;
        importer.tell_room(&Arc::new(spool), imported.rows).await;
        Ok::<_, Failed>(())
    };
    // A hint: nothing waits for it for long.
    if !matches!(tokio::time::timeout(LAST_WORD, said).await, Ok(Ok(()))) {
        tracing::debug!("failed to tell how much room there is");
    }
}

/// Why a look did not come to its end; there is another.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the spool: {0}")]
    Spool(#[from] std::io::Error),
}

struct Importer<'a> {
    daemon: &'a Daemon,
    spool: Option<Arc<Spool>>,
    watch: Option<Watch>,
    /// Known to the store, and removed for good.
    gone: Vec<String>,
    /// Whether what an earlier life left was looked at.
    is_reconciled: bool,
    /// Flawed, and not to be put aside either.
    ignored: BTreeSet<OsString>,
    told: Option<Room>,
}

impl<'a> Importer<'a> {
    fn new(daemon: &'a Daemon) -> Self {
        Self {
            daemon,
            spool: None,
            watch: None,
            gone: Vec::new(),
            is_reconciled: false,
            ignored: BTreeSet::new(),
            told: None,
        }
    }

    /// Makes the folder where there is none.
    async fn open(&mut self) -> bool {
        let path = spool::beside(&self.daemon.config.store.path);
        let asked = path.clone();
        let prepared = self.aside(move || Spool::prepare(&asked)).await;
        match prepared {
            Ok(spool) => self.spool = Some(Arc::new(spool)),
            Err(error) => {
                tracing::debug!(%error, "failed to make the spool");
                return false;
            }
        }
        // On a paused clock no kernel may wake anybody.
        if self.daemon.place == Place::Aside {
            match Watch::of(&path) {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => tracing::info!(%error, "the spool is looked at every 2 s only"),
            }
        }
        true
    }

    /// Waits for the kernel's word, or for the time to look unasked.
    async fn until_more(&self) {
        match &self.watch {
            Some(watch) => tokio::select! {
                biased;
                () = watch.changed() => {}
                () = sleep(PERIOD) => {}
            },
            None => sleep(PERIOD).await,
        }
    }

    /// Takes up what waits, in order.
    async fn take_up(&mut self) -> Result<(), Failed> {
        if !self.spool.as_ref().is_some_and(|spool| spool.is_there()) {
            self.told = None;
            self.open().await;
        }
        let Some(spool) = self.spool.clone() else {
            return Ok(());
        };
        let looked = Arc::clone(&spool);
        let durably = !self.is_reconciled;
        let waiting = self
            .aside(move || {
                let waiting = looked.waiting()?;
                if durably {
                    // What an earlier life removed must be gone for good before
                    // it is forgotten.
                    looked.sync()?;
                }
                Ok::<_, std::io::Error>(waiting)
            })
            .await?;
        if !self.is_reconciled {
            self.reconcile(&waiting).await?;
        }
        self.put_foreign_aside(&spool).await;
        let mut left = waiting.len();
        for names in waiting.chunks(BATCH) {
            let (taken, is_full) = self.take_some(&spool, names.to_vec()).await?;
            left -= taken;
            if is_full {
                break;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "no folder holds 2^53 files")]
        metrics::gauge!(metric::SPOOL_FILES).set(left as f64);
        // What was sent since makes room.
        let may_have_changed = self.told.is_none_or(|room| room.rows > 0);
        if may_have_changed || !self.gone.is_empty() {
            let imported = self.import(Vec::new()).await?;
            self.tell_room(&spool, imported.rows).await;
        }
        Ok(())
    }

    /// What an earlier life knew and had removed is forgotten; what it had not
    /// is still known.
    async fn reconcile(&mut self, waiting: &[Name]) -> Result<(), Failed> {
        let here: BTreeSet<String> = waiting.iter().map(ToString::to_string).collect();
        let known = self.daemon.store.imported().await?;
        self.gone = known.into_iter().filter(|f| !here.contains(f)).collect();
        self.is_reconciled = true;
        Ok(())
    }

    /// Takes up these; how many are not there any more, and whether there is no
    /// room for more.
    async fn take_some(
        &mut self,
        spool: &Arc<Spool>,
        names: Vec<Name>,
    ) -> Result<(usize, bool), Failed> {
        let reading = Arc::clone(spool);
        let (read, trouble) = self
            .aside(move || {
                let mut read = Vec::new();
                for name in names {
                    match reading.read(&name) {
                        Ok(found) => read.push((found, name)),
                        // What is behind it keeps its place.
                        Err(trouble) => return Ok((read, Some(trouble))),
                    }
                }
                Ok::<_, std::io::Error>((read, None))
            })
            .await?;
        let now = self.daemon.clock.now();
        let (mut notices, mut files, mut over) = (Vec::new(), Vec::new(), Vec::new());
        let mut taken = 0;
        for (found, name) in read {
            match found {
                Found::Note(note) if note.bot.is_some_and(|bot| bot != self.daemon.bot) => {
                    // Another bot's, unless that would never send it either.
                    if note.is_over(now) {
                        over.push(name);
                    } else if note.is_unclaimed(now) {
                        let name = OsString::from(name.to_string());
                        let flaw = spool::Flaw::Unclaimed;
                        taken += usize::from(self.refuse(spool, name, flaw).await);
                    }
                }
                Found::Note(note) => {
                    notices.push(notice(&name, note, now));
                    files.push(name);
                }
                Found::Gone => taken += 1,
                Found::Flawed(flaw) => {
                    let name = OsString::from(name.to_string());
                    taken += usize::from(self.refuse(spool, name, flaw).await);
                }
            }
        }
        if !over.is_empty() {
            metrics::counter!(metric::NOTICES, "result" => Fate::Expired.as_str())
                .increment(over.len() as u64);
            taken += over.len();
            self.remove(spool, over).await?;
        }
        if let Some(trouble) = trouble {
            self.take_notices(spool, notices, files).await?;
            return Err(trouble.into());
        }
        let (gone, is_full) = self.take_notices(spool, notices, files).await?;
        Ok((taken + gone, is_full))
    }

    /// Plans these; how many are not there any more, and whether there is no
    /// room for more.
    async fn take_notices(
        &mut self,
        spool: &Arc<Spool>,
        notices: Vec<Notice>,
        files: Vec<Name>,
    ) -> Result<(usize, bool), Failed> {
        if notices.is_empty() {
            return Ok((0, false));
        }
        let chats: Vec<_> = notices.iter().map(|notice| notice.chat).collect();
        let imported = self.import(notices).await?;
        death::at(Moment::NoticeImported);
        let mut done = Vec::new();
        for ((fate, name), chat) in imported.fates.iter().zip(files).zip(chats) {
            if matches!(fate, Fate::Full | Fate::Elsewhere) {
                continue;
            }
            metrics::counter!(metric::NOTICES, "result" => fate.as_str()).increment(1);
            if *fate == Fate::Stored {
                self.daemon.sender.touch(chat);
            }
            done.push(name);
        }
        let taken = done.len();
        self.remove(spool, done).await?;
        self.tell_room(spool, imported.rows).await;
        Ok((taken, imported.fates.contains(&Fate::Full)))
    }

    /// One transaction, and what is gone is forgotten with it.
    async fn import(&mut self, notices: Vec<Notice>) -> Result<Imported, Failed> {
        let daemon = self.daemon;
        let max_rows = daemon.config.outbox.max_rows;
        let gone = self.gone.clone();
        let imported = daemon
            .store
            .import(notices, gone, daemon.instance, max_rows)
            .await?;
        self.gone.clear();
        Ok(imported)
    }

    /// Removes files whose messages are rows now; only what is gone for good may
    /// be forgotten.
    async fn remove(&mut self, spool: &Arc<Spool>, names: Vec<Name>) -> Result<(), Failed> {
        let removing = Arc::clone(spool);
        let files: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.aside(move || {
            names.iter().try_for_each(|name| removing.remove(name))?;
            death::at(Moment::NoticeRemoved);
            removing.sync()
        })
        .await?;
        self.gone.extend(files);
        Ok(())
    }

    async fn put_foreign_aside(&mut self, spool: &Arc<Spool>) {
        let (looking, now) = (Arc::clone(spool), self.daemon.clock.now());
        let foreign = self.aside(move || looking.foreign(now)).await;
        for name in foreign.unwrap_or_default() {
            self.refuse(spool, name, spool::Flaw::Foreign).await;
        }
    }

    /// Puts a file aside; whether it is out of the way.
    async fn refuse(&mut self, spool: &Arc<Spool>, name: OsString, flaw: spool::Flaw) -> bool {
        if self.ignored.contains(&name) {
            return false;
        }
        let (putting, file) = (Arc::clone(spool), name.clone());
        let put = self.aside(move || putting.put_aside(&file)).await;
        metrics::counter!(metric::NOTICES, "result" => "refused").increment(1);
        tracing::warn!(
            file = shown(&name),
            reason = %flaw,
            is_put_aside = put.is_ok(),
            "a file of the spool was not taken"
        );
        if put.is_err() && self.ignored.len() < IGNORED_MAX {
            self.ignored.insert(name);
        }
        put.is_ok()
    }

    async fn tell_room(&mut self, spool: &Arc<Spool>, rows: u64) {
        let room = Room {
            max_rows: self.daemon.config.outbox.max_rows,
            rows,
        };
        if self.told == Some(room) {
            return;
        }
        let telling = Arc::clone(spool);
        match self.aside(move || telling.tell_room(room)).await {
            Ok(()) => self.told = Some(room),
            Err(error) => tracing::debug!(%error, "failed to tell how much room there is"),
        }
    }

    /// Work with files beside the runtime; at once on a paused clock.
    async fn aside<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<std::io::Error> + Send + 'static,
    {
        match self.daemon.place {
            Place::Here => work(),
            Place::Aside => Tasks::aside(work)
                .await
                .unwrap_or_else(|| Err(std::io::Error::other("it panicked").into())),
        }
    }
}

/// A file as the store takes it.
fn notice(name: &Name, note: Note, now: crate::clock::Millis) -> Notice {
    let (life, key_life) = (note.life_left(now), note.key_life(now));
    Notice {
        file: name.to_string(),
        addressed: note.bot.is_some(),
        key: note.key.map(|key| (key, key_life)),
        chat: note.chat,
        topic: note.topic,
        parts: note.texts.into_iter().map(Payload::plain).collect(),
        life,
    }
}

/// A name that anybody may have chosen, for the log.
fn shown(name: &OsStr) -> String {
    let plain = |c: char| c.is_ascii_graphic();
    let name = name.to_string_lossy();
    let name: String = name.chars().take(60).collect();
    name.replace(|c| !plain(c), "?")
}

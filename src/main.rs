//! The `lastword` program: signals first, then the configuration, then the
//! daemon. Checks everything before any port is bound and ends with the code
//! that tells how.

use std::io::{self, Write};
use std::process::ExitCode as ProcessExit;

use lastword::cli::{self, Command};
use lastword::config::{Config, Sources};
use lastword::ops::control::Ask;
use lastword::shutdown::{ExitCode, Shutdown, parent};

fn main() -> ProcessExit {
    let shutdown = match Shutdown::install() {
        Ok(shutdown) => shutdown,
        Err(error) => {
            return fail(
                ExitCode::Early,
                &format!("failed to receive signals: {error}"),
            );
        }
    };
    let begun = tokio::time::Instant::now();
    lastword::memory::keep_private(std::env::var_os("INVOCATION_ID").is_some());
    lastword::shutdown::panics::install_hook();
    lastword::tls::install_crypto();
    let cli = cli::parse();
    let sources = cli.sources(std::env::vars_os());
    match cli.verb() {
        Command::Check => check(&sources),
        Command::Turns(asked) => desk(&shutdown, async |out, err| {
            cli::desk::turns(&asked, &sources, out, err).await
        }),
        Command::Replay(asked) => desk(&shutdown, async |out, err| {
            cli::steer::steer(&asked.place, asked.to_replay(), &sources, out, err).await
        }),
        Command::Status(asked) => desk(&shutdown, async |out, err| {
            cli::status::status(&asked, &sources, out, err).await
        }),
        Command::Cancel(asked) => desk(&shutdown, async |out, err| {
            cli::steer::steer(&asked.place, asked.to_cancel(), &sources, out, err).await
        }),
        Command::Pause(asked) => desk(&shutdown, async |out, err| {
            cli::steer::steer(&asked.place, asked.to_pause(), &sources, out, err).await
        }),
        Command::Resume(asked) => desk(&shutdown, async |out, err| {
            cli::steer::steer(&asked.place, Ask::Resume, &sources, out, err).await
        }),
        Command::Show(asked) => desk(&shutdown, async |out, err| {
            cli::show::show(&asked, &sources, out, err).await
        }),
        Command::Doctor(asked) => desk(&shutdown, async |out, err| {
            cli::doctor::doctor(&asked, &sources, out, err).await
        }),
        Command::Backup(asked) => desk(&shutdown, async |out, err| {
            cli::keep::backup(&asked, &sources, out, err).await
        }),
        Command::Verify(asked) => desk(&shutdown, async |out, err| {
            cli::keep::verify(&asked, &sources, out, err).await
        }),
        Command::Drain(asked) => desk(&shutdown, async |out, err| {
            cli::drain::drain(&asked, &sources, out, err).await
        }),
        #[cfg(feature = "playground")]
        Command::Playground(options) => playground(&options, &shutdown),
        Command::Roll(options) => roll(&options, &sources, &shutdown),
        Command::Notify(asked) => notify(&asked, &sources, &shutdown),
        Command::Prepare => prepare(),
        Command::Generate(asked) => match cli::generate::generate(&asked) {
            Ok(()) => ProcessExit::SUCCESS,
            Err(error) => fail(ExitCode::Early, &format!("failed to write: {error}")),
        },
        Command::Run => run(&sources, &shutdown, begun),
    }
}

/// What a shell says of a command that SIGINT ended.
const INTERRUPTED: u8 = 130;

fn check(sources: &Sources) -> ProcessExit {
    match cli::check::check(sources, &mut io::stdout().lock(), &mut io::stderr().lock()) {
        Ok(code) => ProcessExit::from(code),
        Err(error) => fail(ExitCode::Early, &format!("failed to write: {error}")),
    }
}

/// An operator's verb; an interrupt ends it where it is.
fn desk<F>(shutdown: &Shutdown, verb: F) -> ProcessExit
where
    F: AsyncFnOnce(&mut (dyn Write + Send), &mut (dyn Write + Send)) -> u8,
{
    match runtime() {
        Ok(runtime) => {
            let (mut out, mut err) = (io::stdout(), io::stderr());
            let code = runtime.block_on(async {
                tokio::select! {
                    code = verb(&mut out, &mut err) => code,
                    () = shutdown.intake().cancelled() => INTERRUPTED,
                }
            });
            runtime.shutdown_background();
            ProcessExit::from(code)
        }
        Err(error) => fail(ExitCode::Early, &format!("failed to start: {error}")),
    }
}

fn run(sources: &Sources, shutdown: &Shutdown, begun: tokio::time::Instant) -> ProcessExit {
    let loaded = match Config::load(sources) {
        Ok(loaded) => loaded,
        Err(errors) => {
            // Nobody is left to tell when stderr is gone.
            let _ = cli::complain(&errors, &mut io::stderr().lock());
            return ExitCode::Config.into();
        }
    };
    if std::env::var_os(parent::VARIABLE).is_some_and(|value| value == "1")
        && let Err(error) = parent::watch(shutdown)
    {
        return fail(ExitCode::Early, &format!("failed to watch stdin: {error}"));
    }
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(ExitCode::Early, &format!("failed to start: {error}")),
    };
    let ended = runtime.block_on(lastword::daemon::production::run(
        loaded, sources, shutdown, begun,
    ));
    // Tasks that hang must not keep the process; what they did is stored.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code.into(),
        Err(error) => fail(error.exit_code(), &error.to_string()),
    }
}

fn notify(asked: &cli::notify::Notify, sources: &Sources, shutdown: &Shutdown) -> ProcessExit {
    let is_stopping = || shutdown.is_stopping();
    let code = cli::notify::notify(asked, sources, &is_stopping, &mut io::stderr());
    ProcessExit::from(code)
}

/// A file that a stranger sent, read where a crash costs nothing else.
fn prepare() -> ProcessExit {
    match lastword::media::child::serve(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => ProcessExit::SUCCESS,
        // The other side sees that there is no answer.
        Err(_) => ProcessExit::FAILURE,
    }
}

fn roll(options: &cli::roll::Roll, sources: &Sources, shutdown: &Shutdown) -> ProcessExit {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(ExitCode::Early, &format!("failed to start: {error}")),
    };
    match runtime.block_on(cli::roll::roll(options, sources, shutdown)) {
        Ok(()) => ProcessExit::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "lastword: {error}");
            ProcessExit::FAILURE
        }
    }
}

#[cfg(feature = "playground")]
fn playground(options: &cli::Playground, shutdown: &Shutdown) -> ProcessExit {
    let options = lastword::playground::Options {
        port: options.port,
        keep: options.keep.clone(),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(ExitCode::Early, &format!("failed to start: {error}")),
    };
    let ended = runtime.block_on(lastword::playground::run(
        &options,
        shutdown,
        &mut io::stderr(),
    ));
    runtime.shutdown_background();
    match ended {
        Ok(()) => ProcessExit::SUCCESS,
        Err(error) => fail(ExitCode::Early, &error.to_string()),
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("lastword")
        .build()
}

fn fail(code: ExitCode, reason: &str) -> ProcessExit {
    let _ = writeln!(io::stderr().lock(), "lastword: {reason}");
    code.into()
}

//! `restart`: killed with everything in the log, how soon is it back, and with all of it.

use anyhow::Result;

use super::ndjson::{HEADERS, LINES_PER_BODY, PATH};
use crate::bench::load::{Load, SENDERS};
use crate::bench::server::Server;
use crate::bench::{Line, Run, definitions};

pub(in crate::bench) fn restart(run: &mut Run) -> Result<()> {
    let events = run.events()?;
    let bodies = events.bodies(LINES_PER_BODY);
    let metrics = run.definitions(&definitions::of_events())?;
    let load = Load { path: PATH, headers: HEADERS, bodies: &bodies, senders: SENDERS };
    let (lines, distinct) = (events.count.lines, events.count.distinct);
    let mut seconds = Vec::new();
    for _ in 0..run.runs {
        let folder = run.folder.fresh("hark")?;
        let server = Server::hark(&run.binary, &folder, &metrics)?;
        load.send(server.address())?;
        server.kill()?;
        let server = Server::hark(&run.binary, &folder, &metrics)?;
        seconds.push(server.ready_seconds());
        run.check_status(&server, distinct, lines - distinct)?;
        server.stop(run.processor)?;
    }
    let note = format!("kill -9 after {lines} events; from exec to /readyz");
    run.add(Line::new("restart after a crash", "s", seconds).asked("<= 5 s").note(note));
    Ok(())
}

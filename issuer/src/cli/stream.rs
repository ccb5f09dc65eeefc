//! `countersign stream`: who hears of signals (OpenID Shared Signals Framework 1.0). Receivers make their streams themselves; an
//! operator sees them, and may halt or delete one.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::{or_dash, table};
use super::{Failure, Session};
use crate::signals::StreamStatus;
use crate::store::SignalStream;

#[derive(Debug, Subcommand)]
pub(super) enum StreamCommand {
    /// List the streams of all receivers.
    List,
    /// Let signals go out again; what was held goes out now.
    Enable(Changed),
    /// Hold the signals of a stream; its receiver is told.
    Pause(Changed),
    /// Keep no more signals for a stream; its receiver is told.
    Disable(Changed),
    /// Delete a stream with what it holds.
    Delete(Named),
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// Its id.
    id: Uuid,
}

#[derive(Debug, Args)]
pub(super) struct Changed {
    /// Its id.
    id: Uuid,
    /// Why; the receiver is told.
    #[arg(long)]
    reason: Option<String>,
}

impl StreamCommand {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List => list(session).await,
            Self::Enable(changed) => change(session, changed, StreamStatus::Enabled).await,
            Self::Pause(changed) => change(session, changed, StreamStatus::Paused).await,
            Self::Disable(changed) => change(session, changed, StreamStatus::Disabled).await,
            Self::Delete(Named { id }) => {
                session.store().await?.delete_stream(id, &session.act()).await?;
                session.output.result(&json!({ "deleted": id }), &format!("Deleted stream {id}."));
                Ok(())
            }
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let streams = session.store().await?.streams(None).await?;
    let document: Vec<Value> = streams.iter().map(document).collect();
    let row = |stream: &SignalStream| {
        let push = stream.push.as_ref().map(|push| push.endpoint_url.as_str());
        [
            stream.id.to_string(),
            stream.client_id.clone(),
            push.unwrap_or("polls").to_owned(),
            stream.status.name().to_owned(),
            or_dash(stream.description.as_deref()),
        ]
    };
    let rows: Vec<_> = streams.iter().map(row).collect();
    let heading = ["STREAM", "CLIENT", "DELIVERY", "STATUS", "DESCRIPTION"];
    session.output.result(&json!({ "streams": document }), &table(heading, &rows));
    Ok(())
}

async fn change(
    session: &Session,
    Changed { id, reason }: Changed,
    status: StreamStatus,
) -> Result<(), Failure> {
    let store = session.store().await?;
    let stream = store.set_stream_status(id, (status, reason), &session.act()).await?;
    session.output.result(&document(&stream), &format!("Stream {id} is {}.", status.name()));
    Ok(())
}

fn document(stream: &SignalStream) -> Value {
    json!({
        "stream_id": stream.id,
        "client_id": stream.client_id,
        "endpoint_url": stream.push.as_ref().map(|push| push.endpoint_url.as_str()),
        "events_requested": stream.events_requested,
        "status": stream.status,
        "reason": stream.reason,
        "description": stream.description,
        "failures": stream.failures,
    })
}

//! Programs: the components that deliveries are pinned to.

use sqlx::FromRow;

use weir_runtime::Digest;

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{
        id::{OrganizationId, ProgramId},
        program::{Program, ProgramStep},
    },
    error::Result,
};

/// Stores a program; one that is stored already stays as it is.
pub async fn insert(tx: &mut Tx, program: &Program) -> Result<()> {
    const SQL: &str = "
        insert into program (id, organization_id, transformer_digest, transformer_config, handler_digest,
                             handler_config)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (id) do nothing";
    let transformer = program.transformer.as_ref();
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(program.id.as_str())
        .bind(program.organization_id.as_str())
        .bind(transformer.map(|step| step.digest.to_string()))
        .bind(transformer.map(|step| &*step.config))
        .bind(program.handler.digest.to_string())
        .bind(&*program.handler.config)
        .execute(conn)
        .await
        .map(|_| ()))
}

#[derive(FromRow)]
struct ProgramRow {
    id: String,
    organization_id: String,
    transformer_digest: Option<String>,
    transformer_config: Option<String>,
    handler_digest: String,
    handler_config: String,
}

impl TryFrom<ProgramRow> for Program {
    type Error = crate::error::Error;

    fn try_from(row: ProgramRow) -> Result<Self> {
        let step = |digest: &str, config: String| -> Result<ProgramStep> {
            Ok(ProgramStep {
                digest: codec::sound(Digest::parse(digest), "program", "digest", &row.id)?,
                config: config.into(),
            })
        };
        let transformer = row.transformer_digest.zip(row.transformer_config);
        Ok(Self {
            transformer: transformer.map(|(digest, config)| step(&digest, config)).transpose()?,
            handler: step(&row.handler_digest, row.handler_config)?,
            id: ProgramId::stored(row.id),
            organization_id: OrganizationId::stored(row.organization_id),
        })
    }
}

/// Some of the organization's programs.
pub async fn some(tx: &mut Tx, organization: &OrganizationId, ids: &[&ProgramId]) -> Result<Vec<Program>> {
    const SQL: Dialects = over_rows!(
        "select id, organization_id, transformer_digest, transformer_config, handler_digest, handler_config
           from program
          where organization_id = $2
            and id in (select item.value ->> 0 from",
        ")"
    );
    let ids: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let rows: Vec<ProgramRow> =
        on_db!(tx, |conn| sqlx::query_as(sql).bind(&ids).bind(organization.as_str()).fetch_all(conn).await)?;
    rows.into_iter().map(Program::try_from).collect()
}

/// A program, of any organization: for the workers, which hold claims on deliveries that name it.
pub async fn find(tx: &mut Tx, id: &ProgramId) -> Result<Option<Program>> {
    const SQL: &str = "
        select id, organization_id, transformer_digest, transformer_config, handler_digest, handler_config
          from program
         where id = $1";
    let row: Option<ProgramRow> = on_db!(tx, |conn| sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Program::try_from).transpose()
}

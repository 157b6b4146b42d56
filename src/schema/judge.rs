//! Which rules a statement falls under, in the light of the statements before it.
use super::rules::{self as r, Rule};
use super::split::{Statement, control};
use super::{table, words};
use sqlparser::ast::{
    self, CopyTarget, CreateTable, CreateView, Delete, FromTable, LockTableMode, ObjectName,
    ObjectType, Query, SetExpr, TableFactor, TableWithJoins, Update,
};
use sqlparser::{dialect::PostgreSqlDialect, parser::Parser};
use std::collections::BTreeMap;

/// In bytes. It bounds how deep a tree can grow, and so the stack that it takes.
pub(super) const LONGEST: usize = 64 << 10;

/// What a statement falls under.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) rule: &'static Rule,
    /// What is not the same for all of its kind.
    pub(super) why: Option<String>,
    /// The script has made the table, if it was not there before.
    pub(super) is_perhaps_new: bool,
}

impl From<&'static Rule> for Hit {
    fn from(rule: &'static Rule) -> Self {
        Self {
            rule,
            why: None,
            is_perhaps_new: false,
        }
    }
}

/// What the statements of a script so far have done. All of it is one transaction: locks stay until its end.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// Tables that the script has made; false: IF NOT EXISTS, so that it may have found one.
    made: BTreeMap<String, bool>,
    /// Something that was there before is locked.
    is_locked: bool,
}

pub(super) fn judge(statement: &Statement<'_>, scene: &mut Scene) -> Vec<Hit> {
    if statement.text.starts_with('\\') {
        return vec![(&r::PSQL).into()];
    }
    if control(&statement.words).is_some() {
        return vec![(&r::TRANSACTION).into()];
    }
    let is_short = statement.text.len() <= LONGEST;
    let tree = if is_short {
        parsed(statement.text)
    } else {
        Err(String::new())
    };
    let by_tree = tree.as_ref().ok().and_then(|tree| scene.judged(tree));
    if let Some(hits) = by_tree {
        return hits;
    }
    if let Some(rule) = words::judged(&statement.words) {
        // By its words alone it is not known which.
        scene.is_locked |= words::locks(&statement.words);
        return rule.map(Hit::from).into_iter().collect();
    }
    let why = match tree {
        Ok(_) => return vec![(&r::UNKNOWN).into()],
        Err(_) if !is_short => return vec![(&r::TOO_LONG).into()],
        Err(why) => Some(why),
    };
    let rule = &r::UNREADABLE;
    vec![Hit {
        why,
        ..Hit::from(rule)
    }]
}

/// The tree of one statement, or why there is none.
fn parsed(text: &str) -> Result<ast::Statement, String> {
    let parsed = Parser::parse_sql(&PostgreSqlDialect {}, text);
    let mut statements = parsed.map_err(|e| {
        let why = e.to_string();
        let why = why.strip_prefix("sql parser error: ").unwrap_or(&why);
        // What it says of lines counts from the statement, not from the file.
        let why = why.split(" at Line: ").next().unwrap_or(why);
        let clean = why.chars().filter(|c| !c.is_control());
        clean.take(120).collect::<String>()
    })?;
    match (statements.pop(), statements.pop()) {
        (Some(statement), None) => Ok(statement),
        _ => Err("it is not one statement".to_owned()),
    }
}

impl Scene {
    /// `None`: for this kind the first words say enough.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "more than a hundred kinds, many of them of other databases"
    )]
    fn judged(&mut self, tree: &ast::Statement) -> Option<Vec<Hit>> {
        use ast::Statement as S;
        Some(match tree {
            S::AlterTable(alter) => {
                let parts = &alter.operations;
                let mut rules: Vec<_> = parts.iter().flat_map(table::operation).collect();
                let validates = parts.iter().any(table::validates);
                let locks = !parts.iter().all(table::validates);
                self.is_locked |= locks && !self.is_new(&alter.name);
                if validates && self.is_locked {
                    rules.push(&r::VALIDATE_HELD);
                }
                self.of_table(&alter.name, &rules)
            }
            S::CreateIndex(index) if !index.concurrently => {
                self.locking(&index.table_name, &r::INDEX)
            }
            S::CreateTrigger(trigger) => self.locking(&trigger.table_name, &r::TRIGGER),
            S::CreateRule(rule) => self.locking(&rule.table_name, &r::TRIGGER),
            S::CreatePolicy(policy) => self.locking(&policy.table_name, &r::TRIGGER),
            S::Drop {
                object_type: ObjectType::Table,
                names,
                ..
            } => self.each(names.iter(), &r::DROP),
            S::Truncate(truncate) => {
                self.each(truncate.table_names.iter().map(|t| &t.name), &r::TRUNCATE)
            }
            S::Lock(lock) => match lock.lock_mode {
                Some(
                    LockTableMode::AccessShare
                    | LockTableMode::RowShare
                    | LockTableMode::RowExclusive,
                ) => Vec::new(),
                Some(_) | None => self.each(lock.tables.iter().map(|t| &t.name), &r::LOCK),
            },
            S::Update(update) => self.update(update),
            S::Delete(delete) => self.delete(delete),
            S::Insert(insert) => insert
                .source
                .as_deref()
                .map_or(Vec::new(), |q| self.rows(q)),
            S::Query(query) => self.rows(query),
            S::CreateTable(create) => self.create(create),
            S::CreateView(view) if view.materialized => self.materialized(view),
            S::Copy { target, to, .. } => vec![match target {
                CopyTarget::Stdin if !to => (&r::COPY_STDIN).into(),
                _ => (&r::COPY_FILE).into(),
            }],
            _ => return None,
        })
    }

    fn create(&mut self, create: &CreateTable) -> Vec<Hit> {
        let mut hits = Vec::new();
        if let Some(parent) = &create.partition_of {
            hits.extend(self.locking(parent, &r::PARTITION));
        }
        let of_columns = create.columns.iter().flat_map(|c| &c.options);
        let of_columns = of_columns.filter_map(|o| table::referenced(&o.option));
        let of_table = create.constraints.iter().filter_map(table::references);
        let is_old = |table: &ObjectName| *table != create.name && !self.is_new(table);
        let locks = of_columns.chain(of_table).any(is_old);
        if create.query.is_some() {
            hits.extend(self.held());
        }
        self.is_locked |= locks;
        self.made.insert(plain(&create.name), !create.if_not_exists);
        hits
    }

    fn materialized(&mut self, view: &CreateView) -> Vec<Hit> {
        self.made.insert(plain(&view.name), !view.if_not_exists);
        self.held()
    }

    fn update(&self, update: &Update) -> Vec<Hit> {
        self.changed(&update.table, update.selection.is_some())
    }

    fn delete(&self, delete: &Delete) -> Vec<Hit> {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let each = |table| self.changed(table, delete.selection.is_some());
        from.iter().flat_map(each).collect()
    }

    fn changed(&self, table: &TableWithJoins, is_limited: bool) -> Vec<Hit> {
        let TableFactor::Table { name, .. } = &table.relation else {
            return vec![(&r::UNKNOWN).into()];
        };
        let mut hits = self.held();
        if !is_limited {
            hits.push((&r::EVERY_ROW).into());
        }
        self.but_for_new(name, hits)
    }

    /// A query may change rows in what stands behind WITH, and an INSERT is fed by one.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is left reads or adds rows"
    )]
    fn rows(&self, query: &Query) -> Vec<Hit> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        let mut hits: Vec<Hit> = with.flat_map(|cte| self.rows(&cte.query)).collect();
        hits.extend(match &*query.body {
            SetExpr::Update(ast::Statement::Update(update)) => self.update(update),
            SetExpr::Delete(ast::Statement::Delete(delete)) => self.delete(delete),
            SetExpr::Insert(ast::Statement::Insert(insert)) => insert
                .source
                .as_deref()
                .map_or(Vec::new(), |q| self.rows(q)),
            SetExpr::Select(select) if !select.from.is_empty() => self.held(),
            SetExpr::Values(_) | SetExpr::Select(_) => Vec::new(),
            SetExpr::Merge(_) => vec![(&r::UNKNOWN).into()],
            _ => self.held(),
        });
        hits.dedup();
        hits
    }

    fn held(&self) -> Vec<Hit> {
        let held = self.is_locked.then(|| (&r::HELD).into());
        held.into_iter().collect()
    }

    fn locking(&mut self, table: &ObjectName, rule: &'static Rule) -> Vec<Hit> {
        self.each(std::iter::once(table), rule)
    }

    /// The same for several tables, which are locked from then on.
    fn each<'n>(
        &mut self,
        names: impl Iterator<Item = &'n ObjectName>,
        rule: &'static Rule,
    ) -> Vec<Hit> {
        let mut hits = Vec::new();
        for name in names {
            self.is_locked |= !self.is_new(name);
            hits.extend(self.of_table(name, &[rule]));
        }
        hits.dedup();
        hits
    }

    fn of_table(&self, name: &ObjectName, rules: &[&'static Rule]) -> Vec<Hit> {
        let hits = rules.iter().map(|rule| Hit::from(*rule));
        let mut hits: Vec<Hit> = hits.collect();
        hits.dedup();
        self.but_for_new(name, hits)
    }

    /// Nobody knows a table that the script has made, and it is not big.
    fn but_for_new(&self, name: &ObjectName, mut hits: Vec<Hit>) -> Vec<Hit> {
        match self.made.get(&plain(name)) {
            Some(true) => Vec::new(),
            Some(false) => {
                hits.iter_mut().for_each(|hit| hit.is_perhaps_new = true);
                hits
            }
            None => hits,
        }
    }

    fn is_new(&self, name: &ObjectName) -> bool {
        self.made.contains_key(&plain(name))
    }
}

/// As PostgreSQL knows it: what is not quoted in lower case, and without the schema that is taken anyway.
fn plain(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| match part.as_ident() {
        Some(ident) if ident.quote_style.is_none() => ident.value.to_lowercase(),
        Some(ident) => ident.value.clone(),
        None => part.to_string(),
    });
    let parts: Vec<String> = parts.collect();
    let name = parts.join(".");
    name.strip_prefix("public.").unwrap_or(&name).to_owned()
}

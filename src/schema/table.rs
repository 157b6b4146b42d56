//! What ALTER TABLE does, part by part.
use super::rules::{self as r, Rule};
use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, DetachPartitionMode, Expr,
    GeneratedAs, GeneratedExpressionMode, ObjectName, TableConstraint, Value, visit_expressions,
};
use std::ops::ControlFlow;

/// These give a row its value when it is written, each time another one.
const VOLATILE: &[&str] = &[
    "random",
    "gen_random_uuid",
    "uuidv4",
    "uuidv7",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "clock_timestamp",
    "timeofday",
    "nextval",
];
/// These are the same for all rows of a statement.
const STABLE: &[&str] = &[
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "current_user",
    "session_user",
    "current_setting",
    "timezone",
    "lower",
    "upper",
    "coalesce",
    "to_timestamp",
    "jsonb_build_object",
    "json_build_object",
    "jsonb_build_array",
    "json_build_array",
    "make_interval",
];
const SERIAL: &[&str] = &[
    "serial",
    "bigserial",
    "smallserial",
    "serial2",
    "serial4",
    "serial8",
];

/// It reads all rows, and leaves alone who reads and writes the table meanwhile.
pub(super) fn validates(operation: &AlterTableOperation) -> bool {
    matches!(operation, AlterTableOperation::ValidateConstraint { .. })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest is unknown, and told as such"
)]
pub(super) fn operation(operation: &AlterTableOperation) -> Vec<&'static Rule> {
    use AlterTableOperation as Op;
    let one = match operation {
        Op::AddColumn { column_def, .. } => return added(column_def),
        Op::AddConstraint {
            constraint,
            not_valid,
        } => return constrained(constraint, *not_valid),
        Op::AlterColumn { op, .. } => return column(op),
        Op::DropColumn { .. } => &r::DROP,
        Op::DropConstraint { .. } => &r::DROP_CONSTRAINT,
        Op::RenameColumn { .. } | Op::RenameTable { .. } => &r::RENAME,
        Op::RenameConstraint { .. } => &r::RENAME_CONSTRAINT,
        Op::OwnerTo { .. } => &r::OWNER,
        Op::SetLogged | Op::SetUnlogged => &r::REWRITE,
        Op::EnableRowLevelSecurity | Op::ForceRowLevelSecurity => &r::ROW_SECURITY,
        Op::DisableRowLevelSecurity | Op::NoForceRowLevelSecurity => &r::DROP_TRIGGER,
        Op::DisableTrigger { .. } | Op::DisableRule { .. } => &r::DROP_TRIGGER,
        Op::EnableTrigger { .. }
        | Op::EnableRule { .. }
        | Op::EnableAlwaysTrigger { .. }
        | Op::EnableAlwaysRule { .. } => &r::TRIGGER,
        Op::AttachPartitionOf { .. } => &r::PARTITION,
        Op::DetachPartitionOf {
            mode: Some(DetachPartitionMode::Concurrently),
            ..
        } => &r::OUTSIDE,
        Op::DetachPartitionOf { .. } => &r::DETACH,
        Op::ValidateConstraint { .. }
        | Op::SetOptionsParens { .. }
        | Op::ResetOptions { .. }
        | Op::ReplicaIdentity { .. } => return Vec::new(),
        _ => &r::UNKNOWN,
    };
    vec![one]
}

fn column(operation: &AlterColumnOperation) -> Vec<&'static Rule> {
    use AlterColumnOperation as Op;
    vec![match operation {
        Op::SetDataType { .. } => &r::COLUMN_TYPE,
        Op::SetNotNull => &r::SET_NOT_NULL,
        Op::DropNotNull => &r::DROP_NOT_NULL,
        Op::DropDefault => &r::DROP_DEFAULT,
        Op::SetDefault { .. } => return Vec::new(),
        Op::AddGenerated { generated_as, .. } => match generated_as {
            Some(GeneratedAs::ByDefault) => return Vec::new(),
            Some(GeneratedAs::Always | GeneratedAs::ExpStored) | None => &r::IDENTITY,
        },
        Op::GenericOptions { .. } => &r::UNKNOWN,
    }]
}

fn constrained(constraint: &TableConstraint, not_valid: bool) -> Vec<&'static Rule> {
    vec![match constraint {
        TableConstraint::ForeignKey(_) | TableConstraint::Check(_) if not_valid => &r::NOT_VALID,
        TableConstraint::ForeignKey(_) | TableConstraint::Check(_) => &r::ADD_CONSTRAINT,
        TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_) => &r::ADD_UNIQUE,
        TableConstraint::PrimaryKeyUsingIndex(_) => &r::KEY_OF_INDEX,
        TableConstraint::UniqueUsingIndex(_) => return Vec::new(),
        TableConstraint::Exclude(_) => &r::ADD_EXCLUDE,
        TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => &r::UNKNOWN,
    }]
}

/// The other table of a foreign key.
pub(super) fn references(constraint: &TableConstraint) -> Option<&ObjectName> {
    if let TableConstraint::ForeignKey(key) = constraint {
        return Some(&key.foreign_table);
    }
    None
}

pub(super) fn referenced(option: &ColumnOption) -> Option<&ObjectName> {
    if let ColumnOption::ForeignKey(key) = option {
        return Some(&key.foreign_table);
    }
    None
}

/// A column that is new has no rows that hold it: NULL, or one constant for all of them, is written nowhere.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is left says nothing about rows that are there"
)]
fn added(column: &ColumnDef) -> Vec<&'static Rule> {
    let mut rules = Vec::new();
    let options = || column.options.iter().map(|o| &o.option);
    let default = options().find_map(|option| match option {
        ColumnOption::Default(value) if !is_null(value) => Some(value),
        _ => None,
    });
    let mut is_filled = SERIAL.contains(&column.data_type.to_string().to_lowercase().as_str());
    let mut is_not_null = false;
    for option in options() {
        match option {
            ColumnOption::NotNull => is_not_null = true,
            // What is computed when it is read is not stored.
            ColumnOption::Generated {
                generation_expr_mode: Some(GeneratedExpressionMode::Virtual),
                ..
            } => {}
            ColumnOption::Generated { .. } | ColumnOption::Identity(_) => is_filled = true,
            ColumnOption::Check(_) => rules.push(&r::ADD_CONSTRAINT),
            ColumnOption::ForeignKey(_) if default.is_some() => rules.push(&r::ADD_CONSTRAINT),
            ColumnOption::Unique(_) | ColumnOption::PrimaryKey(_) => rules.push(&r::ADD_UNIQUE),
            _ => {}
        }
    }
    rules.extend(default.and_then(computed));
    if is_filled {
        rules.push(&r::GENERATED);
    } else if is_not_null && default.is_none() {
        rules.push(&r::ADD_NOT_NULL);
    }
    rules
}

fn is_null(value: &Expr) -> bool {
    matches!(value, Expr::Value(value) if value.value == Value::Null)
}

/// Is this default computed for each row?
fn computed(value: &Expr) -> Option<&'static Rule> {
    let (mut volatile, mut unknown) = (false, false);
    let _ = visit_expressions(value, |part| {
        if let Expr::Function(function) = part {
            let last = function.name.0.last().and_then(|part| part.as_ident());
            let name = last.map_or(String::new(), |name| name.value.to_lowercase());
            volatile |= VOLATILE.contains(&name.as_str());
            unknown |= !STABLE.contains(&name.as_str());
        }
        ControlFlow::<()>::Continue(())
    });
    match (volatile, unknown) {
        (true, _) => Some(&r::VOLATILE),
        (false, true) => Some(&r::PERHAPS_VOLATILE),
        (false, false) => None,
    }
}

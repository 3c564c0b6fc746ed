/** Parameters of statements that are prepared once: what every request asks for is parsed and planned once per connection. */
import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'

/** The value that `execute` is given as `name`, in the column's own encoding. */
export function parameter(name: string, column: PgColumn) {
  return sql.param(sql.placeholder(name), column)
}

/**
 * True for a column that equals any of the values given as `name`. One array, because a list of parameters would be
 * another statement for each length.
 */
export function isAnyOf(column: PgColumn, name: string): SQL {
  // Without the collation that a type may end in.
  const [type = ''] = column.getSQLType().split(' ')
  const encoder = { mapToDriverValue: (values: unknown) => toArrayLiteral(column, values as readonly unknown[]) }
  return sql`${column} = any(${sql.param(sql.placeholder(name), encoder)}::${sql.raw(type)}[])`
}

/** As PostgreSQL writes arrays; each item in quotes, or the text `null` would be no text. */
function toArrayLiteral(column: PgColumn, values: readonly unknown[]): string {
  const items = values.map(value => String(column.mapToDriverValue(value)).replaceAll(/["\\]/g, '\\$&'))
  return `{${items.map(item => `"${item}"`).join(',')}}`
}

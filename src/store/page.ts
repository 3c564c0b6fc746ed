/** Keyset pagination: Relay's arguments in, one statement's worth of conditions out, opaque cursors. */
import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { invalidInput } from '../errors.ts'

export interface PageArgs {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
  readonly last?: number | null | undefined
  readonly before?: string | null | undefined
}

export interface Page<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[]
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  /** Where a search that paused goes on; absent where the page ends with its first or last row. */
  readonly startCursor?: string
  readonly endCursor?: string
}

/** What a list is sorted by; the last key makes every row's place unique. */
export interface KeysetOrder<Row> {
  /** Part of each cursor, which is of use in this order only. */
  readonly name: string
  readonly isDescending: boolean
  readonly keys: readonly KeysetKey<Row>[]
}

export interface KeysetKey<Row> {
  readonly column: PgColumn
  /** The row's value as text, for the cursor. */
  readonly write: (row: Row) => string
  /** The text of a cursor as a parameter; undefined when it cannot be one. */
  readonly read: (text: string) => unknown
}

/** What a statement needs to fetch one page. */
export interface PageClauses {
  /** Undefined at the start of a list. */
  readonly where: SQL | undefined
  readonly orderBy: SQL[]
  readonly limit: number
  /** True towards the first row of the list. */
  readonly isBackward: boolean
  /** The keys of the cursor that the page starts at; undefined at the start of a list. */
  readonly start: readonly unknown[] | undefined
}

/** What a search found that is bounded by the rows it looks at. */
export interface Found<Row, Keys = Row> {
  readonly rows: readonly Row[]
  /** The last row that was looked at, when there may be others behind it. */
  readonly pausedAt?: Keys | undefined
}

export const standardSize = 20
const maxSize = 100

/** @throws GatewayError `INVALID_INPUT` naming `first`, `last`, `after` or `before` */
export async function fetchPage<Row extends Keys, Keys = Row>(
  args: PageArgs,
  order: KeysetOrder<Keys>,
  fetch: (clauses: PageClauses) => Promise<readonly Row[] | Found<Row, Keys>>,
): Promise<Page<Row>> {
  const { size, isBackward } = readSize(args)
  const after = keysOf('after', args.after, order)
  const before = keysOf('before', args.before, order)
  const where = [boundOf('after', after, order), boundOf('before', before, order)].filter(bound => bound !== undefined)
  const direction = order.isDescending === isBackward ? sql`asc` : sql`desc`
  const found = await fetch({
    where: where.length === 0 ? undefined : sql.join(where, sql` and `),
    orderBy: order.keys.map(({ column }) => sql`${column} ${direction}`),
    limit: size + 1,
    isBackward,
    start: isBackward ? before : after,
  })
  const { rows, pausedAt } = 'rows' in found ? found : { rows: found }
  const cursorOf = (row: Keys) => writeCursor(order, row)
  const hasMore = rows.length > size
  if (hasMore || pausedAt === undefined) return shapePage(rows.slice(0, size), hasMore, isBackward, args, cursorOf)
  const page = shapePage(rows, true, isBackward, args, cursorOf)
  return { ...page, [isBackward ? 'startCursor' : 'endCursor']: cursorOf(pausedAt) }
}

/** The same over a list in memory that is sorted by a text unique to each item, ascending. */
export function pageOfList<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  name: string,
  args: PageArgs,
): Page<Item> {
  const { size, isBackward } = readSize(args)
  const [after] = readCursor('after', args.after, name, 1) ?? []
  const [before] = readCursor('before', args.before, name, 1) ?? []
  const inside = items.filter(
    item => (after === undefined || keyOf(item) > after) && (before === undefined || keyOf(item) < before),
  )
  const ordered = isBackward ? inside.toReversed() : inside
  return shapePage(ordered.slice(0, size), ordered.length > size, isBackward, args, item =>
    encodeCursor(name, [keyOf(item)]),
  )
}

function shapePage<Node>(
  found: readonly Node[],
  hasMore: boolean,
  isBackward: boolean,
  args: PageArgs,
  cursorOf: (node: Node) => string,
): Page<Node> {
  const nodes = isBackward ? found.toReversed() : found
  return {
    edges: nodes.map(node => ({ cursor: cursorOf(node), node })),
    hasNextPage: isBackward ? args.before != null : hasMore,
    hasPreviousPage: isBackward ? hasMore : args.after != null,
  }
}

function readSize({ first, last }: PageArgs): { size: number; isBackward: boolean } {
  if (first != null && last != null) throw invalidInput('last', 'A list takes first or last; got both.')
  const isBackward = last != null
  const field = isBackward ? 'last' : 'first'
  const size = first ?? last ?? standardSize
  if (!Number.isInteger(size) || size < 1 || size > maxSize)
    throw invalidInput(field, `${field} takes a number from 1 to ${maxSize}; got ${size}.`)
  return { size, isBackward }
}

function keysOf<Row>(
  field: 'after' | 'before',
  cursor: string | null | undefined,
  order: KeysetOrder<Row>,
): readonly unknown[] | undefined {
  const texts = readCursor(field, cursor, order.name, order.keys.length)
  return texts?.map((text, index) => {
    const value = order.keys[index]?.read(text)
    if (value === undefined) throw wrongCursor(field)
    return value
  })
}

function boundOf<Row>(
  field: 'after' | 'before',
  keys: readonly unknown[] | undefined,
  order: KeysetOrder<Row>,
): SQL | undefined {
  if (keys === undefined) return undefined
  const columns = order.keys.map(({ column }) => sql`${column}`)
  const values = order.keys.map(({ column }, index) => sql`${sql.param(keys[index], column)}`)
  const operator = (field === 'after') === order.isDescending ? sql`<` : sql`>`
  const bound = sql`(${sql.join(columns, sql`, `)}) ${operator} (${sql.join(values, sql`, `)})`
  // Rows of several columns are compared where no partition can be told from it: the first column says it again.
  return columns.length === 1 ? bound : sql`${columns[0]} ${operator}= ${values[0]} and ${bound}`
}

function writeCursor<Row>(order: KeysetOrder<Row>, row: Row): string {
  return encodeCursor(
    order.name,
    order.keys.map(key => key.write(row)),
  )
}

function encodeCursor(name: string, texts: readonly string[]): string {
  return Buffer.from(JSON.stringify([name, ...texts])).toString('base64url')
}

function readCursor(
  field: 'after' | 'before',
  cursor: string | null | undefined,
  name: string,
  keys: number,
): string[] | undefined {
  if (cursor == null) return undefined
  const parts = parseCursor(cursor)
  if (parts === undefined || parts[0] !== name || parts.length !== keys + 1) throw wrongCursor(field)
  return parts.slice(1)
}

function parseCursor(cursor: string): string[] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(parts) && parts.every(part => typeof part === 'string' && !part.includes('\0'))
      ? parts
      : undefined
  } catch {
    return undefined
  }
}

function wrongCursor(field: 'after' | 'before') {
  return invalidInput(field, `${field} takes a cursor of this list in this order; got another text.`)
}

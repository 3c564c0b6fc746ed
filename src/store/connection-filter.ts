/** What narrows a list or a count of connections. */
import { eq, inArray, type SQL, sql } from 'drizzle-orm'
import { invalidInput } from '../errors.ts'
import type { ConnectionStatus } from './connection-row.ts'
import { matchesSearch } from './end-user-search.ts'
import { isId } from './ids.ts'
import { checkJson, checkText } from './stored-text.ts'
import { connections, type JsonObject } from './tables.ts'

export interface ConnectionFilter {
  readonly integration?: string | null | undefined
  readonly endUserId?: string | null | undefined
  readonly status?: ConnectionStatus | null | undefined
  /** A part of the end user's id, or one or two characters that it begins with, in any case; or a connection's id. */
  readonly search?: string | null | undefined
  /** Fields and values that the metadata contains. */
  readonly metadata?: JsonObject | null | undefined
  /** What the caller sees at all; null for any. */
  readonly within?: Visibility | undefined
}

/** What a caller sees of a workspace's connections; null for any. */
export interface Visibility {
  readonly endUserId: string | null
  readonly integrations: readonly string[] | null
  readonly ids: readonly string[] | null
}

/** All of the filter but its status. */
export interface ConnectionConditions {
  /** These leave a handful of connections. */
  readonly few: readonly SQL[]
  /** These have an index with the connections in either order of a list. */
  readonly indexed: readonly SQL[]
  readonly other: readonly SQL[]
}

/** @throws GatewayError `INVALID_INPUT` naming the field */
export function conditionsOf(filter: ConnectionFilter): ConnectionConditions {
  const { integration, endUserId, search, metadata, within } = filter
  checkText('filter.integration', integration ?? '')
  checkText('filter.endUserId', endUserId ?? '')
  const few = [
    endUserId == null ? undefined : eq(connections.endUserId, endUserId),
    within?.endUserId == null ? undefined : eq(connections.endUserId, within.endUserId),
    within?.ids == null
      ? undefined
      : inArray(
          connections.id,
          within.ids.filter(id => isId('conn', id)),
        ),
  ]
  const indexed = [integration == null ? undefined : eq(connections.integration, integration)]
  const other = [
    within?.integrations == null ? undefined : inArray(connections.integration, [...within.integrations]),
    search == null || search === '' ? undefined : matchesSearch(search),
    metadata == null ? undefined : containsMetadata(metadata),
  ]
  const isGiven = (condition: SQL | undefined) => condition !== undefined
  return { few: few.filter(isGiven), indexed: indexed.filter(isGiven), other: other.filter(isGiven) }
}

/** Nothing that is stored is longer. */
const maxMetadataBytes = 16_384

function containsMetadata(metadata: JsonObject): SQL | undefined {
  checkJson('filter.metadata', metadata)
  if (Object.keys(metadata).length === 0) return undefined
  const text = JSON.stringify(metadata)
  const size = Buffer.byteLength(text)
  if (size > maxMetadataBytes) {
    throw invalidInput(
      'filter.metadata',
      `filter.metadata takes at most ${maxMetadataBytes} bytes of JSON; got ${size}.`,
    )
  }
  if (!hasValue(metadata)) {
    throw invalidInput('filter.metadata', 'filter.metadata takes fields with values; got only empty objects or lists.')
  }
  return sql`${connections.metadata} @> ${text}::jsonb`
}

/** The index has values with their paths: what holds no value is not in it. */
function hasValue(json: unknown): boolean {
  return typeof json !== 'object' || json === null || Object.values(json).some(hasValue)
}

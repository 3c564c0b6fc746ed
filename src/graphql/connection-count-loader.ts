/** Counts of connections for many integrations at once: what the fields of one tick ask for comes in one statement. */
import DataLoader from 'dataloader'
import type { Caller } from '../access/caller.ts'
import { narrowFilter } from '../access/visibility.ts'
import type { ConnectionCount, ConnectionCountStore } from '../store/connection-counts.ts'

/** The connections at an integration that the caller sees, by status; a status that none has is left out. */
export type CountsOf = (integration: string) => Promise<readonly ConnectionCount[]>

/** Each has as many groups as there are statuses, and a statement answers with a thousand. */
const maxBatchSize = 300

export function createCountLoader(counts: ConnectionCountStore, caller: Caller): CountsOf {
  const loader = new DataLoader<string, readonly ConnectionCount[]>(
    async slugs => {
      const filter = { ...narrowFilter(caller, {}), integrations: [...new Set(slugs)] }
      const groups = await counts.group(caller.workspaceId, filter, { integration: true, status: true })
      const bySlug = Map.groupBy(groups, ({ integration }) => integration)
      return slugs.map(slug => bySlug.get(slug) ?? [])
    },
    { cache: false, maxBatchSize },
  )
  return integration => loader.load(integration)
}

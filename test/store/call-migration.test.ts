/** Calls of a store that has no partitions yet: they are all there after the migration, each in its day, and in the sums. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { createTestPlace } from '../support/database.ts'

const folder = join(import.meta.dirname, '../../drizzle')
const migrations = readdirSync(folder)
  .filter(name => name.endsWith('.sql'))
  .sort()
const workspace = '00000000-0000-7000-8000-000000000001'

test('calls of an older store come along', async () => {
  await using place = await createTestPlace('postgres', 'empty')
  const client = postgres(place.url ?? '', { max: 1, onnotice: () => {} })
  const migrate = async (names: readonly string[]) => {
    for (const name of names) {
      const statements = readFileSync(join(folder, name), 'utf8').split('--> statement-breakpoint')
      for (const statement of statements) await client.unsafe(statement)
    }
  }
  try {
    const next = migrations.findIndex(name => name.startsWith('0007'))
    await migrate(migrations.slice(0, next))
    await client.unsafe(`
      insert into calls (workspace_id, id, connection_id, integration, end_user_id, caller_id, kind, method, path, status,
        bytes_sent, bytes_received, attempts, duration_ms, started_at)
      select '${workspace}'::uuid, gen_random_uuid(), gen_random_uuid(), 'app-' || n % 2, 'ann', 'key', 'QUERY', 'GET',
        case n when 1 then '/' || repeat(md5(n::text), 200) else '/' || n end, case n % 4 when 0 then 500 else 200 end, 1, 2, 1, n,
        date_trunc('day', now(), 'UTC') - n * interval '8 hours' from generate_series(0, 29) n
      union all
      select '${workspace}'::uuid, gen_random_uuid(), gen_random_uuid(), 'app-0', 'ann', 'key', 'QUERY', 'GET', '/old', 200, 1, 2, 1, 1,
        now() - interval '3 years'`)
    await migrate(migrations.slice(next, next + 1))
    const places =
      await client`select tableoid::regclass::text as place, count(*)::int as calls from calls group by 1 order by 1`
    // Today's midnight is in a day of its own, before it there are three calls a day.
    expect(places.map(({ calls }) => calls)).toEqual([2, ...Array(9).fill(3), 1, 1])
    expect(places.at(-1)).toEqual({ place: 'calls_default', calls: 1 })
    const kinds = ['whole', 'integration', 'connection']
    const sums = await client`
      select sum(calls) as calls, sum(failures) as failures, sum(bytes_received) as bytes from call_hours
        where integration = ''
      union all select sum(calls), sum(failures), sum(bytes_received) from call_hours where integration <> ''
      union all select sum(calls), sum(failures), sum(bytes_received) from connection_call_hours`
    expect([...sums]).toEqual(kinds.map(() => ({ calls: '31', failures: '8', bytes: '62' })))
  } finally {
    await client.end()
  }
})

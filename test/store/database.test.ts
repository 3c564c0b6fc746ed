import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'

test.each(['postgres', 'embedded'] as const)('opens %s', async kind => {
  await using database = await createTestDatabase(kind)
  await database.ping()
  console.log(await database.db.execute(sql`select * from drizzle.__drizzle_migrations`))
})
